"""Unpack model archives: once, completely, and never outside their folder.

Only plain files and folders are made. Each name is checked first. Members of a tar are found and
written here and not by the code of the standard library, so nothing of it is held in memory that
an archive can make large. Bytes are counted as they leave the decompressor, so an archive that
unpacks to far more than its size is stopped in time.
"""

import bz2
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from ptbert_hub.digests import hash_file
from ptbert_hub.entries import Entry
from ptbert_hub.entry_names import ENTRY_NAME, path_in, work_folder
from ptbert_hub.errors import HubError, NotFound, UnsafeArchive
from ptbert_hub.files import (
    check_ratio,
    create,
    disk,
    make_folder,
    open_plain,
    open_work_folder,
    sync_folder,
    write_all,
)
from ptbert_hub.locking import entry_lock
from ptbert_hub.settings import default_cache, expand, search_path
from ptbert_hub.writers import claim, is_written

MAX_BYTES = 64 << 30
MAX_MEMBERS = 10_000
"""Files and folders, also folders that only the names of files tell of."""
MAX_DEPTH = 32
MAX_DIRECTORY = 4 << 20
"""Bytes of the list of members of a zip, which is read into memory."""
MAX_MEMORY = 256 << 20
"""Bytes that the decompressor of ``.xz`` may use."""
BLOCK = 1 << 20

Read = Callable[[int], bytes]


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
    archive, cache = _existing(path), default_cache() if cache_dir is None else expand(cache_dir)
    digest = _digest(archive, cache)
    target = path_in(work_folder(cache, "extracted"), digest)
    if not target.is_dir():
        with entry_lock(open_work_folder(cache, "locks"), digest):
            for left in target.parent.glob(f"{digest}.*"):
                if is_written(left) is False:
                    shutil.rmtree(left, ignore_errors=True)
            if not target.is_dir():
                with unpacked(archive, cache, digest) as folder:
                    _publish(folder, target)
    entries = list(target.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else target


@contextmanager
def unpacked(path: str | os.PathLike[str], cache: Path, key: str) -> Iterator[Path]:
    """Unpack an archive into a new folder of this process, which is removed in the end.

    Args:
        path: the archive, a local file.
        cache: the cache folder that it is made in.
        key: what the name of the folder begins with: 64 hexadecimal digits.

    Raises:
        NotFound: if there is no such file.
        UnsafeArchive: if it is no archive, or has members that are not plain files inside it.
        CacheError: if it cannot be unpacked here.
    """
    archive = _existing(path)
    parent = open_work_folder(cache, "extracted")
    with claim() as tag:
        folder = path_in(parent, f"{key}.{tag}.part")
        try:
            with disk(parent):
                make_folder(folder)
                room = min(MAX_BYTES, shutil.disk_usage(folder).free)
            with _readable(archive):
                _write_members(archive, folder, _Budget(archive.stat().st_size, room))
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a tar or zip archive that is not itself a weights file.

    PyTorch writes weights as zip files, recognised by their member ``data.pkl``.
    """
    if _is_zip(Path(path)):
        with suppress(zipfile.BadZipFile, ValueError, EOFError), _open_zip(Path(path)) as archive:
            return not any(name.endswith("data.pkl") for name in archive.namelist())
        return False
    with suppress(*_UNREADABLE), _open_decompressed(Path(path)) as stream:
        tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
        return True
    return False


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
    """How many bytes and members an archive of a certain size may have."""

    def __init__(self, packed: int, room: int) -> None:
        self.packed, self.room, self.members = packed, room, MAX_MEMBERS
        self.unpacked = 0

    def spend(self, size: int) -> None:
        self.unpacked += size
        check_ratio(self.packed, self.unpacked)
        if self.unpacked > self.room:
            raise ValueError("unpacks to more than there is room for")

    def next_member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise ValueError(f"has more than {MAX_MEMBERS} members")

    def counted(self, stream: IO[bytes]) -> Read:
        """Return a function that reads as many bytes as asked for, fewer only at the end."""

        def read(size: int) -> bytes:
            blocks = []
            while size > 0 and (block := stream.read(min(size, BLOCK))):
                self.spend(len(block))
                size -= len(block)
                blocks.append(block)
            return b"".join(blocks)

        return read


def _existing(path: str | os.PathLike[str]) -> Path:
    if not os.path.isfile(path):
        raise NotFound(f"no archive at {str(path)!r}", hint="check the path", path=str(path))
    return Path(path)


def _publish(folder: Path, target: Path) -> None:
    with disk(target.parent):
        for each, _, _ in os.walk(folder):
            sync_folder(Path(each))
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was first, without the lock
                raise
        sync_folder(target.parent)


def _write_members(archive: Path, folder: Path, budget: _Budget) -> None:
    taken = {".": True}  # folded path → whether it is a folder
    for name, read in _members(archive, budget):
        try:
            place = inside(name)
            new_folders = list(_occupy(place, read is None, taken, budget))
        except ValueError as error:
            raise ValueError(f"has a member {name[:500]!r} that {error}") from None
        with disk(folder):
            for above in new_folders:
                make_folder(folder / above)
            if read is None:
                continue
            out = open(create(folder / place), "wb", buffering=0)  # noqa: SIM115 - closed below
        with out:
            while block := read(BLOCK):
                with disk(folder / place):
                    write_all(out.fileno(), block)
            with disk(folder / place):
                os.fsync(out.fileno())


def _occupy(
    place: PurePosixPath, is_folder: bool, taken: dict[str, bool], budget: _Budget
) -> Iterator[PurePosixPath]:
    """Note that a name is used, and yield the folders that are new with it, the outer ones first.

    Names that differ only in case are the same on some systems.
    """
    for path in (*reversed(place.parents), place):
        name, should_be_folder = str(path).casefold(), is_folder or path != place
        if name not in taken:
            budget.next_member()
            taken[name] = should_be_folder
            if should_be_folder:
                yield path
        elif path != place and not taken[name]:
            raise ValueError("lies in what is a file")
        elif not (should_be_folder and taken[name]):
            raise ValueError("comes twice, perhaps in another case")


def _members(archive: Path, budget: _Budget) -> Iterator[tuple[str, Read | None]]:
    """Yield the name of each member and a function that reads it; None for a folder."""
    if _is_zip(archive):
        with _open_zip(archive) as zipped:
            yield from _zip_members(zipped, budget)
    else:
        with _open_decompressed(archive) as stream:
            yield from _tar_members(budget.counted(stream))


def _tar_members(read: Read) -> Iterator[tuple[str, Read | None]]:
    named: str | None = None  # by a header before the member
    sized: int | None = None
    while any(header := read(tarfile.BLOCKSIZE)):
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        if info.type in _HEADERS:
            if info.size > BLOCK:
                raise ValueError(f"has a header of {info.size} bytes")
            data = b"".join(_pieces(read, info.size))
            if info.type == tarfile.GNUTYPE_LONGNAME:
                named = data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            elif info.type != tarfile.XGLTYPE:
                facts = _pax_facts(data)
                named = facts.get("path", named)
                sized = int(facts["size"]) if "size" in facts else sized
            continue
        name, size = info.name if named is None else named, info.size if sized is None else sized
        if info.isdir():
            yield name, None
        elif info.type in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}:
            pieces = _pieces(read, size)
            yield name, lambda _, pieces=pieces: next(pieces, b"")  # type: ignore[misc]
        else:
            raise ValueError(f"has a member {name[:500]!r} that is a link or a device")
        named = sized = None


_HEADERS = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME}
"""Types of blocks that say something about the next member, or about all."""


def _pieces(read: Read, size: int) -> Iterator[bytes]:
    """The content of a member of a tar, and then the end of its last block is skipped."""
    if size < 0:
        raise ValueError("has a member of negative size")
    padding = -size % tarfile.BLOCKSIZE
    while size > 0:
        piece = read(min(size, BLOCK))
        if not piece:
            raise EOFError("it ends too early")
        size -= len(piece)
        yield piece
    read(padding)


def _pax_facts(data: bytes) -> dict[str, str]:
    """What a header of ``LENGTH NAME=VALUE`` lines says."""
    facts, start = {}, 0
    while start < len(data) and (line := re.compile(rb"([0-9]{1,9}) ").match(data, start)):
        end = start + int(line[1])
        name, equals, value = data[line.end() : end - 1].partition(b"=")
        is_wrong = name == b"size" and not re.fullmatch(b"[0-9]{1,18}", value)
        if not line.end() < end <= len(data) or not equals or is_wrong:
            raise EOFError("one of its headers is malformed")
        if name.startswith(b"GNU.sparse"):
            raise ValueError("has a member with holes")
        facts[name.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        start = end
    return facts


def _zip_members(zipped: zipfile.ZipFile, budget: _Budget) -> Iterator[tuple[str, Read | None]]:
    for info in zipped.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ValueError(f"has a member {info.filename[:500]!r} that is a link or a device")
        if info.is_dir():
            yield info.orig_filename, None
            continue
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}:
            raise ValueError("is compressed by a method that is not supported")
        with zipped.open(info) as file:
            yield info.orig_filename, budget.counted(file)


def _open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip, unless its list of members is too long to be read into memory."""
    with open_plain(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - (1 << 17)))
        end = file.read()
    sizes = [
        int.from_bytes(end[found.start() + at : found.start() + at + length], "little")
        for signature, at, length in ((b"PK\5\6", 12, 4), (b"PK\6\6", 40, 8))
        for found in re.finditer(signature, end)
    ]
    if any(size > MAX_DIRECTORY for size in sizes if size != 0xFFFFFFFF or len(sizes) == 1):
        raise ValueError(f"has a list of members of more than {MAX_DIRECTORY} bytes")
    return zipfile.ZipFile(path)


