"""The embeddings and scores of tokens of a model: finding, replacing and resizing them."""

from __future__ import annotations

import copy
from operator import attrgetter
from typing import Any, ClassVar

from torch import nn

from ptbert_models.config import PreTrainedConfig
from ptbert_models.parts.quantized import QuantizedLinear, refusal
from ptbert_models.parts.ties import replace_shared


class Vocabulary(nn.Module):
    """Access to the embeddings of tokens, under the names that later libraries have for it.

    Example:
        >>> from ptbert_models import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(10, n_embd=8, n_layer=1, n_head=2))
        >>> model.resize_token_embeddings(12)
        Embedding(12, 8)
        >>> model.get_output_embeddings().weight is model.get_input_embeddings().weight
        True
    """

    config: PreTrainedConfig
    base_model_prefix: ClassVar[str]
    # Where the bare model keeps the embeddings of tokens, and a model with a head what scores them.
    token_table: ClassVar[str]
    token_scores: ClassVar[str | None] = None

    def get_input_embeddings(self) -> nn.Module:
        """Return the module that embeds tokens."""
        return attrgetter(self.token_table)(self._bare())

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the module that embeds tokens; what shared its weights shares the new ones.

        Args:
            value: a module from ids to vectors, such as ``torch.nn.Embedding``. One of another
                number of rows also needs scores for them, see ``resize_token_embeddings``.

        Raises:
            RuntimeError: if ``quantize`` was called, and the model scores tokens.
            TypeError: if it is no module.
            ValueError: if it is an embedding of vectors of another width than the model's.
        """
        if not isinstance(value, nn.Module):
            raise TypeError(
                f"input embeddings of type {type(value).__name__} were given; give a module, such "
                "as torch.nn.Embedding.from_pretrained(vectors)"
            )
        width = getattr(self.config, "hidden_size", None)
        if isinstance(value, nn.Embedding) and width not in (None, value.embedding_dim):
            raise ValueError(
                f"input embeddings with vectors of width {value.embedding_dim} were given, and "
                f"this model has vectors of width {width}; give some of that width"
            )
        self._check_scores()
        old = self.get_input_embeddings()
        place, _, name = self.token_table.rpartition(".")
        owner = attrgetter(place)(self._bare()) if place else self._bare()
        setattr(owner, name, value)
        replace_shared(self, old, value)

    def get_output_embeddings(self) -> nn.Module | None:
        """Return the module that scores tokens; None in models that score none."""
        return attrgetter(self.token_scores)(self) if self.token_scores else None

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, *, pad_to_multiple_of: int | None = None
    ) -> nn.Module:
        """Give the vocabulary another size: embeddings, scores and configuration.

        Rows that exist already are kept, and new ones are initialised as those of a new model.
        ``config`` is replaced by a changed copy.

        Args:
            new_num_tokens: number of tokens, the special tokens of GPT and GPT-2 included; nothing
                is changed when None.
            pad_to_multiple_of: the number is rounded up to a multiple of this.

        Returns:
            The module that embeds tokens.

        Raises:
            RuntimeError: if ``quantize`` was called, and the model scores tokens.
            TypeError: if the embeddings are a program's own, or were wrapped.
            ValueError: if no model can have this number of tokens, or the multiple is of none.
        """
        self._check_scores()
        table = self.get_input_embeddings()
        wanted = self._number_of_tokens(table) if new_num_tokens is None else new_num_tokens
        if pad_to_multiple_of is not None:
            if not isinstance(pad_to_multiple_of, int) or pad_to_multiple_of < 1:
                raise ValueError(
                    f"pad_to_multiple_of={pad_to_multiple_of!r} must be an integer above 0"
                )
            wanted = -(-wanted // pad_to_multiple_of) * pad_to_multiple_of
        if new_num_tokens is not None or wanted != self._number_of_tokens(table):
            self._resize_vocabulary(table, wanted)
        return self.get_input_embeddings()

    def _check_scores(self) -> None:
        """Refuse to change the vocabulary where scores have a copy of it, of 8 bits."""
        if isinstance(self.get_output_embeddings(), QuantizedLinear):
            raise refusal("cannot follow other embeddings")

    def _bare(self) -> Any:
        return getattr(self, self.base_model_prefix, self)

    def _number_of_tokens(self, table: Any) -> int:
        """Return how many tokens the embeddings have, or else the configuration."""
        return getattr(table, "num_embeddings", getattr(self.config, self.config.vocabulary_key))

    def _resize_vocabulary(self, table: nn.Module, tokens: int) -> None:
        """Give embeddings and scores so many tokens, after a check. Each family defines this."""
        raise NotImplementedError(f"{type(self).__name__} has no embeddings of tokens")

    def _config_with(self, tokens: int) -> PreTrainedConfig:
        """Return a configuration with so many tokens.

        Raises:
            ValueError: if there can be no such model.
        """
        config = copy.copy(self.config)
        setattr(config, config.vocabulary_key, tokens)
        config.validate()
        return config

    def _replace_config(self, config: PreTrainedConfig) -> None:
        old = self.config
        self._bare().config = config
        parts: Any = self.modules()
        for part in parts:
            if vars(part).get("config") is old:
                part.config = config
