"""Unfinished downloads: each file has one writer and one version, which never change.

An unfinished download is ``<entry>.<writer>.<number>.part``, and its record says which version the
bytes belong to. Nobody but its writer ever changes it. Another process that needs the bytes copies
them into a file of its own, and removes the old one if its writer has ended. A writer that begins
again, perhaps with another version, begins a new file. So the bytes of a file and its record
belong together at every moment, also while another process copies them, and also where locks do
not work.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures.thread import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ptbert_hub.answers import Held
from ptbert_hub.catalog import Pin
from ptbert_hub.digests import Digest, Hashing
from ptbert_hub.entry_names import path_in
from ptbert_hub.errors import SizeMismatch
from ptbert_hub.files import create, disk, open_own, open_plain, write_all
from ptbert_hub.records import Record, read_record, record_path, write_record
from ptbert_hub.writers import is_written

CHUNK = 1 << 20
SYNC_SECONDS = 30.0
"""How often the bytes are synced: a power cut loses those since then, a killed process none."""


class Partial:
    """An unfinished download that this process writes.

    Args:
        folder: where unfinished downloads are.
        key: name of the cache entry without its version.
        tag: stands for this writer; see :func:`~ptbert_hub.writers.claim`.
        pin: what the finished file must be, if the catalog knows.

    Attributes:
        size: how many bytes there are.
        hashing: their digests.
        record: the version that they belong to.
    """

    def __init__(self, folder: Path, key: str, tag: str, pin: Pin | None = None) -> None:
        self.folder, self.key, self.tag, self.pin = folder, key, tag, pin
        self.size = 0
        self.record: Record = {}
        self.hashing = Hashing(None, None)
        self._number = 0

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return path_in(self.folder, f"{self.key}.{self.tag}.{self._number}.part")

    @property
    def spare(self) -> Path:
        """A name for temporary files."""
        return self.path.with_suffix(".tmp")

    @property
    def total(self) -> int | None:
        """The size of the whole file, where it is known."""
        return self.record.get("size")

    def held(self, source: str) -> Held | None:
        """Return what can be resumed from ``source``; None if all must be downloaded."""
        is_same = self.record.get("source") == source
        if not self.size or not (self.pin or is_same):
            return None
        validator = self.record.get("validator") if is_same else None
        return Held(self.size, self.total, validator, self.pin is not None)

    def copy_largest(self) -> None:
        """Begin with a copy of the largest unfinished download of the file, if there is one."""
        found = [(usable_size(path), path) for path in self.folder.glob(f"{self.key}.*.part")]
        found.sort(reverse=True)
        for _, path in found[1:]:  # first, so that copies that were killed do not fill the disk
            _remove_if_ended(path)
        if found and found[0][0]:
            size, path = found[0]
            try:
                with open_plain(path) as source:
                    self.start_over({**read_record(path), "durable": 0})
                    self.append(lambda most: source.read(min(most, size - self.size)))
            except OSError:  # no room for a copy, or the other process has just removed it
                self.start_over()
            _remove_if_ended(path)

    def append(
        self, read: Callable[[int], bytes], report: Callable[[int], None] = lambda size: None
    ) -> None:
        """Append bytes until there are no more, and compute their digests meanwhile.

        Args:
            read: returns the next bytes, at most as many as asked for.
            report: is told how many bytes were written.

        Raises:
            SizeMismatch: if there are more bytes than the whole file has.
            CacheError: if they cannot be written.
        """
        total, synced = self.total, time.monotonic()
        with disk(self.path):
            descriptor = open_own(self.path)
        with (
            os.fdopen(descriptor, "r+b", buffering=0) as file,
            ThreadPoolExecutor(1, "hashing") as hasher,
        ):
            hashed = hasher.submit(self.hashing.update, b"")
            file.seek(self.size)
            while chunk := read(CHUNK):
                if total is not None and self.size + len(chunk) > total:
                    raise SizeMismatch(
                        f"more than the {total} announced bytes of {self.record['url']} came",
                        hint="try again",
                        url=self.record["url"],
                    )
                with disk(self.path, total):
                    write_all(file.fileno(), chunk)
                hashed.result()  # of the bytes before these
                hashed = hasher.submit(self.hashing.update, chunk)
                self.size += len(chunk)
                report(len(chunk))
                if time.monotonic() - synced >= SYNC_SECONDS:
                    with disk(self.path):
                        os.fsync(file.fileno())
                    self.note(durable=self.size)
                    synced = time.monotonic()

    def start_over(self, record: Record | None = None) -> None:
        """Drop all bytes; with a record, begin a new file, the record first."""
        self.discard()
        self._number += 1
        self.size, self.record = 0, record or {}
        known = self.record.get("digest")
        digest = Digest("sha256", self.pin.sha256) if self.pin else known and Digest(*known)
        self.hashing = Hashing(digest, self.total)
        if record:
            self.note()
            with disk(self.path):
                os.close(create(self.path))

    def note(self, **more: object) -> None:
        """Add to the record."""
        self.record = {**self.record, **more}
        with disk(self.path):
            write_record(self.path, self.record, self.spare)

    def discard(self) -> None:
        """Remove the file and its record."""
        discard_files(self.path)

    def release(self) -> None:
        """Leave the file for the next download; remove it if it is empty."""
        if self.size == 0:
            self.discard()


def usable_size(path: Path) -> int:
    """Return how many bytes of an unfinished download can be relied on.

    Those are all that were written since this machine was started. Of other files it is only what
    is known to have reached the disk.
    """
    with suppress(OSError):
        size, record = path.stat().st_size, read_record(path)
        if record:
            durable = record.get("durable") or 0
            return min(size, durable) if is_written(path) is None else size
    return 0


def sweep(folder: Path, key: str) -> None:
    """Remove what ended processes left of ``key``."""
    for path in folder.glob(f"{key}.*"):
        _remove_if_ended(path)


def _remove_if_ended(path: Path) -> None:
    if is_written(path) is False:
        discard_files(path)


def discard_files(path: Path) -> None:
    """Remove an unfinished download and its record, as far as they are there."""
    for name in (path, record_path(path)):
        with suppress(OSError):
            name.unlink()
