"""Which files a name, path or address stands for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ptbert_hub import (
    CATALOG,
    CONFIG_NAME,
    WEIGHTS_NAME,
    NotFound,
    cached_path,
    closest_name,
    extracted_archive,
    is_archive,
    name_of_address,
)
from ptbert_models.errors import CheckpointNotFound
from ptbert_models.files.weights import SAFETENSORS_NAME

CONFIG_NAMES = (
    CONFIG_NAME,
    "bert_config.json",
    "openai_gpt_config.json",
    "gpt2_config.json",
    "transfo_xl_config.json",
    "hparams.json",  # beside OpenAI's checkpoints of GPT-2
)
WEIGHTS_NAMES = (
    WEIGHTS_NAME,
    SAFETENSORS_NAME,
    f"{WEIGHTS_NAME}.index.json",
    f"{SAFETENSORS_NAME}.index.json",
)
ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")

Wanted = Literal["pytorch", "tensorflow", "none"]


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint.

    Args:
        config: its configuration.
        weights: its weights, the index of weights in several files, or what a TensorFlow
            checkpoint is opened by. Where no weights are wanted, the configuration again.
        immutable: whether the files stand in the cache, where nothing is ever written in place.
    """

    config: Path
    weights: Path
    immutable: bool


def find_checkpoint(
    name_or_path: str | os.PathLike[str],
    wanted: Wanted = "pytorch",
    *,
    family: str | None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> CheckpointFiles:
    """Find the configuration and the weights of a checkpoint, downloading them if need be.

    Args:
        name_or_path: a shortcut name of the catalog; a folder; an archive, local or URL; a weights
            file with a configuration beside it; or the URL of a folder.
        wanted: which weights beside the configuration: those of PyTorch, a TensorFlow checkpoint,
            or none, where the caller has them already.
        family: the catalog's word for the kind of model wanted, such as "bert"; None for any.
        cache_dir: where downloads are kept; see `ptbert_hub.default_cache`.

    Raises:
        CheckpointNotFound: if there is no such thing, with what was looked for.
        ValueError: if the name is that of another family's checkpoint.
        OSError: if it could not be downloaded or unpacked.
    """
    name = os.fspath(name_or_path)
    name = name_of_address(name) or name  # programs look addresses up in the dictionaries of 2019
    if name in CATALOG:
        return _published(name, family, cache_dir, wanted)
    if "://" in name:
        return _remote(name, cache_dir, wanted)
    path = Path(name).expanduser()
    if path.is_dir():
        return _in_folder(path, wanted, immutable=False)
    if path.is_file() and is_archive(path):
        return _in_archive(path, cache_dir, wanted)
    if path.is_file() or (wanted == "tensorflow" and path.parent.is_dir()):
        return CheckpointFiles(_first_file(path.parent, CONFIG_NAMES), path, immutable=False)
    raise CheckpointNotFound(_unknown(name, family))


def _published(
    name: str, family: str | None, cache_dir: str | os.PathLike[str] | None, wanted: Wanted
) -> CheckpointFiles:
    row = CATALOG[name]
    if family not in {None, row.family}:
        raise ValueError(
            f"{name!r} is a checkpoint of the {row.family!r} family, and this class is of the "
            f"{family!r} family; use a class of the checkpoint's family"
        )
    if wanted == "tensorflow":
        raise ValueError(f"{name!r} is published as PyTorch weights; leave out from_tf=True")
    config = Path(cached_path(row.config, cache_dir))
    weights = Path(cached_path(row.weights, cache_dir)) if wanted == "pytorch" else config
    return CheckpointFiles(config, weights, immutable=True)


def _remote(url: str, cache_dir: str | os.PathLike[str] | None, wanted: Wanted) -> CheckpointFiles:
    if url.endswith(ARCHIVE_SUFFIXES):
        return _in_archive(Path(cached_path(url, cache_dir)), cache_dir, wanted)

    def fetch(name: str) -> Path | None:
        try:
            return Path(cached_path(f"{url.rstrip('/')}/{name}", cache_dir))
        except NotFound:
            return None

    if wanted == "tensorflow":
        raise ValueError(
            f"a TensorFlow checkpoint cannot be read from the folder at {url!r}; download its "
            "files, or give the address of an archive of them"
        )
    config = _first(fetch, CONFIG_NAMES, url)
    # The files of an index are fetched one by one, which a plain address does not offer.
    weights = _first(fetch, WEIGHTS_NAMES[:2], url) if wanted == "pytorch" else config
    return CheckpointFiles(config, weights, immutable=True)


def _in_archive(
    archive: Path, cache_dir: str | os.PathLike[str] | None, wanted: Wanted
) -> CheckpointFiles:
    folder = extracted_archive(archive, cache_dir)
    entries = list(folder.iterdir())
    if len(entries) == 1 and entries[0].is_dir():  # archives made of a folder, not of its files
        folder = entries[0]
    return _in_folder(folder, wanted, immutable=True)


def _in_folder(folder: Path, wanted: Wanted, *, immutable: bool) -> CheckpointFiles:
    config = _first_file(folder, CONFIG_NAMES)
    weights = {
        "pytorch": lambda: _first_file(folder, WEIGHTS_NAMES),
        "tensorflow": lambda: folder,
        "none": lambda: config,
    }[wanted]()
    return CheckpointFiles(config, weights, immutable)


def _first_file(folder: Path, names: Iterable[str]) -> Path:
    def look(name: str) -> Path | None:
        return folder / name if (folder / name).is_file() else None

    return _first(look, names, str(folder))


def _first(look: Callable[[str], Path | None], names: Iterable[str], where: str) -> Path:
    names = tuple(names)
    for name in names:
        if path := look(name):
            return path
    raise CheckpointNotFound(
        f"{where!r} has none of {', '.join(names)}; "
        "give a folder, archive or address that holds a model's configuration and its weights"
    )


def _unknown(name: str, family: str | None) -> str:
    known = ", ".join(row.name for row in CATALOG.values() if family in {None, row.family})
    closest = closest_name(name)
    guess = f"did you mean {closest!r}? " if closest else ""
    return (
        f"{name!r} is neither a known checkpoint nor an existing folder or archive "
        f"(looked in {os.getcwd()!r}); {guess}Known checkpoints: {known}"
    )
