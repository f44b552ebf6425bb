"""The directive ``schedule``: the curve of a schedule, drawn from what it returns."""

from __future__ import annotations

import warnings
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

import ptbert_optim

_WIDTH, _HEIGHT = 400, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 26
_POINTS = 400


class Schedule(Directive):
    """Draw the named class of ``ptbert_optim``."""

    required_arguments = 1
    option_spec: ClassVar = {"warmup": float, "cycles": float, "alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        (name,) = self.arguments
        settings = {key: value for key, value in self.options.items() if key != "alt"}
        schedule = getattr(ptbert_optim, name)(t_total=_POINTS, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = [schedule.get_lr(step) for step in range(_POINTS + 1)]
        return [nodes.raw("", drawing(values, self.options["alt"]), format="html")]


def drawing(values: list[float], title: str) -> str:
    """Draw the multipliers of a training from its beginning to its end."""
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(share: float, value: float) -> str:
        return f"{_LEFT + share * width:.1f},{_TOP + (1 - value) * height:.1f}"

    parts = [
        f'<svg class="drawing" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}"><title>{title}</title>'
    ]
    for value in (0.0, 0.5, 1.0):
        (x1, y), (x2, _) = place(0, value).split(","), place(1, value).split(",")
        parts.append(f'<line class="grid" x1="{x1}" x2="{x2}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{float(y) + 4}" text-anchor="end">{value:g}</text>')
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = place(share, 0).partition(",")[0]
        label = f"{share:.0%}" + (" of t_total" if share == 1 else "")
        parts.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{label}</text>')
    points = " ".join(place(step / _POINTS, value) for step, value in enumerate(values))
    return "".join([*parts, f'<polyline class="curve" points="{points}"/></svg>'])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("schedule", Schedule)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