class _Xz:
    """Decompresses ``.xz`` with a limit on memory, which :class:`lzma.LZMAFile` does not have."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._machine = lzma.LZMADecompressor(memlimit=MAX_MEMORY)

    def read(self, size: int) -> bytes:
        while not self._machine.eof:
            data = self._file.read(BLOCK) if self._machine.needs_input else b""
            if block := self._machine.decompress(data, size):
                return block
            if not data and self._machine.needs_input:
                raise EOFError("it ends too early")
        return b""


@contextmanager
def _open_decompressed(archive: Path) -> Iterator[IO[bytes]]:
    with open_plain(archive) as file:
        head = file.read(6)
        file.seek(0)
        opener = next((opener for magic, opener in _OPENERS if head.startswith(magic)), None)
        yield cast(IO[bytes], opener(file) if opener else file)


_OPENERS: tuple[tuple[bytes, Callable[[BinaryIO], Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", _Xz),
)
_UNREADABLE = (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)


def _is_zip(path: Path) -> bool:
    with open_plain(path) as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}


def _digest(archive: Path, cache: Path) -> str:
    """The digest of an archive. Only records of our own caches are asked, not those beside it."""
    if ENTRY_NAME.fullmatch(archive.name) and archive.parent in {cache, *search_path()}:
        entry = Entry.at(archive)
        if entry.is_intact:
            return str(entry.record["sha256"])
    return hash_file(archive).sha256.hexdigest()


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
