"""Entries of a cache folder: found by name, trusted by size and time, else read again.

What this package verified has its size, time and SHA-256 in its record, so a hit costs no reading.
A file that has changed since, or that a program of 2019 stored, is read once: it is good if the
catalog's pin or Amazon's entity tag says so, or, where neither is known, if it does not look like
an error page. Anything else is moved to quarantine, never deleted.
"""

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ptbert_hub.digests import Digest, hash_file, recorded_tag, sniff
from ptbert_hub.errors import NotAModelFile
from ptbert_hub.files import replace, sync_folder
from ptbert_hub.naming import ENTRY_NAME, WORK_FOLDER, url_to_filename
from ptbert_hub.records import Record, read_record, record_path, verified_record, write_record
from ptbert_hub.sources import RemoteFile
from ptbert_hub.writers import claim

log = logging.getLogger(__name__)


class Trust(Enum):
    """What the record of a file says about it."""

    INTACT = "size and time are those of the verified file"
    CHANGED = "it was verified, and something has touched it since"
    UNKNOWN = "it was never verified"


@dataclass(frozen=True)
class Entry:
    """A file of a cache folder and its record."""

    path: Path
    record: Record
    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def at(cls, path: Path) -> "Entry":
        """Return the entry at ``path`` as it is now."""
        status = path.stat()
        return cls(path, read_record(path), status.st_size, status.st_mtime_ns, status.st_ino)

    @property
    def key(self) -> str:
        """The name without the version."""
        return self.path.name.partition(".")[0]

    @property
    def trust(self) -> Trust:
        """How far the file can be used without reading it."""
        if "sha256" not in self.record:
            return Trust.UNKNOWN
        recorded = (self.record.get("size"), self.record.get("mtime_ns"))
        return Trust.INTACT if recorded == (self.size, self.mtime_ns) else Trust.CHANGED


@dataclass(frozen=True)
class Finding:
    """What reading a file showed.

    Args:
        sha256: the digest of its bytes, in hexadecimal.
        verified: what says that it is good: ``sha256``, ``md5`` or ``sniffed``.
        problem: what is wrong with it; None if it is good.
    """

    sha256: str
    verified: str | None = None
    problem: str | None = None


def entries(folder: Path, url: str | None = None) -> list[Entry]:
    """Return the entries of ``folder``, of one address or of all, the newest first."""
    start = url_to_filename(url) if url else ""
    found = []
    with suppress(OSError), os.scandir(folder) as names:
        for item in names:
            if item.name.startswith(start) and ENTRY_NAME.fullmatch(item.name):
                with suppress(FileNotFoundError):
                    found.append(Entry.at(folder / item.name))
    return sorted(found, key=lambda entry: entry.mtime_ns, reverse=True)


def newest_good(
    folder: Path, file: RemoteFile, *, writes: bool = True
) -> tuple[Entry | None, list[Entry]]:
    """Return the newest entry of ``file`` that holds what it should, and the damaged ones.

    With ``writes`` a file that had to be read is noted as good, or moved to quarantine.
    """
    damaged: list[Entry] = []
    for entry in entries(folder, file.url):
        if entry.trust is Trust.INTACT and _fits_pin(entry, file):
            return entry, damaged
        try:
            finding = examine(entry, file)
            problem = finding.problem
            if problem is None or _is_replaced(entry):
                if problem is None and writes:
                    note(entry, file, finding)
                return Entry.at(entry.path), damaged
            if writes:
                quarantine(entry.path)
        except OSError as error:  # gone meanwhile, or not ours to read
            problem = str(error)
        log.warning("%s is not used: %s", entry.path, problem)
        damaged.append(entry)
    return None, damaged


def _fits_pin(entry: Entry, file: RemoteFile) -> bool:
    """Whether the recorded digest is that of the catalog, which may have learnt it since."""
    return file.pin is None or entry.record["sha256"] == file.pin.sha256


def _is_replaced(entry: Entry) -> bool:
    """Whether a file that does not fit its record is just being replaced, the record first."""
    if entry.trust is Trust.CHANGED:
        for _ in range(10):
            time.sleep(0.05)
            if Entry.at(entry.path).trust is Trust.INTACT:
                return True
    return False


def examine(entry: Entry, file: RemoteFile) -> Finding:
    """Read a file whole and judge it; nothing is written.

    Programs of 2019 wrote the record last, so a file without one may be half a copy. Then only
    a pin tells, or the name, which holds the digest of an entity tag that may be the MD5.
    """
    tag = recorded_tag(file.url, entry.record.get("etag"))
    hashing = hash_file(entry.path, tag or Digest("md5", ""))
    sha256 = hashing.sha256.hexdigest()
    is_named = entry.path.name.partition(".")[2] == url_to_filename(f'"{hashing.found}"')
    expected = file.pin.sha256 if file.pin else entry.record.get("sha256")
    if sha256 == expected:
        return Finding(sha256, verified="sha256")
    if expected is None and (hashing.agrees() or is_named):
        return Finding(sha256, verified="md5")
    if expected is not None or tag is not None:
        return Finding(sha256, problem="its digest is not the right one")
    if not entry.record:
        return Finding(sha256, problem="it has no record, so it may be half a copy")
    try:
        sniff(entry.path, file.url)
    except NotAModelFile as error:
        return Finding(sha256, problem=str(error))
    return Finding(sha256, verified="sniffed")


def good_record(entry: Entry, file: RemoteFile, finding: Finding) -> Record:
    """Return the record that says a file was found to be good; what was known is kept."""
    old = entry.record
    record = verified_record(
        file.url, old.get("etag"), entry.path, finding.sha256, finding.verified
    )
    names = ("url", "redacted", "source", "last_modified", "time")
    kept = {name: old[name] for name in names if name in old}
    return record | ({"redacted": False} | kept if "url" in kept else kept)


def note(entry: Entry, file: RemoteFile, finding: Finding) -> None:
    """Write down that a file is good, so that it need not be read again, where that is possible."""
    work = entry.path.parent / WORK_FOLDER / "partial"
    if os.access(entry.path.parent, os.W_OK):
        with suppress(OSError), claim() as tag:
            work.mkdir(parents=True, exist_ok=True)
            temporary = work / f"{entry.key}.{tag}.tmp"
            write_record(entry.path, good_record(entry, file, finding), temporary)


def publish(source: Path, target: Path, record: Record, temporary: Path) -> None:
    """Give a complete, synced file its final name, the record first."""
    write_record(target, record, temporary)
    replace(source, target)
    sync_folder(target.parent)


def quarantine(path: Path) -> None:
    """Move a file and its record out of the way; a read-only folder keeps them."""
    folder = path.parent / WORK_FOLDER / "quarantine"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{path.name}.{time.time_ns()}"
        replace(path, place)
        replace(record_path(path), record_path(place))
