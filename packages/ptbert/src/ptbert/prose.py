"""The sentences of a text in Markdown as plain text, without its code, tables and headings"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,})")  # code in a sentence may begin so too
_COMMENT = re.compile(  # the last may be open
    r"(?<![ \t])[ \t]*<!--.*?-->|^[ \t]*<!--.*", re.DOTALL | re.MULTILINE
)
_SETTING = re.compile(r"[\"'\w-]+\s*[:=]|#")  # a line of what stands above a page
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)\s*$")
_TABLE_RULE = re.compile(r"\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+$")  # in tables without bars at the sides
_CODE_INDENT = 4
_LEFT_OUT = re.compile(r"\s*(?:\||#{1,6}(?:\s|$)|(?:[-=*_]\s*){3,}$|\[[^\]]+\]:\s)")
_BEGINS_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+")
_QUOTED = re.compile(r"\s*(?:>\s?)+")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\]]*\])")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>")
_BREAK = re.compile(r"<br\s*/?>(?=\w)", re.IGNORECASE)
_MARKS = re.compile(r"\*\*|__|`+")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)  # code in a sentence
_KEPT = re.compile("\ue000(\\d+)\ue001")  # stands for code, while marks are taken away


def prose_of_markdown(text: str) -> str:
    """Return what is written in sentences in a text in Markdown.

    Blocks of code, comments, tables, headings, rules and front matter are left out. Of a link its
    text stays, and each item of a list is a paragraph.

    Args:
        text: the whole text.

    Example:
        >>> prose_of_markdown("# Title\\n<!-- hidden -->\\nRead **[this](a.md)**.\\n* One\\n* Two")
        'Read this.\\n\\nOne\\n\\nTwo'
    """
    lines = _without_front_matter(text.removeprefix("\ufeff").splitlines())
    outside = _COMMENT.sub("\n\n", "\n".join(_without_fences(lines)))
    lines = list(_without_indented_code(_BREAK.sub(" ", outside).splitlines()))
    paragraphs = re.split(r"\n\s*\n", "\n".join(_prose_lines(_without_underlined(lines))))
    return "\n\n".join(filter(None, (_plain(each).strip() for each in paragraphs)))


def _without_front_matter(lines: list[str]) -> list[str]:
    """Lines without the settings of a page, between two lines ``---`` or ``+++`` at its top."""
    if len(lines) > 1 and lines[0].rstrip() in {"---", "+++"} and _SETTING.match(lines[1]):
        for number, line in enumerate(lines[1:], start=1):
            if line.rstrip() in {lines[0].rstrip(), "..."}:
                return lines[number + 1 :]
    return lines


def _without_fences(lines: list[str]) -> Iterator[str]:
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


def _without_indented_code(lines: list[str]) -> Iterator[str]:
    """Lines without code that only its indentation shows: four spaces more than the text has."""
    margin = 0  # where text begins in the present item of a list
    may_begin = True  # code begins after an empty line, and not in a paragraph
    for line in map(str.expandtabs, lines, itertools.repeat(_CODE_INDENT)):
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            may_begin = True
            yield ""
        elif may_begin and indent >= margin + _CODE_INDENT:
            yield ""
        else:
            if item := _BEGINS_ITEM.match(line):
                margin = item.end()
            elif may_begin:
                margin = min(margin, indent)
            may_begin = bool(_LEFT_OUT.match(line))
            yield line


def _without_underlined(lines: list[str]) -> list[str]:
    """Lines without headings and heads of tables, which the line below them shows, and tables."""
    found: list[str] = []
    begins: int | None = None  # the first line of a paragraph that may be a heading
    is_table = is_inside = False  # ... of an item or a quotation
    for line in lines:
        is_plain = not any(each.match(line) for each in (_LEFT_OUT, _BEGINS_ITEM, _QUOTED))
        if not line or is_table:
            is_table, is_inside, begins = is_table and bool(line), False, None
            found.append("")
        elif begins is not None and _UNDERLINE.match(line) and not found[begins].startswith(" "):
            found[begins:], begins = [""], None
        elif found and "|" in found[-1] and _TABLE_RULE.match(line):
            found[-1:], is_table = ["", ""], True
        else:
            if not is_plain:
                is_inside, begins = not _LEFT_OUT.match(line), None
            elif begins is None and not is_inside:
                begins = len(found)
            found.append(line)
    return found


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
    """Text without the marks of links, tags, emphasis and code; code itself stays as it is."""
    codes: list[str] = []

    def keep(found: re.Match[str]) -> str:
        codes.append(found[2].strip() or found[2])
        return f"\ue000{len(codes) - 1}\ue001"

    text = _SPAN.sub(keep, _KEPT.sub("", text))
    for _ in range(2):  # a picture may be inside of a link
        text = _LINK.sub(r"\1", text)
    text = _MARKS.sub("", _TAG.sub("", text))
    return _KEPT.sub(lambda found: codes[int(found[1])], text)
