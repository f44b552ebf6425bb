"""The answers that scores of tokens give: how questions become windows, and the best spans."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ptbert.tasks.windows import Window
from ptbert.tasks.words import Words
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = Sequence[NDArray[np.float32]] | Mapping[int, NDArray[np.float32]]

USUAL_WINDOW = 384  # tokens of a question and a window, as the authors trained
LONGEST_QUESTION = 64  # tokens, of the authors too
LONGEST_ANSWER = 30  # likewise
_STRIDE = 128  # likewise, and of transformers' pipelines


class Cut(NamedTuple):
    """How questions and contexts are cut to fit a model.

    Args:
        question: tokens that are kept of a question.
        stride: tokens of the context that neighbouring windows share.
    """

    question: int
    stride: int

    @classmethod
    def to_fit(
        cls, max_len: int, *, max_question_len: int = LONGEST_QUESTION, stride: int | None = None
    ) -> Cut:
        """Return the rule for windows of a length.

        Args:
            max_len: tokens of a question and a window, with the three special ones.
            max_question_len: tokens that are kept of a question; at most half of a window is.
            stride: 128 when None, or less in short windows.

        Example:
            >>> Cut.to_fit(384)
            Cut(question=64, stride=128)
            >>> Cut.to_fit(23)
            Cut(question=10, stride=9)
        """
        half = max((max_len - 3) // 2, 1)  # of the room beside [CLS] and two [SEP]
        return cls(
            min(max_question_len, half), min(_STRIDE, half - 1) if stride is None else stride
        )

    def windows(self) -> dict[str, Any]:
        """Return the arguments of ``encode_batch`` that make windows."""
        return {
            "truncation": "only_second",
            "stride": self.stride,
            "return_offsets": True,
            "return_special_tokens_mask": True,
        }

    def cut(self, question: str, tokenizer: PreTrainedTokenizer) -> str:
        """Return the beginning of a question that is too long."""
        limit = self.question
        if question.isascii() and len(question) <= limit:  # such tokens have a character each
            return question
        _, spans = tokenizer.tokenize_with_offsets(question)
        if len(spans) <= limit:
            return question
        # Lower-casing divides some characters, such as those of Hangul, into several tokens.
        return question[: min(spans[limit - 1][1], spans[limit][0])]


class Answer(NamedTuple):
    """A part of a context that answers a question.

    Args:
        text: ``context[start:end]``; empty if there is no answer.
        start: its first character.
        end: the position after its last.
        score: its probability among all spans of the context, and the chance of no answer.
    """

    text: str
    start: int
    end: int
    score: float


def best_answers(
    context: str,
    words: Words,
    windows: Sequence[Window],
    rows: Rows,
    *,
    top_k: int | None = 1,
    null_threshold: float | None = None,
    max_answer_len: int = LONGEST_ANSWER,
) -> list[Answer]:
    """Return the best answers of a context, the best first.

    Args:
        context: the text.
        words: of the context; an answer is made of whole ones.
        windows: of the context.
        rows: scores of starts and ends (L, 2), by the windows' rows.
        top_k: number of answers; all when None.
        null_threshold: see ``Answerer.rank``.
        max_answer_len: largest number of tokens of an answer.
    """
    spans = _best_spans(words, windows, rows, top_k, max_answer_len)
    null, total = _null_and_total(windows, rows)
    if null_threshold is not None or not spans:
        better = sum(score >= null - (null_threshold or 0) for *_, score in spans)
        spans.insert(better, (0, 0, null))
    return [
        Answer(context[start:end], start, end, math.exp(score - total))
        for start, end, score in spans[:top_k]
    ]


def _best_spans(
    words: Words, windows: Sequence[Window], rows: Rows, top_k: int | None, max_answer_len: int
) -> list[tuple[int, int, float]]:
    """The best spans of words, and the sums of their scores, the best first."""
    import numpy as np

    tokens = windows[-1].start + len(windows[-1].places)
    word_of = words.of_tokens(tokens).tolist()
    best: dict[tuple[int, int], float] = {}
    for window in windows:
        starts, ends = rows[window.row][window.places].T
        longest = min(max_answer_len, len(ends))
        if not longest:
            continue
        padded = np.pad(ends, (0, longest - 1), constant_values=-np.inf)
        sums = starts[:, None] + np.lib.stride_tricks.sliding_window_view(
            padded, longest
        )  # (T, lengths)
        order = [sums.argmax()] if top_k == 1 else (-sums).argsort(axis=None, kind="stable")
        seen: set[tuple[int, int]] = set()
        for place in order:
            first, more = divmod(int(place), longest)
            if len(seen) == top_k or first + more >= len(ends):
                break
            span = word_of[window.start + first], word_of[window.start + first + more]
            seen.add(span)
            best[span] = max(best.get(span, -np.inf), float(sums[first, more]))
    ordered = sorted(best.items(), key=lambda item: item[1], reverse=True)
    return [
        (int(words.spans[first, 0]), int(words.spans[last, 1]), score)
        for (first, last), score in ordered[:top_k]
    ]


def _null_and_total(windows: Sequence[Window], rows: Rows) -> tuple[float, float]:
    """The score of no answer, and the logarithm of the sum of exp(score) of all spans.

    All spans of a window: any start with any end, and the first token, which stands for no answer.
    """
    import numpy as np

    totals = [
        sum(np.logaddexp.reduce(rows[window.row][[0, *window.places]], 0).tolist())
        for window in windows
    ]
    null = min(float(rows[window.row][0].sum()) for window in windows)
    return null, float(np.logaddexp.reduce(totals))
