"""What a training reads: data known by their digests, and nothing in the folder that it writes"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptbert.training.settings import Settings, differences
from ptbert_hub.digests import file_digest
from ptbert_tokenizers.files.lines import STANDARD_INPUT
from ptbert_tokenizers.token_files.formats import files_of, format_of

_FILES = ("data", "validation")


def refuse_sources_inside(folder: Path, settings: Settings) -> None:
    """Raise if model or data are in a folder that will be written, however they are spelled.

    Raises:
        ValueError: if one is.
    """
    if not folder.is_dir():
        return
    for name in ("model", *_FILES):
        source = getattr(settings, name)
        if not os.path.exists(source):
            continue
        path = Path(os.path.realpath(source))
        if any(each.is_dir() and each.samefile(folder) for each in (path, *path.parents)):
            raise ValueError(
                f"{name}={source!r} is in the output folder {str(folder)!r}, where the training "
                "would write over it; give another folder"
            )


def file_digests(settings: Settings) -> dict[str, str]:
    """Return the SHA-256 of each file of examples, by the name of its setting.

    A token file may be several files; those behind the first have a number in their name.

    Raises:
        ValueError: for a pipe, which could not be read again.
    """
    found = {}
    for name in _FILES:
        path = getattr(settings, name)
        is_on_disk = os.path.isfile(path) or os.path.isdir(path)  # a folder has its own error
        if path == STANDARD_INPUT or (os.path.exists(path) and not is_on_disk):
            raise ValueError(
                f"{name}={path!r} can be read once only, and a training that goes on reads it "
                "again; give a file"
            )
        if os.path.isfile(path):
            format = format_of(path)
            others = [each for each in files_of(path, format) if each != path] if format else []
            for number, each in enumerate([path, *others], 1):
                found[name if number == 1 else f"{name} {number}"] = file_digest(each)
    return found


def changes(old: Settings, new: Settings, before: Mapping[str, Any]) -> list[str]:
    """Say what is different from a training that began before.

    A file that has the same content is the same, whatever its name is now.

    Args:
        old: settings of that training.
        new: those of the training that shall go on.
        before: what ``file_digests`` returned then.
    """
    now = file_digests(new)
    is_same = {name: _of_setting(now, name) == _of_setting(before, name) for name in _FILES}
    same = {name: getattr(new, name) for name in _FILES if name in now and is_same[name]}
    if os.path.exists(old.model) and os.path.exists(new.model):
        same |= {"model": new.model} if os.path.samefile(old.model, new.model) else {}
    changed = differences(old.replaced(**same), new)
    for name in _FILES:
        path = getattr(new, name)
        told = f"the file {path!r} was changed"
        if name in now and not is_same[name] and path == getattr(old, name):
            changed += [told] if told not in changed else []  # one file may be both
    return changed


def _of_setting(digests: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Of some digests those of the files of one setting."""
    return {key: value for key, value in digests.items() if key.partition(" ")[0] == name}
