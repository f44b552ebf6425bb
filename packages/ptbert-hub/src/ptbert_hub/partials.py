"""Unfinished downloads: each file has one writer and one version for life.

An unfinished download is ``<entry>.<writer>.<number>.part``, and its record says which version the
bytes belong to. Nobody but its writer ever changes it. Another process that needs the bytes copies
them into a file of its own, and removes the old one if its writer has ended. A writer that begins
again, perhaps with another version, begins a new file. So the bytes of a file and its record
belong together at every moment, also while another process copies them, and also where locks do
not work.
"""

from contextlib import suppress
from pathlib import Path

from ptbert_hub.answers import Held
from ptbert_hub.catalog import Pin
from ptbert_hub.digests import Digest, Hashing
from ptbert_hub.files import disk
from ptbert_hub.records import Record, read_record, record_path, write_record
from ptbert_hub.writers import is_written

BLOCK = 1 << 20


class Partial:
    """An unfinished download that this process writes.

    Args:
        folder: where unfinished downloads are.
        key: name of the cache entry without its version.
        tag: stands for this writer; see :func:`~ptbert_hub.writers.claim`.
        pin: what the finished file must be, if the catalog knows.
    """

    def __init__(self, folder: Path, key: str, tag: str, pin: Pin | None = None) -> None:
        self.folder, self.key, self.tag, self.pin = folder, key, tag, pin
        self.size = 0
        self.record: Record = {}
        self._number = 0
        self._hashing: Hashing | None = None

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return self.folder / f"{self.key}.{self.tag}.{self._number}.part"

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

    def hashing(self) -> Hashing:
        """Return the digests of the bytes that are there; they are read if they were copied."""
        if self._hashing is None:
            known = self.record.get("digest")
            digest = Digest("sha256", self.pin.sha256) if self.pin else known and Digest(*known)
            self._hashing = Hashing(digest, self.total)
            with disk(self.path), open(self.path, "rb") as file:
                self._hashing.read(file, self.size)
        return self._hashing

    def copy_largest(self) -> None:
        """Begin with a copy of the largest unfinished download of the file, if there is one."""
        found = [(usable_size(path), path) for path in self.folder.glob(f"{self.key}.*.part")]
        for size, path in sorted(found, reverse=True):
            if size and not self.size:
                try:
                    self._copy(path, size)
                except OSError:  # no room for a copy, or the other has just removed it
                    self.start_over()
                if is_written(path) is False:
                    discard_files(path)

    def _copy(self, path: Path, size: int) -> None:
        with open(path, "rb") as source:
            self.start_over({**read_record(path), "durable": 0})
            with open(self.path, "wb") as target:
                left = size
                while left and (block := source.read(min(left, BLOCK))):
                    left -= target.write(block)
        if left:
            raise OSError(f"{path} is shorter than {size} bytes")
        self.size = size

    def start_over(self, record: Record | None = None) -> None:
        """Drop all bytes; with a record, begin a new file, the record first."""
        self.discard()
        self._number += 1
        self.size, self.record, self._hashing = 0, record or {}, None
        if record:
            self.note()
            with disk(self.path):
                self.path.touch()

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
            durable = int(record.get("durable", 0))
            return min(size, durable) if is_written(path) is None else size
    return 0


def sweep(folder: Path, key: str) -> None:
    """Remove what ended processes left of ``key``."""
    for path in folder.glob(f"{key}.*"):
        if is_written(path) is False:
            discard_files(path)


def discard_files(path: Path) -> None:
    """Remove an unfinished download and its record, as far as they are there."""
    for name in (path, record_path(path)):
        with suppress(OSError):
            name.unlink()
