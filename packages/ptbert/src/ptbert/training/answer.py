"""Learning where in a context the answer to a question is, or that there is none."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ptbert.tasks.answers import USUAL_WINDOW, Answer, Cut, best_answers
from ptbert.tasks.windows import Window, joined, windows_of_texts
from ptbert.tasks.words import Words, continued, words_of_text
from ptbert.training.examples import Batch, EncodedExamples, padded_inputs
from ptbert.training.formats import SQUAD, format_of
from ptbert.training.metrics import entropy
from ptbert.training.rows import one_line
from ptbert.training.settings import Settings
from ptbert.training.squad_files import Question, read_questions
from ptbert.training.squad_measures import Measure, measured_answer
from ptbert.training.tables import table
from ptbert.training.task import Measured, Scores, Task, Usage
from ptbert_models import BertForQuestionAnswering
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers import Batch as TokenBatch
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

logger = logging.getLogger(__name__)

_BLOCK = 1000  # questions that are encoded together
_NULL = "may_have_no_answer"  # in the configuration of a result


@dataclass(frozen=True)
class EncodedQuestions(EncodedExamples):
    """Windows of contexts, each with its question. An example is a window.

    Args:
        labels: of each window: the positions (2,) of the answer's first and last token; both 0,
            which is that of ``[CLS]``, if the window does not have the whole answer.
        questions: that the windows are of; ``texts`` has the number of each window's question.
        starts: of each window, the number of its first token among those of the context.
        words: of the context of each question. None in training, which needs none.
    """

    questions: Sequence[Question] = ()
    starts: Sequence[int] = ()
    words: Sequence[Words] = ()

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Places where an answer may begin: the tokens of the context, and ``[CLS]``."""
        return np.array([int(each.sum()) for each in self.types], np.int64)  # [SEP] has type 1 too

    def batch(self, indices: NDArray[np.int64], device: torch.device) -> Batch:
        """Return some windows as tensors; the labels are (B, 2)."""
        chosen = indices.tolist()
        inputs = padded_inputs(
            [self.ids[index] for index in chosen], [self.types[index] for index in chosen], device
        )
        labels = np.stack([self.labels[index] for index in chosen])
        return Batch(inputs, torch.from_numpy(labels).to(device), len(chosen))


