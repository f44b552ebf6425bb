"""Classifying texts, or pairs of texts: one label, several labels or a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from torch import Tensor

from ptbert.tasks.given import Given, checked_top_k, given_pairs, given_texts
from ptbert.tasks.labels import Label, label_names
from ptbert.tasks.task import Task
from ptbert_models import BertForSequenceClassification
from ptbert_tokenizers import Batch

if TYPE_CHECKING:
    from ptbert.tasks.task import Rows


class Classifier(Task):
    """Gives texts a label.

    What scores are follows the configuration, as in the library transformers. With ``problem_type``
    ``multi_label_classification``, and with a single label, each score is the probability of the
    label by itself. With ``regression`` it is what the model computes. Otherwise the scores of all
    labels are probabilities that sum to 1. Unlike there, texts that are longer than the model takes
    are cut, pairs at the longer text.

    Args:
        model: a ``BertForSequenceClassification``. Labels have the names of ``config.id2label``.
        tokenizer: see ``Task``.
        max_len: likewise.
        token_budget: likewise.

    Example:
        >>> import torch
        >>> from pathlib import Path
        >>> from ptbert import BertConfig, BertTokenizer
        >>> _ = Path("vocab.txt").write_text("[PAD]\\n[UNK]\\n[CLS]\\n[SEP]\\ngood\\nbad\\n")
        >>> config = BertConfig(6, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
        >>> config.id2label = {0: "negative", 1: "positive"}
        >>> model = BertForSequenceClassification(config)
        >>> _ = torch.nn.init.zeros_(model.classifier.weight)
        >>> model.classifier.bias.data = torch.tensor([0.0, 2.0])
        >>> classifier = Classifier(model, BertTokenizer("vocab.txt"))
        >>> label, score = classifier("good")
        >>> f"{label} {score:.3f}"
        'positive 0.881'
        >>> [each.label for each in classifier.rank("good")]
        ['positive', 'negative']
    """

    model_class = BertForSequenceClassification
    head = "classifier."
    does = "scores labels of texts"
    action = "classifying"

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is also many strings
        self, texts: str, text_pairs: str | None = ..., *, progress: bool = ...
    ) -> Label: ...

    @overload
    def __call__(
        self,
        texts: Iterable[str],
        text_pairs: Iterable[str] | None = ...,
        *,
        progress: bool = ...,
    ) -> list[Label]: ...

    def __call__(self, texts: Any, text_pairs: Any = None, *, progress: bool = True) -> Any:
        """Return the best label of a text, or a list of those of many texts.

        Args:
            texts: a text or many, or the first of each pair.
            text_pairs: the second of each pair. A single text is paired with each beside it.
            progress: whether long input shows a progress bar, on a terminal.

        Raises:
            TypeError: if something is no string; it is named with its position.
            ValueError: if there are not as many texts as ``text_pairs``, or ``config.id2label``
                names other labels than the model has.
        """
        given = _given(texts, text_pairs)
        return given.result([labels[0] for labels in self._ranked(given, 1, progress)])

    @overload
    def rank(  # type: ignore[overload-overlap]  # a string is also many strings
        self,
        texts: str,
        text_pairs: str | None = ...,
        *,
        top_k: int | None = ...,
        progress: bool = ...,
    ) -> list[Label]: ...

    @overload
    def rank(
        self,
        texts: Iterable[str],
        text_pairs: Iterable[str] | None = ...,
        *,
        top_k: int | None = ...,
        progress: bool = ...,
    ) -> list[list[Label]]: ...

    def rank(
        self, texts: Any, text_pairs: Any = None, *, top_k: int | None = None, progress: bool = True
    ) -> Any:
        """Return all labels with their scores, the best first: of a text, or of many.

        Arguments and errors as for a call.

        Args:
            texts: a text or many, or the first of each pair.
            text_pairs: the second of each pair.
            top_k: how many labels; all when None.
            progress: whether long input shows a progress bar, on a terminal.
        """
        given = _given(texts, text_pairs)
        return given.result(self._ranked(given, checked_top_k(top_k), progress))

    def _ranked(self, given: Given, top_k: int | None, progress: bool) -> list[list[Label]]:
        return self._map(
            given, self._probabilities, partial(self._labels, top_k), progress=progress
        )

    def _probabilities(self, output: Any, inputs: dict[str, Tensor]) -> Tensor:
        scores: Tensor = output[-1] if isinstance(output, tuple) else output  # (B, labels)
        problem = getattr(self.model.config, "problem_type", None)
        if problem == "regression":
            return scores
        if problem == "multi_label_classification" or scores.size(-1) == 1:
            return scores.float().sigmoid()
        return scores.float().softmax(-1)

    def _labels(
        self, top_k: int | None, group: Sequence[int], batch: Batch, rows: Rows
    ) -> list[list[Label]]:
        names = label_names(self.model.config, rows[0].shape[-1])
        found = []
        for row in rows:
            best = (-row).argsort(kind="stable")[:top_k].tolist()
            found.append([Label(names[index], float(row[index])) for index in best])
        return found


def _given(texts: Any, text_pairs: Any) -> Given:
    return given_texts(texts) if text_pairs is None else given_pairs(texts, text_pairs)
