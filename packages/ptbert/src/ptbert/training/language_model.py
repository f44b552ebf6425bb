"""Learning which token follows: GPT, GPT-2 and Transformer-XL on texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ptbert.tasks.writer import END_TOKENS, Writer
from ptbert.training.examples import IGNORED, Batch, padded
from ptbert.training.metrics import entropy_of_counts, perplexity
from ptbert.training.rows import one_line
from ptbert.training.task import Measured, Scores, Usage
from ptbert.training.text_task import TextTask, scored_in_slices
from ptbert.training.texts import PlacesOf, Stream, read_lines_of_tokens, vocabulary_size
from ptbert_models import GPT2LMHeadModel, OpenAIGPTLMHeadModel, TransfoXLLMHeadModel
from ptbert_models.gpt.bare import last_layer, split_output
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_NEW_TOKENS = 50


@dataclass(frozen=True)
class Passages:
    """Passages of a text. Each begins with the last token of the one before.

    So a passage of L tokens has L - 1 of which the model sees what is before, and each token of the
    text but the first is learned once.

    Args:
        stream: the text.
        starts: the first token of each passage.
        lengths: the tokens of each.
        words: of the whole text; 0 if not known.
        tokens: size of the vocabulary.
    """

    stream: Stream
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    words: int
    tokens: int
    cut: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def names(self) -> Sequence[str]:
        """Where each passage begins."""
        return PlacesOf(self.stream, self.starts)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Rows that evaluation keeps: one for each passage."""
        return np.ones(len(self), np.int64)

    def batch(self, indices: NDArray[np.int64], device: torch.device) -> Batch:
        """Return some passages; labels are the tokens themselves."""
        lengths = self.lengths[indices]
        rows = [
            self.stream.tokens(start, start + length)
            for start, length in zip(self.starts[indices], lengths, strict=True)
        ]
        ids, labels = (torch.from_numpy(padded(rows, filler)).to(device) for filler in (0, IGNORED))
        return Batch({"input_ids": ids}, labels, int((lengths - 1).sum()))


class LanguageModel(TextTask):
    """Say which token follows. Arguments as in ``Task``.

    All documents of the file are one text, in which a document ends with the end token of the
    vocabulary, if it has one. Training cuts it into passages of ``max_length`` tokens.

    Transformer-XL reads a passage in segments of the configuration's ``tgt_len``, with the memory
    of those before, and each passage begins with an empty memory. In evaluation it reads the whole
    text as one passage.
    """

    name = "language-model"
    model_classes = MappingProxyType(
        {
            "gpt": OpenAIGPTLMHeadModel,
            "gpt2": GPT2LMHeadModel,
            "transfo_xl": TransfoXLLMHeadModel,
        }
    )

    @property
    def usage(self) -> Usage:
        """A writer."""
        return Usage("Writer", '"It was"', '"It was"')

    @property
    def smallest_input(self) -> tuple[int, str]:
        """A token, and one before it."""
        return 2, "a token to learn"

    def encode(
        self, examples: Sequence[str], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> Passages:
        """Return the text in a file as passages of at most ``max_length`` tokens."""
        (path,) = examples
        lines = read_lines_of_tokens(path, tokenizer)
        # GPT-2 knows line ends; for the others all spaces are the same.
        between = tokenizer.encode("\n") if tokenizer.family == "gpt2" else []
        known = tokenizer.vocabulary
        end = next((known[token] for token in END_TOKENS if token in known), None)
        stream = Stream(lines, between, between if end is None else [end])
        if len(stream) < 2:
            raise ValueError(f"{path!r} has one token only; give a longer text")
        starts = np.arange(0, len(stream) - 1, max_length - 1)
        lengths = np.minimum(len(stream) - starts, max_length)
        return Passages(stream, starts, lengths, lines.words, vocabulary_size(tokenizer))

    def encode_for_evaluation(
        self, examples: Sequence[str], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> Passages:
        """Return passages; for Transformer-XL the whole text is one, because it has a memory."""
        found = self.encode(examples, tokenizer, max_length)
        if tokenizer.family != "transfo_xl":
            return found
        whole = np.array([len(found.stream)])
        return Passages(found.stream, np.zeros(1, np.int64), whole, found.words, found.tokens)

    def batch(
        self,
        examples: Passages,
        indices: NDArray[np.int64],
        epoch: int | None,
        device: torch.device,
    ) -> Batch:
        """Return passages; they are the same in all epochs."""
        return examples.batch(indices, device)

    def loss(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Return the sum of the losses of all tokens but the first of each passage."""
        if isinstance(model, TransfoXLLMHeadModel):
            return _losses_with_memory(model, batch).sum()
        loss: Tensor = model(**batch.inputs, lm_labels=batch.labels)
        return loss * batch.labelled

    def measured(self, model: PreTrainedModel, batch: Batch) -> Measured:
        """Return the sum of the losses of each passage, and that of all."""
        if isinstance(model, TransfoXLLMHeadModel):
            losses = _losses_with_memory(model, batch)
        else:
            losses = _losses_of_gpt(model, batch)
        rows = losses.double().sum(1, keepdim=True)
        return Measured(rows, rows.sum())

    def chance_loss(self, examples: Passages) -> float:
        """Return the entropy of the tokens."""
        return entropy_of_counts(examples.stream.counts(examples.tokens))

    def metrics(self, scores: Scores, examples: Passages) -> dict[str, float]:
        """Return the perplexity of tokens, and of words where they can be counted.

        That of words is comparable between vocabularies: the loss of the whole text, divided by the
        number of its words between spaces instead of that of its tokens.
        """
        total = float(scores.astype(np.float64).sum())
        found = {"perplexity": perplexity(total, int((examples.lengths - 1).sum()))}
        if examples.words:
            found["word_perplexity"] = perplexity(total, examples.words)
        return found

    def written(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizer, texts: Sequence[str]
    ) -> list[str]:
        """Return each text with its most probable continuation, on a line."""
        writer = Writer(model, tokenizer)
        limit = getattr(model.config, "max_position_embeddings", None)
        window = {} if limit is None else {"sliding_window": max(1, limit // 2)}
        found = writer(list(texts), _NEW_TOKENS, temperature=0, **window)
        return [one_line(text) for text in found]


def _losses_of_gpt(model: Any, batch: Batch) -> Tensor:
    """Read passages: (B, L - 1) losses, 0 where there is no token; without gradients."""
    bare = model.transformer
    output = bare(**batch.inputs)
    states = last_layer(split_output(output, has_presents=bare.returns_presents)[1])
    labels = batch.labels[:, 1:]
    learned = labels != IGNORED
    found, _ = scored_in_slices(model.lm_head, states[:, :-1][learned], labels)
    losses = found.new_zeros(labels.shape)
    losses[learned] = found
    return losses


def _losses_with_memory(model: TransfoXLLMHeadModel, batch: Batch) -> Tensor:
    """Read passages in segments: (B, L - 1) losses, 0 where there is no token."""
    ids, targets = batch.inputs["input_ids"][:, :-1], batch.labels[:, 1:]
    memory: list[Tensor] | None = None
    losses = []
    size = model.config.tgt_len
    for start in range(0, ids.size(1), size):
        segment = slice(start, start + size)
        found, memory = model(ids[:, segment], targets[:, segment], memory)
        losses.append(found)
    return torch.cat(losses, dim=1)
