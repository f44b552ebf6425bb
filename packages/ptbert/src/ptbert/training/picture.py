"""A picture of a training: its loss, learning rate and metrics by step, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from ptbert.training.history import History
from ptbert_hub.messages import printable

_WIDTH, _HEIGHT = 720, 190  # of a panel, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 34, 36  # between its border and the curves
_POINTS = 300  # of a curve; more of them would not be seen
_TICKS = 5
_STYLE = """
  svg { background: #ffffff; }
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .first { stroke: #0969da; } .first-dot, .first-text { fill: #0969da; }
  .second { stroke: #bc4c00; } .second-dot, .second-text { fill: #bc4c00; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; }
    text { fill: #e6edf3; }
    .grid { stroke: #30363d; }
    .first { stroke: #58a6ff; } .first-dot, .first-text { fill: #58a6ff; }
    .second { stroke: #f0883e; } .second-dot, .second-text { fill: #f0883e; }
  }
"""


class Curve(NamedTuple):
    """A curve of a panel.

    Args:
        name: what it shows.
        steps: from left to right.
        values: as many.
        dots: whether each point is marked.
    """

    name: str
    steps: Sequence[int]
    values: Sequence[float]
    dots: bool


class Panel(NamedTuple):
    """A part of the picture with a scale of its own, and one curve or two."""

    title: str
    curves: Sequence[Curve]


def picture_of(history: History, name: str, metric: str) -> str:
    """Draw a training.

    Args:
        history: what happened; without evaluations there is no panel of the metric.
        name: of the training.
        metric: the one by which the best epoch is chosen.

    Returns:
        SVG that needs nothing else, for light and for dark pages.
    """
    evaluations = history.evaluations
    at = [each.step for each in evaluations]
    losses = [Curve("training", history.steps, history.losses, dots=False)]
    panels = [
        Panel("loss", losses),
        Panel("learning rate", [Curve("learning rate", history.steps, history.rates, dots=False)]),
    ]
    if at:
        found = [each.metrics["loss"] for each in evaluations]
        losses.append(Curve("validation", at, found, dots=True))
        measured = [each.metrics[metric] for each in evaluations]
        panels.append(Panel(metric, [Curve("validation", at, measured, dots=True)]))
    return drawn(panels, f"{name}: {', '.join(each.title for each in panels)} by step")


def drawn(panels: Sequence[Panel], title: str) -> str:
    """Draw panels, one below the other, over the same steps.

    Args:
        panels: those without a finite value are empty.
        title: what the picture shows, for those who cannot see it.
    """
    steps = (step for panel in panels for curve in panel.curves for step in curve.steps)
    last = max([1, *steps])  # a schedule of one update has step 0 alone
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} '
        f'{_HEIGHT * len(panels)}" width="{_WIDTH}" height="{_HEIGHT * len(panels)}">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style>",
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {number * _HEIGHT})">', *_panel(panel, last), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, last: int) -> list[str]:
    curves = [_thinned(each) for each in panel.curves]
    values = [value for curve in curves for value in curve.values]
    lines = [f'<text class="title" x="{_LEFT}" y="20">{_text(panel.title)}</text>']
    if not values:
        return lines
    ticks = round_numbers(min(values), max(values))
    low, high = min(ticks[0], *values), max(ticks[-1], *values)

    def x_of(step: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / last

    def y_of(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)

    for tick in ticks:
        y = y_of(tick)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>'
        )
    below = _HEIGHT - _BOTTOM + 18
    lines.append(f'<text x="{_LEFT - 8}" y="{below}" text-anchor="end">step</text>')
    for tick in round_numbers(0, last):
        if tick <= last and tick == int(tick):
            lines.append(
                f'<text x="{x_of(tick):.1f}" y="{below}" text-anchor="middle">{int(tick):,}</text>'
            )
    for kind, curve in zip(("first", "second"), curves, strict=False):
        points = [
            (x_of(step), y_of(value)) for step, value in zip(curve.steps, curve.values, strict=True)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline class="line {kind}" points="{path}"/>')
        if curve.dots or len(points) == 1:
            lines += [
                f'<circle class="{kind}-dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points
            ]
        if len(curves) > 1:
            place = _WIDTH - _RIGHT - (90 if kind == "first" else 0)
            lines.append(
                f'<text class="{kind}-text" x="{place}" y="20" text-anchor="end">'
                f"{_text(curve.name)}</text>"
            )
    return lines


def round_numbers(low: float, high: float) -> list[float]:
    """Return some round numbers that cover a range, for the marks of an axis.

    Example:
        >>> round_numbers(0.13, 0.69)
        [0.0, 0.2, 0.4, 0.6, 0.8]
        >>> round_numbers(0, 0)
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size or size == 0:  # a straight line, in the middle of its panel
        margin = size / 10 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / (_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(
        each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= rough * (1 - 1e-9)
    )
    first, final = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, final + 1)]


def _thinned(curve: Curve) -> Curve:
    """The finite points of a curve; of very many, means of those beside each other."""
    points = [
        (step, value)
        for step, value in zip(curve.steps, curve.values, strict=True)
        if math.isfinite(value)
    ]
    size = math.ceil(len(points) / _POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    means = [tuple(sum(part) / len(group) for part in zip(*group, strict=True)) for group in groups]
    return curve._replace(steps=[each[0] for each in means], values=[each[1] for each in means])


def _number(value: float) -> str:
    return f"{value:.6g}"


def _text(text: str) -> str:
    """A text as XML may have it; that has no control characters at all."""
    return escape(printable(text).replace("\n", "?"))
