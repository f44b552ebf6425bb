"""Find out what a name means: a published checkpoint, a file, a folder or an address."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import url2pathname

from ptbert_hub.addresses import redacted
from ptbert_hub.catalog import CATALOG, Checkpoint, closest_name, name_of_address
from ptbert_hub.errors import UnknownName, WrongFamily
from ptbert_hub.settings import expand_if_known


@dataclass(frozen=True)
class Place:
    """What a name means.

    Args:
        name: what was asked for.
        checkpoint: the row of the catalog, for the name of a published checkpoint or the address
            of its weights or old archive.
        path: an existing file or folder, or the prefix of a TensorFlow checkpoint, whose files are
            ``PREFIX.index`` and ``PREFIX.data-…``.
        address: the address, if the name is one that must be downloaded.
    """

    name: str
    checkpoint: Checkpoint | None = None
    path: Path | None = None
    address: str | None = None


def locate(name_or_path: str | os.PathLike[str], *, family: str | None = None) -> Place:
    """Find out what a name means; nothing is downloaded.

    The names of the catalog come first, then addresses, then files and folders.

    Args:
        name_or_path: the name of a published checkpoint, an address, or the path of a file, a
            folder or a TensorFlow checkpoint.
        family: the only family of checkpoints that is wanted: ``bert``, ``gpt``, ``gpt2`` or
            ``transfo_xl``; any when None.

    Raises:
        UnknownName: if it is none of these. The message has the most similar name, if there is
            one, and all known names.
        WrongFamily: if it is a published checkpoint of another family.

    Example:
        >>> locate("gpt2").checkpoint.family
        'gpt2'
        >>> locate("https://example.org/model.tar.gz").address
        'https://example.org/model.tar.gz'
        >>> Path("model").mkdir()
        >>> locate("model").path.name
        'model'
    """
    name = os.fspath(name_or_path)
    address = name if "://" in name and _scheme(name) != "file" else None
    checkpoint = CATALOG.get(name_of_address(name) or name)
    if checkpoint is not None and family not in {None, checkpoint.family}:
        raise WrongFamily(
            f"{name!r} is a checkpoint of the {checkpoint.family} family, not of {family}",
            hint=f"use the classes of the {checkpoint.family} family",
        )
    path = None if checkpoint or address else existing_path(name) or _tensorflow_prefix(name)
    if not (checkpoint or address or path):
        raise _unknown(name, family)
    return Place(name, checkpoint, path, address)


def _scheme(name: str) -> str:
    """The scheme of an address, such as ``https``; empty for any other name."""
    return name.partition("://")[0].lower() if "://" in name else ""


def existing_path(name: str) -> Path | None:
    """Return the file or folder at a path or a ``file://`` address, or None if nothing is there.

    ``~`` and ``$VARIABLES`` are filled in where nothing has the name as it is written.
    """
    places = []
    if _scheme(name) == "file":
        rest = re.sub("^//[^/]*|[?#].*", "", name[len("file:") :])
        places = [Path(url2pathname(rest))] if rest else []
    elif name:
        places = [Path(name), expand_if_known(name)]
    return next((path for path in places if os.path.exists(path)), None)


def _tensorflow_prefix(name: str) -> Path | None:
    index = existing_path(f"{name}.index")
    return index and index.with_suffix("")


def _unknown(name: str, family: str | None) -> UnknownName:
    known = [row.name for row in CATALOG.values() if family in {None, row.family}]
    guess, other = closest_name(name, family), closest_name(name)
    advice = "check the path or the spelling;"
    if guess:
        advice = f"did you mean {guess!r}?"
    elif other:
        advice = f"did you mean {other!r}, of the {CATALOG[other].family} family?"
    here = ""
    with suppress(OSError):  # the folder of this process may have been deleted
        here = f" (looked in {os.getcwd()!r})"
    return UnknownName(
        f"{redacted(name)!r} is neither a known checkpoint nor an existing file or folder{here}",
        hint=f"{advice} known checkpoints: {', '.join(known)}",
    )
