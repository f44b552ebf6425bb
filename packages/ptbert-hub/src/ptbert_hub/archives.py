"""Unpack model archives: once, completely, and never outside their folder.

Only plain files and folders are made. Each name is checked first, and each file is written here and
not by the extraction code of the standard library. Bytes are counted as they leave the
decompressor, so an archive that unpacks to far more than its size is stopped in time.
"""

import bz2
import gzip
import io
import lzma
import os
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from ptbert_hub.digests import hash_file
from ptbert_hub.entries import Entry
from ptbert_hub.entry_names import WORK_FOLDER
from ptbert_hub.errors import HubError, NotFound, UnsafeArchive
from ptbert_hub.files import disk, sync_folder, write_all
from ptbert_hub.locking import entry_lock
from ptbert_hub.settings import default_cache, expand
from ptbert_hub.writers import claim, is_written

MAX_BYTES = 64 << 30
MAX_RATIO = 200
RATIO_FROM = 64 << 20
"""Unpacked bytes from which the ratio counts; below this size the ratio is ignored."""
MAX_MEMBERS = 10_000
MAX_DEPTH = 32
BLOCK = 1 << 20


def extract_archive(
    path: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None
) -> Path:
    """Unpack a ``.tar``, ``.tar.gz``, ``.tar.bz2``, ``.tar.xz`` or ``.zip``.

    The files go to a folder of the cache that is named by the digest of the archive, so each
    archive is unpacked once. The folder is complete or absent.

    Args:
        path: the archive, a local file.
        cache_dir: the cache folder; :func:`~ptbert_hub.default_cache` when None.

    Returns:
        The folder that holds the files. If the archive holds a single folder, that folder.

    Raises:
        NotFound: if there is no such file.
        UnsafeArchive: if it is no archive, or has members that are not plain files inside it.
        CacheError: if it cannot be unpacked here.
    """
    folder = unpack(path, cache_dir)
    # Archives made on a Mac have a second copy of each name, for what only a Mac knows about it.
    entries = [path for path in folder.iterdir() if not path.name.startswith(("__MACOSX", "._"))]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def unpack(path: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None) -> Path:
    """Do what :func:`extract_archive` says, and return the folder that the cache made for it."""
    archive = Path(path)
    if not archive.is_file():
        raise NotFound(f"no archive at {str(path)!r}", hint="check the path", path=str(path))
    work = (default_cache() if cache_dir is None else expand(cache_dir)) / WORK_FOLDER
    digest = _digest(archive)
    target = work / "extracted" / digest
    if target.is_dir():
        return target
    with disk(work):
        for folder in ("locks", "extracted"):
            (work / folder).mkdir(parents=True, exist_ok=True)
    with entry_lock(work / "locks", digest):
        for left in target.parent.glob(f"{digest}.*"):
            if is_written(left) is False:
                shutil.rmtree(left, ignore_errors=True)
        if not target.is_dir():
            _extract(archive, target)
    return target


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a tar or zip archive that is not itself a weights file.

    PyTorch writes weights as zip files, recognised by their member ``data.pkl``.
    """
    if _is_zip(Path(path)):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            return not any(name.endswith("data.pkl") for name in archive.namelist())
        return False
    return tarfile.is_tarfile(path)


def inside(name: str) -> PurePosixPath:
    """Return where a member may be written, relative to the archive's folder.

    Raises:
        ValueError: if it leads outside, or could on another system.

    Example:
        >>> inside("./model/config.json")
        PurePosixPath('model/config.json')
        >>> inside("../config.json")
        Traceback (most recent call last):
        ValueError: leads outside
    """
    name = unicodedata.normalize("NFC", name)
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or re.match("[A-Za-z]:", name):
        raise ValueError("leads outside")
    if "\\" in name or "\0" in name or any(len(part.encode()) > 255 for part in place.parts):
        raise ValueError("has a name that not every system can hold")
    if len(place.parts) > MAX_DEPTH:
        raise ValueError(f"lies more than {MAX_DEPTH} folders deep")
    return place


class _Budget:
    """How many bytes and members may still be unpacked."""

    def __init__(self, packed: int, free: int) -> None:
        self.left = min(free, MAX_BYTES, max(RATIO_FROM, packed * MAX_RATIO))
        self.members = MAX_MEMBERS

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError("unpacks to far more than its size, or than there is room for")

    def next_member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise ValueError(f"has more than {MAX_MEMBERS} members")


class _Counted(io.RawIOBase):
    """A decompressed stream whose bytes are counted, block by block."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int | None = -1) -> bytes:
        blocks, wanted = [], MAX_BYTES if size is None or size < 0 else size
        while wanted > 0 and (block := self._stream.read(min(wanted, BLOCK))):
            self._budget.spend(len(block))
            wanted -= len(block)
            blocks.append(block)
        return b"".join(blocks)


