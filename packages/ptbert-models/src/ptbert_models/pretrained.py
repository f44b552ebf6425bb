"""What all models share: saving checkpoints, and reading old key names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

from ptbert_models.config import PreTrainedConfig
from ptbert_models.files.loading import modern_key
from ptbert_models.files.weights import MAX_SHARD_SIZE
from ptbert_models.opening import LoadableModel
from ptbert_models.parts.ties import keeping_ties
from ptbert_models.quantization import Quantization
from ptbert_models.saving import save
from ptbert_models.statements import check_statements
from ptbert_models.training import Training
from ptbert_models.vocabulary import Vocabulary


class PreTrainedModel(LoadableModel, Training, Vocabulary, Quantization):
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
        self,
        save_directory: str | os.PathLike[str],
        *,
        safe_serialization: bool = False,
        max_shard_size: int | str = MAX_SHARD_SIZE,
    ) -> None:
        """Write configuration and weights into a folder that ``from_pretrained`` reads.

        The configuration is that of the model as it is: with fewer layers, pruned heads, another
        vocabulary. It also names the class, so that later libraries know it. A file appears only
        when it is complete. If the folder has other weights, they are removed, because they would
        belong to another model. Programs that read the folder meanwhile find the old weights or
        the new ones, never some of both; the configuration is replaced after the weights.

        Args:
            save_directory: the folder; it is created if it does not exist.
            safe_serialization: write ``model.safetensors`` instead of ``pytorch_model.bin``.
            max_shard_size: bytes of weights, or a text such as "5GB". If there are more, they are
                written to several files, which an index names; a single larger weight has a file
                of its own.

        Raises:
            OSError: if the folder cannot be written to.
            ValueError: if weights have no values, because they are on the meta device; or if
                ``from_pretrained`` would make another model of the files, because the model was
                changed in a way that no configuration can say. Nothing is written then.

        Example:
            >>> import tempfile
            >>> from ptbert_models import BertConfig, BertModel
            >>> config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     BertModel(config).save_pretrained(folder)
            ...     print(sorted(os.listdir(folder)))
            ['config.json', 'pytorch_model.bin']
        """
        save(
            self,
            Path(save_directory),
            safe_serialization=safe_serialization,
            max_shard_size=max_shard_size,
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
