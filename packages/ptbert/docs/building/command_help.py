"""The directive ``command-help``: what a command line prints with ``--help``."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable
from importlib import import_module

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

_HOMES = {
    "ptbert": "ptbert.__main__",
    "ptbert-hub": "ptbert_hub.__main__",
    "ptbert-tokenizers": "ptbert_tokenizers.__main__",
}


class CommandHelp(Directive):
    """Show the help of each subcommand of a program, a section for each."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        (program,) = self.arguments
        main = import_module(_HOMES[program]).main
        names = re.findall(r"^    ([a-z][\w-]*)(?: |$)", help_of(main, []), re.MULTILINE)
        found: list[nodes.Node] = []
        for name in names:
            text = help_of(main, [name])
            section = nodes.section(ids=[nodes.make_id(f"{program} {name}")], names=[])
            section += nodes.title("", "", nodes.literal("", f"{program} {name}"))
            section += nodes.literal_block(text, text, language="none")
            found.append(section)
        if not found:
            raise self.error(f"{program} --help names no command")
        return found


def help_of(main: Callable[[list[str]], int], words: list[str]) -> str:
    """Return what a command prints with ``--help``, in lines that a page has room for."""
    os.environ["COLUMNS"] = "84"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return printed.getvalue()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
