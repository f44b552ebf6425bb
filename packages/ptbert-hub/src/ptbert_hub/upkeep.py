"""Looking after a cache: list, verify, prune, remove, and carry to another machine.

Each function returns what it found or did as rows of plain values. Nothing is deleted unless
``apply`` says so.
"""

import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ptbert_hub.archives import unpack
from ptbert_hub.catalog import Kind
from ptbert_hub.digests import hashed
from ptbert_hub.entries import Entry, entries, examined, quarantine
from ptbert_hub.errors import DigestMismatch, NotFound
from ptbert_hub.files import atomic_write, disk, remove
from ptbert_hub.locating import locate
from ptbert_hub.naming import ENTRY_NAME, WORK_FOLDER, read_record, record_path, url_to_filename
from ptbert_hub.partials import Fate, discard_files, fate_of
from ptbert_hub.sources import published_file

Row = dict[str, Any]
DAY = 86_400.0
SUPERSEDED_SECONDS = DAY
"""How long an old version stays after a newer one came; somebody may have just been given it."""
LITTER_SECONDS = 7 * DAY
"""How long unfinished, damaged and orphaned files stay."""


def listing(cache: Path) -> list[Row]:
    """Return a row for every file and every leftover of a cache folder, the newest first.

    ``state`` is ``file``, ``old`` (a newer version lies beside it), ``partial``, ``quarantine``,
    ``orphan`` (a record without a file) or ``extracted``.
    """
    rows, seen = [], set()
    for entry in entries(cache):
        key = entry.path.name[:64]
        rows.append(_file_row(entry, "old" if key in seen else "file"))
        seen.add(key)
    return rows + [_row(path, state) for path, state in _leftovers(cache)]


def disk_usage(cache: Path) -> int:
    """Return how many bytes of the disk the cache takes, folders and records included."""
    sizes: dict[tuple[int, int], int] = {}
    for path in (cache, *cache.rglob("*")):
        with suppress(FileNotFoundError):
            status = path.lstat()
            sizes[status.st_dev, status.st_ino] = getattr(status, "st_blocks", 0) * 512
    return sum(sizes.values())


def addresses(name: str, kinds: Iterable[Kind] | None = None) -> list[str]:
    """Return the addresses that the name of a checkpoint, or an address, stands for.

    Without ``kinds`` these are all of its files but the corpus.

    Raises:
        NotFound: if the name is unknown or that of a local file, or the checkpoint has no such
            file.
    """
    place = locate(name)
    if place.address is not None:
        return [place.address]
    if place.checkpoint is None:
        raise NotFound(
            f"{name!r} is a local path, and the cache only has files with an address",
            hint="give the name of a checkpoint or an address",
        )
    files = place.checkpoint.files()
    chosen = [kind for kind in files if kind != "corpus"] if kinds is None else list(kinds)
    for kind in chosen:
        if kind not in files:
            raise NotFound(f"{name!r} has no {kind}", hint=f"it has {', '.join(files)}")
    return [files[kind] for kind in chosen]


def verify(cache: Path, urls: Iterable[str] = (), *, apply: bool = False) -> list[Row]:
    """Read every file, or those of some addresses, and compare it with what is known of it.

    With ``apply`` damaged files are moved to quarantine.
    """
    wanted_urls = list(urls)
    chosen = (
        [entry for url in wanted_urls for entry in entries(cache, url)]
        if wanted_urls
        else list(entries(cache))
    )
    rows = []
    for entry in chosen:
        problem = _problem(entry)
        if problem is not None and apply:
            quarantine(entry.path)
        rows.append({**_file_row(entry, "damaged" if problem else "good"), "problem": problem})
    return rows


def prune(cache: Path, *, apply: bool = False, now: float | None = None) -> list[Row]:
    """Return what nobody needs any more, and with ``apply`` delete it.

    These are versions that a newer one replaced a day ago, and unfinished downloads of dead
    processes, damaged files, and records without a file that are a week old. What another
    process is writing is left alone.
    """
    moment = time.time() if now is None else now
    rows = []
    newest: dict[str, Entry] = {}
    for entry in entries(cache):
        newer = newest.setdefault(entry.path.name[:64], entry)
        if newer is not entry and moment - newer.mtime_ns / 1e9 > SUPERSEDED_SECONDS:
            rows.append(_file_row(entry, "old"))
    for path, state in _leftovers(cache):
        with suppress(FileNotFoundError):
            old = moment - path.stat().st_mtime > LITTER_SECONDS
            written = state == "partial" and fate_of(path) is Fate.LEAVE
            if old and not written and state != "extracted":
                rows.append(_row(path, state))
    if apply:
        for row in rows:
            _delete(Path(row["path"]), row["state"])
    return rows


