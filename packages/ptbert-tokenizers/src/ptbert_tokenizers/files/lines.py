"""Reading text of any size line by line, always as UTF-8: files, pipes, standard input, packed."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from ptbert_hub.progress import new_bar
from ptbert_tokenizers.batches.text_blocks import TextBlock
from ptbert_tokenizers.files.compressed import told_if_damaged, unpacked
from ptbert_tokenizers.files.vocabulary import PathLike

logger = logging.getLogger(__name__)

Errors = Literal["strict", "replace", "skip"]

STANDARD_INPUT = "-"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK = 2**18  # bytes
_SAMPLE = 64  # bytes that show the encoding of a text without a mark
_WIDE_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_LONGEST_LINE = 2**30  # bytes
_LEFT_OUT = "\udc80"  # in the place of a line that is skipped; no UTF-8 text has this


def shown_path(path: PathLike) -> str:
    """Return the name of a file as messages show it.

    Example:
        >>> shown_path("a.txt"), shown_path("-")
        ("'a.txt'", 'standard input')
    """
    return "standard input" if os.fspath(path) == STANDARD_INPUT else repr(os.fspath(path))


class Lines(TextBlock):
    """Whole lines of a text.

    Args:
        content: the lines, with ``\\n`` as line end; or their bytes, which must be UTF-8. They are
            decoded when the lines are asked for, perhaps in another process.
        before: how many lines come before them.
        name: of the text, as messages show it.
    """

    def __init__(self, content: str | bytes, before: int, name: str = "text") -> None:
        self._content, self._before, self._name = content, before, name

    @property
    def size(self) -> int:
        """About how many characters there are, with line ends."""
        return len(self._content)

    def cut(self) -> list[str]:
        """Return the lines without line ends, and without those that were skipped.

        Raises:
            ValueError: if they are not UTF-8; the line is named.
        """
        lines = self._all()
        is_any_left_out = isinstance(self._content, str) and _LEFT_OUT in self._content
        return [line for line in lines if line != _LEFT_OUT] if is_any_left_out else lines

    def numbered(self) -> Iterator[tuple[int, str]]:
        """Yield the number of each line in the whole text, from 1 on, and the line.

        Example:
            >>> list(Lines("three\\nfour\\n", 2).numbered())
            [(3, 'three'), (4, 'four')]
        """
        for number, line in enumerate(self._all(), self._before + 1):
            if line != _LEFT_OUT:
                yield number, line

    def _all(self) -> list[str]:
        lines = self._text().split("\n")
        if not lines[-1]:
            del lines[-1]
        return lines

    def _text(self) -> str:
        if isinstance(self._content, str):
            return self._content
        try:
            return self._content.decode()
        except UnicodeDecodeError:
            return _without_wrong_bytes(self._content, self._name, self._before, "strict", [])


def read_texts(
    path: PathLike, *, verbose: bool = False, errors: Errors = "strict"
) -> Iterator[str]:
    """Yield the lines of a UTF-8 text, without their line ends.

    A byte order mark at the beginning is dropped. A text that gzip, bzip2, xz or zstd compressed is
    unpacked.

    Args:
        path: a file or a pipe; ``-`` for standard input.
        verbose: show on a terminal how much of the text has been read.
        errors: what to do with lines that are not UTF-8: raise an error (``strict``), ``replace``
            their wrong bytes by U+FFFD, or leave these lines out with one warning (``skip``).

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if it is compressed by zstd, and nothing is installed that unpacks it.
        ValueError: if it is not UTF-8, damaged where it is compressed, or has a line of more than a
            gibibyte.

    Example:
        >>> with open("text.txt", "w") as file:
        ...     _ = file.write("one\\ntwo\\n")
        >>> list(read_texts("text.txt"))
        ['one', 'two']
    """
    for block in read_line_blocks(path, verbose=verbose, errors=errors):
        yield from block


def read_line_blocks(
    path: PathLike, *, verbose: bool = False, errors: Errors = "strict"
) -> Iterator[Lines]:
    """Yield the lines in blocks, a few hundred thousand characters each; else as ``read_texts``.

    Example:
        >>> with open("text.txt", "w") as file:
        ...     _ = file.write("one\\ntwo\\n")
        >>> [list(block) for block in read_line_blocks("text.txt")]
        [['one', 'two']]
    """
    name = shown_path(path)
    if _checked(errors) == "strict":  # what is not UTF-8 is told when the lines are asked for
        for data, before in _line_bytes(path, name, verbose):
            if data:
                yield Lines(data, before, name)
        return
    before = 0
    for text in _blocks(path, verbose, errors):
        if text:
            yield Lines(text, before, name)
        before += text.count("\n")


def read_lines(
    path: PathLike, *, verbose: bool = False, errors: Errors = "strict"
) -> Iterator[str]:
    """Yield the lines of a UTF-8 text, with their line ends as ``\\n``; else as ``read_texts``."""
    for block in _blocks(path, verbose, errors):
        lines = io.StringIO(block)
        yield from (
            lines
            if errors != "skip"
            else (line for line in lines if not line.startswith(_LEFT_OUT))
        )


def _blocks(path: PathLike, verbose: bool, errors: Errors) -> Iterator[str]:
    """Whole lines, as many as a read gives, with ``\\n`` as line end."""
    name = shown_path(path)
    _checked(errors)
    skipped: list[int] = []
    for lines, before in _line_bytes(path, name, verbose):
        try:
            yield lines.decode()
        except UnicodeDecodeError:
            yield _without_wrong_bytes(lines, name, before, errors, skipped)
    if skipped:
        logger.warning(
            "lines of %s left out because they are not UTF-8: %d; the first is line %d",
            name,
            len(skipped),
            skipped[0],
        )


def _checked(errors: Errors) -> Errors:
    if errors not in get_args(Errors):
        raise ValueError(f"errors={errors!r} is not known; choose from {get_args(Errors)}")
    return errors


def _line_bytes(path: PathLike, name: str, verbose: bool) -> Iterator[tuple[bytes, int]]:
    """Whole lines, with ``\\n`` as line end, and how many lines come before them."""
    before = 0
    try:
        for data in _byte_blocks(path, name, verbose):
            lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
            yield lines, before
            before += lines.count(b"\n")
    except _LineTooLong:
        raise ValueError(
            f"{name} has a line of more than {_LONGEST_LINE} bytes; break it into lines, or check "
            f"that it is a text (it is line {before + 1})"
        ) from None


class _LineTooLong(Exception):
    """A line has more than ``_LONGEST_LINE`` bytes."""


def _without_wrong_bytes(
    lines: bytes, name: str, before: int, errors: Errors, skipped: list[int]
) -> str:
    if errors == "replace":
        return lines.decode(errors="replace")
    good = []
    for number, line in enumerate(lines.splitlines(keepends=True), before + 1):
        try:
            good.append(line.decode())
        except UnicodeDecodeError as error:
            if errors == "strict":
                raise ValueError(
                    f"{name} is not UTF-8: line {number} has the byte {line[error.start]:#04x}; "
                    "convert it first"
                ) from error
            skipped.append(number)
            good.append(_LEFT_OUT + "\n" * line.endswith(b"\n"))
    return "".join(good)


def _byte_blocks(path: PathLike, name: str, verbose: bool) -> Iterator[bytes]:
    """Whole lines, as many as a read gives, without the byte order mark."""
    with _opened(path) as file:
        reader, kind = unpacked(file)
        total = _size(file) if verbose else None
        bar = new_bar(os.path.basename(path), total) if verbose else None
        held: list[bytes] = []
        is_first = True
        size = 0  # of a line that has not ended yet
        mark = _BYTE_ORDER_MARK
        try:
            with told_if_damaged(name, kind):
                while chunk := reader.read1(_CHUNK):
                    if is_first:
                        _refuse_wide(chunk, name)
                        is_first = False
                    # A carriage return is a line end too, if the next byte is not part of it.
                    end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r", 0, -1)) + 1
                    held.append(chunk[:end] if end else chunk)
                    size = len(chunk) - end if end else size + len(chunk)
                    if end:
                        yield b"".join(held).removeprefix(mark)
                        held, mark = [chunk[end:]], b""
                    elif size > _LONGEST_LINE:
                        raise _LineTooLong
                    if bar is not None:
                        bar.update(len(chunk) if total is None else file.tell() - bar.n)
        finally:
            if bar is not None:
                bar.close()
        yield b"".join(held).removeprefix(mark)


def _refuse_wide(start: bytes, name: str) -> None:
    """Raise if a text begins as one of UTF-16 or UTF-32, which may be valid UTF-8 by chance."""
    marked = next((kind for mark, kind in _WIDE_MARKS.items() if start.startswith(mark)), None)
    even, odd = start[:_SAMPLE:2], start[1:_SAMPLE:2]
    # In Latin script every second byte is 0.
    is_wide = len(odd) > 3 and any(
        not any(zeros) and all(others) for zeros, others in ((even, odd), (odd, even))
    )
    if marked or is_wide:
        kind = marked or f"UTF-16{'BE' if not any(even) else 'LE'}"
        raise ValueError(
            f"{name} is not UTF-8: it begins as {kind}; convert it first, as by "
            f"`iconv -f {kind} -t UTF-8`"
        )


@contextmanager
def _opened(path: PathLike) -> Iterator[Any]:
    if os.fspath(path) == STANDARD_INPUT:
        buffer = getattr(sys.stdin, "buffer", None)
        if buffer is None:
            raise ValueError("there is no standard input to read; give a file")
        yield buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileNotFoundError(f"no text file at {os.fspath(path)!r}; check the path") from error
    with file:
        yield file


def _size(file: Any) -> int | None:
    """The size of a file; None for a pipe or a device."""
    return os.fstat(file.fileno()).st_size if file.seekable() else None
