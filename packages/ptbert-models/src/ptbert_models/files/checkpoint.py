"""Finding the files of a checkpoint by its name, path or address."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ptbert_hub  # whose parts for the network and archives are imported when they are used
from ptbert_hub import (
    CONFIG_NAME,
    Checkpoint,
    DownloadOptions,
    NotFound,
    UnknownName,
    embedded_folder,
    is_archive,
    locate,
)
from ptbert_hub.options import ORDINARY
from ptbert_models.errors import CheckpointNotFound
from ptbert_models.files.formats import is_torch_file
from ptbert_models.files.weights import WEIGHTS_NAMES
from ptbert_models.tensorflow.table import is_table

CONFIG_NAMES = (
    CONFIG_NAME,
    "bert_config.json",
    "openai_gpt_config.json",
    "gpt2_config.json",
    "transfo_xl_config.json",
    "hparams.json",  # beside OpenAI's checkpoints of GPT-2
)
ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
SHAPES_NAME = "params_shapes.json"  # beside OpenAI's numpy files of GPT, which lack a configuration

_TENSORFLOW = re.compile(r"\.index$|\.data-\d+-of-\d+$|\.ckpt(-\d+)?(\.meta)?$")

Format = Literal["pytorch", "authors", "any", "none"]
_PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint.

    Args:
        config: its configuration; None for OpenAI's numpy files, which have none. An empty path
            where it was not wanted.
        weights: its weights: a file; the index of weights in several files; or the folder, file
            or prefix of a checkpoint in the authors' format. The configuration again where no
            weights are wanted.
        immutable: whether the files are in the cache, where nothing is ever written in place.
    """

    config: Path | None
    weights: Path
    immutable: bool

    def has_authors_format(self) -> bool:
        """Whether the weights are as the model's authors published them, not as PyTorch saves."""
        if ".ckpt" in self.weights.name:  # PyTorch's files may be called so too
            return not is_torch_file(self.weights)
        return not self.weights.is_file()


def find_checkpoint(
    name_or_path: _PathLike,
    weights_format: Format = "pytorch",
    *,
    family: str | None,
    config_file: _PathLike | None = None,
    cache_dir: _PathLike | None = None,
    options: DownloadOptions = ORDINARY,
    check: Callable[[Path], object] = lambda config: None,
    wants_config: bool = True,
) -> CheckpointFiles:
    """Find the configuration and the weights of a checkpoint, downloading them if need be.

    Args:
        name_or_path: the name of a published checkpoint or of an embedded model; a repository of
            the Hugging Face Hub (``owner/name``); a folder; an archive, local or at an address; a
            weights file; a TensorFlow checkpoint's prefix; or the address of a folder.
        weights_format: which weights: those that PyTorch reads; those in the format of the
            model's authors; "any" of the two, PyTorch's first; or "none", where the caller has
            weights already.
        family: the catalog's word for the kind of model, such as "bert"; None for any.
        config_file: the configuration; None to look for it beside the weights.
        cache_dir: where downloads are kept; see ``ptbert_hub.default_cache``.
        options: how to download.
        check: is called with the configuration before weights are downloaded; it may raise.
        wants_config: whether the configuration is looked for.

    Raises:
        CheckpointNotFound: if nothing of that name exists; the message says what was tried.
        ValueError: if it is a published checkpoint of another family, or is not available in
            that format.
        OSError: if it could not be downloaded or unpacked.
    """
    search = _Search(weights_format, config_file, cache_dir, options, check, wants_config)
    try:
        place = locate(name_or_path, family=family, revision=options.revision)
        if place.repository is not None:
            return search.in_repository(place.repository)
    except UnknownName as error:
        prefix = Path(name_or_path).expanduser()
        if weights_format in {"authors", "any"} and _has_old_shards(prefix):
            return search.beside(prefix)
        raise CheckpointNotFound(str(error)) from None
    if place.is_embedded:
        return search.embedded(place.name)
    if place.checkpoint is not None:
        return search.published(place.checkpoint)
    if place.path is None:
        return search.at_address(place.name)
    if place.path.is_dir():
        return search.in_folder(place.path, immutable=False)
    if place.path.is_file() and is_archive(place.path):
        return search.in_archive(place.path)
    return search.beside(place.path)