def remove_files(cache: Path, urls: Iterable[str], *, apply: bool = False) -> list[Row]:
    """Return the cached files of some addresses, all versions, and with ``apply`` delete them.

    Raises:
        NotFound: if none of them is cached.
    """
    urls = list(urls)
    rows = [_file_row(entry, "file") for url in urls for entry in entries(cache, url)]
    if not rows:
        raise NotFound(f"nothing of {', '.join(urls)} is in {cache}", hint="see `ptbert-hub ls`")
    if apply:
        for row in rows:
            _delete(Path(row["path"]), "file")
    return rows


def export(cache: Path, target: Path, urls: Iterable[str] = ()) -> list[Row]:
    """Write the newest good files, all or those of some addresses, into a tar archive.

    Raises:
        NotFound: if there is nothing to write.
    """
    keys = {url_to_filename(url) for url in urls}
    newest: dict[str, Entry] = {}
    for entry in entries(cache):
        newest.setdefault(entry.path.name[:64], entry)
    chosen = [entry for key, entry in newest.items() if not keys or key in keys]
    rows = [
        _file_row(entry, "file")
        for entry in chosen
        if examined(entry, published_file(entry.record.get("url", ""))) is None
    ]
    if not rows:
        raise NotFound(f"nothing to export in {cache}", hint="see `ptbert-hub ls`")
    with disk(target), atomic_write(target) as file, tarfile.open(fileobj=file, mode="w|") as tar:
        for row in rows:
            tar.add(row["path"], Path(row["path"]).name)
            tar.add(record_path(Path(row["path"])), Path(row["path"]).name + ".json")
    return rows


def import_files(cache: Path, archive: Path) -> list[Row]:
    """Take the files of an exported archive into a cache, each only if its digest is right.

    Raises:
        UnsafeArchive: if the archive holds anything but plain files.
        DigestMismatch: if a file is not what its record says; those before it stay.
    """
    folder = unpack(archive, cache)
    rows = []
    try:
        for path in sorted(folder.iterdir()):
            if not ENTRY_NAME.fullmatch(path.name):
                continue
            record, hashing = read_record(path), hashed(path)
            named = url_to_filename(record.get("url", ""), record.get("etag"))
            if named != path.name or record.get("sha256") != hashing.sha256.hexdigest():
                raise DigestMismatch(
                    f"{path.name} in {str(archive)!r} is not what its record says",
                    hint="export it again",
                    path=str(archive),
                )
            rows.append(_taken_in(path, cache / path.name, record))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


def _taken_in(path: Path, target: Path, record: Row) -> Row:
    spare = target.parent / WORK_FOLDER / "extracted" / f".{target.name}.{os.getpid()}.tmp"
    with disk(target.parent):
        status = path.stat()
        record = {**record, "mtime_ns": status.st_mtime_ns, "size": status.st_size}
        with atomic_write(record_path(target), temporary=spare) as file:
            file.write(json.dumps(record).encode())
        os.replace(path, target)
    return _file_row(Entry.at(target), "file")


def _problem(entry: Entry) -> str | None:
    return examined(entry, published_file(entry.record.get("url", "")))


def _file_row(entry: Entry, state: str) -> Row:
    url = entry.record.get("url")
    file = published_file(url or "")
    kinds = {u: kind for kind, u in file.checkpoint.files().items()} if file.checkpoint else {}
    return {
        "name": file.checkpoint.name if file.checkpoint else None,
        "file": kinds.get(url or ""),
        "state": state,
        "size": entry.size,
        "age": max(0.0, time.time() - entry.mtime_ns / 1e9),
        "verified": entry.record.get("verified"),
        "pinned": file.pin is not None,
        "source": entry.record.get("source"),
        "url": url,
        "path": str(entry.path),
    }


def _row(path: Path, state: str) -> Row:
    status = path.stat()
    size = status.st_size
    if path.is_dir():
        size = sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
    age = max(0.0, time.time() - status.st_mtime)
    return {"name": None, "state": state, "size": size, "age": age, "path": str(path)}


def _leftovers(cache: Path) -> Iterator[tuple[Path, str]]:
    work = cache / WORK_FOLDER
    for folder, state in (("partial", "partial"), ("quarantine", "quarantine")):
        for path in sorted((work / folder).glob("*")):
            yield path, state
    for path in sorted((work / "extracted").glob("*")):
        yield path, "extracted" if len(path.name) == 64 else "partial"
    for path in sorted(cache.glob("*.json")):
        entry = path.with_name(path.name.removesuffix(".json"))
        if ENTRY_NAME.fullmatch(entry.name) and not entry.exists():
            yield path, "orphan"


def _delete(path: Path, state: str) -> None:
    with disk(path):
        if state in {"file", "old"}:
            remove(path)  # the record last: it says what the file is
            remove(record_path(path))
        elif path.is_dir():
            shutil.rmtree(path)
        elif state == "partial" and path.suffix == ".part":
            discard_files(path)
        else:
            remove(path)
