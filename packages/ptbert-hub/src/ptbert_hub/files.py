"""Write files completely or not at all, and turn the system's errors into this package's."""

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ptbert_hub.entry_names import WorkFolder, work_folder
from ptbert_hub.errors import CacheReadOnly, CacheWriteError, DiskFull, HubError
from ptbert_hub.settings import needs_home

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # a full disk, a quota, a limit on file sizes


@contextmanager
def atomic_write(
    path: str | os.PathLike[str], *, temporary: str | os.PathLike[str] | None = None
) -> Iterator[BinaryIO]:
    """Open a file for writing bytes, which replaces ``path`` when the block ends without an error.

    The bytes go to a temporary file, are synced to the disk, and then replace the target in one
    step. Readers see the old file or the new one. After an error the old file is unchanged and the
    temporary file is removed. A link stays a link: the file that it names is replaced.

    Args:
        path: the file to write; its folder must exist.
        temporary: the temporary file, on the same file system; beside the target when None.

    Example:
        >>> with atomic_write("vocab.txt") as file:
        ...     _ = file.write(b"[PAD]")
        >>> Path("vocab.txt").read_text()
        '[PAD]'
    """
    target = Path(path if temporary is not None else os.path.realpath(path))
    name = f".{target.name[:200]}.{secrets.token_hex(8)}.tmp"
    scratch = target.with_name(name) if temporary is None else Path(temporary)
    descriptor = create(scratch, is_cached=temporary is not None)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        replace(scratch, target)
    except BaseException as error:
        with suppress(OSError):
            scratch.unlink()
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            error.filename = os.fspath(path)  # the message then names it
        raise
    sync_folder(target.parent)


def create(path: Path, *, is_cached: bool = True) -> int:
    """Make a new file and return its descriptor, open for reading and writing.

    What is at ``path`` already, also a link, is an error. A file of the cache gets the permissions
    of its folder if others may write there; else they follow the umask.
    """
    descriptor = open_own(path, os.O_CREAT | os.O_EXCL)
    mode = shared_mode(path.parent) if is_cached else None
    if mode is not None:
        with suppress(OSError, NotImplementedError):  # file systems without permissions
            os.chmod(descriptor, mode)
    return descriptor


def open_own(path: Path, flags: int = 0) -> int:
    """Open a file that this process writes, for reading and writing; never through a link."""
    flags |= os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, 0o666)


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, and raise if it is a pipe or a device, which could block."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "it is no plain file", str(path))
    return open(descriptor, "rb")


def open_work_folder(cache: Path, name: WorkFolder) -> Path:
    """Return one of the work folders of a cache folder; make what is missing of it.

    Raises:
        CacheError: if that is not possible.
    """
    folder = work_folder(cache, name)
    if needs_home(cache):
        raise CacheWriteError(
            f"there is no folder {str(cache)!r}, because the home folder is not known",
            hint="set HOME, or name a folder in PYTORCH_PRETRAINED_BERT_CACHE",
            path=str(cache),
        )
    with disk(cache):
        cache.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            make_folder(path)
    # It tells backup programs to leave the folder out; see bford.info/cachedir.
    with suppress(OSError), open(create(folder.parent / "CACHEDIR.TAG"), "wb") as tag:
        tag.write(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    return folder


def make_folder(path: Path) -> None:
    """Make a folder inside a cache folder, unless it is there.

    If others may write to that folder, the new one gets its group and permissions.

    Raises:
        NotADirectoryError: if something else is there, also a link to a folder elsewhere.
    """
    try:
        path.mkdir()
    except FileExistsError:
        if path.is_symlink() or not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(path)) from None
        return
    above = path.parent.stat()
    if above.st_mode & _BY_OTHERS and os.name != "nt":
        group = stat.S_ISGID if above.st_mode & stat.S_IWGRP else 0  # of what is made inside
        with suppress(OSError):  # a group that this user is not in
            os.chown(path, -1, above.st_gid)
        with suppress(OSError):
            os.chmod(path, stat.S_IMODE(above.st_mode) | group)


def shared_mode(folder: Path) -> int | None:
    """Return the permissions of files in a folder that others write to; None for the umask's.

    In a folder with the sticky bit, such as ``/tmp``, everybody writes to files of their own only.
    """
    mode = folder.stat().st_mode
    return mode & 0o666 if mode & _BY_OTHERS and not mode & stat.S_ISVTX else None


_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def replace(source: Path, target: Path) -> None:
    """Move ``source`` onto ``target`` in one step; wait while Windows holds either open."""
    _patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Delete ``path`` if it is there; wait while Windows holds it open."""
    with suppress(FileNotFoundError):
        _patiently(lambda: os.unlink(path))


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however few bytes the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut, where the system can do that."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    with suppress(PermissionError):  # a folder that may be written but not read
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


def check_room(folder: Path, needed: int | None) -> None:
    """Raise before the first byte is written if a file of that size cannot fit.

    Raises:
        DiskFull: with the bytes needed and free.
    """
    if needed is None:
        return
    with disk(folder):
        free = shutil.disk_usage(folder).free
    if needed > free:
        raise _disk_full(folder, errno.ENOSPC, needed, free)


@contextmanager
def disk(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn the system's errors about files into this package's.

    Raises:
        DiskFull: for a full disk, a quota or a limit on file sizes.
        CacheReadOnly: where writing is not allowed.
        CacheWriteError: for anything else.
    """
    try:
        yield
    except HubError:
        raise
    except OSError as error:
        number, shown = error.errno, str(path)
        if number in _FULL:
            raise _disk_full(path, number, needed) from error
        kind: type[HubError] = CacheWriteError
        what, hint = f"writing {shown!r} failed", "check the disk"
        if number in {errno.EROFS, errno.EACCES, errno.EPERM}:
            kind, what = CacheReadOnly, f"{shown!r} cannot be written"
            hint = (
                "name a folder of your own in PYTORCH_PRETRAINED_BERT_CACHE, and this one in "
                "PTBERT_HUB_CACHE_RO to go on reading it"
            )
        why = error.strerror or error
        raise kind(f"{what} ({why})", hint=hint, path=shown, errno=number) from error


def _disk_full(path: Path, number: int, needed: int | None, free: int | None = None) -> DiskFull:
    if free is None:
        with suppress(OSError):
            free = shutil.disk_usage(path.parent).free
    wanted, left = ("an unknown number of" if n is None else n for n in (needed, free))
    return DiskFull(
        f"no room for {path}: {wanted} bytes needed, {left} free",
        hint="make room, or name another disk in PYTORCH_PRETRAINED_BERT_CACHE",
        path=str(path),
        errno=number,
        needed=needed,
        free=free,
    )