@dataclass(frozen=True)
class _Search:
    """What to look for; arguments as in ``find_checkpoint``."""

    weights_format: Format
    config_file: _PathLike | None
    cache_dir: _PathLike | None
    options: DownloadOptions
    check: Callable[[Path], object]
    wants_config: bool

    def published(self, row: Checkpoint) -> CheckpointFiles:
        self._refuse_authors(row.name)
        config = self._config(lambda: self._download(row.config))
        weights = config if self.weights_format == "none" else self._download(row.weights)
        return CheckpointFiles(config, weights, immutable=True)

    def embedded(self, name: str) -> CheckpointFiles:
        self._refuse_authors(name)
        return self.in_folder(embedded_folder(name, "model"), immutable=False)

    def _refuse_authors(self, name: str) -> None:
        if self.weights_format == "authors":
            raise ValueError(f"{name!r} is published as PyTorch weights; leave out from_tf=True")

    def in_repository(self, name: str) -> CheckpointFiles:
        if self.weights_format == "authors":
            raise ValueError(
                f"{name!r} is a repository of the Hugging Face Hub, whose weights for PyTorch are "
                "read; leave out from_tf=True, or download its TensorFlow checkpoint to a folder"
            )
        from ptbert_hub.model_files import fetch_weights, no_weights

        snapshot = ptbert_hub.open_snapshot(name, self.cache_dir, self.options)

        def find_config() -> Path:
            if found := snapshot.fetch_first(CONFIG_NAMES):
                return found
            raise CheckpointNotFound(
                f"{snapshot.shown} has none of {', '.join(CONFIG_NAMES)}, so it is no model of "
                "this library; give one with a configuration, or say config=… for this one"
            )

        config = self._config(find_config)
        weights = config if self.weights_format == "none" else fetch_weights(snapshot)
        if weights is None:
            raise CheckpointNotFound(str(no_weights(snapshot)))
        return CheckpointFiles(config, weights, immutable=True)

    def at_address(self, url: str) -> CheckpointFiles:
        if url.endswith(ARCHIVE_SUFFIXES):
            return self.in_archive(self._download(url))
        if self.weights_format == "authors":
            raise ValueError(
                f"a TensorFlow checkpoint cannot be read from the folder at {url!r}; download its "
                "files, or give the address of an archive of them"
            )

        def fetch(name: str) -> Path | None:
            try:
                return self._download(f"{url.rstrip('/')}/{name}")
            except NotFound:
                return None

        config = self._config(lambda: _first(fetch, CONFIG_NAMES, url))
        if self.weights_format == "none":
            return CheckpointFiles(config, config, immutable=True)
        # The files of an index are fetched one by one, which a plain address does not offer.
        return CheckpointFiles(config, _first(fetch, WEIGHTS_NAMES[:2], url), immutable=True)

    def in_archive(self, archive: Path) -> CheckpointFiles:
        return self.in_folder(ptbert_hub.extract_archive(archive, self.cache_dir), immutable=True)

    def in_folder(self, folder: Path, *, immutable: bool) -> CheckpointFiles:
        look = _looking_in(folder)
        has_config = self._is_given() or any(map(look, CONFIG_NAMES))
        if self.weights_format == "any" and look(SHAPES_NAME) and not has_config:
            return CheckpointFiles(None, folder, immutable)
        if not has_config and (inner := _inner_archive(folder)):
            return self.in_archive(inner)
        if self.weights_format == "any" and not has_config and _has_tensorflow(folder):
            return CheckpointFiles(None, folder, immutable)
        config = self._config(lambda: _first(look, CONFIG_NAMES, str(folder)))
        if self.weights_format == "none":
            weights = config
        elif self.weights_format == "pytorch" or (
            self.weights_format == "any" and any(map(look, WEIGHTS_NAMES))
        ):
            weights = _first(look, WEIGHTS_NAMES, str(folder), advice=advice_for(folder))
        else:
            weights = folder
        return CheckpointFiles(config, weights, immutable)

    def beside(self, weights: Path) -> CheckpointFiles:
        """Take a file, or the prefix of several, with the configuration in its folder."""
        if self.weights_format == "pytorch" and not weights.is_file():
            raise CheckpointNotFound(
                f"{str(weights)!r} is a TensorFlow checkpoint; read it with from_tf=True"
            )
        folder = weights.parent
        look = _looking_in(folder)
        has_config = self._is_given() or any(map(look, CONFIG_NAMES))
        if self.weights_format == "any" and not has_config and _is_tensorflow(weights):
            return CheckpointFiles(None, weights, immutable=False)
        config = self._config(lambda: _first(look, CONFIG_NAMES, str(folder)))
        return CheckpointFiles(config, weights, immutable=False)

    def _config(self, find: Callable[[], Path]) -> Path:
        if not self.wants_config:
            return Path()
        config = find() if self.config_file is None else Path(self.config_file)
        self.check(config)
        return config

    def _is_given(self) -> bool:
        return self.config_file is not None or not self.wants_config

    def _download(self, url: str) -> Path:
        return Path(ptbert_hub.cached_path(url, self.cache_dir, options=self.options))


