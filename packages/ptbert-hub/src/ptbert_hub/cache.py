"""From an address to a file on disk: look in the cache, ask the server if needed, download."""

import logging
import os
import re
import time
from pathlib import Path

from ptbert_hub import settings
from ptbert_hub.addresses import redacted
from ptbert_hub.archives import extract_archive
from ptbert_hub.catalog import CONFIG_NAME, WEIGHTS_NAME
from ptbert_hub.client_cache import find_in_client_cache
from ptbert_hub.digests import hash_file
from ptbert_hub.entries import Entry, newest_good
from ptbert_hub.entry_names import url_to_filename
from ptbert_hub.errors import (
    BadSource,
    CorruptCache,
    DigestMismatch,
    HubError,
    NotFound,
    OfflineMiss,
)
from ptbert_hub.files import open_work_folder
from ptbert_hub.locating import existing_path
from ptbert_hub.locking import entry_lock
from ptbert_hub.options import ORDINARY, DownloadOptions
from ptbert_hub.records import record_path
from ptbert_hub.sources import RemoteFile, file_with_sources, known_file

log = logging.getLogger(__name__)


def cached_path(
    url_or_filename: str | os.PathLike[str],
    cache_dir: str | os.PathLike[str] | None = None,
    *,
    options: DownloadOptions = ORDINARY,
) -> str:
    """Return a local path for an address or a path, downloading what is not there yet.

    Args:
        url_or_filename: a path, or an address with ``http``, ``https``, ``s3`` or ``file``.
        cache_dir: the cache folder; :func:`~ptbert_hub.default_cache` when None.
        options: token, proxies, and whether to use the network or the cache.

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
    found = re.match("([A-Za-z][A-Za-z0-9+.-]*):", text)
    scheme = found[1].lower() if found else ""
    if scheme in {"http", "https", "s3"}:
        return get_from_cache(text, cache_dir, options=options)
    if path := existing_path(text):
        return str(path)
    if len(scheme) <= 1 or scheme == "file":  # a drive letter is no scheme
        shown = redacted(text)
        raise NotFound(f"file {shown!r} not found", hint="check the spelling", path=shown)
    raise BadSource(
        f"unable to read {redacted(text)!r} as an address or a local path",
        hint="give an existing path, or an address with http, https, s3 or file",
        url=redacted(text),
    )


def get_from_cache(
    url: str,
    cache_dir: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
    revalidate: str | float | None = None,
    strict: bool = False,
    local_only: bool = False,
    options: DownloadOptions = ORDINARY,
) -> str:
    """Return the path of the cached file for ``url``, downloading it first if needed.

    Files of the catalog and of a commit of the Hugging Face Hub never change, so one that is
    cached, here or by the client of the Hub, is returned without a request. Other addresses are
    asked whether there is a newer version. If they cannot be asked, or a newer version cannot be
    stored, the copy is used.

    Args:
        url: an ``http``, ``https`` or ``s3`` address. The file is cached under it, wherever its
            bytes come from.
        cache_dir: the only cache folder to use; None for the default and the read-only ones.
        force: download even if a copy is there.
        revalidate: when to ask whether there is a newer version: ``"always"``, ``"never"``, or
            once in so many seconds. None takes ``PTBERT_HUB_REVALIDATE``, else as said above.
        strict: raise when the server cannot be asked or the cache cannot be written to, even if
            there is a copy.
        local_only: only look: never use the network, and write nothing. (An archive of early 2019
            is unpacked all the same if the file is in it.)
        options: token and proxies; it can force a download or forbid it too.

    Raises:
        OfflineMiss: if the network is switched off and no cache holds the file.
        CorruptCache: if it is switched off and the copies are damaged.
        HubError: if it could not be downloaded.
    """
    file = known_file(url)
    force, local_only = force or options.force_download, local_only or options.local_files_only
    cache = settings.default_cache() if cache_dir is None else settings.expand(cache_dir)
    folders = settings.search_path() if cache_dir is None else [cache]
    found, damaged = _look_up(folders, file, writes=not local_only)
    if found is None and not force:
        other = _in_archive(folders, file, cache) or find_in_client_cache(file)
        if other is not None:
            return str(other)
    if found is not None and not force and _is_fresh(found, file, revalidate):
        return str(found.path)
    if local_only or settings.is_offline():
        if found is None:
            raise _offline_miss(file, folders, damaged)
        return str(found.path)
    try:
        return str(_fetch(file_with_sources(url), cache, found, options, force=force))
    except OSError as error:
        if found is None or strict or force:
            raise
        log.warning("using the cached copy of %s: %s", redacted(url), error)
        return str(found.path)


def _look_up(
    folders: list[Path], file: RemoteFile, *, writes: bool = True
) -> tuple[Entry | None, list[Entry]]:
    damaged: list[Entry] = []
    for folder in folders:
        found, bad = newest_good(folder, file, writes=writes)
        damaged += bad
        if found is not None:
            return found, damaged
    return None, damaged


def _in_archive(folders: list[Path], file: RemoteFile, cache: Path) -> Path | None:
    """The file in a cached archive of early 2019, which held weights and configuration."""
    row = file.checkpoint
    if row is None or row.archive is None or file.url not in {row.weights, row.config}:
        return None
    archive, _ = _look_up(folders, known_file(row.archive))
    if archive is None:
        return None
    names = (WEIGHTS_NAME,) if file.url == row.weights else (CONFIG_NAME, "bert_config.json")
    try:
        folder = extract_archive(archive.path, cache)
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path and file.pin and hash_file(path).sha256.hexdigest() != file.pin.sha256:
            raise DigestMismatch(f"its {path.name} is not the one that the catalog knows")
    except OSError as error:
        log.warning("%s is not used: %s", archive.path, error)
        return None
    return path


def _is_fresh(found: Entry, file: RemoteFile, revalidate: str | float | None) -> bool:
    """Whether a copy is used without asking for a newer one."""
    rule = settings.revalidation() if revalidate is None else revalidate
    if rule in {"always", "never"}:
        return rule == "never"
    try:
        seconds = float(rule)
    except ValueError:
        if rule:
            raise ValueError(
                f"revalidate={rule!r}; give 'always', 'never' or a number of seconds"
            ) from None
        return file.is_final
    asked = record_path(found.path)
    return asked.exists() and time.time() - asked.stat().st_mtime < seconds


def _fetch(
    file: RemoteFile, cache: Path, found: Entry | None, options: DownloadOptions, *, force: bool
) -> Path:
    from ptbert_hub.download import Download  # with HTTP and TLS, which few calls need
    from ptbert_hub.partials import usable_size

    locks, partial = (open_work_folder(cache, name) for name in ("locks", "partial"))
    key = url_to_filename(file.url)
    with entry_lock(locks, key, lambda: sorted(map(usable_size, partial.glob(f"{key}.*.part")))):
        now = newest_good(cache, file)[0]
        if now is not None and now != found:  # somebody published it since we looked
            return now.path
        known = None if force else found
        return Download(file, cache, known, options=options).run()


def _offline_miss(file: RemoteFile, folders: list[Path], damaged: list[Entry]) -> HubError:
    url = redacted(file.url)
    if damaged:
        return CorruptCache(
            f"the cached copy of {url} at {str(damaged[0].path)!r} is damaged, "
            "and the network is not used",
            hint="download it again where the network is on",
            url=url,
            path=str(damaged[0].path),
        )
    return OfflineMiss(
        f"{url} is not in the cache and the network is not used; "
        f"looked for {url_to_filename(file.url)} in {', '.join(map(str, folders))}"
        + (f", and in the Hugging Face cache {settings.client_cache()}" if file.is_final else ""),
        hint="`ptbert-hub fetch` downloads it where the network is on "
        f"({', '.join(settings.OFFLINE_VARIABLES)} switch it off); `ptbert-hub export` and "
        "`import` carry it from one machine to another",
        url=url,
    )
