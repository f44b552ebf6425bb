"""One lock for each cache entry, so that a file is downloaded once and not by every process.

The lock is the kernel's (``flock``), so it ends with the process that holds it. A lock file is
never deleted, and its age and content do not matter. Where locks do not work, or the holder makes
no progress, processes go on without the lock. That is safe, because each writes a file of its own;
it only costs more downloads.
"""

import logging
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
    from filelock import FileLock, Timeout

    mode = shared_mode(folder)  # else the umask decides
    how: dict[str, Any] = {} if mode is None else {"mode": mode}
    lock = FileLock(path_in(folder, f"{name}.lock"), fallback_to_soft=False, **how)
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
