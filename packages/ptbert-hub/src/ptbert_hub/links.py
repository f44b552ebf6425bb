"""Folders in which files of a cache have their own names, as programs expect them

They hold links, so nothing is stored twice. Where a cache cannot be written to, the folder is one
of this process.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from ptbert_hub.entry_names import path_in, work_folder
from ptbert_hub.files import make_folder, open_work_folder, remove, replace
from ptbert_hub.writers import claim


class Links:
    """A folder in which files of caches have their own names.

    Args:
        key: the name of the folder: 64 hexadecimal digits.
        cache: the cache folder that it is in.

    Attributes:
        folder: where it is.
    """

    def __init__(self, key: str, cache: Path) -> None:
        self._cache = cache
        self.folder = path_in(work_folder(cache, "snapshots"), key)
        self._files: dict[str, Path] = {}
        self._is_spare = False

    def add(self, path: Path, name: str) -> Path:
        """Give a file its own name, and return where it has it.

        If the cache cannot be written to, the folder becomes another one, of this process.
        """
        self._files[name] = path
        try:
            return self._link(path, name)
        except OSError:
            if self._is_spare:
                raise
        self.folder, self._is_spare = _folder_of_process(), True
        return [self._link(path, name) for name, path in self._files.items()][-1]

    def _link(self, path: Path, name: str) -> Path:
        target = self.folder / name
        with suppress(OSError):
            if os.path.samefile(path, target):
                return target
        if not self._is_spare:
            open_work_folder(self._cache, "snapshots")
            make_folder(self.folder)
        is_inside = path.parent == self._cache and not self._is_spare
        text = f"../../../{path.name}" if is_inside else os.path.realpath(path)
        with claim() as tag:
            scratch = target.with_name(f".{name}.{tag}.tmp")
            try:
                _link_or_copy(text, path, scratch)
                replace(scratch, target)
            finally:
                remove(scratch)  # it is still there if it was the same file
        return target


def _link_or_copy(text: str, path: Path, place: Path) -> None:
    with suppress(OSError, NotImplementedError):  # not every user of Windows may make links
        return os.symlink(text, place)
    with suppress(OSError, NotImplementedError):
        return os.link(path, place)
    shutil.copyfile(path, place)


def _folder_of_process() -> Path:
    """Make a folder that is removed when this process ends."""
    folder, process = tempfile.mkdtemp(prefix="ptbert-hub-"), os.getpid()

    def remove_own() -> None:
        if os.getpid() == process:  # and not in one that it forked
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove_own)
    return Path(folder)
