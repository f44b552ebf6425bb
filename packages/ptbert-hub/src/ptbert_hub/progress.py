"""Show progress: bars on a terminal only; of a download, else a line in the log now and then."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, TypeVar

from ptbert_hub import settings

log = logging.getLogger(__name__)

T = TypeVar("T")

BAR_BYTES = 8 << 20
BAR_SECONDS = 2.0
LINE_SECONDS = 30.0


def wants_bar(total: int | None) -> bool:
    """Whether to draw a bar: on a terminal, by the main thread of the first process only.

    ``PTBERT_HUB_PROGRESS`` forces it on (``1``) or off (``0``); ``TQDM_POSITION=-1`` is off too.
    """
    choice = settings.shows_progress()
    if choice is False:
        return False
    try:
        watched = choice or os.isatty(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # closed, replaced, or no descriptor at all
        return False
    main = threading.current_thread() is threading.main_thread()
    return watched and settings.is_first_rank() and main and (total is None or total > BAR_BYTES)


def new_bar(label: str, total: int | None, done: int = 0) -> Any:
    """Return a bar of tqdm's that counts bytes, or None where none is wanted.

    Like every bar of this project it appears after some time, on standard error, and is removed
    at the end.

    Args:
        label: what is read or downloaded.
        total: its size in bytes, where known.
        done: bytes that are there already.
    """
    if not wants_bar(total):
        return None
    return _bar(desc=label, total=total, initial=done, unit="B", unit_scale=True, unit_divisor=1024)


def counting_bar(total: int, *, unit: str, done: int = 0) -> Any:
    """Return a bar of tqdm's that counts things, or None where none is wanted.

    Args:
        total: how many there are.
        unit: what one is called.
        done: how many are done already.
    """
    if not wants_bar(None):
        return None
    return _bar(total=total, initial=done, unit=f" {unit}")


def watched(
    items: Iterable[T], *, unit: str, label: str | None = None, verbose: bool = True
) -> Iterable[T]:
    """Return the same items, counted by a bar where one is wanted.

    Args:
        items: what is iterated over.
        unit: what an item is called.
        label: what is done with them.
        verbose: False for no bar at all.
    """
    if not (verbose and wants_bar(None)):
        return items
    counted: Iterable[T] = _bar(items, desc=label, unit=f" {unit}")
    return counted


def _bar(items: Any = None, **look: Any) -> Any:
    from tqdm import tqdm  # slow to import

    return tqdm(items, delay=BAR_SECONDS, mininterval=0.1, leave=False, file=sys.stderr, **look)


class Progress:
    """Shows the progress of one download.

    Args:
        label: what is downloaded, without secrets.
        total: its size in bytes, where known.
        done: bytes that are there already.
    """

    def __init__(self, label: str, total: int | None, done: int) -> None:
        self._label, self._total, self._done = label, total, done
        self._next_line = time.monotonic() + LINE_SECONDS
        self._bar = new_bar(label.rpartition("/")[2], total, done)
        if self._bar is None:
            log.info("downloading %s (%s bytes, %s there)", label, total, done)

    def update(self, size: int) -> None:
        """Count ``size`` more bytes."""
        self._done += size
        if self._bar is not None:
            self._bar.update(size)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            log.info("downloading %s: %s of %s bytes", self._label, self._done, self._total)

    def close(self) -> None:
        """Remove the bar, or log the end."""
        if self._bar is not None:
            self._bar.close()
        else:
            log.info("have %s of %s bytes of %s", self._done, self._total, self._label)
