"""The directive ``see-page``: a page that ``ptbert see`` writes, in a frame of the page."""

from __future__ import annotations

from html import escape
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

import ptbert
from ptbert import see

KINDS = ("attention", "next-words", "tokens")


class SeePage(Directive):
    """Show what ``ptbert see KIND MODEL TEXT`` writes."""

    required_arguments = 2
    option_spec: ClassVar = {
        "text": directives.unchanged_required,
        "height": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        """Return the frame; its page is inside of it, so no other file is needed."""
        kind, name = self.arguments
        if kind not in KINDS:
            raise self.error(f"{kind!r} is none of {', '.join(KINDS)}")
        text = self.options["text"]
        title = escape(f"What ptbert see {kind} shows of: {text}")
        frame = (
            f'<iframe class="see" title="{title}" style="height: {self.options["height"]}px" '
            f'srcdoc="{escape(page_of(kind, name, text))}"></iframe>'
        )
        return [nodes.raw("", frame, format="html")]


def page_of(kind: str, name: str, text: str) -> str:
    """Return the page of a text, by a model that comes with the packages."""
    if kind == "attention":
        model = ptbert.BertModel.from_pretrained(name, output_attentions=True)
        tokenizer = ptbert.BertTokenizer.from_pretrained(name)
        return see.attention_of(model, tokenizer, text).page(f"Attention of {name}")
    if kind == "next-words":
        writer = ptbert.Writer.from_pretrained(name)
        found = see.next_words(writer.model, writer.tokenizer, text)
        return see.next_words_page(found, f"Next words, by {name}")
    tokens = see.tokens_of(ptbert.BertTokenizer.from_pretrained(name), text)
    return see.tokens_page(text, tokens, f"Tokens of {name}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("see-page", SeePage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
