"""One lock for each cache entry; a broken lock costs bandwidth, never correctness."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def entry_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock called ``name`` in ``folder``, or go on without where locks do not work."""
    from filelock import FileLock

    lock = FileLock(folder / f"{name}.lock", mode=0o666)
    try:
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        log.info("going on without the lock %s: %s", lock.lock_file, error)
    try:
        yield
    finally:
        lock.release()
