"""One lock for each cache entry; a broken lock costs bandwidth, never correctness.

The lock is the kernel's (``flock``), so it vanishes with its holder. A lock file is never deleted
and its age or content never matters. Where locks do not work, or the holder shows no sign of life,
everyone goes on without: each writer has a file of its own.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds without a sign of life from the holder after which waiting ends."""


@contextmanager
def entry_lock(
    folder: Path, name: str, progress: Callable[[], object] = lambda: None
) -> Iterator[bool]:
    """Hold the lock called ``name`` while the block runs; yield False when going on without.

    Args:
        folder: where the lock file stands.
        name: of the entry.
        progress: returns something that changes while the holder is working.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / f"{name}.lock", mode=0o666, fallback_to_soft=False)
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
                    "whoever holds %s has done nothing for %.0f s; going on without it",
                    lock.lock_file,
                    PATIENCE,
                )
                break
        except (OSError, NotImplementedError) as error:
            log.info("locks do not work here (%s); going on without", error)
            break
    try:
        yield held
    finally:
        if held:
            with suppress(OSError):
                lock.release()
