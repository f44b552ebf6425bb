"""Errors while a training writes: what cannot be written, why, and what to do"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a quota, a limit on file sizes


@contextmanager
def told_if_not_written(what: str, folder: Path) -> Iterator[None]:
    """Say in words that something cannot be written, and that nothing is lost.

    Args:
        what: the thing.
        folder: where it was to be.

    Raises:
        OSError: if the block has an error of files.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch.save turns errors of files into the latter
        reason = error if isinstance(error, OSError) else error.__context__
        if not isinstance(reason, OSError):
            raise
        advice = "make room" if reason.errno in _FULL else "correct that"
        raise OSError(
            f"{what} cannot be written to {str(folder)!r} ({reason}); the checkpoints before are "
            f"complete: {advice}, and run the same command again"
        ) from error