class AnswerQuestions(Task):
    """Answer questions from their contexts, as ``ptbert.Answerer`` does. Arguments as in ``Task``.

    The loss of a window is the mean of two cross entropies, of where the answer begins and of where
    it ends. They range over the window's tokens and over no padding, so that it does not matter
    which windows are computed together. A window without the whole answer has ``[CLS]`` as its
    answer.

    If the training data have impossible questions, there may be no answer. It counts as better than
    a span if the sum of its scores is larger: ``null_threshold=0`` of ``Answerer``.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, sections 4.2 and 4.3.
    """

    name = "answer"
    model_classes = MappingProxyType({"bert": BertForQuestionAnswering})
    has_labels = False
    metric = "f1"
    usual_length = USUAL_WINDOW
    formats = (SQUAD,)

    @property
    def usage(self) -> Usage:
        """An answerer of questions."""
        call = '"a question", "the text that it is about"'
        if self.may_have_no_answer:
            call += ", null_threshold=0"
        return Usage("Answerer", call, '"a question" --pair "the text that it is about"')

    def __init__(
        self, settings: Settings, labels: Sequence[str] = (), *, may_have_no_answer: bool = False
    ) -> None:
        super().__init__(settings, labels)
        self.may_have_no_answer = may_have_no_answer

    @classmethod
    def of_result(cls, settings: Settings, config: Any, source: str) -> Self:
        """Return the task of a result, whose configuration says whether there may be no answer."""
        return cls(settings, may_have_no_answer=bool(config.get(_NULL)))

    @property
    def smallest_input(self) -> tuple[int, str]:
        """One token each of question and context, and three special ones."""
        return 5, "a question and its context"

    def read(self, path: str, *, labelled: bool = True) -> list[Question]:
        """Read a file in the format of SQuAD 1.1 or 2.0."""
        if labelled:
            format_of(path, self.name, self.formats)
        return read_questions(path, labelled=labelled)

    def example(self, text: str | tuple[str, ...]) -> Question:
        """Return a question and its context, given as a pair."""
        if not isinstance(text, tuple) or len(text) != 2:
            raise ValueError(
                f"{text!r} is no question with its context; give both, the context with --pair"
            )
        return Question(repr(text[0]), "", *text)

    def with_labels_of(self, examples: Sequence[Question]) -> Self:
        """Return the task, for which there may be no answer if one of the questions has none."""
        has_none = any(each.is_impossible for each in examples)
        return type(self)(self.settings, may_have_no_answer=has_none)

    def encode(
        self, examples: Sequence[Question], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> EncodedQuestions:
        """Return questions as ids, those with long contexts as several windows."""
        return self._encoded(examples, tokenizer, max_length, with_words=False)

    def encode_for_evaluation(
        self, examples: Sequence[Question], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> EncodedQuestions:
        """Return questions as ids, and where the words of their contexts are."""
        return self._encoded(examples, tokenizer, max_length, with_words=True)

    def _encoded(
        self,
        examples: Sequence[Question],
        tokenizer: Any,
        max_length: int,
        *,
        with_words: bool,
    ) -> EncodedQuestions:
        cut = Cut.to_fit(max_length)
        ids, types, labels, names = [], [], [], []
        texts: list[int] = []
        starts: list[int] = []
        words: list[Words] = []
        asked = {each.text: cut.cut(each.text, tokenizer) for each in examples}
        if shorter := sum(len(asked[each.text]) < len(each.text) for each in examples):
            logger.warning(
                "questions of more than %d tokens, which were cut: %d of %d",
                cut.question,
                shorter,
                len(examples),
            )
        for start in range(0, len(examples), _BLOCK):
            block = examples[start : start + _BLOCK]
            batch = tokenizer.encode_batch(
                [asked[each.text] for each in block],
                [each.context for each in block],
                max_len=max_length,
                padding_side="right",
                **cut.windows(),
            )
            lengths = batch.attention_mask.sum(1).tolist()
            continues = continued(batch, tokenizer) if with_words else None
            windows_of = windows_of_texts(batch, len(block), cut.stride, second=True)
            for number, (each, windows) in enumerate(zip(block, windows_of, strict=True), start):
                if with_words:
                    words.append(words_of_text(batch, windows, cut.stride, continues))
                labels += _labels(each, batch, windows, cut.stride)
                for window in windows:
                    length = lengths[window.row]
                    ids.append(batch.input_ids[window.row, :length].astype(np.int32))
                    types.append(batch.token_type_ids[window.row, :length].astype(np.int8))
                    names.append(each.place)
                    texts.append(number)
                    starts.append(window.start)
        return EncodedQuestions(
            ids, types, labels, names, texts=texts, questions=examples, starts=starts, words=words
        )

    def loss(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Return the sum of the losses of all windows."""
        return _loss(_scores(model, batch), batch.labels)

    def measured(self, model: PreTrainedModel, batch: Batch) -> Measured:
        """Return the scores of starts and ends, at ``[CLS]`` and at the tokens of contexts."""
        scores = _scores(model, batch)
        types = batch.inputs["token_type_ids"]
        # The last token of type 1 is [SEP]; one place to its left are those of the context.
        held = types.roll(-1, 1) * types == 1
        held[:, -1] = False
        held[:, 0] = True
        return Measured(scores[held], _loss(scores, batch.labels))

    def chance_loss(self, examples: EncodedQuestions) -> float:
        """Return the loss if ``[CLS]`` has its share, and all other tokens are equally likely."""
        has_answer = np.array([int(each[1] > 0) for each in examples.labels])
        others = np.log(examples.lengths - 1.0)
        return entropy(has_answer) + float((others * has_answer).mean())

    def metrics(self, scores: Scores, examples: EncodedQuestions) -> dict[str, float]:
        """Return the shares of SQuAD's scripts: answers that are exactly right, and the mean F1."""
        return dict(
            zip(("exact_match", "f1"), _means(self._measures(scores, examples)), strict=True)
        )

    def table(self, scores: Scores, examples: EncodedQuestions) -> list[str]:
        """Return the measures of questions with and without an answer, if there are both."""
        impossible = [bool(each.is_impossible) for each in examples.questions]
        if len(set(impossible)) < 2:
            return []
        measures = self._measures(scores, examples)
        rows: list[tuple[object, ...]] = []
        for kind, name in ((False, "with an answer"), (True, "without")):
            chosen = [each for each, none in zip(measures, impossible, strict=True) if none is kind]
            rows.append((name, *_means(chosen), len(chosen)))
        return table(["questions", "exact match", "f1", "number"], rows)

    def predictions(
        self, scores: Scores, encoded: EncodedQuestions, examples: Sequence[Question]
    ) -> list[str]:
        """Return answers by id as a JSON object, which SQuAD's scripts read.

        For questions without ids: answer, probability and question of each on a line.
        """
        answers = self._answers(scores, encoded)
        if not all(each.id for each in examples):
            return [
                "\t".join((one_line(found.text), f"{found.score:.4f}", one_line(each.text)))
                for each, found in zip(examples, answers, strict=True)
            ]
        by_id = {each.id: found.text for each, found in zip(examples, answers, strict=True)}
        return json.dumps(by_id, indent=0).split("\n")

    def _answers(self, scores: Scores, examples: EncodedQuestions) -> Iterator[Answer]:
        """The best answer to each question."""
        rows = np.split(scores, np.cumsum(examples.counts)[:-1])
        windows: list[list[Window]] = [[] for _ in examples.questions]
        for number, (text, start) in enumerate(zip(examples.texts, examples.starts, strict=True)):
            windows[text].append(Window(number, np.arange(1, len(rows[number])), start))
        threshold = 0.0 if self.may_have_no_answer else None
        for question, words, own in zip(examples.questions, examples.words, windows, strict=True):
            [best] = best_answers(question.context, words, own, rows, null_threshold=threshold)
            yield best

    def _measures(self, scores: Scores, examples: EncodedQuestions) -> list[Measure]:
        return [
            measured_answer(
                found.text,
                [right.text for right in each.answers],
                may_be_none=each.is_impossible is not None,
            )
            for each, found in zip(examples.questions, self._answers(scores, examples), strict=True)
        ]

    def configuration(self) -> dict[str, Any]:
        """Return the names of a token's two scores, and whether there may be no answer."""
        return {
            "id2label": {"0": "start", "1": "end"},
            "label2id": {"start": 0, "end": 1},
            _NULL: self.may_have_no_answer,
        }


def _labels(
    question: Question, batch: TokenBatch, windows: Sequence[Window], stride: int
) -> list[NDArray[np.int64]]:
    """Where the first right answer begins and ends in each window."""
    labels = [np.zeros(2, np.int64) for _ in windows]
    if not question.answers:
        return labels
    text, start = question.answers[0]
    offsets = joined([batch["offsets"][each.row, each.places] for each in windows], stride)
    tokens = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < start + len(text)))
    if not tokens.size:
        raise ValueError(
            f"{question.place} has the answer {text!r}, of which the tokenizer leaves nothing; "
            "leave the question out"
        )
    ends = tokens[[0, -1]]
    for window, label in zip(windows, labels, strict=True):
        inside = ends - window.start
        if inside[0] >= 0 and inside[1] < len(window.places):
            label[:] = window.places[inside]
    return labels


def _scores(model: PreTrainedModel, batch: Batch) -> Tensor:
    """The scores of starts and ends: (B, L, 2), without any chance at padding."""
    scores = torch.stack(model(**batch.inputs)[-2:], -1).float()
    return scores.masked_fill(batch.inputs["attention_mask"][..., None] == 0, -math.inf)


def _loss(scores: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(scores, labels, reduction="sum") / 2


def _means(measures: Sequence[Measure]) -> tuple[float, float]:
    exact, f1 = np.mean(measures, 0).tolist()
    return exact, f1
