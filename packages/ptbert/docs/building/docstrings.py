"""Docstrings as this project writes them, for a reader that expects types in some places."""

from __future__ import annotations

from sphinx.application import Sphinx


def mark_returns(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Tell napoleon that a section ``Returns`` begins with no type.

    It would take what stands before the first colon for one. An escaped space ends that, and shows
    as nothing.
    """
    for place, line in enumerate(lines):
        if line.strip() in {"Returns:", "Yields:"}:
            indent = line[: len(line) - len(line.lstrip())]
            lines.insert(place + 1, f"{indent}    \\ ")
            return


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx, before napoleon."""
    app.connect("autodoc-process-docstring", mark_returns, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
