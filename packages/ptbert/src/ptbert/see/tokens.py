"""The tokens of a text with their places in it, in colour: on a page, or in a terminal"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ptbert.see.page import escaped, page
from ptbert_hub.messages import printable

_COLOURS = 6  # that follow each other
_BACKGROUNDS = (194, 223, 225, 189, 217, 159)  # pale ones of the 256 of terminals
_STYLE = "\n".join(
    f".c{number} {{ background: hsl({hue} 70% 82%); }}"
    f" @media (prefers-color-scheme: dark) {{ .c{number} {{ background: hsl({hue} 45% 28%); }} }}"
    for number, hue in enumerate((130, 45, 190, 275, 5, 220))
)


class SeenToken(NamedTuple):
    """A token and where it is in its text.

    Args:
        token: as the vocabulary has it.
        id: in the vocabulary.
        start: its first character.
        end: the character behind its last one.
    """

    token: str
    id: int
    start: int
    end: int


def tokens_of(tokenizer: Any, text: str) -> list[SeenToken]:
    """Return the tokens of a text, without special ones, and where they are.

    Args:
        tokenizer: of any of the four families; torch is not needed.
        text: what to read.

    Raises:
        TypeError: if the text is no string.
        ValueError: if a part of the tokenizer was replaced, so that places are unknown.
    """
    tokens, spans = tokenizer.tokenize_with_offsets(text)
    ids = tokenizer.convert_tokens_to_ids(tokens)
    return [SeenToken(*each, *span) for *each, span in zip(tokens, ids, spans, strict=True)]


def tokens_page(text: str, tokens: Sequence[SeenToken], title: str = "Tokens") -> str:
    """Return a page that shows a text with its tokens in colour, and a table of them.

    Args:
        text: the text.
        tokens: of it, from :func:`tokens_of`.
        title: of the page.
    """
    parts = []
    for piece, number in _pieces(text, tokens):
        if number is None:
            parts.append(escaped(piece))
            continue
        token = tokens[number]
        tip = escaped(f"{token.token}  id {token.id}, {token.start} to {token.end}")
        colour = number % _COLOURS
        parts.append(f'<span class="token c{colour}" title="{tip}">{escaped(piece)}</span>')
    rows = "\n".join(
        f'<tr><td><code class="token c{number % _COLOURS}">{escaped(each.token)}</code></td>'
        f'<td class="number">{each.id}</td><td class="number">{each.start} to {each.end}</td>'
        f"<td><code>{escaped(text[each.start : each.end])}</code></td></tr>"
        for number, each in enumerate(tokens)
    )
    table = (
        "<table><thead><tr><th>token</th><th>id</th><th>characters</th><th>text</th></tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table>"
    )
    count = f"<p>{len(tokens):,} tokens, {len(text):,} characters</p>"
    body = f'<div class="text">{"".join(parts)}</div>\n{count}\n{table}'
    return page(title, body, style=_STYLE)


def coloured_lines(text: str, tokens: Sequence[SeenToken]) -> Iterator[str]:
    """Yield a text for a terminal, with its tokens in colours that follow each other.

    Args:
        text: the text; what could change the terminal in another way is replaced.
        tokens: of it, from :func:`tokens_of`.
    """
    shown = []
    for piece, number in _pieces(text, tokens):
        plain = printable(piece)
        if number is None:
            shown.append(plain)
            continue
        start = f"\x1b[30;48;5;{_BACKGROUNDS[number % _COLOURS]}m"
        shown.append("\n".join(f"{start}{line}\x1b[0m" for line in plain.split("\n")))
    yield from "".join(shown).split("\n")


def plain_lines(text: str, tokens: Sequence[SeenToken]) -> Iterator[str]:
    """Yield a line for each token: its characters' places, its id, the token and its text."""
    for each in tokens:
        part = printable(text[each.start : each.end]).replace("\n", " ")
        yield f"{each.start}-{each.end}\t{each.id}\t{printable(each.token)}\t{part}"


def _pieces(text: str, tokens: Sequence[SeenToken]) -> Iterator[tuple[str, int | None]]:
    """The parts of a text in order, each with the number of its token, or None between tokens.

    A character that several tokens share, as bytes do in GPT-2, is shown with the first of them.
    """
    at = 0
    for number, token in enumerate(tokens):
        if token.end <= at:
            continue
        if token.start > at:
            yield text[at : token.start], None
        yield text[max(at, token.start) : token.end], number
        at = token.end
    if at < len(text):
        yield text[at:], None
