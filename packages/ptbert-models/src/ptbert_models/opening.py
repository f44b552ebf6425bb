"""Opening checkpoints as models: ``from_pretrained``, and what a family contributes to it"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn

from ptbert_hub import DownloadOptions
from ptbert_hub.options import divided
from ptbert_models import statements
from ptbert_models.config import PreTrainedConfig
from ptbert_models.files.checkpoint import CheckpointFiles, find_checkpoint
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.loading import (
    LoadPlan,
    LoadReport,
    fill,
    log_report,
    plan_loading,
)
from ptbert_models.files.weights import given_weights, read_weights
from ptbert_models.parts.initialization import NoInitialization, initialize_normal
from ptbert_models.placing import Placement
from ptbert_models.saving import is_ours
from ptbert_models.statements import VARIABLES, check_statements, check_tables, checked_keys
from ptbert_models.tensorflow import model_shapes

Model = TypeVar("Model", bound="LoadableModel")


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
    # The only number of labels with which later libraries build this class; any when None.
    labels_elsewhere: ClassVar[int | None] = None

    @classmethod
    def later_names(cls, config: PreTrainedConfig) -> Mapping[str, str]:
        """Return ending that later libraries read → ours, for models of a configuration."""
        return cls.later_suffixes


class LoadableModel(FamilyData, nn.Module):
    """What opens checkpoints; :class:`~ptbert_models.pretrained.PreTrainedModel` saves them too."""

    config: PreTrainedConfig

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *inputs: Any,
        cache_dir: str | os.PathLike[str] | None = None,
        from_tf: bool = False,
        state_dict: Mapping[str, Tensor] | None = None,
        memory_map: bool | None = None,
        config: PreTrainedConfig | str | os.PathLike[str] | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        proxies: Mapping[str, str] | None = None,
        dtype: torch.dtype | str | None = None,
        torch_dtype: torch.dtype | str | None = None,
        device: torch.device | str | int | None = None,
        ignore_mismatched_sizes: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Build a model with the configuration and the weights of a checkpoint.

        The model is in training mode; call ``eval()`` before inference. Weights that the
        checkpoint lacks, such as those of a new head, are initialised and named in one warning.

        Args:
            pretrained_model_name_or_path: a shortcut name such as "bert-base-uncased", or
                "ptbert-tiny-bert" and "ptbert-tiny-gpt2", which come with the package; a
                repository of the Hugging Face Hub, such as "user/model"; a folder with
                ``config.json`` and ``pytorch_model.bin`` or ``model.safetensors``; an archive of
                one (``.tar.gz``, ``.tar``, ``.zip``), as a file or a URL; or a folder's URL.
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
            config: the configuration, or a name or path to read it from; by default it is the one
                beside the weights.
            revision: a branch, tag or commit of the repository; see
                :class:`ptbert_hub.DownloadOptions` for this and the next four.
            token: for the Hugging Face Hub.
            local_files_only: whether the network is not used.
            force_download: whether to download even what is cached.
            proxies: the proxy for a scheme or a server.
            dtype: the floating-point type of the parameters, such as ``torch.float16`` or its name;
                "auto" takes that of the configuration, else that of the weights. None for
                PyTorch's default, as in 2019.
            torch_dtype: an older name of ``dtype``.
            device: where the parameters go, one by one.
            ignore_mismatched_sizes: whether weights with other shapes than the model's are left
                out, and named in one warning, instead of being an error.
            **kwargs: further arguments of the class, such as ``num_labels``.

        Raises:
            OSError: if the checkpoint cannot be found, reached or read.
            TypeError: if ``state_dict`` is no dictionary, or the class has no such argument.
            ValueError: if its configuration is invalid, or its weights do not fit.
        """
        # A program's own constructor may set initial values that a file does not have.
        ours = is_ours(cls)
        if ours:
            _check_names(cls, kwargs)
        leading, inputs = _leading_options(inputs, ours=ours)
        cache_dir = leading.get("cache_dir") or cache_dir
        from_tf = leading.get("from_tf") or from_tf
        if leading.get("state_dict") is not None:
            state_dict = leading["state_dict"]
        state_dict = None if state_dict is None else given_weights(state_dict)
        said = {
            "revision": revision,
            "token": token,
            "local_files_only": local_files_only,
            "force_download": force_download,
            "proxies": proxies,
            "dtype": dtype,
            "torch_dtype": torch_dtype,
            "device": device,
            "ignore_mismatched_sizes": ignore_mismatched_sizes,
        }
        options, said = divided(said, DownloadOptions, cls.__init__)
        placement, own = divided(said, Placement, cls.__init__)
        if config is not None:
            config = _given_config(cls, config, cache_dir, options)
        files = CheckpointFiles(None, Path(), immutable=False)
        if config is None or state_dict is None:
            files = find_checkpoint(
                pretrained_model_name_or_path,
                "none" if state_dict is not None else "authors" if from_tf else "pytorch",
                family=cls.family,
                cache_dir=cache_dir,
                options=options,
                check=cls._check_file,
                wants_config=config is None,
            )
        config = config or cls._read_config(files, completed=from_tf and state_dict is None)
        if state_dict is not None:
            weights: Mapping[str, Tensor] = state_dict
        elif from_tf:
            weights = cls.read_tensorflow(files.weights, config)
        else:
            mapped = files.immutable if memory_map is None else memory_map
            weights = read_weights(files.weights, memory_map=mapped)
        try:
            with NoInitialization() if ours else nullcontext():
                model = cls.from_config(config, *inputs, **{**own, **kwargs})
        except (MemoryError, RuntimeError):  # torch's error of too little memory
            if ours:  # are the sizes those of the weights?
                with torch.device("meta"), NoInitialization():
                    cls.from_config(config, *inputs, **kwargs).plan_loading(weights)
            raise
        if "num_labels" in cls.saved_arguments and isinstance(model.num_labels, int):
            model.config.forget_other_labels(model.num_labels)
        report = _load(model, weights, placement, take=state_dict is None, initialize_missing=ours)
        source = str(files.weights) if state_dict is None else "the given state_dict"
        log_report(report, cls.__name__, source, unread=_unread(model) if report.missing else ())
        return model

    @classmethod
    def _check_file(cls, path: Path) -> None:
        """Refuse the configuration of another model before its weights are downloaded."""
        values = checked_keys(read_json_object(path), cls.config_class, path)
        config = cls.config_class.from_dict(values)
        check_statements(config, config.statements, cls)

    @classmethod
    def _read_config(cls, files: CheckpointFiles, *, completed: bool) -> PreTrainedConfig:
        values = {} if files.config is None else read_json_object(files.config)
        if completed:
            return completed_config(cls, values, files.weights)
        return cls.config_class.from_dict(values)

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

    def plan_loading(
        self, weights: Mapping[str, Tensor], *, ignore_mismatched_sizes: bool = False
    ) -> LoadPlan:
        """Decide which weight goes where, by today's names and the old ones of the family.

        Args:
            weights: tensors by name.
            ignore_mismatched_sizes: leave out those of other shapes than the model's parameters.

        Raises:
            NothingLoaded: if no weight fits, or they are of another family.
            ShapeMismatch: if a weight has another shape than the parameter that it is for.
        """
        check_tables(weights, self)
        return plan_loading(
            self,
            weights,
            base_prefix=f"{self.base_model_prefix}.",
            legacy_suffixes=self.legacy_suffixes,
            ignored_suffixes=self.ignored_suffixes,
            saved_arguments=self.saved_arguments,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )


