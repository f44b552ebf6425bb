"""The directive ``attention-picture``: what the heads of a layer look at, in a model that runs."""

from __future__ import annotations

from html import escape
from typing import ClassVar

import torch
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

from ptbert import BertModel, BertTokenizer

_CELL, _LABEL, _GAP, _TOP = 20, 62, 26, 66


class Attention(Directive):
    """Draw the attention of a BERT to a text, a square for each head."""

    required_arguments = 1
    option_spec: ClassVar = {"text": directives.unchanged_required, "layer": int}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        (name,) = self.arguments
        tokenizer = BertTokenizer.from_pretrained(name)
        model = BertModel.from_pretrained(name, output_attentions=True).eval()
        ids = tokenizer.encode(self.options["text"])
        with torch.no_grad():
            weights, *_ = model(torch.tensor([ids]))
        tokens = tokenizer.convert_ids_to_tokens(ids)
        layer = weights[self.options["layer"] - 1][0]  # (H, L, L)
        return [nodes.raw("", drawing(tokens, layer.tolist()), format="html")]


def drawing(tokens: list[str], heads: list[list[list[float]]]) -> str:
    """Draw the weights of heads, each a row of numbers for each token."""
    side = _CELL * len(tokens)
    width, height = _LABEL + side + 10, len(heads) * (side + _TOP + _GAP)
    parts = []
    for number, rows in enumerate(heads):
        y = number * (side + _TOP + _GAP) + _TOP
        parts.append(f'<text x="{_LABEL}" y="{y - 50}">head {number + 1}</text>')
        for place, token in enumerate(map(escape, tokens)):
            x = _LABEL + place * _CELL + 13
            parts.append(
                f'<text x="{_LABEL - 6}" y="{y + place * _CELL + 14}" text-anchor="end">'
                f"{token}</text>"
                f'<text transform="translate({x} {y - 6}) rotate(-45)">{token}</text>'
            )
        parts += [
            f'<rect class="weight" x="{_LABEL + column * _CELL}" y="{y + row * _CELL}" '
            f'width="{_CELL - 1}" height="{_CELL - 1}" fill-opacity="{value:.3f}"/>'
            for row, values in enumerate(rows)
            for column, value in enumerate(values)
        ]
    title = f"Attention weights of {len(heads)} heads between {len(tokens)} tokens"
    return (
        f'<svg class="drawing attention" role="img" viewBox="0 0 {width} {height}">'
        f"<title>{title}</title>{''.join(parts)}</svg>"
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("attention-picture", Attention)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
