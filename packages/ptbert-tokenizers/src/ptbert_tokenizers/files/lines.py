"""Reading long files line by line under a progress bar."""

import io
import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from ptbert_tokenizers.files.vocabulary import PathLike

T = TypeVar("T")

_LINES_BETWEEN_UPDATES = 1000


def read_lines(path: PathLike, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, with their line ends.

    Args:
        path: the file.
        verbose: show on standard error how much of the file has been read.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not UTF-8.

    Example:
        >>> with open("text.txt", "w") as file:
        ...     _ = file.write("one\\ntwo\\n")
        >>> list(read_lines("text.txt"))
        ['one\\n', 'two\\n']
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no text file at {os.fspath(path)!r}; check the path")
    bar = _tqdm()(
        total=os.path.getsize(path),
        unit="B",
        unit_scale=True,
        desc=os.path.basename(path),
        disable=not verbose,
    )
    with bar, open(path, "rb") as data, io.TextIOWrapper(data, encoding="utf-8") as text:
        try:
            for number, line in enumerate(text, 1):
                yield line
                if number % _LINES_BETWEEN_UPDATES == 0:
                    bar.update(data.tell() - bar.n)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{os.fspath(path)!r} is not UTF-8: line {_first_bad_line(path)} has the byte "
                f"{error.object[error.start]:#04x}; convert the file"
            ) from error
        bar.update(data.tell() - bar.n)


def _first_bad_line(path: PathLike) -> int:
    """The number of the first line that is not UTF-8."""
    with open(path, "rb") as data:
        for number, line in enumerate(data, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    raise ValueError(f"{os.fspath(path)!r} changed while it was read; read it again")


def watched(items: Iterable[T], *, verbose: bool, unit: str) -> Iterable[T]:
    """Return the same items, counted by a bar on standard error if ``verbose``."""
    bar: Iterable[T] = _tqdm()(items, unit=f" {unit}", disable=not verbose)
    return bar


def _tqdm() -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]  # slow to import

    return tqdm
