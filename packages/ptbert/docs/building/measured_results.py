"""The directive ``measured``: the rows of a task in the tables of the README of ptbert."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

README = Path(__file__).parents[2] / "README.md"
_QUALITY = re.compile(r"<!-- quality -->\n(.*?)<!-- end of quality -->", re.DOTALL)


class Measured(Directive):
    """Show what models learned by ``ptbert train TASK``, and how fast."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        (task,) = self.arguments
        self.state.document.settings.env.note_dependency(str(README))
        lines = lines_of(task, README.read_text(encoding="utf-8"))
        if not lines:
            raise self.error(f"the tables of {README.name} have no row of {task!r}")
        found = nodes.Element()
        self.state.nested_parse(StringList(lines, README.name), self.content_offset, found)
        return found.children


def lines_of(task: str, readme: str) -> list[str]:
    """Return the Markdown that shows what was measured of a task."""
    return [*_quality_lines(task, readme), *_speed_lines(task, readme)]


def _quality_lines(task: str, readme: str) -> list[str]:
    block = _QUALITY.search(readme)
    if block is None:
        return []
    lines = block[1].splitlines()
    head, rule, *rows = (line for line in lines if line.startswith("|"))
    commands = [line for line in lines if line.startswith("ptbert ")]
    chosen = [
        (row, command)
        for row, command in zip(rows, commands, strict=True)
        if command.startswith(f"ptbert train {task} ")
    ]
    if not chosen:
        return []
    machine = next(line for line in lines if line.startswith("Seed "))
    return [
        *(head, rule, *(row for row, _ in chosen)),
        "",
        *(machine, "", "```console", *(command for _, command in chosen), "```", ""),
    ]


def _speed_lines(task: str, readme: str) -> list[str]:
    head = next(line for line in readme.splitlines() if line.startswith("| task | tokens a second"))
    rows = [line for line in readme.splitlines() if line.startswith(f"| `{task}` | ")]
    speed = [row for row in rows if row.count("|") == head.count("|") and " / " in row]
    if not speed:
        return []
    return [
        "Beside `Trainer` of transformers, with the same model, examples and one thread:",
        "",
        *(head, re.sub(r"[^|]+", "---", head), *speed),
        "",
    ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
