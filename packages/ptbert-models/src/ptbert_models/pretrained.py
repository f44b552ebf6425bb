"""What all models share: loading and saving checkpoints, and reading old key names."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast

from torch import Tensor, nn

from ptbert_models.config import PreTrainedConfig
from ptbert_models.files.checkpoint import find_checkpoint
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.loading import (
    LoadPlan,
    LoadReport,
    fill,
    foreign_to_layers,
    modern_key,
    plan_loading,
)
from ptbert_models.files.weights import read_weights
from ptbert_models.parts.initialization import NoInitialization, initialize_normal
from ptbert_models.parts.ties import keeping_ties
from ptbert_models.saving import is_ours, save
from ptbert_models.statements import check_statements
from ptbert_models.training import Training
from ptbert_models.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound="PreTrainedModel")


class FamilyData:
    """What a family contributes as data; its base class, and models of it, set these."""

    config_class: ClassVar[type[PreTrainedConfig]]
    family: ClassVar[str]  # its name in the catalog of ptbert-hub
    base_model_prefix: ClassVar[str]  # attribute under which a model with a head keeps the bare one
    legacy_suffixes: ClassVar[Mapping[str, str]] = {}  # old ending of a key → today's
    ignored_suffixes: ClassVar[tuple[str, ...]] = ()  # endings of old keys to ignore
    later_suffixes: ClassVar[Mapping[str, str]] = {}  # ending that later libraries read → ours
    # Values of the configuration that programs change in a model: the key, and where the bare model
    # (or the model) has the number, or a list of that length.
    kept_sizes: ClassVar[Mapping[str, str]] = {}
    attention_of_layers: ClassVar[tuple[str, str] | None] = None  # the layers; what prunes in each
    # Arguments of the constructor that are kept in the configuration, and the key of the weights
    # that has as many rows, if there is one.
    saved_arguments: ClassVar[Mapping[str, str | None]] = {}


class PreTrainedModel(FamilyData, Training, Vocabulary):
    """Base class of all models. Each family has a subclass for the base of its models.

    Args:
        config: sizes and rates; the model keeps it as ``config``.

    Raises:
        TypeError: if the configuration is of another family.
        ValueError: if no model can be built from it.
    """

    def __init__(self, config: PreTrainedConfig, *inputs: Any, **kwargs: Any) -> None:
        super().__init__()
        if not isinstance(config, self.config_class):
            raise TypeError(
                f"{type(self).__name__} is built from a {self.config_class.__name__}, "
                f"not from {config!r}; to load a checkpoint, call "
                f"{type(self).__name__}.from_pretrained(name_or_path)"
            )
        check_statements(config, config.statements, type(self))
        config.validate()
        self.config = config

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *inputs: Any,
        cache_dir: str | os.PathLike[str] | None = None,
        from_tf: bool = False,
        state_dict: Mapping[str, Tensor] | None = None,
        memory_map: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """Build a model with the configuration and the weights of a checkpoint.

        The model is in training mode; call ``eval()`` before inference. Weights that the
        checkpoint lacks, such as those of a new head, are initialised and named in one warning.

        Args:
            pretrained_model_name_or_path: a shortcut name such as "bert-base-uncased"; a folder
                with ``config.json`` and ``pytorch_model.bin`` or ``model.safetensors``; an archive
                of one (``.tar.gz``, ``.tar``, ``.zip``), as a file or a URL; or a folder's URL.
            *inputs: further arguments of the class. ``state_dict``, ``cache_dir`` and ``from_tf``
                may come before them, as in the releases of 2019, or ``cache_dir``, ``from_tf`` and
                ``state_dict``.
            cache_dir: where downloads are kept instead of the usual cache.
            from_tf: whether the weights are a TensorFlow checkpoint; the name is then a folder, an
                archive or a checkpoint's prefix, with the configuration beside the checkpoint.
            state_dict: weights to use instead of the checkpoint's; they are copied.
            memory_map: whether weights stay in their file until they are used. By default they do
                so for files in the cache, which never change. Use True only if nothing writes to
                the file while the model is in use: overwriting a mapped file kills the process.
            **kwargs: further arguments of the class, such as ``num_labels``.

        Raises:
            OSError: if the checkpoint cannot be found, reached or read.
            TypeError: if ``state_dict`` is no dictionary.
            ValueError: if its configuration is invalid, or its weights do not fit.
        """
        # A program's own constructor may set initial values that a file does not have.
        ours = is_ours(cls)
        leading, inputs = _leading_options(inputs, ours=ours)
        cache_dir = leading.get("cache_dir") or cache_dir
        from_tf = leading.get("from_tf") or from_tf
        if leading.get("state_dict") is not None:
            state_dict = leading["state_dict"]
        if not isinstance(state_dict, Mapping | None):
            raise TypeError(
                f"state_dict is of type {type(state_dict).__name__}; give a dictionary of tensors, "
                "such as model.state_dict()"
            )
        files = find_checkpoint(
            pretrained_model_name_or_path,
            "none" if state_dict is not None else "authors" if from_tf else "pytorch",
            family=cls.family,
            cache_dir=cache_dir,
        )
        values = read_json_object(cast("Path", files.config))
        if from_tf and state_dict is None:
            config = completed_config(cls, values, files.weights)
        else:
            config = cls.config_class.from_dict(values)
        with NoInitialization() if ours else nullcontext():
            model = cls.from_config(config, *inputs, **kwargs)
        if state_dict is not None:
            weights: Mapping[str, Tensor] = state_dict
        elif from_tf:
            weights = cls.read_tensorflow(files.weights, config)
        else:
            mapped = files.immutable if memory_map is None else memory_map
            weights = read_weights(files.weights, memory_map=mapped)
        report = _load(model, weights, take=state_dict is None, initialize_missing=ours)
        source = str(files.weights) if state_dict is None else "the given state_dict"
        _log(report, cls.__name__, source)
        return model

    @classmethod
    def from_config(cls, config: PreTrainedConfig, *inputs: Any, **kwargs: Any) -> Self:
        """Build the model that a saved configuration describes, with new weights.

        Args:
            config: the configuration. It may hold ``saved_arguments`` of the class, which count
                unless arguments are given.
            *inputs: further arguments of the class.
            **kwargs: likewise.
        """
        if not inputs and is_ours(cls):
            wanted = [name for name in cls.saved_arguments if name not in kwargs]
            saved = {name: config.saved_argument(name) for name in wanted}
            kwargs |= {name: value for name, value in saved.items() if value is not None}
        return cls(config, *inputs, **kwargs)

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether training keeps only the inputs of each layer, and computes the rest again.

        This trades time for memory. In a model with a head it is a setting of the bare model.
        """
        return bool(getattr(self, self.base_model_prefix).gradient_checkpointing)

    @gradient_checkpointing.setter
    def gradient_checkpointing(self, wanted: bool) -> None:
        getattr(self, self.base_model_prefix).gradient_checkpointing = wanted

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *, safe_serialization: bool = False
    ) -> None:
        """Write configuration and weights into a folder that ``from_pretrained`` reads.

        The configuration is that of the model as it is: with fewer layers, pruned heads, another
        vocabulary. It also names the class, so that later libraries know it. A file appears only
        when it is complete. If the folder has weights in the other format, they are removed,
        because they would belong to another model.

        Args:
            save_directory: the folder; it is created if it does not exist.
            safe_serialization: write ``model.safetensors`` instead of ``pytorch_model.bin``.

        Raises:
            OSError: if the folder cannot be written to.
            ValueError: if ``from_pretrained`` would make another model of the files, because the
                model was changed in a way that no configuration can say; nothing is written.

        Example:
            >>> import tempfile
            >>> from ptbert_models import BertConfig, BertModel
            >>> config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     BertModel(config).save_pretrained(folder)
            ...     print(sorted(os.listdir(folder)))
            ['config.json', 'pytorch_model.bin']
        """
        save(self, Path(save_directory), safe_serialization=safe_serialization)

    @classmethod
    def read_tensorflow(
        cls, path: str | os.PathLike[str], config: PreTrainedConfig
    ) -> dict[str, Tensor]:
        """Read a TensorFlow checkpoint of the family as a state dict.

        Args:
            path: a checkpoint's prefix, one of its files, or its folder.
            config: sizes of the model that it is for.
        """
        raise NotImplementedError(f"{cls.__name__} has no TensorFlow counterpart")

    @classmethod
    def seen_in_tensorflow(cls, path: str | os.PathLike[str], config: Any = None) -> dict[str, Any]:
        """Return the values of a configuration that show in a TensorFlow checkpoint.

        Args:
            path: as for ``read_tensorflow``.
            config: decides where several values would give the same checkpoint.
        """
        return {}

    def init_weights(self, module: nn.Module) -> None:
        """Initialise one module; use as ``self.apply(self.init_weights)``."""
        initialize_normal(module, self.config.initializer_range)

    def plan_loading(self, weights: Mapping[str, Tensor]) -> LoadPlan:
        """Decide which weight goes where, by today's names and the old ones of the family.

        Raises:
            NothingLoaded: if no weight fits.
            ShapeMismatch: if a weight has another shape than the parameter that it is for.
        """
        return plan_loading(
            self,
            weights,
            base_prefix=f"{self.base_model_prefix}.",
            legacy_suffixes=self.legacy_suffixes,
            ignored_suffixes=self.ignored_suffixes,
            saved_arguments=self.saved_arguments,
        )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load weights as PyTorch does; what the model shares stays shared, also if assigned."""
        with keeping_ties(self) if assign else nullcontext():
            return super().load_state_dict(state_dict, strict, assign)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        # PyTorch calls this to move or convert a model, for ``to_empty`` too.
        with keeping_ties(self):
            return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # load_state_dict gives every module its own copy of the dictionary to work on, so old key
        # names can be renamed here, also where this model is part of another.
        for key in list(state_dict):
            if key.startswith(prefix):
                new_key = modern_key(key, self.legacy_suffixes, self.ignored_suffixes)
                if new_key != key:
                    tensor = state_dict.pop(key)
                    if new_key is not None:
                        state_dict[new_key] = tensor
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _leading_options(
    inputs: tuple[Any, ...], *, ours: bool
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Tell options of ``from_pretrained``, if given by position, from the class's arguments.

    In this place the releases of 2019 have ``state_dict, cache_dir, from_tf``, their documentation
    ``cache_dir, from_tf, state_dict``, and their last state none of these, so that a number is a
    number of labels. The types decide: no class of this library takes a path, a dictionary or None
    there. A program's own class may take a string.

    Example:
        >>> _leading_options((None, "cache", False, 3), ours=True)
        ({'state_dict': None, 'cache_dir': 'cache', 'from_tf': False}, (3,))
        >>> _leading_options(("cache", True), ours=True)
        ({'cache_dir': 'cache', 'from_tf': True}, ())
        >>> _leading_options((3,), ours=True)
        ({}, (3,))
    """
    first, second = (*inputs, 0, 0)[:2]
    names: tuple[str, ...] = ()
    if (ours and isinstance(first, (str, os.PathLike))) or (
        first is None and isinstance(second, bool)
    ):
        names = ("cache_dir", "from_tf", "state_dict")
    elif first is None or isinstance(first, Mapping):
        names = ("state_dict", "cache_dir", "from_tf")
    return dict(zip(names, inputs, strict=False)), inputs[len(names) :]


