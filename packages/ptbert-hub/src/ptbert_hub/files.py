"""Files on disk: written whole or not at all, and read as lists of words.

Everything that may not be left half-written goes through :func:`atomic_write`.
"""

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(
    path: str | os.PathLike[str], *, temporary_folder: str | os.PathLike[str] | None = None
) -> Iterator[BinaryIO]:
    """Open a file for bytes that appears as ``path`` only when the block ends well.

    The bytes go to a temporary file beside the target, reach the disk, and then replace the
    target in one step. Readers see the old file or the new one. After an error the old file
    stands untouched and the temporary one is gone.

    Args:
        path: the file to write; its folder must exist.
        temporary_folder: where the temporary file stands meanwhile, on the same file system.

    Example:
        >>> with atomic_write("vocab.txt") as file:
        ...     _ = file.write(b"[PAD]")
        >>> Path("vocab.txt").read_text()
        '[PAD]'
    """
    target = Path(path)
    folder = Path(temporary_folder) if temporary_folder else target.parent
    temporary = folder / f".{target.name[:200]}.{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def replace(source: Path, target: Path) -> None:
    """Move ``source`` onto ``target`` in one step; wait while Windows holds either open."""
    _patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Delete ``path`` if it is there; wait while Windows holds it open."""
    with suppress(FileNotFoundError):
        _patiently(lambda: os.unlink(path))


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut, where the system can."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    with suppress(PermissionError):  # a folder one may write but not read
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # network file systems
                raise
        finally:
            os.close(descriptor)


_PAUSES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_HELD_OPEN = {5, 32}  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION: virus scanners, indexers


def _patiently(action: Callable[[], None]) -> None:
    for pause in _PAUSES:
        try:
            return action()
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _HELD_OPEN:
                raise
            time.sleep(pause)
    return action()


def read_set_from_file(filename: str | os.PathLike[str]) -> set[str]:
    """Return the lines of a UTF-8 file, each once and without its line end.

    Example:
        >>> with atomic_write("words.txt") as file:
        ...     _ = file.write(b"one\\ntwo\\none\\n")
        >>> sorted(read_set_from_file("words.txt"))
        ['one', 'two']
    """
    with open(filename, encoding="utf-8") as file:
        return {line.rstrip() for line in file}


def get_file_extension(path: str, dot: bool = True, lower: bool = True) -> str:
    """Return the last extension of ``path``.

    Example:
        >>> get_file_extension("weights.TAR.GZ")
        '.gz'
        >>> get_file_extension("weights.Bin", dot=False, lower=False)
        'Bin'
    """
    extension = os.path.splitext(path)[1]
    extension = extension if dot else extension[1:]
    return extension.lower() if lower else extension
