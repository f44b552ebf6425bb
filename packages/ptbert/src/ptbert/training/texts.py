"""Texts for language models: plain text or files of ids, as documents of lines of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.files.lines import read_texts
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.token_files.formats import format_of, open_tokens

Ids = NDArray[np.integer[Any]]
Places = NDArray[np.int64]

_TOGETHER = 2**22  # ids that are looked at together


class Lines(NamedTuple):
    """The lines of a text that have tokens.

    Args:
        path: the file.
        ids: the tokens of all lines, end to end.
        starts: (N,), where the tokens of each line begin.
        ends: (N,), where they end.
        numbers: (N,), the number of each line in the file, from 0.
        last: (N,), True for the last line of each document.
        words: how many words the text has, between spaces; 0 if only its tokens are known.
    """

    path: str
    ids: Ids
    starts: Places
    ends: Places
    numbers: Places
    last: NDArray[np.bool_]
    words: int

    def place(self, token: int) -> str:
        """Return file and line of a token, for messages."""
        line = int(np.searchsorted(self.starts, token, "right")) - 1
        return f"{self.path!r}, line {int(self.numbers[line]) + 1}"

    def token_counts(self, tokens: int) -> Places:
        """Count how often each of a number of tokens is in the text."""
        counts = np.zeros(tokens, np.int64)
        for start in range(0, len(self.ids), _TOGETHER):
            counts += np.bincount(self.ids[start : start + _TOGETHER], minlength=tokens)
        return counts


def read_lines_of_tokens(path: str, tokenizer: PreTrainedTokenizer) -> Lines:
    """Read a text as tokens.

    In plain text in UTF-8, documents are lines with empty lines between them. A token file, as
    ``ptbert-tokenizers encode`` writes it in several formats, is mapped into memory. If some of
    its entries are empty, it has lines, and these divide documents; else each entry is a document.

    Args:
        path: the file.
        tokenizer: encodes plain text; of a token file it only knows which ids there may be.

    Raises:
        ValueError: if the file has no tokens, or ids that the tokenizer does not have.
        OSError: if it cannot be read.
    """
    words = 0
    if format_of(path):
        tokens = open_tokens(path)
        ids, bounds = tokens.ids, tokens.bounds
        _check_ids(path, ids, tokenizer)
        has_lines = bool((np.diff(bounds) == 0).any())
    else:
        texts = [text if text.strip() else "" for text in read_texts(path)]
        words = sum(len(text.split()) for text in texts)
        ids, bounds = tokenizer.encode_flat(texts)
        has_lines = True
    numbers = np.flatnonzero(np.diff(bounds))
    if not len(numbers):
        raise ValueError(f"{path!r} has no text; give a file with some")
    last = np.append(np.diff(numbers) > 1, values=True) | (not has_lines)
    return Lines(path, ids, bounds[numbers], bounds[numbers + 1], numbers, last, words)


def _check_ids(path: str, ids: Ids, tokenizer: PreTrainedTokenizer) -> None:
    tokens = vocabulary_size(tokenizer)
    for start in range(0, len(ids), _TOGETHER):
        some = ids[start : start + _TOGETHER]
        if some.min() < 0 or some.max() >= tokens:
            wrong = int(some[(some < 0) | (some >= tokens)][0])
            raise ValueError(
                f"{path!r} has the id {wrong}, and the vocabulary of the model has {tokens} "
                "tokens; encode the text with the tokenizer of the model"
            )


def vocabulary_size(tokenizer: PreTrainedTokenizer) -> int:
    """Return the largest id of a tokenizer, and one."""
    return max(tokenizer.vocabulary.values()) + 1


class Stream:
    """All documents of a text as one sequence of tokens, which is made when it is read.

    Args:
        lines: of the text.
        between: tokens between two lines of a document.
        after: tokens after a document.

    Example:
        >>> ids, places = np.array([5, 6, 7, 8], np.int32), np.array([0, 2, 3, 4])
        >>> lines = Lines("text.txt", ids, places[:-1], places[1:], np.array([0, 1, 3]),
        ...               np.array([False, True, True]), 0)
        >>> stream = Stream(lines, between=[1], after=[2])
        >>> len(stream), stream.tokens(0, 8).tolist(), stream.tokens(3, 5).tolist()
        (7, [5, 6, 1, 7, 2, 8, 2], [7, 2])
    """

    def __init__(self, lines: Lines, between: Sequence[int], after: Sequence[int]) -> None:
        self._lines = lines
        self._is_last = lines.last
        self._marks = [np.array(each, np.int32) for each in (between, after)]
        marks = np.where(self._is_last, len(after), len(between))
        self._ends = np.cumsum(lines.ends - lines.starts + marks)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def tokens(self, start: int, end: int) -> Ids:
        """Return the tokens from one place up to another."""
        line = int(np.searchsorted(self._ends, start, "right"))
        begin = int(self._ends[line - 1]) if line else 0  # of the line, in the stream
        first = begin
        parts = []
        while begin < end and line < len(self._ends):
            lines = self._lines
            parts.append(lines.ids[lines.starts[line] : lines.ends[line]])
            parts.append(self._marks[int(self._is_last[line])])
            begin = int(self._ends[line])
            line += 1
        return np.concatenate(parts)[start - first : end - first].astype(np.int32)

    def counts(self, tokens: int) -> Places:
        """Count how often each of a number of tokens is in the stream."""
        counts = self._lines.token_counts(tokens)
        documents = int(self._is_last.sum())
        for mark, times in zip(
            self._marks, (len(self._is_last) - documents, documents), strict=True
        ):
            counts += times * np.bincount(mark, minlength=tokens)
        return counts

    def place(self, token: int) -> str:
        """Return file and line of a token of the stream, for messages."""
        line = int(np.searchsorted(self._ends, token, "right"))
        return self._lines.place(int(self._lines.starts[line]))


class PlacesOf(Sequence[str]):
    """The places of examples, made when a message needs them.

    Args:
        text: knows the place of a token.
        starts: the first token of each example.
    """

    def __init__(self, text: Lines | Stream, starts: Places) -> None:
        self._text, self._starts = text, starts

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # one at a time
        return self._text.place(int(self._starts[index]))
