"""Entries of a cache folder: which file is there, and is it the right one?

The record of a verified file has its size, time and SHA-256. While size and time are the same, the
file is used without reading it. A file that has changed since, or that a program of 2019 stored, is
read once. It is good if it has the digest of the catalog, of its record, or of Amazon's entity tag,
or, where none is known, if it does not look like an error page. Any other file is moved to
quarantine, never deleted.
"""

import errno
import logging
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptbert_hub.digests import Digest, hash_file, recorded_tag, sniff
from ptbert_hub.entry_names import ENTRY_NAME, path_in, url_to_filename
from ptbert_hub.errors import DigestMismatch, IntegrityError, Unverifiable
from ptbert_hub.files import open_work_folder, replace, sync_folder
from ptbert_hub.records import Record, read_record, record_path, verified_record, write_record
from ptbert_hub.sources import RemoteFile
from ptbert_hub.writers import claim

log = logging.getLogger(__name__)


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
        """Return the entry at ``path`` as it is now; a pipe or a device is none."""
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(errno.ENOENT, "it is no plain file", str(path))
        return cls(path, read_record(path), status.st_size, status.st_mtime_ns, status.st_ino)

    @property
    def key(self) -> str:
        """The name without the version."""
        return self.path.name.partition(".")[0]

    @property
    def is_intact(self) -> bool:
        """Whether it was verified and has not been touched since, by its size and time."""
        recorded = (self.record.get("size"), self.record.get("mtime_ns"))
        return "sha256" in self.record and recorded == (self.size, self.mtime_ns)


def entries(folder: Path, key: str = "") -> list[Entry]:
    """Return the entries of ``folder`` whose names begin with ``key``, newest first."""
    found = []
    with suppress(OSError), os.scandir(folder) as names:
        for item in names:
            if item.name.startswith(key) and ENTRY_NAME.fullmatch(item.name):
                with suppress(FileNotFoundError):
                    found.append(Entry.at(path_in(folder, item.name)))
    return sorted(found, key=lambda entry: entry.mtime_ns, reverse=True)


def newest_good(
    folder: Path, file: RemoteFile, *, writes: bool = True, key: str = ""
) -> tuple[Entry | None, list[Entry]]:
    """Return the newest entry of ``file`` that holds what it should, and the damaged ones.

    With ``writes`` a file that had to be read is noted as good, or moved to quarantine. With a
    ``key``, what it is called in the cache does not depend on its address.
    """
    damaged: list[Entry] = []
    for entry in entries(folder, key or url_to_filename(file.url)):
        if entry.is_intact and (not file.pin or entry.record["sha256"] == file.pin.sha256):
            return entry, damaged
        try:
            record = examine(entry, file)
            if writes:
                note(entry.path, record)
            return Entry.at(entry.path), damaged
        except IntegrityError as error:
            if _is_replaced(entry):
                return Entry.at(entry.path), damaged
            if writes:
                quarantine(entry.path)
            problem = str(error)
        except OSError as error:  # just removed, or not readable by this user
            problem = str(error)
        log.warning("%s is not used: %s", entry.path, problem)
        damaged.append(entry)
    return None, damaged


def _is_replaced(entry: Entry) -> bool:
    """Whether another process is just replacing the file; it writes the record first."""
    was_touched = "sha256" in entry.record and not entry.is_intact
    for _ in range(10 if was_touched else 0):
        time.sleep(0.05)
        with suppress(OSError):
            if Entry.at(entry.path).is_intact:
                return True
    return False


def examine(entry: Entry, file: RemoteFile) -> Record:
    """Read a file whole and return the record of a good file; nothing is written.

    Programs of 2019 wrote the record last, so a file without one may be half a copy. Then only
    a pin tells, or the name, which holds the digest of an entity tag that may be the MD5.

    Raises:
        DigestMismatch: if it is not the file that it should be.
        Unverifiable: if it has no record.
        NotAModelFile: if no digest is known and it looks like an error page.
    """
    old, etag = entry.record, entry.record.get("etag")
    tag = recorded_tag(file.url, etag)
    hashing = hash_file(entry.path, tag or Digest("md5", ""))
    sha256 = hashing.sha256.hexdigest()
    is_named = entry.path.name.partition(".")[2] == url_to_filename(f'"{hashing.found}"')
    expected = file.pin.sha256 if file.pin else old.get("sha256")
    if sha256 == expected:  # of the record, it only says that the file is still the same
        verified = "sha256" if file.pin else old.get("verified", "sha256")
    elif expected is None and (hashing.agrees() or is_named):
        verified = "md5"
    elif expected is not None or tag is not None:
        raise DigestMismatch("its digest is not the right one")
    elif not old:
        raise Unverifiable("it has no record, so it may be half a copy")
    else:
        sniff(entry.path, file.url)
        verified = "sniffed"
    record = verified_record(file.url, etag, entry.path, sha256, verified)
    kept = ("url", "redacted", "source", "last_modified", "time")
    old = {"redacted": False, **old} if old else old
    return record | {name: old[name] for name in kept if name in old}


def note(path: Path, record: Record) -> None:
    """Write the record of a good file, so that it is not read again; not in a read-only folder."""
    if os.access(path.parent, os.W_OK):
        with suppress(OSError), claim() as tag:
            key, folder = path.name.partition(".")[0], open_work_folder(path.parent, "partial")
            write_record(path, record, path_in(folder, f"{key}.{tag}.tmp"))


def publish(source: Path, target: Path, record: Record, temporary: Path) -> None:
    """Give a complete, synced file its final name, the record first."""
    write_record(target, record, temporary)
    replace(source, target)
    sync_folder(target.parent)


def quarantine(path: Path) -> None:
    """Move a file and its record out of the way; a read-only folder keeps them."""
    with suppress(OSError):
        folder = open_work_folder(path.parent, "quarantine")
        place = path_in(folder, f"{path.name}.{time.time_ns()}")
        replace(path, place)
        replace(record_path(path), record_path(place))
