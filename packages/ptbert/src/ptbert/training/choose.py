"""Learning which of several choices goes with a text."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ptbert.training.examples import Batch, EncodedExamples, encoded_texts, padded_inputs
from ptbert.training.formats import TABLE
from ptbert.training.metrics import probabilities
from ptbert.training.rows import Row, one_line, read_rows, refuse_one_column_for_two
from ptbert.training.task import Scores, ScoringTask, Usage
from ptbert_models import BertForMultipleChoice
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_LEAST = 2  # choices


class ChoiceExample(NamedTuple):
    """A text and its choices.

    Args:
        place: file and row, for messages.
        text: the text.
        choices: by the name of its column.
        label: the number of the right one, from 0; 0 where none is needed.
    """

    place: str
    text: str
    choices: dict[str, str]
    label: int


@dataclass(frozen=True)
class EncodedChoices(EncodedExamples):
    """Examples, each of which has C choices.

    Args:
        ids: the tokens of each text with one of its choices; those of an example follow each other.
        types: which of both each token belongs to.
        choices: C.
    """

    choices: int = 2

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example, with padding: C times those of its longest choice."""
        return self.sizes.max(1) * self.choices

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Tokens of each text with each of its choices: (N, C)."""
        return np.array([len(each) for each in self.ids], np.int64).reshape(-1, self.choices)

    def batch(self, indices: NDArray[np.int64], device: torch.device) -> Batch:
        """Return some examples as tensors; inputs are (B, C, L)."""
        chosen = (indices[:, None] * self.choices + np.arange(self.choices)).flatten().tolist()
        flat = padded_inputs(
            [self.ids[index] for index in chosen], [self.types[index] for index in chosen], device
        )
        inputs = {name: each.view(len(indices), self.choices, -1) for name, each in flat.items()}
        labels = np.stack([self.labels[index] for index in indices.tolist()])
        return Batch(inputs, torch.from_numpy(labels).to(device), len(indices))


class Choose(ScoringTask):
    """Say which of several choices goes with a text. Arguments as in ``Task``.

    Each choice is read after the text, and scored by itself, so their order does not count.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 4.4.
    """

    name = "choose"
    model_classes = MappingProxyType({"bert": BertForMultipleChoice})
    metric = "accuracy"
    formats = (TABLE,)

    @property
    def usage(self) -> Usage:
        """A text and its choices on the command line."""
        return Usage(words='"a text" --pair "a choice" --pair "another"')

    @property
    def smallest_input(self) -> tuple[int, str]:
        """A text and a choice."""
        return 5, "a text and a choice"

    def read(self, path: str, *, labelled: bool = True) -> list[ChoiceExample]:
        """Read a table or lines of JSON.

        With ``--choices`` the settings name the columns. Else they are those of SWAG: ``sent1``,
        the beginning of all choices ``sent2``, and ``ending0``, ``ending1`` and so on.
        """
        text, pair, choices = self._columns()
        for choice in choices or [""]:
            refuse_one_column_for_two(
                text=text, pair=pair, label=self.settings.label, choices=choice
            )
        rows = read_rows(path, header=self.settings.header)
        return [self._example(row, labelled) for row in rows]

    def _columns(self) -> tuple[str, str, list[str]]:
        """The columns of text, beginning and choices; no choices where they are SWAG's."""
        text, pair, choices = self.settings.text, self.settings.pair, self.settings.choices
        if choices:
            return text, pair, [each.strip() for each in choices.split(",")]
        return "sent1" if text == "text" else text, pair or "sent2", []

    def _example(self, row: Row, labelled: bool) -> ChoiceExample:
        text, pair, columns = self._columns()
        columns = columns or list(itertools.takewhile(row.values.__contains__, _endings()))
        if len(set(columns)) < max(_LEAST, len(columns)):
            raise ValueError(
                f"{row.place} has the choices {', '.join(map(repr, columns)) or 'of no column'}; "
                "name at least two columns with --choices A,B, or give SWAG's ending0, ending1, ..."
            )
        start = row.text(pair) if pair else ""
        choices = {each: f"{start} {row.text(each)}".strip() for each in columns}
        for column, choice in choices.items():
            if not choice:
                raise ValueError(
                    f"{row.place} has no text in the column {column!r}; give one, or leave the row "
                    "out"
                )
        label = 0
        if labelled:
            label = _number(row.text(self.settings.label).strip(), columns, row.place)
        return ChoiceExample(row.place, row.text(text), choices, label)

    def example(self, text: str | tuple[str, ...]) -> ChoiceExample:
        """Return a text and its choices, given after each other."""
        if not isinstance(text, tuple) or len(text) <= _LEAST:
            raise ValueError(
                f"{text!r} is no text with its choices; give at least two, each with --pair"
            )
        names = self.labels if len(self.labels) == len(text) - 1 else map(str, range(len(text) - 1))
        return ChoiceExample(repr(text[0]), text[0], dict(zip(names, text[1:], strict=True)), 0)

    def with_labels_of(self, examples: Sequence[ChoiceExample]) -> Self:
        """Return the task with the names of the choices."""
        return type(self)(self.settings, list(examples[0].choices))

    def encode(
        self, examples: Sequence[ChoiceExample], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> EncodedChoices:
        """Return examples as ids; what is too long is cut, at the longer one of text and choice."""
        wanted = len(examples[0].choices)
        for example in examples:
            if len(example.choices) != wanted:
                raise ValueError(
                    f"{example.place} has {len(example.choices)} choices, and those before have "
                    f"{wanted}; give as many"
                )
        texts = [each.text for each in examples for _ in range(wanted)]
        choices = [choice for each in examples for choice in each.choices.values()]
        ids, types, is_cut = encoded_texts(tokenizer, texts, choices, max_length)
        cut = int(is_cut.reshape(-1, wanted).any(1).sum())
        labels = [np.array(each.label) for each in examples]
        return EncodedChoices(
            ids, types, labels, [each.place for each in examples], cut, choices=wanted
        )

    def tokens(self, examples: EncodedChoices, indices: NDArray[np.int64]) -> int:
        """Return how many tokens the choices of some examples have, without padding."""
        return int(examples.sizes[indices].sum())

    def loss_of_scores(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the cross entropies of all examples."""
        return F.cross_entropy(scores.float(), labels, reduction="sum")

    def chance_loss(self, examples: EncodedChoices) -> float:
        """Return the loss if all choices are equally likely."""
        return math.log(examples.choices)

    def metrics(self, scores: Scores, examples: EncodedChoices) -> dict[str, float]:
        """Return the accuracy."""
        return {"accuracy": float((scores.argmax(1) == examples.flat_labels).mean())}

    def predictions(
        self, scores: Scores, encoded: EncodedChoices, examples: Sequence[ChoiceExample]
    ) -> list[str]:
        """Return column, probability and text of the best choice of each example, on a line."""
        lines = []
        for row, example in zip(probabilities(scores), examples, strict=True):
            name, text = list(example.choices.items())[row.argmax()]
            lines.append(f"{one_line(name)}\t{row.max():.4f}\t{one_line(text)}")
        return lines

    def model_arguments(self) -> dict[str, Any]:
        """Return the number of choices."""
        return {"num_choices": len(self.labels)}


def _endings() -> Iterator[str]:
    return (f"ending{number}" for number in itertools.count())


def _number(label: str, columns: Sequence[str], place: str) -> int:
    """The number of the right choice: the label, or the place of the column that it names."""
    is_number = re.fullmatch("[0-9]{1,9}", label) is not None
    if is_number and int(label) < len(columns):
        return int(label)
    if label in columns and not is_number:
        return columns.index(label)
    raise ValueError(
        f"{place} has the label {label!r}, which is none of its {len(columns)} choices; give the "
        f"number of one, from 0 to {len(columns) - 1}, or the name of its column"
    )
