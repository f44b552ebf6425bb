"""The blocks of code in a page of Markdown, and running them: programs and command lines."""

from __future__ import annotations

import contextlib
import doctest
import io
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from ptbert.__main__ import main as ptbert_main
from ptbert_hub.__main__ import main as hub_main
from ptbert_tokenizers.__main__ import main as tokenizers_main

COMMANDS = {"ptbert": ptbert_main, "ptbert-hub": hub_main, "ptbert-tokenizers": tokenizers_main}
STARTS_PROCESSES = {"run"}  # these subcommands become the process that they run in
COMPARED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)$")
_REMARK = re.compile(r"^ *<!-- (?P<kind>given|not run): (?P<text>.*?) -->$")


class Block(NamedTuple):
    """A block of code.

    Args:
        path: of the page.
        line: of its first line of code, from 1.
        language: the word behind the fence.
        code: its lines.
        shown: what the page says that it prints, from a block ``text`` right below it; or None.
        given: names of what must be there before it runs.
        left_out: why it is not run; empty where it is.
    """

    path: Path
    line: int
    language: str
    code: str
    shown: str | None = None
    given: tuple[str, ...] = ()
    left_out: str = ""


def blocks_of(path: Path) -> list[Block]:
    """Return the blocks of a page, in order.

    ``<!-- given: NAME ... -->`` above a block names what is made before it runs, and
    ``<!-- not run: REASON -->`` leaves it out.
    """
    found: list[Block] = []
    given: tuple[str, ...] = ()
    left_out = ""
    right_below = False
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    for number, line in lines:
        if remark := _REMARK.match(line):
            if remark["kind"] == "given":
                given += tuple(remark["text"].split())
            else:
                left_out = remark["text"]
        elif opened := _FENCE.match(line):
            language = opened["info"].strip()
            code = "".join(_until(lines, opened["fence"], len(opened["indent"])))
            if language == "text" and right_below:
                found[-1] = found[-1]._replace(shown=code)
            else:
                found.append(Block(path, number + 1, language, code, None, given, left_out))
                given, left_out = (), ""
            right_below = language == "python"
        elif line.strip():
            right_below = False
    return found


def _until(lines: Iterator[tuple[int, str]], fence: str, indent: int) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == fence:
            return
        yield f"{line[indent:]}\n"


class Page:
    """The state in which the blocks of a page run, one after the other: names and a folder."""

    def __init__(self, folder: Path, makers: dict[str, Callable[[Path], Any]]) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self._makers = makers
        self._open = contextlib.ExitStack()

    def close(self) -> None:
        """Undo what was made for the blocks: servers, and changes of the environment."""
        self._open.close()

    def run(self, block: Block) -> None:
        """Run a block; what it prints must be what the page shows.

        Raises:
            AssertionError: if a command fails, or something else is printed.
        """
        for name in block.given:
            made = self._makers[name](self.folder)
            if isinstance(made, AbstractContextManager):
                self._open.enter_context(made)
            elif made is not None:
                self.names.update(made)
        if block.left_out:
            return
        if block.language == "python":
            run = self._session if ">>> " in block.code else self._program
            run(block)
        elif block.language in {"console", "bash"}:
            for command, shown in commands_in(block.code):
                self._command(command, shown)

    def _session(self, block: Block) -> None:
        """Run lines with a prompt."""
        test = doctest.DocTestParser().get_doctest(
            block.code, self.names, block.path.name, str(block.path), block.line - 1
        )
        test.globs = self.names
        report = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=COMPARED, verbose=False)
        runner.run(test, out=report.write, clear_globs=False)
        assert runner.failures == 0, report.getvalue()

    def _program(self, block: Block) -> None:
        source = "\n" * (block.line - 1) + block.code  # so a traceback shows the right line
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, str(block.path), "exec"), self.names)
        if block.shown is not None:
            compare(printed.getvalue(), block.shown)

    def _command(self, command: str, shown: str) -> None:
        words = shlex.split(command, comments=True)
        variables: dict[str, str] = {}
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, variables[name] = words.pop(0).partition("=")
        plain = not {*"|<>;&*$`"} & {*re.sub(r"'[^']*'|\s#.*$", "", command)}
        if plain and words[0] in COMMANDS and words[1] not in STARTS_PROCESSES:
            with mock.patch.dict(os.environ, variables):
                printed, code = self._within(words)
        else:
            printed, code = self._started(command)
        if shown.strip():
            compare(printed, shown)
        assert code == 0 or f"\nexit code {code}" in f"\n{shown}", f"{command}: {code}\n{printed}"

    def _within(self, words: list[str]) -> tuple[str, int]:
        """Run one of our commands in this process, which has loaded everything already."""
        out = io.StringIO()
        root = logging.getLogger()
        handlers, root.handlers = root.handlers, []  # the command sets up its own
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code = COMMANDS[words[0]](words[1:])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            root.handlers = handlers
        return out.getvalue(), code

    def _started(self, command: str) -> tuple[str, int]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.stdout, done.returncode


def commands_in(code: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with what is shown below it.

    If a line begins with ``$ ``, only such lines are commands; else all are. A line that ends in a
    backslash goes on in the next.
    """
    lines = re.sub(r"\\\n *", "", code).splitlines()
    if not any(line.startswith("$ ") for line in lines):
        yield from ((line, "") for line in lines if line.strip() and not line.startswith("#"))
        return
    command, shown = "", ""
    for line in lines:
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line.removeprefix("$ "), ""
        else:
            shown += f"{line}\n"
    yield command, shown


def compare(printed: str, shown: str) -> None:
    """Compare what was printed with what a page shows; ``...`` stands for anything.

    Raises:
        AssertionError: if they differ.
    """
    shown = re.sub(r"^exit code \d+\n", "", shown, flags=re.M)
    checker = doctest.OutputChecker()
    if not checker.check_output(shown, printed, COMPARED):
        example = doctest.Example("", shown)
        raise AssertionError(checker.output_difference(example, printed, doctest.REPORT_NDIFF))
