"""The directive ``attention-picture``: what the heads of a layer look at, in a model that runs."""

from __future__ import annotations

from html import escape
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

from ptbert import BertModel, BertTokenizer
from ptbert.see import attention_of

_CELL, _LABEL, _RIGHT, _GAP, _TOP = 20, 72, 36, 20, 62


class Attention(Directive):
    """Draw the attention of a BERT to a text, a square for each head."""

    required_arguments = 1
    option_spec: ClassVar = {"text": directives.unchanged_required, "layer": int}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        (name,) = self.arguments
        model = BertModel.from_pretrained(name, output_attentions=True)
        found = attention_of(model, BertTokenizer.from_pretrained(name), self.options["text"])
        heads = found.weights[self.options["layer"] - 1].tolist()
        return [nodes.raw("", drawing(found.tokens, heads), format="html")]


def drawing(tokens: list[str], heads: list[list[list[float]]]) -> str:
    """Draw the weights of heads, each a row of numbers for each token; two heads side by side."""
    side = _CELL * len(tokens)
    wide, high = _LABEL + side + _RIGHT, _TOP + side + _GAP
    parts = []
    for number, rows in enumerate(heads):
        x, y = number % 2 * wide, number // 2 * high
        parts.append(f'<g transform="translate({x} {y})">{_head(number, tokens, rows)}</g>')
    title = f"Attention weights of {len(heads)} heads between {len(tokens)} tokens"
    return (
        f'<svg class="drawing attention" role="img" viewBox="0 0 {2 * wide} '
        f'{(len(heads) + 1) // 2 * high}"><title>{title}</title>{"".join(parts)}</svg>'
    )


def _head(number: int, tokens: list[str], rows: list[list[float]]) -> str:
    parts = [f'<text x="6" y="14">head {number + 1}</text>']
    for place, token in enumerate(map(escape, tokens)):
        middle = place * _CELL + 14
        parts.append(
            f'<text x="{_LABEL - 6}" y="{_TOP + middle}" text-anchor="end">{token}</text>'
            f'<text transform="translate({_LABEL + middle} {_TOP - 6}) rotate(-45)">{token}</text>'
        )
    parts += [
        f'<rect class="weight" x="{_LABEL + column * _CELL}" y="{_TOP + row * _CELL}" '
        f'width="{_CELL - 1}" height="{_CELL - 1}" fill-opacity="{value:.3f}"/>'
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
    ]
    return "".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("attention-picture", Attention)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