def _check_names(model_class: type[LoadableModel], names: Iterable[str]) -> None:
    """Raise ``TypeError`` for an argument that neither the class nor ``from_pretrained`` has."""
    own = signature(model_class.__init__).parameters
    known = [*own, *signature(model_class.from_pretrained).parameters]
    for name in names:
        if name not in own:
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "leave it out"
            raise TypeError(
                f"{model_class.__name__}.from_pretrained() got an unexpected keyword argument "
                f"{name!r}; {advice}"
            )


def _unread(model: Any) -> set[str]:
    """The names of weights on which nothing depends that the model computes."""
    trained = {name for name, _ in model.trained_parameters()}
    return {name for name, _ in model.named_parameters() if name not in trained}


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
    model_class: type[LoadableModel],
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
    seen = _seen(model_class, path, config_class.from_dict(dict(values)))
    stated = config_class.stated_keys(values)
    unstated = {key: value for key, value in seen.items() if key not in stated}
    config = config_class.from_dict({**unstated, **values})
    config.refuse_contradictions(seen, stated, os.fspath(path))
    return config


def _seen(
    model_class: type[LoadableModel], path: str | os.PathLike[str], config: Any
) -> dict[str, Any]:
    if model_class.family in VARIABLES:  # GPT has no TensorFlow checkpoint, but numpy files
        statements.check_variables(model_shapes(path), model_class.family, os.fspath(path))
    return model_class.seen_in_tensorflow(path, config)


def load_tensorflow_weights(model: Model, path: str | os.PathLike[str]) -> Model:
    """Fill a model from a TensorFlow checkpoint of its family, and log what was not used.

    Weights that the checkpoint lacks keep their values.
    """
    seen = _seen(type(model), path, model.config)
    model.config.refuse_contradictions(seen, seen, os.fspath(path))
    weights = model.read_tensorflow(path, model.config)
    report = _load(model, weights, Placement(), take=True, initialize_missing=False)
    log_report(report, type(model).__name__, os.fspath(path))
    return model


def _given_config(
    model_class: type[LoadableModel],
    config: PreTrainedConfig | str | os.PathLike[str],
    cache_dir: str | os.PathLike[str] | None,
    options: DownloadOptions,
) -> PreTrainedConfig:
    """The configuration that a caller gave; the model gets a copy of its own."""
    if isinstance(config, PreTrainedConfig):
        return copy.deepcopy(config)
    config_class = model_class.config_class
    return config_class.from_pretrained(config, cache_dir=cache_dir, **options.arguments())


def _load(
    model: LoadableModel,
    weights: Mapping[str, Tensor],
    placement: Placement,
    *,
    take: bool,
    initialize_missing: bool,
) -> LoadReport:
    plan = model.plan_loading(weights, ignore_mismatched_sizes=placement.ignore_mismatched_sizes)
    if initialize_missing:
        for owner in dict.fromkeys(key.rpartition(".")[0] for key in plan.report.missing):
            model.init_weights(model.get_submodule(owner))
    dtype = placement.kind(model.config, weights)
    fill(model, plan, take=take, dtype=dtype, device=placement.device)
    return plan.report
