"""Unfinished downloads: each has one writer for life, and its bytes outlive the writer.

A partial download is ``<entry>.<owner>.part``, its facts lie in ``….part.json``. The owner is in
the name: machine, process, when that process began, and a random number. Another process takes a
partial over only if the writer gave it up or is a dead process of this machine, and does so by
renaming it, which only one can. A silent writer elsewhere may be asleep, so its bytes are copied.
"""

import json
import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from ptbert_hub.answers import Held
from ptbert_hub.digests import Digest
from ptbert_hub.files import atomic_write

SILENT_SECONDS = 600.0
"""How long a writer elsewhere must have been silent before its bytes are copied."""


class Fate(Enum):
    """What may be done with somebody's partial download."""

    LEAVE = "it is being written"
    TAKE = "nobody writes it any more"
    COPY = "its writer is out of sight and silent"


@dataclass(frozen=True)
class Owner:
    """A process, told from every other that ever ran.

    Args:
        machine: stands for host, boot and process namespace; empty if they cannot be known.
        pid: process number.
        started: when the process began, in the kernel's own count; empty if it does not run.
    """

    machine: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.machine}-{self.pid}-{self.started}"


def fate(owner: Owner | None, me: Owner, *, released: bool, alive: bool, silent: float) -> Fate:
    """Decide what may be done with a partial download.

    Args:
        owner: its writer; None when the name does not tell.
        me: this process.
        released: whether the writer gave it up.
        alive: whether the writer runs, which only counts on the same machine.
        silent: seconds since the last byte was written.

    Example:
        >>> me = Owner("a1b2c3d4", 10, "5")
        >>> fate(Owner("a1b2c3d4", 9, "4"), me, released=False, alive=False, silent=0.0)
        <Fate.TAKE: 'nobody writes it any more'>
    """
    if released:
        return Fate.TAKE
    if owner is not None and owner.machine and owner.machine == me.machine:
        return Fate.LEAVE if alive else Fate.TAKE
    return Fate.COPY if silent > SILENT_SECONDS else Fate.LEAVE


def myself() -> Owner:
    """Return this process."""
    return Owner(machine(), os.getpid(), _started(os.getpid()))


@cache
def machine() -> str:
    """Return what stands for this host, since it was booted, as processes here see each other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return sha256(f"{socket.gethostname()}/{boot}/{namespace}".encode()).hexdigest()[:16]


def _started(pid: int) -> str:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = status.rpartition(")")[2].split()  # the program's name before it may hold spaces
    return "" if fields[0] in "ZX" else fields[19]


_mine: set[str] = set()  # tags of what this process is writing now


def claim() -> str:
    """Return a tag that says in a file's name that this process is writing it."""
    tag = f"{myself()}-{secrets.token_hex(8)}"
    _mine.add(tag)
    return tag


def unclaim(tag: str) -> None:
    """Say that this process no longer writes what bears the tag."""
    _mine.discard(tag)


