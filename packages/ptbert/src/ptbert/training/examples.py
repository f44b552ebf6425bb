"""Examples as ids, and batches of them for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ptbert_tokenizers.pretrained import PreTrainedTokenizer

IGNORED = -100  # the label of a place that is not learned
_BLOCK = 1000  # texts that are encoded together


class Batch(NamedTuple):
    """Some examples, as tensors.

    Args:
        inputs: what the model takes, by name, each (B, L).
        labels: (B,), or (B, L) with ``IGNORED`` where there is none.
        labelled: number of labels that are learned.
    """

    inputs: dict[str, Tensor]
    labels: Tensor
    labelled: int


class Examples(Protocol):
    """What the loop and evaluation know of the examples of any task."""

    @property
    def names(self) -> Sequence[str]:
        """Where each example comes from, for messages."""

    @property
    def cut(self) -> int:
        """How many examples were longer than the model takes, and were cut."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example: (N,). None is longer in any epoch."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows that evaluation keeps of each example: (N,); see ``task.Measured``."""

    def __len__(self) -> int:
        """Return the number N of examples."""


@dataclass(frozen=True)
class EncodedExamples:
    """Examples as a model takes them.

    Args:
        ids: the tokens of each example.
        types: which text of a pair each token belongs to.
        labels: of each example: one number, or one for each token, with ``IGNORED`` where there is
            none.
        names: where each example comes from, for messages.
        cut: how many examples were longer than the model takes, and were cut.
        texts: the text that each example is a window of, in rising order, where texts have windows.
    """

    ids: Sequence[NDArray[np.int32]]
    types: Sequence[NDArray[np.int8]]
    labels: Sequence[NDArray[Any]]
    names: Sequence[str]
    cut: int = 0
    texts: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example: (N,)."""
        return np.array([len(each) for each in self.ids], np.int64)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Labels of each example that are learned: (N,)."""
        return np.array([int(is_learned(each).sum()) for each in self.labels], np.int64)

    @cached_property
    def flat_labels(self) -> NDArray[Any]:
        """All labels that are learned, in the order of the examples."""
        return np.concatenate([each[is_learned(each)] for each in self.labels])

    def batch(self, indices: NDArray[np.int64], device: torch.device) -> Batch:
        """Return some of the examples as tensors.

        Args:
            indices: which.
            device: where the tensors are made.
        """
        chosen = indices.tolist()
        inputs = padded_inputs(
            [self.ids[index] for index in chosen], [self.types[index] for index in chosen], device
        )
        own = [self.labels[index] for index in chosen]
        of_tokens = own[0].ndim == 1
        labels = padded(own, IGNORED) if of_tokens else np.stack(own)
        labelled = int((labels != IGNORED).sum()) if of_tokens else len(chosen)
        return Batch(inputs, torch.from_numpy(labels).to(device), labelled)


def padded_inputs(
    ids: Sequence[NDArray[Any]], types: Sequence[NDArray[Any]], device: torch.device
) -> dict[str, Tensor]:
    """Return what BERT takes of some texts, by name: each (B, L), with padding on the right.

    Args:
        ids: the tokens of each text.
        types: which text of a pair each token belongs to.
        device: where the tensors are made.
    """
    arrays = {
        "input_ids": padded(ids, 0),
        "token_type_ids": padded(types, 0),
        "attention_mask": padded([np.ones(len(each), np.int64) for each in ids], 0),
    }
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def padded(rows: Sequence[NDArray[Any]], filler: int) -> NDArray[np.int64]:
    """Return rows of numbers as one array (B, L), with a filler on the right of shorter ones.

    Example:
        >>> padded([np.array([5, 6]), np.array([7])], 0).tolist()
        [[5, 6], [7, 0]]
    """
    table = np.full((len(rows), max(map(len, rows))), filler, np.int64)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table


def encoded_texts(
    tokenizer: PreTrainedTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int8]], NDArray[np.bool_]]:
    """Return texts, or pairs, as ids; those that are too long are cut at the end.

    Args:
        tokenizer: of the model.
        texts: the texts, or the first of each pair.
        pairs: the second of each pair.
        max_length: largest number of tokens.

    Returns:
        The tokens of each text, which text of a pair each belongs to, and which texts were cut.
    """
    ids, types, cut = [], [], []
    for start in range(0, len(texts), _BLOCK):
        block = slice(start, start + _BLOCK)
        encode = partial(tokenizer.encode_batch, texts[block], pairs and pairs[block])
        batch = encode(max_len=max_length + 1)  # one more shows what is cut
        lengths = batch.attention_mask.sum(1)
        cut.append(lengths > max_length)
        if cut[-1].any():
            batch = encode(max_len=max_length)
            lengths = batch.attention_mask.sum(1)
        for row, length in enumerate(lengths.tolist()):
            ids.append(batch.input_ids[row, :length].astype(np.int32))
            types.append(batch.token_type_ids[row, :length].astype(np.int8))
    return ids, types, np.concatenate(cut)


def is_learned(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """True where an example has a label: at some of its tokens, or at its only place."""
    return np.asarray(labels != IGNORED) if labels.ndim else np.ones((), np.bool_)
