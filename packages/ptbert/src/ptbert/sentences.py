"""Vectors of sentences from a BERT model.

Source:
    Reimers and Gurevych 2019, arXiv:1908.10084, section 3 (mean pooling).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from ptbert_hub.progress import watched
from ptbert_models import BertModel
from ptbert_tokenizers import BertTokenizer

_LONG_INPUT = 10  # batches; fewer are done before a progress bar is of use


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


class SentenceEncoder:
    """Turns sentences into vectors: the mean of the last layer over real tokens, of length 1.

    Args:
        model: a ``BertModel``; it is put into evaluation mode.
        tokenizer: the tokenizer with the model's vocabulary.
        batch_size: sentences at a time.

    Raises:
        ValueError: if the batch size is not positive.
    """

    def __init__(self, model: BertModel, tokenizer: BertTokenizer, batch_size: int = 32) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str], *, progress: bool = False) -> Tensor:
        """Encode sentences.

        Args:
            sentences: any texts; those longer than the model allows are cut.
            progress: whether long input shows a progress bar, on a terminal.

        Returns:
            (number of sentences, E), each row of length 1.
        """
        by_length = sorted(range(len(sentences)), key=lambda i: len(sentences[i]), reverse=True)
        batches = [  # of sentences of similar length, so that there is little padding
            by_length[start : start + self.batch_size]
            for start in range(0, len(by_length), self.batch_size)
        ]
        vectors = torch.empty(len(sentences), self.model.config.hidden_size)
        is_long = progress and len(batches) >= _LONG_INPUT
        for batch in watched(batches, unit="batches", label="encoding", verbose=is_long):
            vectors[batch] = self._encode_batch([sentences[index] for index in batch])
        return vectors

    def _encode_batch(self, sentences: Sequence[str]) -> Tensor:
        batch = self.tokenizer.encode_batch(
            sentences, max_len=self.model.config.max_position_embeddings
        )
        mask = torch.from_numpy(batch.attention_mask)
        hidden, _ = self.model(
            torch.from_numpy(batch.input_ids),
            torch.from_numpy(batch.token_type_ids),
            mask,
            output_all_encoded_layers=False,
        )  # (B, L, E)
        weights = mask[:, :, None].to(hidden.dtype)
        means = (hidden * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(means, dim=1)