def completed_config(
    model_class: type[PreTrainedModel],
    values: Mapping[str, Any],
    path: str | os.PathLike[str],
) -> PreTrainedConfig:
    """Make the configuration of a TensorFlow checkpoint, with the values that show in it.

    Args:
        model_class: a class of the family.
        values: what a configuration file says; it may say less than a model needs.
        path: the checkpoint.

    Raises:
        ValueError: if the file says something else than the checkpoint shows.
    """
    config_class = model_class.config_class
    seen = model_class.seen_in_tensorflow(path, config_class.from_dict(dict(values)))
    stated = config_class.stated_keys(values)
    unstated = {key: value for key, value in seen.items() if key not in stated}
    config = config_class.from_dict({**unstated, **values})
    config.refuse_contradictions(seen, stated, os.fspath(path))
    return config


def load_tensorflow_weights(model: Model, path: str | os.PathLike[str]) -> Model:
    """Fill a model from a TensorFlow checkpoint of its family, and log what was not used.

    Weights that the checkpoint lacks keep their values.
    """
    seen = model.seen_in_tensorflow(path, model.config)
    model.config.refuse_contradictions(seen, seen, os.fspath(path))
    weights = model.read_tensorflow(path, model.config)
    report = _load(model, weights, take=True, initialize_missing=False)
    _log(report, type(model).__name__, os.fspath(path))
    return model


def _load(
    model: PreTrainedModel,
    weights: Mapping[str, Tensor],
    *,
    take: bool,
    initialize_missing: bool,
) -> LoadReport:
    plan = model.plan_loading(weights)
    if initialize_missing:
        for owner in dict.fromkeys(key.rpartition(".")[0] for key in plan.report.missing):
            model.init_weights(model.get_submodule(owner))
    fill(model, plan, take=take)
    return plan.report


def _log(report: LoadReport, model_name: str, source: str) -> None:
    if report.missing:
        logger.warning(
            "%s has weights that are not in %s; they are newly initialised and need training: %s",
            model_name,
            source,
            ", ".join(report.missing),
        )
    if foreign := foreign_to_layers(report):
        logger.warning(
            "%s has layers without these weights of %s, which were made for layers that compute "
            "something else: %s",
            model_name,
            source,
            ", ".join(foreign),
        )
    if report.unused:
        logger.info(
            "%s does not use these weights of %s: %s", model_name, source, ", ".join(report.unused)
        )
