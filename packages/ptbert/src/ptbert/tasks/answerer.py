"""Answering questions: the span of a context that answers a question best, or no answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import torch
from torch import Tensor

from ptbert.tasks.given import Given, checked_top_k, given_pairs
from ptbert.tasks.task import Task
from ptbert.tasks.windows import Window, windows_of_texts
from ptbert.tasks.words import Words, continued, words_of_text
from ptbert_models import BertForQuestionAnswering
from ptbert_tokenizers import Batch, BertTokenizer

if TYPE_CHECKING:
    from ptbert.tasks.task import Rows

_STRIDE = 128  # of the authors, and of transformers' pipelines
_CLOSE = 8  # spans looked at for each answer wanted, because several can be the same words


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


class Answerer(Task):
    """Answers questions from a context.

    An answer is made of whole words. A context that is longer than a window is read in overlapping
    windows, and their spans are compared by the sums of their scores, as the authors of BERT did.
    ``score`` is the probability of the span among those of all windows. For a context of one window
    it is that of the pipelines of transformers 4. With more windows, those compare probabilities
    within each window, so that a window without an answer often wins.

    Args:
        model: a ``BertForQuestionAnswering``.
        tokenizer: see ``Task``.
        max_len: largest number of tokens of a question and a window; 384 when None, as the authors
            trained, or less if the model takes less.
        token_budget: see ``Task``.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, sections 4.2 and 4.3.

    Example:
        >>> from pathlib import Path
        >>> from ptbert import BertConfig, BertTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "where", "paris"]
        >>> _ = Path("vocab.txt").write_text("".join(f"{word}\\n" for word in words))
        >>> config = BertConfig(6, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
        >>> answerer = Answerer(BertForQuestionAnswering(config), BertTokenizer("vocab.txt"))
        >>> answerer("Where?", "Paris").text
        'Paris'
    """

    model_class = BertForQuestionAnswering
    head = "qa_outputs."
    does = "scores where answers begin and end"
    action = "answering"
    usual_max_len = 384
    tokenizer_class = BertTokenizer

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is also many strings
        self,
        questions: str,
        contexts: str,
        *,
        null_threshold: float | None = ...,
        max_answer_len: int = ...,
        max_question_len: int = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> Answer: ...

    @overload
    def __call__(
        self,
        questions: str | Iterable[str],
        contexts: str | Iterable[str],
        *,
        null_threshold: float | None = ...,
        max_answer_len: int = ...,
        max_question_len: int = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[Answer]: ...

    def __call__(self, questions: Any, contexts: Any, **options: Any) -> Any:
        """Return the best answer to a question, or a list of those to many.

        Args:
            questions: a question or many. A single one is asked of each context.
            contexts: a context or many. A single one is used for each question.
            **options: see ``rank``.

        Raises:
            TypeError: if something is no string; it is named with its position.
            ValueError: if there are not as many questions as contexts, or a number is not positive.
        """
        given = given_pairs(questions, contexts, ("questions", "contexts"))
        found = self._ranked(given, top_k=1, **options)
        return given.result([answers[0] for answers in found])

    @overload
    def rank(  # type: ignore[overload-overlap]  # a string is also many strings
        self,
        questions: str,
        contexts: str,
        *,
        top_k: int | None = ...,
        null_threshold: float | None = ...,
        max_answer_len: int = ...,
        max_question_len: int = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[Answer]: ...

    @overload
    def rank(
        self,
        questions: str | Iterable[str],
        contexts: str | Iterable[str],
        *,
        top_k: int | None = ...,
        null_threshold: float | None = ...,
        max_answer_len: int = ...,
        max_question_len: int = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[list[Answer]]: ...

    def rank(self, questions: Any, contexts: Any, *, top_k: int | None = 5, **options: Any) -> Any:
        """Return the best answers to a question, the best first; or a list of these.

        Errors as for a call.

        Args:
            questions: a question or many. A single one is asked of each context.
            contexts: a context or many. A single one is used for each question.
            top_k: number of answers; all when None, or if the context has fewer spans.
            null_threshold: there may be no answer. It counts as better than a span if the sum of
                its scores is larger than that of the span by more than this number; 0 is usual, and
                larger numbers give more answers. When None, there is an answer if the context has
                a word.
            max_answer_len: largest number of tokens of an answer (30 when not given).
            max_question_len: largest number of tokens of a question (64 when not given); the rest
                is cut off, and at most half of a window is the question.
            stride: tokens that neighbouring windows share (128 when not given, or less in short
                windows).
            progress: whether long input shows a progress bar, on a terminal.
        """
        given = given_pairs(questions, contexts, ("questions", "contexts"))
        checked_top_k(top_k)
        return given.result(self._ranked(given, top_k=top_k, **options))

    def _ranked(
        self,
        given: Given,
        *,
        top_k: int | None,
        null_threshold: float | None = None,
        max_answer_len: int = 30,
        max_question_len: int = 64,
        stride: int | None = None,
        progress: bool = True,
    ) -> list[list[Answer]]:
        for name, number in (
            ("max_answer_len", max_answer_len),
            ("max_question_len", max_question_len),
        ):
            if type(number) is not int or number < 1:
                raise ValueError(f"{name}={number!r} is not a length; choose a number from 1 on")
        room = (self._max_len() or self.usual_max_len) - 3
        half = max(room // 2, 1)  # of the room beside [CLS] and two [SEP]
        stride = min(_STRIDE, half - 1) if stride is None else stride
        limit = min(max_question_len, half)
        questions = {text: self._cut(text, limit) for text in dict.fromkeys(given.texts)}
        return self._map(
            given._replace(texts=[questions[text] for text in given.texts]),
            _scores,
            partial(self._answers, given, top_k, null_threshold, max_answer_len, stride),
            progress=progress,
            truncation="only_second",
            stride=stride,
            return_offsets=True,
            return_special_tokens_mask=True,
        )

    def _cut(self, question: str, limit: int) -> str:
        if question.isascii() and len(question) <= limit:  # such tokens have a character each
            return question
        _, spans = self.tokenizer.tokenize_with_offsets(question)
        if len(spans) <= limit:
            return question
        # Lower-casing divides some characters, such as those of Hangul, into several tokens.
        return question[: min(spans[limit - 1][1], spans[limit][0])]

    def _answers(
        self,
        given: Given,
        top_k: int | None,
        null_threshold: float | None,
        max_answer_len: int,
        stride: int,
        group: Sequence[int],
        batch: Batch,
        rows: Rows,
    ) -> list[list[Answer]]:
        continues = continued(batch, self.tokenizer)
        windows_of = windows_of_texts(batch, len(group), stride, second=True)
        found = []
        for position, windows in zip(group, windows_of, strict=True):
            words = words_of_text(batch, windows, stride, continues)
            spans = _best_spans(words, windows, rows, top_k, max_answer_len)
            null, total = _null_and_total(windows, rows)
            if null_threshold is not None or not spans:
                better = sum(score >= null - (null_threshold or 0) for *_, score in spans)
                spans.insert(better, (0, 0, null))
            context = (given.pairs or [])[position]
            found.append(
                [
                    Answer(context[start:end], start, end, math.exp(score - total))
                    for start, end, score in spans[:top_k]
                ]
            )
        return found


def _scores(output: Any, inputs: dict[str, Tensor]) -> Tensor:
    """The scores of starts and ends, (B, L, 2); models may return more before them."""
    return torch.stack(output[-2:], -1)


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
