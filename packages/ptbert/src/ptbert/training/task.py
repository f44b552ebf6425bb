"""What a task is: how its examples are read, encoded, learned and measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ptbert.training.examples import EncodedExamples
from ptbert.training.settings import Settings
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

Scores = NDArray[np.float32]


class Usage(NamedTuple):
    """How a result is used in one line.

    Args:
        name: of a class of ``ptbert``; empty if there is none.
        call: the arguments of a call of it.
        words: what follows ``ptbert predict FOLDER``.
    """

    name: str = ""
    call: str = ""
    words: str = '"a text"'


class Task(ABC):
    """Something that a model can learn from examples.

    Args:
        settings: of the training.
        labels: their names, in the order of the model's scores; none where numbers are learned.
    """

    name: ClassVar[str]
    model_class: ClassVar[type[PreTrainedModel]]

    def __init__(self, settings: Settings, labels: Sequence[str] = ()) -> None:
        self.settings = settings
        self.labels = tuple(labels)

    @property
    @abstractmethod
    def metric(self) -> str:
        """The metric that says which epoch is the best; larger is better."""

    @property
    def usage(self) -> Usage:
        """How the result is used; README.md shows it."""
        return Usage()

    @abstractmethod
    def read(self, path: str, *, labelled: bool = True) -> list[Any]:
        """Read the examples of a file.

        Raises:
            ValueError: for a file or a row that cannot be used, with its place.
        """

    @abstractmethod
    def example(self, text: str | tuple[str, str]) -> Any:
        """Return an example without a label.

        Raises:
            ValueError: for a pair where a text is needed, or the reverse.
        """

    @abstractmethod
    def with_labels_of(self, examples: Sequence[Any]) -> Self:
        """Return the task with the labels that training examples have."""

    @abstractmethod
    def encode(
        self, examples: Sequence[Any], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> EncodedExamples:
        """Return examples as ids.

        Raises:
            ValueError: if one has a label that the task does not have, with its place.
        """

    @abstractmethod
    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the losses of all labels that are learned."""

    @abstractmethod
    def chance_loss(self, examples: EncodedExamples) -> float:
        """Return the mean loss of the best prediction that does not look at the text."""

    @abstractmethod
    def metrics(self, scores: Scores, examples: EncodedExamples) -> dict[str, float]:
        """Measure scores (number of labels that are learned, width) of examples."""

    @abstractmethod
    def table(self, scores: Scores, examples: EncodedExamples) -> list[str]:
        """Return lines that show where predictions are right and wrong."""

    @abstractmethod
    def predictions(
        self, scores: Scores, encoded: EncodedExamples, examples: Sequence[Any]
    ) -> list[str]:
        """Return a line for each example, with what the model predicts."""

    def load_model(self, source: str, **download: Any) -> PreTrainedModel:
        """Load a model of the task's class, whose configuration names the labels.

        Args:
            source: a name or a folder.
            **download: what :class:`ptbert_hub.DownloadOptions` takes.
        """
        model = self.model_class.from_pretrained(source, **download, **self.model_arguments())
        for key, value in self.configuration().items():
            setattr(model.config, key, value)
        return model

    def model_arguments(self) -> dict[str, Any]:
        """Return the arguments of the model's constructor."""
        return {"num_labels": len(self.labels) or 1}

    def configuration(self) -> dict[str, Any]:
        """Return what the configuration of the result says about the task."""
        return {
            "id2label": {str(number): label for number, label in enumerate(self.labels)},
            "label2id": {label: number for number, label in enumerate(self.labels)},
        }


def saved_labels(config: Mapping[str, Any], source: str) -> list[str]:
    """Return the names of labels in a configuration, in the order of the scores.

    Raises:
        ValueError: if it has none.
    """
    names = config.get("id2label")
    if not isinstance(names, Mapping) or not names:
        raise ValueError(
            f"the configuration of {source!r} has no labels; give a folder that ptbert train wrote"
        )
    return [str(names[key]) for key in sorted(names, key=int)]