class Partial:
    """A partial download that this process writes.

    Args:
        folder: where partial downloads stand.
        key: name of the cache entry without its version.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        self.tag = claim()
        self.size = 0
        self.facts: dict[str, Any] = {}

    @classmethod
    def adopted_or_new(cls, folder: Path, key: str) -> Self:
        """Return the largest partial download of ``key`` that may be taken over, or a new one."""
        found = []
        for path in folder.glob(f"{key}.*.part"):
            with suppress(OSError):
                found.append((_usable(path), path, fate_of(path)))
        partial = cls(folder, key)
        for size, path, what in sorted(found, reverse=True, key=lambda item: item[0]):
            if size and what is not Fate.LEAVE and partial._take(size, path, what):
                return partial
        return partial

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return self.folder / f"{self.key}.{self.tag}.part"

    @property
    def spare(self) -> Path:
        """A name for a temporary file that is removed together with this download."""
        return self.folder / f"{self.key}.{self.tag}.tmp"

    @property
    def digest(self) -> Digest | None:
        """What the finished file must be, as far as is known."""
        value = self.facts.get("digest")
        return Digest(*value) if value else None

    def held(self, source: str, *, is_pinned: bool) -> Held | None:
        """Return what can be resumed from ``source``; None if all must be fetched."""
        same = self.facts.get("source") == source
        if not self.size or not (is_pinned or same):
            return None
        validator = self.facts.get("validator") if same else None
        return Held(self.size, self.facts.get("total"), validator, is_pinned)

    def start_over(self, **facts: Any) -> None:
        """Forget all bytes, and note what the next ones belong to before the first is written."""
        with open(self.path, "wb"):
            self.size = 0
        self.facts = {**facts, "durable": 0}
        self._write_facts()

    def note(self, **facts: Any) -> None:
        """Add to the facts."""
        self.facts = {**self.facts, **facts}
        self._write_facts()

    def release(self) -> None:
        """Give the download up, so that the next one may resume it; drop it if it is empty."""
        if self.size == 0:
            return self.discard()
        with suppress(OSError):
            self.note(released=True)
        unclaim(self.tag)
        return None

    def discard(self) -> None:
        """Remove the download and everything that belongs to it."""
        discard_files(self.path)
        unclaim(self.tag)

    def _write_facts(self) -> None:
        with atomic_write(_facts_path(self.path), temporary=self.spare) as file:
            file.write(json.dumps(self.facts).encode())

    def _take(self, size: int, old: Path, what: Fate) -> bool:
        """Make the bytes of ``old`` this download's own; a crash in between loses only bytes."""
        facts = read_facts(old)
        facts.pop("released", None)
        try:
            self.facts = facts
            self._write_facts()  # first: bytes without facts cannot be resumed
            if what is Fate.TAKE:
                os.rename(old, self.path)
                discard_files(old)
            else:
                _copy(old, self.path, size)
        except OSError:
            self.facts = {}
            return False
        self.size = size
        return True


def fate_of(path: Path) -> Fate:
    """Return what may be done now with the partial download that ``path`` belongs to."""
    me, tag = myself(), path.name.split(".")[1]
    owner = _owner(tag)
    if owner == me:
        alive = tag in _mine
    else:
        alive = owner is not None and _started(owner.pid) == owner.started
    released = bool(read_facts(_part_of(path)).get("released"))
    silent = time.time() - path.stat().st_mtime
    return fate(owner, me, released=released, alive=alive, silent=silent)


def sweep(folder: Path, key: str) -> None:
    """Remove what dead writers of ``key`` left, after the file has been published."""
    for path in folder.glob(f"{key}.*"):
        with suppress(OSError):
            if fate_of(path) is Fate.TAKE:
                discard_files(path)


def discard_files(path: Path) -> None:
    """Remove a partial download and everything that belongs to it, the facts last."""
    part = _part_of(path)
    for name in (part, part.with_suffix(".tmp"), _facts_path(part)):
        with suppress(OSError):
            name.unlink()


def read_facts(part: Path) -> dict[str, Any]:
    """Return the facts about the partial download at ``part``; none if they are damaged."""
    try:
        facts = json.loads(_facts_path(part).read_bytes())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _owner(tag: str) -> Owner | None:
    try:
        name, pid, started, _ = tag.split("-")
        return Owner(name, int(pid), started)
    except ValueError:
        return None


def _part_of(path: Path) -> Path:
    return path.with_name(".".join(path.name.split(".")[:2]) + ".part")


def _facts_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _usable(path: Path) -> int:
    """How many bytes count: all that were written since this machine started, else the synced."""
    size, owner = path.stat().st_size, _owner(path.name.split(".")[1])
    if owner is not None and owner.machine and owner.machine == machine():
        return size
    return min(size, int(read_facts(path).get("durable", 0)))


def _copy(old: Path, new: Path, size: int) -> None:
    with open(old, "rb") as source, open(new, "wb") as target:
        left = size
        while left and (block := source.read(min(left, 1 << 20))):
            left -= target.write(block)
    if left:
        raise OSError(f"{old} is shorter than {size} bytes")
