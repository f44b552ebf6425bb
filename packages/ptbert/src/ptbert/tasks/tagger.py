"""Tagging texts: the spans of a text that have a label, such as names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, overload

from torch import Tensor

from ptbert.tasks.given import Given, given_texts, given_words
from ptbert.tasks.labels import label_names
from ptbert.tasks.spans import Tag, tags_of_labels, word_spans
from ptbert.tasks.task import Task
from ptbert.tasks.windows import joined, windows_of_texts
from ptbert.tasks.words import Words, continued, words_of_text
from ptbert_models import BertForTokenClassification
from ptbert_tokenizers import Batch, BertTokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ptbert.tasks.task import Rows

Strategy = Literal["first", "average", "max"]


class Span(NamedTuple):
    """A part of a text with a label.

    Args:
        label: of the span, without a prefix such as ``B-``.
        text: ``text[start:end]`` as it was given, or the words with spaces between them.
        start: its first character, or its first word if the words were given.
        end: the position after its last.
        score: mean probability of the labels of its words.
    """

    label: str
    text: str
    start: int
    end: int
    score: float


class Tagger(Task):
    """Finds spans of texts.

    Each word has one label, so spans never end inside a word. Words are those of the tokenizer,
    which separates punctuation marks, unless they are given. Labels may be those of IOB1, IOB2,
    BIOES or BILOU, or plain ones. A text that is longer than the model takes is read in
    overlapping windows, and a span may go from one to the next.

    The strategies are those of the library transformers. Unlike there, labels of BIOES and BILOU
    are understood, a word whose accents are characters of their own stays a word, and a word in two
    windows has one label. The strategy ``simple``, which divides words, is not offered.

    Args:
        model: a ``BertForTokenClassification``. Labels have the names of ``config.id2label``.
        tokenizer: see ``Task``.
        max_len: likewise.
        token_budget: likewise.

    Example:
        >>> import torch
        >>> from pathlib import Path
        >>> from ptbert import BertConfig, BertTokenizer
        >>> _ = Path("vocab.txt").write_text("[PAD]\\n[UNK]\\n[CLS]\\n[SEP]\\njim\\nhen\\n##son\\n")
        >>> config = BertConfig(7, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
        >>> config.id2label = {0: "O", 1: "I-PER"}
        >>> model = BertForTokenClassification(config)
        >>> _ = torch.nn.init.zeros_(model.classifier.weight)
        >>> model.classifier.bias.data = torch.tensor([0.0, 2.0])
        >>> (span,) = Tagger(model, BertTokenizer("vocab.txt"))("Jim Henson")
        >>> span.label, span.text, span.start, span.end, f"{span.score:.3f}"
        ('PER', 'Jim Henson', 0, 10, '0.881')
    """

    model_class = BertForTokenClassification
    head = "classifier."
    does = "scores labels of tokens"
    action = "tagging"

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is also many strings
        self,
        texts: str,
        *,
        strategy: Strategy = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[Span]: ...

    @overload
    def __call__(
        self,
        texts: Iterable[str],
        *,
        strategy: Strategy = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[list[Span]]: ...

    def __call__(
        self,
        texts: Any,
        *,
        strategy: Strategy = "first",
        stride: int | None = None,
        progress: bool = True,
    ) -> Any:
        """Return the spans of a text, or a list of those of many texts.

        Args:
            texts: a text or many.
            strategy: how a word of several pieces gets its label: that of its ``first`` piece, the
                best by the ``average`` of its pieces, or that of the surest piece (``max``).
            stride: tokens that neighbouring windows share; a quarter of a window when None.
            progress: whether long input shows a progress bar, on a terminal.

        Raises:
            TypeError: if something is no string; it is named with its position. Also if the tokens
                of the tokenizer do not show where words begin.
            ValueError: if the strategy is not known, the stride does not fit the windows, or
                ``config.id2label`` names other labels than the model has.
        """
        if not isinstance(self.tokenizer, BertTokenizer):
            raise TypeError(
                f"tokens of a {type(self.tokenizer).__name__} do not show where words begin; split "
                "the texts into words and use tag_words()"
            )
        given = given_texts(texts)
        return self._tag(given, strategy, stride, progress, return_offsets=True)

    @overload
    def tag_words(  # type: ignore[overload-overlap]  # a string is also many strings
        self,
        texts: Sequence[str],
        *,
        strategy: Strategy = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[Span]: ...

    @overload
    def tag_words(
        self,
        texts: Iterable[Sequence[str]],
        *,
        strategy: Strategy = ...,
        stride: int | None = ...,
        progress: bool = ...,
    ) -> list[list[Span]]: ...

    def tag_words(
        self,
        texts: Any,
        *,
        strategy: Strategy = "first",
        stride: int | None = None,
        progress: bool = True,
    ) -> Any:
        """Return the spans of a text whose words are separated already, or of many such texts.

        Arguments and errors as for a call. A word of which the tokenizer leaves nothing has no
        label, and ends no span.

        Args:
            texts: a list of words, or many of them.
            strategy: how a word of several pieces gets its label.
            stride: tokens that neighbouring windows share.
            progress: whether long input shows a progress bar, on a terminal.
        """
        given = given_words(texts)
        return self._tag(given, strategy, stride, progress, is_split_into_words=True)

    def _tag(
        self,
        given: Given,
        strategy: Strategy,
        stride: int | None,
        progress: bool,
        **options: bool,
    ) -> Any:
        if strategy not in get_args(Strategy):
            raise ValueError(
                f"strategy={strategy!r} is not known; choose from {get_args(Strategy)}"
            )
        limit = self._max_len()
        stride = (limit or 0) // 4 if stride is None else stride
        spans = self._map(
            given,
            _probabilities,
            partial(self._spans, given, strategy, stride),
            progress=progress,
            stride=stride,
            return_special_tokens_mask=True,
            **options,
        )
        return given.result(spans)

    def _spans(
        self,
        given: Given,
        strategy: Strategy,
        stride: int,
        group: Sequence[int],
        batch: Batch,
        rows: Rows,
    ) -> list[list[Span]]:
        tags = tags_of_labels(label_names(self.model.config, rows[0].shape[-1]))
        given_words = batch.word_index is not None
        continues = None if given_words else continued(batch, self.tokenizer)
        found = []
        windows_of = windows_of_texts(batch, len(group), stride)
        for position, windows in zip(group, windows_of, strict=True):
            scores = joined([rows[window.row][window.places] for window in windows], stride)
            words = words_of_text(batch, windows, stride, continues)
            found.append(
                _labelled(given.texts[position], words, _of_words(scores, words, strategy), tags)
            )
        return found


def _probabilities(output: Any, inputs: dict[str, Tensor]) -> Tensor:
    scores: Tensor = output[-1] if isinstance(output, tuple) else output  # (B, L, labels)
    return scores.float().softmax(-1)


def _of_words(scores: NDArray[Any], words: Words, strategy: Strategy) -> NDArray[Any]:
    """The scores of words, (W, labels), from those of their tokens, (T, labels)."""
    import numpy as np

    if strategy == "first" or not len(words.firsts):
        return scores[words.firsts]
    if strategy == "average":
        counts = np.diff(words.firsts, append=len(scores))
        return np.add.reduceat(scores, words.firsts) / counts[:, None]
    surest = np.lexsort((-scores.max(1), words.of_tokens(len(scores))))  # word by word
    return scores[surest[words.firsts]]


def _labelled(
    text: str | list[str], words: Words, scores: NDArray[Any], tags: Sequence[Tag]
) -> list[Span]:
    best, places, found = scores.max(1).tolist(), words.spans.tolist(), []
    for span, label in word_spans([tags[index] for index in scores.argmax(1).tolist()]):
        start, end = places[span.start][0], places[span.stop - 1][1]
        part = text[start:end] if isinstance(text, str) else " ".join(text[start:end])
        score = sum(best[span.start : span.stop]) / len(span)
        found.append(Span(label, part, start, end, score))
    return found
