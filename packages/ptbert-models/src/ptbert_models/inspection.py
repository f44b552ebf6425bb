"""Opening a checkpoint of any family and format, and finding the models that it fits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ptbert_hub import DownloadOptions
from ptbert_hub.options import ORDINARY
from ptbert_models.config import PreTrainedConfig
from ptbert_models.errors import MostlyMissing, NothingLoaded, ShapeMismatch, UnusableWeights
from ptbert_models.families import FAMILIES, Family, family_of, family_of_variables
from ptbert_models.files.checkpoint import SHAPES_NAME, find_checkpoint
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.loading import modern_key, unwrapped_keys
from ptbert_models.files.weights import read_weights
from ptbert_models.opening import completed_config
from ptbert_models.parts.initialization import NoInitialization
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.tensorflow import model_shapes


@dataclass(frozen=True)
class Fit:
    """How well a model class fits what a checkpoint holds.

    Args:
        model: the class.
        missing: its parameters that the checkpoint lacks.
        unused: the checkpoint's weights that it does not have.
    """

    model: type[PreTrainedModel]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class OpenedCheckpoint:
    """A checkpoint with its weights.

    Args:
        family: which models read it.
        config: its configuration.
        path: its weights; see ``ptbert_models.files.checkpoint.CheckpointFiles``.
        is_authors: whether it has the format of the model's authors rather than PyTorch's.
        weights: its tensors by name, in today's spelling.
    """

    family: Family
    config: PreTrainedConfig
    path: Path
    is_authors: bool
    weights: Mapping[str, Tensor]

    def fits(self) -> list[Fit]:
        """Return the model classes that it can fill at least in part, the best first.

        Those with the fewest parameters missing come first, and among them those that leave the
        fewest weights unused.
        """
        found = (self._fit(model_class) for model_class in self.family.models)
        return sorted(
            (fit for fit in found if fit is not None),
            key=lambda fit: (len(fit.missing), len(fit.unused)),
        )

    def _fit(self, model_class: type[PreTrainedModel]) -> Fit | None:
        options: dict[str, Any] = {}
        for argument, key in model_class.saved_arguments.items():
            if key is not None and key in self.weights:
                options[argument] = len(self.weights[key])
        try:
            with torch.device("meta"), NoInitialization():  # shapes only
                model = model_class(self.config, **options)
            report = model.plan_loading(self.weights).report
        except (NothingLoaded, MostlyMissing, ShapeMismatch, UnusableWeights):
            return None
        return Fit(model_class, report.missing, report.unused)


def open_any_checkpoint(
    name_or_path: str | os.PathLike[str],
    *,
    config_file: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    memory_map: bool = False,
    options: DownloadOptions = ORDINARY,
) -> OpenedCheckpoint:
    """Open a checkpoint of any family and format.

    Args:
        name_or_path: as for ``PreTrainedModel.from_pretrained``; a TensorFlow checkpoint's prefix,
            file or folder; or the folder of numpy files that OpenAI published for GPT.
        config_file: its configuration; None to look for it beside the weights.
        cache_dir: where downloads are kept instead of the usual cache.
        memory_map: whether weights may stay in their file, which must not be changed meanwhile.
        options: how to download.

    Raises:
        OSError: if it cannot be found, reached or read.
        ValueError: if it is for another kind of model.

    Example:
        >>> import tempfile
        >>> from ptbert_models import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(9, n_embd=8, n_layer=1, n_head=2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_pretrained(folder)
        ...     checkpoint = open_any_checkpoint(folder)
        >>> checkpoint.family.name, checkpoint.fits()[0].model.__name__
        ('gpt2', 'GPT2LMHeadModel')
    """
    files = find_checkpoint(
        name_or_path,
        "any",
        family=None,
        config_file=config_file,
        cache_dir=cache_dir,
        options=options,
        check=lambda config: family_of(read_json_object(config)),
    )
    is_authors = files.has_authors_format()
    values = None if files.config is None else read_json_object(files.config)
    if values is not None:
        family = family_of(values)
    elif (files.weights / SHAPES_NAME).is_file():
        family = FAMILIES["gpt"]
        values = family.config_class().to_dict()
    else:
        family = family_of_variables(model_shapes(files.weights), os.fspath(name_or_path))
        values = {}
    if is_authors:
        config = completed_config(family.published, values, files.weights)
        weights = family.published.read_tensorflow(files.weights, config)
    else:
        config = family.config_class.from_dict(values)
        weights = read_weights(files.weights, memory_map=memory_map or files.immutable)
    return OpenedCheckpoint(family, config, files.weights, is_authors, _modern(weights, family))


def _modern(weights: Mapping[str, Tensor], family: Family) -> dict[str, Tensor]:
    """Return weights under today's names, without those that models no longer have."""
    model = family.published
    spelled = {
        modern_key(key, model.legacy_suffixes, model.ignored_suffixes): tensor
        for key, tensor in weights.items()
    }
    return {list(unwrapped_keys(k))[-1]: t for k, t in spelled.items() if k is not None}
