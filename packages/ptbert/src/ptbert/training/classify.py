"""Learning one label, or one number, for each text or pair of texts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ptbert.training.examples import EncodedExamples, encoded_texts
from ptbert.training.formats import LINES, TABLE
from ptbert.training.labels import refuse_labels_that_look_equal, refuse_too_many_labels
from ptbert.training.metrics import (
    confusion_matrix,
    entropy,
    label_metrics,
    number_metrics,
    probabilities,
)
from ptbert.training.rows import Row, one_line, read_rows, refuse_one_column_for_two
from ptbert.training.tables import table
from ptbert.training.task import Scores, ScoringTask, Usage
from ptbert_models import BertForSequenceClassification
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_LARGEST = float(np.finfo(np.float32).max)
_SHOWN = 20  # labels of which a table still fits a terminal


class TextExample(NamedTuple):
    """A text, or a pair, and its label.

    Args:
        place: file and row, for messages.
        text: the text.
        pair: the second text of a pair.
        label: its label as the file has it; empty where none is needed.
    """

    place: str
    text: str
    pair: str
    label: str


class Classify(ScoringTask):
    """Give each text one of some labels, or a number. Arguments as in ``Task``."""

    name = "classify"
    model_classes = MappingProxyType({"bert": BertForSequenceClassification})
    formats = (TABLE, LINES)

    @property
    def metric(self) -> str:
        """Accuracy, or Pearson's correlation of numbers."""
        return "pearson" if self.settings.regression else "accuracy"

    @property
    def usage(self) -> Usage:
        """A classifier of texts, or of pairs."""
        if self.settings.pair:
            return Usage("Classifier", '["a text"], ["another"]', '"a text" --pair "another"')
        return Usage("Classifier", '"a text"')

    @property
    def smallest_input(self) -> tuple[int, str]:
        """A text, or a pair of texts."""
        return (5, "a pair of texts") if self.settings.pair else (3, "a text")

    def read(self, path: str, *, labelled: bool = True) -> list[TextExample]:
        """Read a table or lines of JSON, with the columns that the settings name."""
        settings = self.settings
        refuse_one_column_for_two(text=settings.text, pair=settings.pair, label=settings.label)
        rows = read_rows(path, header=settings.header)
        return [self._example(row, labelled) for row in rows]

    def _example(self, row: Row, labelled: bool) -> TextExample:
        settings = self.settings
        label = row.text(settings.label).strip() if labelled else ""
        if labelled and not label:
            raise ValueError(f"{row.place} has no label; give one, or leave the row out")
        if any("\ud800" <= char <= "\udfff" for char in label):
            raise ValueError(
                f"{row.place} has the label {label!r}, which is no Unicode text; correct it"
            )
        if labelled and settings.regression:
            _number(label, row.place)
        pair = row.text(settings.pair) if settings.pair else ""
        return TextExample(row.place, row.text(settings.text), pair, label)

    def example(self, text: str | tuple[str, ...]) -> TextExample:
        """Return a text, or a pair, without a label."""
        is_pair = not isinstance(text, str)
        if is_pair and not (isinstance(text, Sequence) and len(text) == 2):
            raise ValueError(f"{text!r} is neither a text nor a pair of texts; give one of these")
        if is_pair != bool(self.settings.pair):
            wanted = "pairs of texts" if self.settings.pair else "single texts"
            raise ValueError(
                f"the model was trained on {wanted}, and {text!r} is not one; give one"
            )
        first, second = (text, "") if isinstance(text, str) else text
        return TextExample(repr(text), first, second, "")

    def with_labels_of(self, examples: Sequence[TextExample]) -> Self:
        """Return the task with the labels of the examples, numbers in their order."""
        if self.settings.regression:
            return type(self)(self.settings)
        found = {example.label for example in examples}
        if len(found) < 2:
            raise ValueError(
                f"all examples of {self.settings.data!r} have the label {min(found)!r}; "
                "give examples of at least two labels"
            )
        refuse_too_many_labels(
            self.settings.data,
            found,
            len(examples),
            "example",
            "to learn numbers, give --regression; else name another column with --label",
        )
        refuse_labels_that_look_equal((each.place, each.label) for each in examples)
        return type(self)(self.settings, sorted(found, key=_number_first))

    def encode(
        self, examples: Sequence[TextExample], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> EncodedExamples:
        """Return examples as ids; texts that are too long are cut at the end."""
        texts = [example.text for example in examples]
        pairs = [example.pair for example in examples] if self.settings.pair else None
        ids, types, cut = encoded_texts(tokenizer, texts, pairs, max_length)
        labels = [self._label(example) for example in examples]
        return EncodedExamples(
            ids, types, labels, [each.place for each in examples], int(cut.sum())
        )

    def _label(self, example: TextExample) -> Any:
        if self.settings.regression:
            return np.array(_number(example.label or "0", example.place), np.float32)
        if not example.label:
            return np.array(0)
        if example.label not in self.labels:
            shown = ", ".join(map(repr, self.labels[:_SHOWN]))
            raise ValueError(
                f"{example.place} has the label {example.label!r}, which the training data do not "
                f"have; they have {shown}"
            )
        return np.array(self.labels.index(example.label))

    def loss_of_scores(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of cross entropies, or of squared errors."""
        if self.settings.regression:
            return F.mse_loss(scores.float().squeeze(-1), labels.float(), reduction="sum")
        return F.cross_entropy(scores.float(), labels, reduction="sum")

    def chance_loss(self, examples: EncodedExamples) -> float:
        """Return the entropy of the labels, or the variance of the numbers."""
        gold = examples.flat_labels
        return float(gold.var(dtype=np.float64)) if self.settings.regression else entropy(gold)

    def metrics(self, scores: Scores, examples: EncodedExamples) -> dict[str, float]:
        """Return accuracy, macro F1 and MCC; or correlations and the squared error of numbers."""
        gold = examples.flat_labels
        if self.settings.regression:
            return number_metrics(gold.astype(np.float64), scores[:, 0].astype(np.float64))
        return label_metrics(confusion_matrix(gold, scores.argmax(1), len(self.labels)))

    def table(self, scores: Scores, examples: EncodedExamples) -> list[str]:
        """Return the confusion matrix: a row for each label, a column for each prediction."""
        if self.settings.regression or len(self.labels) > _SHOWN:
            return []
        matrix = confusion_matrix(examples.flat_labels, scores.argmax(1), len(self.labels))
        rows = [[label, *row] for label, row in zip(self.labels, matrix.tolist(), strict=True)]
        return table(["label \\ predicted", *self.labels], rows)

    def predictions(
        self, scores: Scores, encoded: EncodedExamples, examples: Sequence[TextExample]
    ) -> list[str]:
        """Return label, probability and text of each example, or number and text, on a line."""
        if self.settings.regression:
            return [
                f"{row[0]:.4f}\t{one_line(each.text)}"
                for row, each in zip(scores, examples, strict=True)
            ]
        return [
            f"{one_line(self.labels[row.argmax()])}\t{row.max():.4f}\t{one_line(example.text)}"
            for row, example in zip(probabilities(scores), examples, strict=True)
        ]

    def configuration(self) -> dict[str, Any]:
        """Return the names of the labels and the type of the problem."""
        if self.settings.regression:
            return {"problem_type": "regression"}
        return {**super().configuration(), "problem_type": "single_label_classification"}


def _number(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{place} has {text!r} as its number; give a finite one, such as 3.5")
    return number


def _number_first(label: str) -> tuple[float, str]:
    """A key that sorts whole numbers by value, and before other labels."""
    return (float(label) if re.fullmatch("-?[0-9]+", label) else math.inf, label)
