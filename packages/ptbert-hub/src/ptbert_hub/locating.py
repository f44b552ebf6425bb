"""Find out what a name means: a published checkpoint, an address, a path or a repository."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptbert_hub.addresses import redacted
from ptbert_hub.catalog import (
    CATALOG,
    EMBEDDED,
    Checkpoint,
    closest_name,
    family_of_name,
    known_names,
    name_of_address,
)
from ptbert_hub.errors import RevisionNotFound, UnknownName, WrongFamily
from ptbert_hub.options import MAIN
from ptbert_hub.repositories import is_repository
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
        repository: the repository of the Hugging Face Hub, ``owner/name``, if it may be one. Only
            the Hub knows whether it exists; see :func:`~ptbert_hub.open_snapshot`.
        is_embedded: whether it is one of :data:`~ptbert_hub.EMBEDDED`, whose files
            :func:`~ptbert_hub.embedded_folder` finds.
    """

    name: str
    checkpoint: Checkpoint | None = None
    path: Path | None = None
    address: str | None = None
    repository: str | None = None
    is_embedded: bool = False


def locate(
    name_or_path: str | os.PathLike[str],
    *,
    family: str | None = None,
    revision: str | None = None,
) -> Place:
    """Find out what a name means; nothing is downloaded.

    The names of the catalog and of embedded models come first, then addresses, then files and
    folders, then repositories of the Hugging Face Hub. A repository that the catalog has is the
    checkpoint of the catalog.
    So ``gpt2`` is the published model, and ``./gpt2``, ``gpt2/`` and ``Path("gpt2")`` are the
    folder of that name, if there is one.

    Args:
        name_or_path: the name of a published checkpoint, an address, or the path of a file, a
            folder or a TensorFlow checkpoint.
        family: the only family of checkpoints that is wanted: ``bert``, ``gpt``, ``gpt2`` or
            ``transfo_xl``; any when None.
        revision: the branch, tag or commit that is wanted. The catalog has one of each
            checkpoint, so for another one its name stands for its repository. An embedded model
            has none.

    Raises:
        RevisionNotFound: if it is an embedded model, and a revision is wanted.
        UnknownName: if it is none of these. The message has the most similar name, if there is
            one, and all known names.
        WrongFamily: if it is a published checkpoint of another family.

    Example:
        >>> locate("gpt2").checkpoint.family
        'gpt2'
        >>> locate("https://example.org/model.tar.gz").address
        'https://example.org/model.tar.gz'
        >>> locate("user/model").repository, locate("gpt2", revision="main").repository
        ('user/model', 'openai-community/gpt2')
        >>> Path("model").mkdir()
        >>> locate("model").path.name
        'model'
    """
    name = os.fspath(name_or_path)
    address = name if "://" in name and _scheme(name) != "file" else None
    is_path = isinstance(name_or_path, os.PathLike) and existing_path(name) is not None
    checkpoint = None if is_path else CATALOG.get(name_of_address(name) or name)
    if not is_path and name in EMBEDDED:
        return _embedded(name, family, revision)
    path = None if checkpoint or address else existing_path(name) or _tensorflow_prefix(name)
    may_be_repository = not (checkpoint or address or path)
    if may_be_repository:
        checkpoint = next((row for row in CATALOG.values() if row.repository == name), None)
    if checkpoint is not None:
        _check_family(name, checkpoint.family, family)
    if checkpoint and not address and revision not in {None, checkpoint.revision}:
        return Place(name, repository=checkpoint.repository)
    is_other = may_be_repository and checkpoint is None and is_repository(name)
    if not (checkpoint or address or path or is_other):
        raise _unknown(name, family)
    return Place(name, checkpoint, path, address, name if is_other else None)


def _embedded(name: str, family: str | None, revision: str | None) -> Place:
    _check_family(name, EMBEDDED[name], family)
    if revision not in {None, MAIN}:
        raise RevisionNotFound(
            f"{name!r} comes with the installed packages and has no revision {revision!r}",
            hint="leave the revision out",
        )
    return Place(name, is_embedded=True)


def _check_family(name: str, family: str, wanted: str | None) -> None:
    if wanted not in {None, family}:
        raise WrongFamily(
            f"{name!r} is a checkpoint of the {family} family, not of {wanted}",
            hint=f"use the classes of the {family} family",
        )


def what_it_is_not(name: str) -> str:
    """Say that a name is nothing on this machine, and where that was looked for."""
    here = ""
    with suppress(OSError):  # the folder of this process may have been deleted
        here = f" (looked in {os.getcwd()!r})"
    return f"{redacted(name)!r} is neither a known checkpoint nor an existing file or folder{here}"


def similar_name(name: str, family: str | None = None) -> str:
    """Ask whether the most similar name of the catalog is meant; empty if none is near."""
    guess, other = closest_name(name, family), closest_name(name)
    if guess:
        return f"did you mean {guess!r}?"
    return f"did you mean {other!r}, of the {family_of_name(other)} family?" if other else ""


def _scheme(name: str) -> str:
    """The scheme of an address, such as ``https``; empty for any other name."""
    return name.partition("://")[0].lower() if "://" in name else ""


def existing_path(name: str) -> Path | None:
    """Return the file or folder at a path or a ``file://`` address, or None if nothing is there.

    ``~`` and ``$VARIABLES`` are filled in where nothing has the name as it is written.
    """
    places = []
    if _scheme(name) == "file":
        from urllib.request import url2pathname  # and with it all of HTTP and TLS

        rest = re.sub("^//[^/]*|[?#].*", "", name[len("file:") :])
        places = [Path(url2pathname(rest))] if rest else []
    elif name:
        places = [Path(name), expand_if_known(name)]
    return next((path for path in places if os.path.exists(path)), None)


def _tensorflow_prefix(name: str) -> Path | None:
    index = existing_path(f"{name}.index")
    return index and index.with_suffix("")


def _unknown(name: str, family: str | None) -> UnknownName:
    known = known_names(family)
    advice = similar_name(name, family) or "check the path or the spelling;"
    return UnknownName(what_it_is_not(name), hint=f"{advice} known checkpoints: {', '.join(known)}")
