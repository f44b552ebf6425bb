"""Entries of a cache folder: found by name, trusted by size and time, else looked at again.

What this package verified has its size, time and SHA-256 in the record beside it, so a hit costs
no reading. A file that has changed since, or that a program of 2019 stored, is hashed once: it is
good if the catalog's pin or Amazon's entity tag says so, or, where neither is known, if it does
not look like an error page. Anything else is moved to quarantine, never deleted.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ptbert_hub.digests import Digest, hashed, recorded_tag, sniff
from ptbert_hub.errors import NotAModelFile
from ptbert_hub.files import atomic_write, replace
from ptbert_hub.naming import ENTRY_NAME, WORK_FOLDER, read_record, record_path, url_to_filename
from ptbert_hub.sources import Wanted

log = logging.getLogger(__name__)


class Trust(Enum):
    """What the record beside a file says about it."""

    INTACT = "size and time are those of the verified file"
    CHANGED = "it was verified, and something has touched it since"
    UNKNOWN = "nobody has verified it"


@dataclass(frozen=True)
class Entry:
    """A file of a cache folder and what is written beside it."""

    path: Path
    record: dict[str, Any]
    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def at(cls, path: Path) -> "Entry":
        """Return the entry at ``path`` as it is now."""
        status = path.stat()
        return cls(path, read_record(path), status.st_size, status.st_mtime_ns, status.st_ino)

    @property
    def trust(self) -> Trust:
        """How far the file can be used without reading it."""
        if "sha256" not in self.record:
            return Trust.UNKNOWN
        recorded = (self.record.get("size"), self.record.get("mtime_ns"))
        return Trust.INTACT if recorded == (self.size, self.mtime_ns) else Trust.CHANGED


def entries(folder: Path, url: str | None = None) -> Iterator[Entry]:
    """Yield the entries of ``folder``, of one address or of all, the newest first."""
    start = url_to_filename(url) if url else ""
    found = []
    with suppress(OSError), os.scandir(folder) as names:
        for item in names:
            if item.name.startswith(start) and ENTRY_NAME.fullmatch(item.name):
                with suppress(FileNotFoundError):
                    found.append(Entry.at(folder / item.name))
    yield from sorted(found, key=lambda entry: entry.mtime_ns, reverse=True)


def newest_good(folder: Path, file: Wanted) -> tuple[Entry | None, list[Entry]]:
    """Return the newest entry of ``file`` that holds what it should, and the damaged ones."""
    damaged: list[Entry] = []
    for entry in entries(folder, file.url):
        if entry.trust is Trust.INTACT:
            return entry, damaged
        try:
            problem = examined(entry, file)
            if problem is None or _is_replaced(entry):
                return Entry.at(entry.path), damaged
            quarantine(entry.path)
        except OSError as error:  # gone meanwhile, or not ours to read
            problem = str(error)
        log.warning("%s is not used: %s", entry.path, problem)
        damaged.append(entry)
    return None, damaged


def _is_replaced(entry: Entry) -> bool:
    """Whether a file that does not fit its record is just being replaced, the record first."""
    if entry.trust is Trust.CHANGED:
        for _ in range(10):
            time.sleep(0.05)
            if Entry.at(entry.path).trust is Trust.INTACT:
                return True
    return False


def examined(entry: Entry, file: Wanted) -> str | None:
    """Read a file whole; return what is wrong with it, or write down that it is good.

    Programs of 2019 wrote the record last, so a file without one may be half a copy. Then only
    a pin tells, or the name, which holds the digest of an entity tag that may be the MD5.
    """
    tag = recorded_tag(file.url, entry.record.get("etag"))
    hashing = hashed(entry.path, tag or Digest("md5", ""))
    sha256 = hashing.sha256.hexdigest()
    named = entry.path.name.partition(".")[2] == url_to_filename(f'"{hashing.found}"')
    expected = {entry.record.get("sha256"), file.pin and file.pin.sha256} - {None}
    if sha256 in expected:
        verified = "sha256"
    elif (hashing.agrees() or named) and entry.trust is Trust.UNKNOWN:
        verified = "md5"
    elif expected or tag is not None:
        return "its digest is not the right one"
    elif not entry.record:
        return "nothing says what it is, so it may be half a copy"
    else:
        try:
            sniff(entry.path, file.url)
        except NotAModelFile as error:
            return str(error)
        verified = "sniffed"
    record = facts(file.url, entry.record.get("etag"), entry.path, sha256)
    with suppress(OSError):  # a read-only folder
        if os.access(entry.path.parent, os.W_OK):
            write_record(entry.path, {**record, "verified": verified, **_kept(entry.record)})
    return None


def _kept(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: record[name] for name in ("url", "source", "last_modified", "time") if name in record
    }


def facts(url: str, etag: str | None, path: Path, sha256: str) -> dict[str, Any]:
    """Return the record of a verified file; programs of 2019 read ``url`` and ``etag``."""
    status = path.stat()
    return {
        "url": url,
        "etag": etag,
        "size": status.st_size,
        "sha256": sha256,
        "mtime_ns": status.st_mtime_ns,
        "time": time.time(),
        "v": 1,
    }


def write_record(entry: Path, record: dict[str, Any], temporary: Path | None = None) -> None:
    """Write the record beside an entry."""
    if temporary is None:
        work = entry.parent / WORK_FOLDER / "partial"
        work.mkdir(parents=True, exist_ok=True)
        temporary = work / f"{entry.name}.{os.getpid()}.record.tmp"
    with atomic_write(record_path(entry), temporary=temporary) as file:
        file.write(json.dumps(record).encode())


def quarantine(path: Path) -> None:
    """Move a file and its record out of the way; a read-only folder keeps them."""
    folder = path.parent / WORK_FOLDER / "quarantine"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{path.name}.{time.time_ns()}"
        replace(path, place)
        replace(record_path(path), record_path(place))
