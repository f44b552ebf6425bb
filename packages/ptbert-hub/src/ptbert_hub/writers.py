"""The name of an unfinished file says which process writes it.

The name is ``<key>.<tag>…``, and the tag holds the machine, the process and a random number. A
file whose process has ended is no longer needed. Of files from other machines nothing is known.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

_claimed: set[str] = set()


@contextmanager
def claim() -> Iterator[str]:
    """Yield a tag for the names of files that this process writes while the block runs."""
    tag = f"{machine()}-{os.getpid()}-{secrets.token_hex(8)}"
    _claimed.add(tag)
    try:
        yield tag
    finally:
        _claimed.discard(tag)


def is_written(path: Path) -> bool | None:
    """Whether the process that writes the file still does; None if that cannot be known here.

    Example:
        >>> with claim() as tag:
        ...     is_written(Path(f"model.{tag}.part"))
        True
        >>> is_written(Path(f"model.{tag}.part"))
        False
        >>> is_written(Path("model.elsewhere-1-00.part"))
    """
    tag = path.name.partition(".")[2].partition(".")[0]
    name, _, rest = tag.partition("-")
    pid = rest.partition("-")[0]
    if not name or name != machine() or not pid.isdigit():
        return None
    return tag in _claimed if int(pid) == os.getpid() else _runs(int(pid))


@cache
def machine() -> str:
    """Return an identifier of this host since it was started, as processes here see each other.

    Empty where that cannot be known.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return sha256(f"{socket.gethostname()}/{boot}/{namespace}".encode()).hexdigest()[:16]


def _runs(pid: int) -> bool:
    with suppress(PermissionError):  # it runs, and is another user's
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    with suppress(OSError):
        status = Path(f"/proc/{pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] not in "ZX"  # ended, but not yet collected
    return True
