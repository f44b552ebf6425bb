"""Unpack model archives: once, completely, and never outside their folder.

Only plain files and folders are made. Each name is checked first, and each file is written here
and not by the extraction code of the standard library. An archive that unpacks to far more than
its size is stopped in time.
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ptbert_hub.digests import hash_file
from ptbert_hub.entries import Entry
from ptbert_hub.entry_names import ENTRY_NAME, path_in, work_folder
from ptbert_hub.errors import BadContent, CacheError, NotFound, UnsafeArchive
from ptbert_hub.files import create, disk, make_folder, open_work_folder, sync_folder, write_all
from ptbert_hub.locking import entry_lock
from ptbert_hub.readers.members import MAX_BYTES, Budget, members
from ptbert_hub.settings import default_cache, expand, search_path
from ptbert_hub.writers import claim, is_written

MAX_DEPTH = 32


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
    # Archives made on a Mac have a second copy of each name, for what only a Mac knows about it.
    entries = [path for path in target.iterdir() if not path.name.startswith(("__MACOSX", "._"))]
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
                _write_members(archive, folder, Budget(archive.stat().st_size, room))
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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


def _write_members(archive: Path, folder: Path, budget: Budget) -> None:
    taken = {".": True}  # folded path → whether it is a folder
    for name, blocks in members(archive, budget):
        try:
            place = inside(name)
            new_folders = list(_occupy(place, blocks is None, taken, budget))
        except ValueError as error:
            raise ValueError(f"has a member {name[:500]!r} that {error}") from None
        with disk(folder):
            for above in new_folders:
                make_folder(folder / above)
            if blocks is None:
                continue
            out = open(create(folder / place), "wb", buffering=0)  # noqa: SIM115 - closed below
        with out:
            for block in blocks:
                with disk(folder / place):
                    write_all(out.fileno(), block)
            with disk(folder / place):
                os.fsync(out.fileno())


def _occupy(
    place: PurePosixPath, is_folder: bool, taken: dict[str, bool], budget: Budget
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
    except CacheError:
        raise
    except Exception as error:  # the readers raise a dozen classes for damaged archives
        what, hint = f"is no readable archive: {error}", "fetch it again"
        if isinstance(error, ValueError) and not isinstance(error, BadContent):
            what, hint = str(error), "do not trust this archive"
        raise UnsafeArchive(f"{str(archive)!r} {what}", hint=hint, path=str(archive)) from error