def _extract(archive: Path, target: Path) -> None:
    with claim() as tag:
        temporary = target.with_name(f"{target.name}.{tag}.part")
        try:
            with disk(target.parent):
                temporary.mkdir()
                free = shutil.disk_usage(temporary).free
            with _readable(archive):
                _write_members(archive, temporary, _Budget(archive.stat().st_size, free))
            with disk(target.parent):
                for folder, _, _ in os.walk(temporary):
                    sync_folder(Path(folder))
                try:
                    temporary.rename(target)
                except OSError:
                    if not target.is_dir():  # else another process was first, without the lock
                        raise
                sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _write_members(archive: Path, folder: Path, budget: _Budget) -> None:
    taken: dict[str, bool] = {}  # folded path → whether it is a folder
    for name, stream in _members(archive, budget):
        budget.next_member()
        try:
            place = inside(name)
            _occupy(place, stream is None, taken)
        except ValueError as error:
            raise ValueError(f"has a member {name!r} that {error}") from None
        if not place.parts:
            continue
        with disk(folder):
            (folder / place if stream is None else (folder / place).parent).mkdir(
                parents=True, exist_ok=True
            )
            if stream is None:
                continue
            out = open(folder / place, "xb", buffering=0)  # noqa: SIM115 - closed three lines on
        with out:
            while block := stream.read(BLOCK):
                with disk(folder / place):
                    write_all(out.fileno(), block)
            with disk(folder / place):
                os.fsync(out.fileno())


def _occupy(place: PurePosixPath, is_folder: bool, taken: dict[str, bool]) -> None:
    """Note that a name is used. Names that differ only in case are the same on some systems."""
    for above in place.parents:
        if not taken.setdefault(str(above).casefold(), True):
            raise ValueError("lies in what is a file")
    name = str(place).casefold()
    if name in taken and not (is_folder and taken[name]):
        raise ValueError("comes twice, perhaps in another case")
    taken[name] = is_folder


def _members(archive: Path, budget: _Budget) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Yield name and content of each member; no content for a folder."""
    if _is_zip(archive):
        yield from _zip_members(archive, budget)
        return
    with _open_decompressed(archive) as stream:
        counted = cast(IO[bytes], _Counted(stream, budget))
        with tarfile.open(fileobj=counted, mode="r|", bufsize=BLOCK) as tar:
            for member in tar:
                if member.isdir():
                    yield member.name, None
                    continue
                file = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                if file is None:
                    raise ValueError(f"has a member {member.name!r} that is a link or a device")
                yield member.name, file


def _zip_members(archive: Path, budget: _Budget) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise ValueError(f"has a member {info.filename!r} that is a link or a device")
            if info.is_dir():
                yield info.orig_filename, None
                continue
            with zipped.open(info) as file:
                yield info.orig_filename, cast(IO[bytes], _Counted(file, budget))


def _open_decompressed(archive: Path) -> IO[bytes]:
    with open(archive, "rb") as file:
        head = file.read(6)
    opener = next((opener for magic, opener in _OPENERS if head.startswith(magic)), open)
    return cast(IO[bytes], opener(archive, "rb"))


_OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)


def _is_zip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}


def _digest(archive: Path) -> str:
    entry = Entry.at(archive)
    known: str | None = entry.record.get("sha256") if entry.is_intact else None
    return known or hash_file(archive).sha256.hexdigest()


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Turn everything the readers of archives raise into one error."""
    try:
        yield
    except HubError:
        raise
    except ValueError as error:
        raise UnsafeArchive(
            f"{str(archive)!r} {error}", hint="do not trust this archive", path=str(archive)
        ) from error
    except Exception as error:  # the readers raise a dozen classes for damaged archives
        raise UnsafeArchive(
            f"{str(archive)!r} is no readable archive: {error}",
            hint="fetch it again",
            path=str(archive),
        ) from error
