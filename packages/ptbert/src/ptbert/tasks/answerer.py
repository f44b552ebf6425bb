"""Answering questions: the span of a context that answers a question best, or no answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor

from ptbert.tasks.answers import (
    LONGEST_ANSWER,
    LONGEST_QUESTION,
    USUAL_WINDOW,
    Answer,
    Cut,
    best_answers,
)
from ptbert.tasks.given import Given, checked_top_k, given_pairs
from ptbert.tasks.task import Task
from ptbert.tasks.windows import windows_of_texts
from ptbert.tasks.words import continued, words_of_text
from ptbert_models import BertForQuestionAnswering
from ptbert_tokenizers import Batch, BertTokenizer

if TYPE_CHECKING:
    from ptbert.tasks.task import Rows


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
    usual_max_len = USUAL_WINDOW
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
        max_answer_len: int = LONGEST_ANSWER,
        max_question_len: int = LONGEST_QUESTION,
        stride: int | None = None,
        progress: bool = True,
    ) -> list[list[Answer]]:
        for name, number in (
            ("max_answer_len", max_answer_len),
            ("max_question_len", max_question_len),
        ):
            if type(number) is not int or number < 1:
                raise ValueError(f"{name}={number!r} is not a length; choose a number from 1 on")
        cut = Cut.to_fit(
            self._max_len() or self.usual_max_len, max_question_len=max_question_len, stride=stride
        )
        questions = {text: cut.cut(text, self.tokenizer) for text in dict.fromkeys(given.texts)}
        return self._map(
            given._replace(texts=[questions[text] for text in given.texts]),
            _scores,
            partial(self._answers, given, top_k, null_threshold, max_answer_len, cut.stride),
            progress=progress,
            **cut.windows(),
        )

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
            context = (given.pairs or [])[position]
            found.append(
                best_answers(
                    context,
                    words,
                    windows,
                    rows,
                    top_k=top_k,
                    null_threshold=null_threshold,
                    max_answer_len=max_answer_len,
                )
            )
        return found


def _scores(output: Any, inputs: dict[str, Tensor]) -> Tensor:
    """The scores of starts and ends, (B, L, 2); models may return more before them."""
    return torch.stack(output[-2:], -1)
