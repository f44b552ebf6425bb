"""The sentences of a text in Markdown as plain text, without its code, tables and headings"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,})")  # code in a sentence may begin so too
_COMMENT = re.compile(r"<!--.*?-->|^[ \t]*<!--.*", re.DOTALL | re.MULTILINE)  # the last may be open
_LEFT_OUT = re.compile(r"\s*(?:\||#{1,6}(?:\s|$)|(?:[-=*_]\s*){3,}$|\[[^\]]+\]:\s)")
_BEGINS_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+")
_QUOTED = re.compile(r"\s*(?:>\s?)+")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\]]*\])")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>")
_BREAK = re.compile(r"<br\s*/?>(?=\w)", re.IGNORECASE)
_MARKS = re.compile(r"\*\*|__|`+")


def prose_of_markdown(text: str) -> str:
    """Return what is written in sentences in a text in Markdown.

    Blocks of code, comments, tables, headings and rules are left out. Of a link its text stays, and
    each item of a list is a paragraph.

    Args:
        text: the whole text.

    Example:
        >>> prose_of_markdown("# Title\\n<!-- hidden -->\\nRead **[this](a.md)**.\\n* One\\n* Two")
        'Read this.\\n\\nOne\\n\\nTwo'
    """
    outside = _COMMENT.sub("\n\n", "\n".join(_without_code(text.splitlines())))
    outside = _BREAK.sub(" ", outside)
    paragraphs = re.split(r"\n\s*\n", "\n".join(_prose_lines(outside.splitlines())))
    return "\n\n".join(filter(None, (_plain(each).strip() for each in paragraphs)))


def _without_code(lines: list[str]) -> Iterator[str]:
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        if not fence and found is None:
            yield line
        elif not fence and found is not None:
            fence = found[1]
            yield ""
        elif found is not None and found[1].startswith(fence) and found[0] == line.rstrip():
            fence = ""


def _prose_lines(lines: list[str]) -> Iterator[str]:
    for line in lines:
        text = _QUOTED.sub("", line, count=1) if _QUOTED.match(line) else line
        if _LEFT_OUT.match(text):
            yield ""
            continue
        if item := _BEGINS_ITEM.match(text):
            yield ""
            text = text[item.end() :]
        yield text.strip()


def _plain(text: str) -> str:
    """Text without the marks of links, tags, emphasis and code."""
    for _ in range(2):  # a picture may be inside of a link
        text = _LINK.sub(r"\1", text)
    return _MARKS.sub("", _TAG.sub("", text))
