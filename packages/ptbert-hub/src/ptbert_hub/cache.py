"""The cache: look, lock, look again, download, publish."""

import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from ptbert_hub.errors import BadSource, NotFound, OfflineMiss
from ptbert_hub.files import atomic_write, remove, replace
from ptbert_hub.location import WORK_FOLDER, default_cache, expanded, is_offline, search_path
from ptbert_hub.locking import entry_lock
from ptbert_hub.naming import ENTRY_NAME, record_path, redacted, url_to_filename
from ptbert_hub.transport import download


def cached_path(
    url_or_filename: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None
) -> str:
    """Return a local path for an address or a path, downloading what is not there yet.

    Raises:
        NotFound: if it is a path where nothing exists.
        BadSource: if it is an address of an unknown kind; a ``ValueError`` as in 2019.
        HubError: if it could not be downloaded.

    Example:
        >>> Path("vocab.txt").touch()
        >>> cached_path("vocab.txt")
        'vocab.txt'
    """
    text = os.fspath(url_or_filename)
    scheme = urlsplit(text).scheme
    if scheme in {"http", "https"}:
        return get_from_cache(text, cache_dir)
    local = expanded(text)
    if local.exists():
        return str(local)
    if len(scheme) <= 1:  # a drive letter is no scheme
        raise NotFound(f"file {text!r} not found", hint="check the spelling", path=text)
    raise BadSource(
        f"unable to read {redacted(text)!r} as an address or a local path",
        hint="give an existing path, or an address with http:// or https://",
        url=redacted(text),
    )


def get_from_cache(url: str, cache_dir: str | os.PathLike[str] | None = None) -> str:
    """Return the path of the cached file for ``url``, downloading it first if it is not there.

    Raises:
        OfflineMiss: if the network is switched off and no cache holds the file.
        HubError: if it could not be downloaded.
    """
    folders = search_path() if cache_dir is None else [expanded(cache_dir)]
    found = _newest_entry(folders, url)
    if found is not None:
        return str(found)
    if is_offline():
        raise OfflineMiss(
            f"{redacted(url)} is not in the cache and the network is switched off; "
            f"looked in {', '.join(map(str, folders))}",
            hint="fetch it once on a connected machine",
            url=redacted(url),
        )
    cache = default_cache() if cache_dir is None else folders[0]
    work = cache / WORK_FOLDER
    for folder in ("locks", "partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    with entry_lock(work / "locks", url_to_filename(url)):
        found = _newest_entry([cache], url)
        return str(found if found is not None else _fetch(url, cache))


def _fetch(url: str, cache: Path) -> Path:
    work = cache / WORK_FOLDER / "partial"
    partial = work / f"{url_to_filename(url)}.{secrets.token_hex(8)}.part"
    with open(partial, "xb") as file:
        try:
            etag = download(url, file)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            remove(partial)
            raise
    entry = cache / url_to_filename(url, etag)
    with atomic_write(record_path(entry), temporary_folder=work) as record:
        record.write(json.dumps({"url": redacted(url), "etag": etag}).encode())
    replace(partial, entry)
    return entry


def _newest_entry(folders: list[Path], url: str) -> Path | None:
    for folder in folders:
        found = [
            path
            for path in folder.glob(f"{url_to_filename(url)}*")
            if ENTRY_NAME.fullmatch(path.name)
        ]
        if found:
            return max(found, key=lambda path: path.stat().st_mtime_ns)
    return None


def work_folder(cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the folder for locks, partial downloads and unpacked archives of a cache."""
    return (default_cache() if cache_dir is None else expanded(cache_dir)) / WORK_FOLDER
