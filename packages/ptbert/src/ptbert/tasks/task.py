"""What all tasks share: a model with its tokenizer, opened together and run on many texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn

from ptbert.tasks.batches import neighbours, outputs, usual_tokens
from ptbert.tasks.given import Given
from ptbert_hub import DownloadOptions, pinned
from ptbert_hub.options import divided
from ptbert_hub.progress import watched
from ptbert_models.families import FAMILIES
from ptbert_models.inspection import open_any_checkpoint
from ptbert_models.parts.evaluation import evaluating
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers import Batch, BertTokenizer
from ptbert_tokenizers.max_length import NO_LIMIT, checked_max_len
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = Sequence[NDArray[np.float32]]

Result = TypeVar("Result")

_WITH_KNOWN_HEADS = tuple(model for family in FAMILIES.values() for model in family.models)
_GROUP = 32  # characters that are encoded together, for each token of a batch: several batches
_LONG_INPUT = 10  # groups; fewer are done before a progress bar is of use


class Task:
    """A model and its tokenizer.

    While a call runs, the model is in evaluation mode, and on its device. Afterwards it is as it
    was, so a model can be tried while it is trained. Several threads may use one object.

    Args:
        model: a model with the head of the task. A model of another library or of a program is
            taken as well, if its ``forward`` takes and returns the same.
        tokenizer: the tokenizer with the model's vocabulary.
        max_len: largest number of tokens of a row of a batch; what the model takes when None.
        token_budget: largest number of tokens of a batch, with padding; when None, a number that
            suits the device of the model.

    Raises:
        TypeError: if the model is one of this library with another head.
        ValueError: if a number is not positive.
    """

    model_class: ClassVar[type[PreTrainedModel]]
    head: ClassVar[str]  # how keys of the head's weights begin
    does: ClassVar[str]  # what the model does, for messages
    action: ClassVar[str]  # what a progress bar says
    settings: ClassVar[tuple[str, ...]] = ("max_len", "token_budget")
    usual_max_len: ClassVar[int | None] = None
    tokenizer_class: ClassVar[Any] = PreTrainedTokenizer

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizer,
        *,
        max_len: int | None = None,
        token_budget: int | None = None,
    ) -> None:
        if not isinstance(model, self.model_class) and isinstance(model, _WITH_KNOWN_HEADS):
            raise TypeError(
                f"{type(self).__name__} needs a {self.model_class.__name__}, which {self.does}, "
                f"and not a {type(model).__name__}"
            )
        if not isinstance(tokenizer, self.tokenizer_class):
            raise TypeError(
                f"{type(self).__name__} needs a {self.tokenizer_class.__name__} of this library, "
                f"such as BertTokenizer.from_pretrained(name), and not a {type(tokenizer).__name__}"
            )
        if token_budget is not None and token_budget < 1:
            raise ValueError(f"token_budget={token_budget} must be at least 1")
        self.model: Any = model
        self.tokenizer: Any = tokenizer
        self.max_len = checked_max_len(max_len)
        self.token_budget = token_budget

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        tokenizer_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Load a model and its tokenizer.

        Args:
            name_or_path: as for ``from_pretrained`` of the model.
            tokenizer_options: for ``from_pretrained`` of the tokenizer.
            **options: arguments of the class after the tokenizer, such as ``token_budget``, and for
                ``from_pretrained`` of the model. Those that say where files come from, such as
                ``cache_dir``, count for the tokenizer too.

        Raises:
            OSError: if something cannot be found, reached or read.
            ValueError: if the checkpoint has no head for the task.
        """
        own = {name: options.pop(name) for name in cls.settings if name in options}
        cache_dir = options.pop("cache_dir", None)
        download, options = divided(options, DownloadOptions, cls.model_class.__init__)
        download = pinned(name_or_path, cache_dir, download)
        if options.get("state_dict") is None and not options.get("from_tf"):
            cls._check_head(name_or_path, cache_dir, download)
        source = {"cache_dir": cache_dir, **download.arguments()}
        tokenizer = BertTokenizer.from_pretrained(
            name_or_path, **{**source, **(tokenizer_options or {})}
        )
        model = cls.model_class.from_pretrained(name_or_path, **source, **options).eval()
        return cls(model, tokenizer, **own)

    @classmethod
    def _check_head(
        cls,
        source: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None,
        download: DownloadOptions,
    ) -> None:
        opened = open_any_checkpoint(source, memory_map=True, cache_dir=cache_dir, options=download)
        name = os.fspath(source)
        family = opened.family.name
        if family != cls.model_class.family:
            raise ValueError(
                f"{name!r} is of the family {family}, which has no model that {cls.does}; give a "
                f"checkpoint of a {cls.model_class.__name__}"
            )
        if not any(key.startswith(cls.head) for key in opened.weights):
            raise ValueError(
                f"{name!r} has no head that {cls.does}; give a checkpoint with one, such as a "
                f"{cls.model_class.__name__} that was trained and saved"
            )

    def _max_len(self) -> int | None:
        """The largest number of tokens in a row; None for no limit."""
        config = getattr(self.model, "config", None)
        limits = (
            getattr(config, "max_position_embeddings", None)
            or getattr(config, "n_positions", None),
            self.tokenizer.max_len,
            self.max_len or self.usual_max_len,
        )
        known = [limit for limit in limits if limit is not None and limit < NO_LIMIT]
        return min(known, default=None)

    def _encode(self, given: Given, group: Sequence[int], **options: Any) -> Batch:
        """Return a batch of the texts at some positions."""
        return self.tokenizer.encode_batch(
            [given.texts[position] for position in group],
            None if given.pairs is None else [given.pairs[position] for position in group],
            max_len=self._max_len(),
            padding_side="right",
            **options,
        )

    def _map(
        self,
        given: Given,
        read: Callable[[Any, dict[str, Tensor]], Tensor],
        finish: Callable[[Sequence[int], Batch, Rows], Sequence[Result]],
        *,
        progress: bool,
        most: int | None = None,
        **options: Any,
    ) -> list[Result]:
        """Return a result for each text.

        Args:
            given: the texts.
            read: see ``batches.outputs``.
            finish: makes the results of the texts at some positions, from their batch and from what
                was read of its rows.
            progress: whether long input shows a bar.
            most: largest number of rows that run together.
            **options: for ``encode_batch``.
        """
        results: list[Any] = [None] * len(given.texts)
        tokens = self.token_budget or usual_tokens(self.model)
        groups = neighbours(given.lengths(), _GROUP * tokens, most)
        is_long = progress and len(groups) >= _LONG_INPUT
        with torch.inference_mode(), evaluating(self.model):
            for group in watched(groups, unit="batches", label=self.action, verbose=is_long):
                batch = self._encode(given, group, **options)
                rows = outputs(self.model, batch, read, tokens=tokens, most=most)
                for position, result in zip(group, finish(group, batch, rows), strict=True):
                    results[position] = result
        return results
