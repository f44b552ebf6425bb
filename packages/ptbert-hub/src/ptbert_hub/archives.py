"""Model archives, unpacked once and never outside their folder."""

import hashlib
import os
import secrets
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ptbert_hub.errors import NotFound, UnsafeArchive
from ptbert_hub.location import work_folder
from ptbert_hub.locking import entry_lock


def extracted_archive(
    path: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None
) -> Path:
    """Unpack a ``.tar``, ``.tar.gz``, ``.tar.bz2``, ``.tar.xz`` or ``.zip`` and return its folder.

    The folder stands in the cache under the digest of the archive, so each archive is unpacked
    once. It is complete or absent.

    Raises:
        NotFound: if there is no such file.
        UnsafeArchive: if it is no archive, or has members that are not plain files inside it.
    """
    archive = Path(path)
    if not archive.is_file():
        raise NotFound(f"no archive at {str(path)!r}", hint="check the path", path=str(path))
    work = work_folder(cache_dir)
    for folder in ("locks", "extracted"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = work / "extracted" / digest
    with entry_lock(work / "locks", digest):
        if not target.is_dir():
            _extract(archive, target)
    return target


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a tar or zip archive that is not itself a weights file.

    PyTorch writes weights as zip files, recognised by their member ``data.pkl``.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return not any(name.endswith("data.pkl") for name in archive.namelist())
    return tarfile.is_tarfile(path)


def _extract(archive: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    temporary.mkdir()
    try:
        for name, file in _members(archive):
            inside = PurePosixPath(name)
            if inside.is_absolute() or ".." in inside.parts or "\\" in name or "\0" in name:
                raise UnsafeArchive(
                    f"{str(archive)!r} has a member that leads outside: {name!r}",
                    hint="do not trust this archive",
                    path=str(archive),
                )
            place = temporary.joinpath(*inside.parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as out:
                shutil.copyfileobj(file, out)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    with zipped.open(info) as file:
                        yield info.filename, file
        return
    try:
        with tarfile.open(archive, "r|*") as tarred:
            for member in tarred:
                if member.isdir():
                    continue
                file_ = tarred.extractfile(member) if member.isreg() else None
                if file_ is None:
                    raise UnsafeArchive(
                        f"{str(archive)!r} has a link or device: {member.name!r}",
                        hint="do not trust this archive",
                        path=str(archive),
                    )
                yield member.name, file_
    except tarfile.TarError as error:
        raise UnsafeArchive(
            f"{str(archive)!r} is no readable archive: {error}",
            hint="fetch it again",
            path=str(archive),
        ) from error