def _has_old_shards(prefix: Path) -> bool:
    """Whether there are files of TensorFlow's older format, which lacks the file PREFIX.index."""
    start = f"{prefix.name}-"
    return prefix.parent.is_dir() and any(
        path.name.startswith(start) and "-of-" in path.name for path in prefix.parent.iterdir()
    )


def _looking_in(folder: Path) -> Callable[[str], Path | None]:
    return lambda name: folder / name if (folder / name).is_file() else None


def _first(
    look: Callable[[str], Path | None],
    names: Iterable[str],
    where: str,
    *,
    advice: str = "",
) -> Path:
    names = tuple(names)
    for name in names:
        if path := look(name):
            return path
    usual = "give a folder, archive or address that holds a model's configuration and its weights"
    if names == CONFIG_NAMES:
        usual += ", or the configuration of these as config=…, which is --config of commands"
    raise CheckpointNotFound(f"{where!r} has none of {', '.join(names)}; {advice or usual}")


def _inner_archive(folder: Path) -> Path | None:
    """Return the archive in a folder, as AllenNLP packed models together with their vocabulary."""
    if (usual := folder / "weights.tar.gz").is_file():
        return usual
    found = [path for path in folder.iterdir() if path.name.endswith(ARCHIVE_SUFFIXES)]
    return found[0] if len(found) == 1 and found[0].is_file() else None


def _is_tensorflow(weights: Path) -> bool:
    """Whether this is the prefix of a TensorFlow checkpoint, or its file of the older format."""
    return not weights.is_file() or is_table(weights)


def _has_tensorflow(folder: Path) -> bool:
    """Whether there are weights of TensorFlow, and none of PyTorch."""
    look = _looking_in(folder)
    return not any(map(look, WEIGHTS_NAMES)) and any(
        _TENSORFLOW.search(path.name) and not is_torch_file(path) for path in folder.iterdir()
    )


def advice_for(folder: Path) -> str:
    """Say how the weights of a folder can be read that has none of the usual names.

    Returns:
        What it has and what to do; empty if there is nothing that looks like weights.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    others = [name for name in names if is_torch_file(folder / name)]
    others += [name for name in names if name.endswith(".safetensors")]
    authors = {name for name in names if _TENSORFLOW.search(name)} - set(others)
    if SHAPES_NAME in names or authors:
        return "it has a TensorFlow checkpoint or OpenAI's files: read it with from_tf=True"
    for name in ("tf_model.h5", "flax_model.msgpack"):
        if name in names:
            return f"it has {name!r}: save it for PyTorch with the library that wrote it"
    if len(others) == 1:
        return f"its weights may be in {others[0]!r}: give that path, {str(folder / others[0])!r}"
    return f"its weights may be in one of {', '.join(others)}: give its path" if others else ""
