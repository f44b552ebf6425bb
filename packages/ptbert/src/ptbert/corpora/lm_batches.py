"""Batches for training language models on long texts.

Letters: B texts side by side, L tokens of a segment, C tokens of context before it. All batches are
batch first: inputs (B, C + L), targets (B, L), which are the inputs one token further on, and L.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 4.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import cast

import torch
from torch import Tensor

from ptbert_tokenizers import TransfoXLTokenizer

Batch = tuple[Tensor, Tensor, int]


class LMOrderedIterator:
    """Reads a corpus from beginning to end, cut into B parts that are read side by side.

    Args:
        data: (tokens of the corpus,); what does not fill B equal parts is left out.
        bsz: number of parts B.
        bptt: tokens of a segment L.
        device: where batches go.
        ext_len: tokens of context C; none when None.

    Raises:
        ValueError: if the corpus is too short to be cut, or a size is not positive.

    Example:
        >>> for inputs, targets, length in LMOrderedIterator(torch.arange(10), bsz=2, bptt=3):
        ...     print(inputs.tolist(), targets.tolist(), length)
        [[0, 1, 2], [5, 6, 7]] [[1, 2, 3], [6, 7, 8]] 3
        [[3], [8]] [[4], [9]] 1
    """

    def __init__(
        self,
        data: Tensor,
        bsz: int,
        bptt: int,
        device: str | torch.device = "cpu",
        ext_len: int | None = None,
    ) -> None:
        _check_sizes(bsz, bptt)
        self.bsz = bsz
        self.bptt = bptt
        self.ext_len = ext_len or 0
        self.device = device
        self.n_step = data.size(0) // bsz
        if self.n_step < 2:
            raise ValueError(
                f"a corpus of {data.size(0)} tokens cannot be cut into bsz={bsz} parts of at least "
                "2 tokens; use a smaller bsz or more text"
            )
        self.data = data[: self.n_step * bsz].view(bsz, -1).t().contiguous().to(device)
        self.n_batch = -(-self.n_step // bptt)

    def get_batch(self, i: int, bptt: int | None = None) -> Batch:
        """Return the batch whose segment begins at token ``i`` of each part.

        Args:
            i: where the segment begins.
            bptt: tokens of this segment, if other than usual.
        """
        length = min(bptt or self.bptt, self.data.size(0) - 1 - i)
        inputs = self.data[max(0, i - self.ext_len) : i + length]
        targets = self.data[i + 1 : i + 1 + length]
        return inputs.t().contiguous(), targets.t().contiguous(), length

    def get_fixlen_iter(self, start: int = 0) -> Iterator[Batch]:
        """Yield segments of equal length, the last one excepted."""
        for i in range(start, self.data.size(0) - 1, self.bptt):
            yield self.get_batch(i)

    def get_varlen_iter(
        self, start: int = 0, std: float = 5, min_len: int = 5, max_deviation: int = 3
    ) -> Iterator[Batch]:
        """Yield segments of random length, until the corpus ends.

        Args:
            start: where to begin.
            std: standard deviation of the lengths.
            min_len: shortest segment.
            max_deviation: longest segment, in standard deviations above the usual length.
        """
        longest = self.bptt + int(max_deviation * std)
        i = start
        while i < self.data.size(0) - 2:
            # Now and then half the length, so that segments do not always begin at the same places.
            mean = self.bptt if random.random() < 0.95 else self.bptt / 2
            length = min(longest, max(min_len, int(random.gauss(mean, std))))
            inputs, targets, length = self.get_batch(i, length)
            i += length
            yield inputs, targets, length

    def __iter__(self) -> Iterator[Batch]:
        return self.get_fixlen_iter()


class LMShuffledIterator:
    """Reads separate sentences, B of them side by side; where one ends, the next one begins.

    Args:
        data: the sentences, each (its tokens,).
        bsz: number of sentences side by side B.
        bptt: tokens of a segment L.
        device: where batches go.
        ext_len: tokens of context C; none when None.
        shuffle: whether to take the sentences in random order.

    Raises:
        ValueError: if a size is not positive.

    Example:
        >>> sentences = [torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6])]
        >>> for inputs, targets, _ in LMShuffledIterator(sentences, bsz=2, bptt=2):
        ...     print(inputs.tolist(), targets.tolist())
        [[1, 2], [4, 5]] [[2, 3], [5, 6]]
    """

    def __init__(
        self,
        data: Sequence[Tensor],
        bsz: int,
        bptt: int,
        device: str | torch.device = "cpu",
        ext_len: int | None = None,
        shuffle: bool = False,
    ) -> None:
        _check_sizes(bsz, bptt)
        self.data = data
        self.bsz = bsz
        self.bptt = bptt
        self.ext_len = ext_len or 0
        self.device = device
        self.shuffle = shuffle

    def get_sent_stream(self) -> Iterator[Tensor]:
        """Yield the sentences."""
        order = list(range(len(self.data)))
        if self.shuffle:
            random.shuffle(order)
        for index in order:
            yield self.data[index]

    def stream_iterator(self, sent_stream: Iterable[Tensor]) -> Iterator[Batch]:
        """Yield batches until the sentences do not fill another one."""
        sentences = iter(sent_stream)
        rest = [torch.empty(0, dtype=torch.long)] * self.bsz
        context = torch.empty(self.bsz, 0, dtype=torch.long)
        while True:
            rows = []
            for part in range(self.bsz):
                row, rest[part] = self._segment(rest[part], sentences)
                if row is None:
                    return
                rows.append(row)
            inputs, targets = (torch.stack(each) for each in zip(*rows, strict=True))
            inputs = torch.cat([context, inputs], dim=1)
            yield inputs.to(self.device), targets.to(self.device), self.bptt
            if self.ext_len:
                context = inputs[:, -self.ext_len :]

    def _segment(
        self, sentence: Tensor, sentences: Iterator[Tensor]
    ) -> tuple[tuple[Tensor, Tensor] | None, Tensor]:
        """Fill one row from a sentence and its successors; return it and what is left over."""
        inputs, targets, filled = [], [], 0
        while filled < self.bptt:
            if len(sentence) <= 1:  # its last token has no target
                following = next(sentences, None)
                if following is None:
                    return None, sentence
                sentence = following
                continue
            taken = min(len(sentence) - 1, self.bptt - filled)
            inputs.append(sentence[:taken])
            targets.append(sentence[1 : taken + 1])
            sentence = sentence[taken:]
            filled += taken
        return (torch.cat(inputs), torch.cat(targets)), sentence

    def __iter__(self) -> Iterator[Batch]:
        return self.stream_iterator(self.get_sent_stream())


class LMMultiFileIterator(LMShuffledIterator):
    """Reads the sentences of many files, one file at a time.

    Args:
        paths: UTF-8 files, one sentence a line.
        vocab: the tokenizer, with its vocabulary.
        bsz: number of sentences side by side B.
        bptt: tokens of a segment L.
        device: where batches go.
        ext_len: tokens of context C; none when None.
        shuffle: whether to take files, and the sentences of each, in random order.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        vocab: TransfoXLTokenizer,
        bsz: int,
        bptt: int,
        device: str | torch.device = "cpu",
        ext_len: int | None = None,
        shuffle: bool = False,
    ) -> None:
        super().__init__([], bsz, bptt, device, ext_len, shuffle)
        self.paths = list(paths)
        self.vocab = vocab

    def get_sent_stream(self, path: str | PathLike[str] = "") -> Iterator[Tensor]:
        """Yield the sentences of one file."""
        self.data = cast("list[Tensor]", self.vocab.encode_file(path, add_double_eos=True))
        return super().get_sent_stream()

    def __iter__(self) -> Iterator[Batch]:
        if self.shuffle:
            random.shuffle(self.paths)
        for path in self.paths:
            yield from self.stream_iterator(self.get_sent_stream(path))


def _check_sizes(bsz: int, bptt: int) -> None:
    for name, size in (("bsz", bsz), ("bptt", bptt)):
        if size < 1:
            raise ValueError(f"{name}={size} must be at least 1")
