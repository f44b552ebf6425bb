"""What a task is: how its examples are read, encoded, learned and measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ptbert.training.examples import IGNORED, Batch, Examples
from ptbert.training.formats import LINES, format_of
from ptbert.training.settings import Settings
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.files.lines import read_texts
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


class Measured(NamedTuple):
    """What evaluation keeps of a batch.

    Args:
        rows: (R, width), numbers of which metrics are made; as many rows for each example as
            ``Examples.counts`` says, those of one example after the other.
        loss: the sum of the losses of all labels that are learned.
    """

    rows: Tensor
    loss: Tensor


class Task(ABC):
    """Something that a model can learn from examples.

    ``ScoringTask`` has what tasks share whose model gives scores that are small enough to keep.

    Args:
        settings: of the training.
        labels: their names, in the order of the model's scores; none where numbers are learned.
    """

    name: ClassVar[str]
    model_classes: ClassVar[Mapping[str, type[PreTrainedModel]]]  # by family
    has_labels: ClassVar[bool] = True  # whether the configuration of a result names labels
    smaller_is_better: ClassVar[bool] = False  # of the metric that says which epoch is the best
    stays_at_chance: ClassVar[bool] = False  # whether a model from nothing does so before it learns
    usual_length: ClassVar[int] = 512  # tokens of an input, unless the settings ask for more
    formats: ClassVar[tuple[str, ...]]  # of files that can be predicted; the first has labels too

    def __init__(self, settings: Settings, labels: Sequence[str] = ()) -> None:
        self.settings = settings
        self.labels = tuple(labels)

    @classmethod
    def of_result(cls, settings: Settings, config: Mapping[str, Any], source: str) -> Self:
        """Return the task of a result.

        Args:
            settings: of the training.
            config: the configuration of the result.
            source: the folder, for messages.

        Raises:
            ValueError: if the configuration does not have what the task needs.
        """
        has_labels = cls.has_labels and not settings.regression
        return cls(settings, saved_labels(config, source) if has_labels else [])

    @property
    @abstractmethod
    def metric(self) -> str:
        """The metric that says which epoch is the best; see ``smaller_is_better``."""

    @property
    def usage(self) -> Usage:
        """How the result is used; README.md shows it."""
        return Usage()

    @property
    def smallest_input(self) -> tuple[int, str]:
        """The tokens of the smallest input that has something to learn, and what that is."""
        return 3, "a text"  # [CLS], one token, and [SEP]

    @abstractmethod
    def read(self, path: str, *, labelled: bool = True) -> list[Any]:
        """Read the examples of a file, which has the first one of the ``formats``.

        Raises:
            ValueError: for a file or a row that cannot be used, with its place.
        """

    def read_to_predict(self, path: str, format: str = "") -> list[Any]:
        """Read the examples of a file, without labels.

        Args:
            path: the file.
            format: one of the task's ``formats``; told by the file's ending when empty.

        Raises:
            ValueError: if the format is not known, or for a row that cannot be used.
        """
        if format_of(path, self.name, self.formats, format) != LINES:
            return self.read(path, labelled=False)
        found = []
        for number, text in enumerate(read_texts(path), 1):
            if text.strip():
                try:
                    found.append(self.example(text))
                except ValueError as error:
                    raise ValueError(f"{path!r}, line {number}: {error}") from error
        if not found:
            raise ValueError(f"{path!r} has no text; give a file with some")
        return found

    @abstractmethod
    def example(self, text: str | tuple[str, ...]) -> Any:
        """Return an example without a label, of a text or of several that belong together.

        Raises:
            ValueError: for a pair where a text is needed, or the reverse.
        """

    def with_labels_of(self, examples: Sequence[Any]) -> Self:
        """Return the task with the labels that training examples have."""
        return self

    @abstractmethod
    def encode(
        self, examples: Sequence[Any], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> Examples:
        """Return examples as ids.

        Raises:
            ValueError: if one has a label that the task does not have, with its place.
        """

    def encode_for_evaluation(
        self, examples: Sequence[Any], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> Examples:
        """Return examples as ids, for evaluation and prediction; see ``encode``."""
        return self.encode(examples, tokenizer, max_length)

    def size(self, examples: Sequence[Any], encoded: Examples) -> int:
        """Return how many examples a file has, for those who read about it."""
        return len(examples)

    def tokens(self, examples: Any, indices: NDArray[np.int64]) -> int:
        """Return how many tokens some examples have, without padding."""
        return int(examples.lengths[indices].sum())

    def batch(
        self, examples: Any, indices: NDArray[np.int64], epoch: int | None, device: torch.device
    ) -> Batch:
        """Return some examples as tensors. The same arguments give the same batch.

        Args:
            examples: as ``encode`` returned them.
            indices: which.
            epoch: from 0; None in evaluation. What a task draws by chance, such as masks, may
                depend on the epoch, the example and the seed alone; in evaluation not on the seed.
            device: where the tensors are made.
        """
        batch: Batch = examples.batch(indices, device)
        return batch

    @abstractmethod
    def loss(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Return the sum of the losses of all labels of a batch that are learned.

        The loop divides by the number of these labels in the whole step.
        """

    @abstractmethod
    def measured(self, model: PreTrainedModel, batch: Batch) -> Measured:
        """Return what evaluation keeps of a batch."""

    @abstractmethod
    def chance_loss(self, examples: Any) -> float:
        """Return the mean loss of the best prediction that does not look at the text."""

    @abstractmethod
    def metrics(self, scores: Scores, examples: Any) -> dict[str, float]:
        """Measure the rows that ``measured`` returned for examples, in the order of these."""

    def table(self, scores: Scores, examples: Any) -> list[str]:
        """Return lines that show where predictions are right and wrong."""
        return []

    @abstractmethod
    def predictions(self, scores: Scores, encoded: Any, examples: Sequence[Any]) -> list[str]:
        """Return a line for each example, with what the model predicts."""

    def model_class(self, family: str) -> type[PreTrainedModel]:
        """Return the class of the models of a family that learn the task.

        Raises:
            ValueError: if there is none.
        """
        if family not in self.model_classes:
            needed = " or ".join(self.model_classes)
            raise ValueError(
                f"{self.settings.model!r} is of the family {family}, and the task {self.name} "
                f"needs {needed}; give such a model"
            )
        return self.model_classes[family]

    def load_model(self, source: str, family: str, **download: Any) -> PreTrainedModel:
        """Load a model of the task's class, whose configuration names the labels.

        Args:
            source: a name or a folder.
            family: of the model.
            **download: what :class:`ptbert_hub.DownloadOptions` takes.

        Raises:
            ValueError: if no model of the family learns the task.
        """
        kind = self.model_class(family)
        model = kind.from_pretrained(source, **download, **self.model_arguments())
        return self._configured(model)

    def new_model(self, source: str, family: str, **download: Any) -> PreTrainedModel:
        """Make a model as ``load_model``, of which the configuration is read alone."""
        kind = self.model_class(family)
        config = kind.config_class.from_pretrained(source, **download)
        return self._configured(kind.from_config(config, **self.model_arguments()))

    def _configured(self, model: PreTrainedModel) -> PreTrainedModel:
        for key, value in self.configuration().items():
            setattr(model.config, key, value)
        return model

    def model_arguments(self) -> dict[str, Any]:
        """Return the arguments of the model's constructor."""
        return {"num_labels": len(self.labels) or 1} if self.has_labels else {}

    def configuration(self) -> dict[str, Any]:
        """Return what the configuration of the result says about the task."""
        if not self.has_labels:
            return {}
        return {
            "id2label": {str(number): label for number, label in enumerate(self.labels)},
            "label2id": {label: number for number, label in enumerate(self.labels)},
        }


class ScoringTask(Task):
    """A task whose model returns scores, of which evaluation can keep all. Arguments as there."""

    @abstractmethod
    def loss_of_scores(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the losses of all labels that are learned.

        Args:
            scores: what the model returned.
            labels: of the batch.
        """

    def loss(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Return the sum of the losses of a batch."""
        return self.loss_of_scores(model(**batch.inputs), batch.labels)

    def measured(self, model: PreTrainedModel, batch: Batch) -> Measured:
        """Return the scores of all labels of a batch, and the sum of their losses."""
        scores = model(**batch.inputs)
        loss = self.loss_of_scores(scores, batch.labels)
        if scores.dim() == 3:
            scores = scores[batch.labels != IGNORED]  # (number of labels, width)
        return Measured(scores, loss)


def single_text(text: str | tuple[str, ...]) -> str:
    """Return a text, for a task that knows no pairs.

    Raises:
        ValueError: if several texts were given.
    """
    if not isinstance(text, str):
        raise ValueError(
            f"the model was trained on single texts, and {text!r} is not one; give one"
        )
    return text


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
