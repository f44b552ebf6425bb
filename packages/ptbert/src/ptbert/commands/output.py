"""The file that a command writes: whether it can be there, asked before the work"""

from __future__ import annotations

import os


def check_output(path: str | os.PathLike[str] | None) -> None:
    """Raise an ``OSError`` if no file can be at the path of ``--output``; nothing for None."""
    if path is None:
        return
    if os.path.isdir(path):
        raise IsADirectoryError(f"--output {path} is a folder; give the name of a file in it")
    if not os.path.isdir(folder := os.path.dirname(path) or "."):
        raise FileNotFoundError(f"there is no folder {folder!r} for --output; make it first")
