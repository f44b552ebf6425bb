"""Locks: of a cache entry, so that a file is downloaded once; of a folder that one program uses

A lock is the kernel's (``flock``), so it ends with the process that holds it. A lock file is
never deleted, and its age and content do not matter. Where locks do not work, or the holder of an
entry makes no progress, processes go on without the lock. For an entry that is safe, because each
writes a file of its own; it only costs more downloads.
"""

import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ptbert_hub.entry_names import path_in
from ptbert_hub.files import shared_mode

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds without progress by the holder after which others go on without the lock."""


@contextmanager
def entry_lock(
    folder: Path, name: str, progress: Callable[[], object] = lambda: None
) -> Iterator[bool]:
    """Hold the lock called ``name`` while the block runs; yield False if the lock was not obtained.

    Args:
        folder: where the lock file is.
        name: of the entry.
        progress: returns something that changes while the holder is working.
    """
    from filelock import Timeout

    lock = _lock_file(path_in(folder, f"{name}.lock"))
    seen, since = progress(), time.monotonic()
    held = False
    while not held:
        try:
            lock.acquire(timeout=min(1.0, PATIENCE))
            held = True
        except Timeout:
            now, before = progress(), seen
            if now != before:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since >= PATIENCE:
                log.warning(
                    "the holder of %s has made no progress for %.0f s; going on without the lock",
                    lock.lock_file,
                    PATIENCE,
                )
                break
        except (OSError, NotImplementedError) as error:
            log.info("locks do not work here (%s); going on without the lock", error)
            break
    try:
        yield held
    finally:
        if held:
            with suppress(OSError):
                lock.release()


@contextmanager
def folder_lock(folder: Path) -> Iterator[str]:
    """Hold the lock of a whole folder while the block runs, so that one program works in it.

    The lock file stays in the folder, as ``.lock``, and names the process that had it last. Where
    locks do not work, nothing is locked.

    Args:
        folder: the folder; it must exist.

    Yields:
        Empty if the folder is this program's for now; else which process has it.

    Example:
        >>> with folder_lock(Path(".")) as first, folder_lock(Path(".")) as second:
        ...     first, second.startswith("process ")
        ('', True)
    """
    from filelock import Timeout

    path = folder / FOLDER_LOCK
    lock = _lock_file(path)
    holder, held = "", False
    try:
        lock.acquire(timeout=_DYING)
        held = True
        with suppress(OSError):
            path.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
    except Timeout:
        with suppress(OSError, UnicodeDecodeError):
            holder = path.read_text(encoding="utf-8")[:200]
        holder = holder or "another process"
    except (OSError, NotImplementedError) as error:
        log.info("locks do not work here (%s); %s has none", error, folder)
    try:
        yield holder
    finally:
        if held:
            with suppress(OSError):
                lock.release()


FOLDER_LOCK = ".lock"
_DYING = 2.0  # seconds in which a process that was killed gives its locks back


def _lock_file(path: Path) -> Any:
    from filelock import FileLock

    mode = shared_mode(path.parent)  # else the umask decides
    how: dict[str, Any] = {} if mode is None else {"mode": mode}
    return FileLock(path, fallback_to_soft=False, **how)
