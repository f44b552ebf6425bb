"""Vectors of sentences from a BERT model.

Source:
    Reimers and Gurevych 2019, arXiv:1908.10084, section 3 (mean pooling).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ptbert.tasks.given import Given
from ptbert.tasks.task import Task
from ptbert_models import BertModel
from ptbert_tokenizers import Batch
from ptbert_tokenizers.batches.texts import checked_texts
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

if TYPE_CHECKING:
    from ptbert.tasks.task import Rows


def split_sentences(text: str) -> list[str]:
    """Split a text at blank lines and at the ends of sentences.

    Example:
        >>> split_sentences("One sentence\\nover two lines. Another!\\n\\nA paragraph")
        ['One sentence over two lines.', 'Another!', 'A paragraph']
    """
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return [
        sentence
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.!?])\s+", paragraph)
        if sentence
    ]


class SentenceEncoder(Task):
    """Turns sentences into vectors: the mean of the last layer over real tokens, of length 1.

    Args:
        model: a ``BertModel``; it is put into evaluation mode, and stays there.
        tokenizer: the tokenizer with the model's vocabulary.
        batch_size: largest number of sentences at a time.
        max_len: see ``Task``.
        token_budget: likewise.

    Raises:
        TypeError: if the model has a head.
        ValueError: if the batch size is not positive.
    """

    model_class = BertModel
    head = ""  # none
    does = "returns a vector for each token"
    action = "encoding"
    settings = ("batch_size", *Task.settings)

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizer,
        batch_size: int = 32,
        *,
        max_len: int | None = None,
        token_budget: int | None = None,
    ) -> None:
        super().__init__(model, tokenizer, max_len=max_len, token_budget=token_budget)
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.model.eval()
        self.batch_size = batch_size

    def encode(self, sentences: Iterable[str], *, progress: bool = False) -> Tensor:
        """Encode sentences.

        Args:
            sentences: any texts; those longer than the model allows are cut.
            progress: whether long input shows a progress bar, on a terminal.

        Returns:
            (number of sentences, E), each row of length 1, on the CPU.

        Raises:
            TypeError: if it is one string, or something in it is no string.
        """
        if isinstance(sentences, str):
            raise TypeError("sentences is one string; give a list of sentences")
        given = Given(checked_texts(sentences, "sentences"), None, is_one=False)
        vectors = torch.empty(len(given.texts), self.model.config.hidden_size)
        found = self._map(given, _means, _rows, progress=progress, most=self.batch_size)
        for position, vector in enumerate(found):
            vectors[position] = torch.from_numpy(vector)
        return vectors


def _means(output: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    *_, layers, _ = output  # attention weights may come first
    hidden = layers[-1]  # (B, L, E)
    weights = inputs["attention_mask"][:, :, None].to(hidden.dtype)
    means = (hidden * weights).sum(1) / weights.sum(1)
    return torch.nn.functional.normalize(means, dim=1)


def _rows(group: Sequence[int], batch: Batch, rows: Rows) -> Rows:
    return rows
