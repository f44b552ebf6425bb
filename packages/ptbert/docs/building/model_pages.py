"""The directive ``model``: a drawing of a model, and tables of what goes in and what comes out."""

from __future__ import annotations

from html import escape

from docutils import nodes
from docutils.parsers.rst import Directive
from model_runs import Seen, Tensors, seen
from sphinx.application import Sphinx

_WIDTH, _GAP, _HIGH = 480, 14, 40  # of the drawing; between boxes; of a box
_PART, _ARROW = 28, 26  # height of a part of the model, and of an arrow


class Model(Directive):
    """Draw the named model, and list its inputs and outputs."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the drawing and the table."""
        (name,) = self.arguments
        found = seen(name)
        return [nodes.raw("", drawing(name, found), format="html"), *_tables(found)]


def drawing(name: str, found: Seen) -> str:
    """Draw a model from its inputs above to its outputs below, as SVG of the page's colours."""
    lines: list[str] = []
    y = _row(lines, found.inputs, 4) + 4
    y = _arrow(lines, _WIDTH / 2, y)
    top, y = y, y + 26
    lines.append(f'<text x="{_WIDTH / 2}" y="{top + 19}" text-anchor="middle">{name}</text>')
    for part in found.parts:
        lines.append(
            f'<rect class="box" x="60" y="{y}" width="{_WIDTH - 120}" height="{_PART}" rx="4"/>'
            f'<text x="{_WIDTH / 2}" y="{y + 18}" text-anchor="middle">{escape(part)}</text>'
        )
        y += _PART + 6
    lines.append(
        f'<rect class="part" x="44" y="{top}" width="{_WIDTH - 88}" height="{y - top + 4}" rx="6"/>'
    )
    y = _arrow(lines, _WIDTH / 2, y + 4)
    y = _row(lines, found.outputs, y)
    title = (
        f"{name} takes {_listed(found.inputs)}, and returns {_listed(found.outputs)}"
        f"{f'; with labels it returns {_listed(found.losses)}' if found.losses else ''}."
    )
    return (
        f'<svg class="drawing" role="img" viewBox="0 0 {_WIDTH} {y + 4}">'
        f"<title>{escape(title)}</title>{''.join(lines)}</svg>"
    )


def _row(lines: list[str], boxes: list[Tensors], y: float) -> float:
    """Draw boxes beside each other; return where they end."""
    width = (_WIDTH - 8 - _GAP * (len(boxes) - 1)) / len(boxes)
    width = min(width, 225)
    x = (_WIDTH - width * len(boxes) - _GAP * (len(boxes) - 1)) / 2
    for box in boxes:
        kind = "box optional" if box.optional else "box"
        middle = x + width / 2
        lines.append(
            f'<rect class="{kind}" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{_HIGH}" '
            f'rx="4"/><text x="{middle:.0f}" y="{y + 17}" text-anchor="middle">{box.name}</text>'
            f'<text class="shape" x="{middle:.0f}" y="{y + 33}" text-anchor="middle">'
            f"{box.size}</text>"
        )
        x += width + _GAP
    return y + _HIGH


def _arrow(lines: list[str], x: float, y: float) -> float:
    tip = y + _ARROW - 4
    lines.append(
        f'<line class="arrow" x1="{x}" x2="{x}" y1="{y + 2}" y2="{tip - 6}"/>'
        f'<path class="tip" d="M{x - 5} {tip - 7}h10l-5 8z"/>'
    )
    return y + _ARROW


def _listed(tensors: list[Tensors]) -> str:
    return ", ".join(f"{each.name} {each.size}" for each in tensors)


def _tables(found: Seen) -> list[nodes.Node]:
    rows = [("in", each) for each in found.inputs]
    rows += [("out", each) for each in found.outputs]
    rows += [("labels", each) for each in found.labels]
    rows += [("out, with labels", each) for each in found.losses]
    table = nodes.table(classes=["shapes"])
    group = nodes.tgroup(cols=3)
    table += group
    for width in (2, 3, 3):
        group += nodes.colspec(colwidth=width)
    head, body = nodes.thead(), nodes.tbody()
    group += head
    group += body
    head += _cells(nodes.Text(""), nodes.Text("name"), nodes.Text("shape"))
    before = ""
    for kind, each in rows:
        name = nodes.inline()
        name += nodes.literal("", each.name)
        if each.optional:
            name += nodes.Text(" (optional)")
        body += _cells(nodes.Text("" if kind == before else kind), name, nodes.Text(each.size))
        before = kind
    return [table]


def _cells(*parts: nodes.Node) -> nodes.row:
    row = nodes.row()
    for part in parts:
        entry = nodes.entry()
        paragraph = nodes.paragraph()
        paragraph += part
        entry += paragraph
        row += entry
    return row


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("model", Model)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
