"""Learning a tag for each word, such as those of named entities."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self, TypeVar

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ptbert.tasks.spans import OUTSIDE, fits_scheme, follow_scheme, tags_of_labels
from ptbert.tasks.spans import Tag as SpanTag
from ptbert.training.counts import number_of
from ptbert.training.entities import counted
from ptbert.training.examples import IGNORED, EncodedExamples
from ptbert.training.formats import COLUMNS, LINES, format_of
from ptbert.training.labels import refuse_labels_that_look_equal, refuse_too_many_labels
from ptbert.training.metrics import entropy
from ptbert.training.rows import refuse_one_column_for_two
from ptbert.training.tables import table
from ptbert.training.task import Scores, ScoringTask, Usage, single_text
from ptbert_models import BertForTokenClassification
from ptbert_tokenizers import BasicTokenizer
from ptbert_tokenizers.files.lines import read_texts
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

Value = TypeVar("Value")

_BLOCK = 1000  # sentences that are encoded together
_OVERLAP = 4  # a window of a long sentence repeats this part of the one before: 1/4
_DOCUMENT = "-DOCSTART-"  # marks the beginning of a document in CoNLL-2003
_BLANKS = re.compile("[ \t]+")  # a word may have other spaces in it, such as U+00A0


class Sentence(NamedTuple):
    """Words with their tags.

    Args:
        place: the file, for messages; or the text itself.
        line: the number of the first word's line; 0 if there is no file.
        words: the words.
        tags: as many tags; none where none are needed.
    """

    place: str
    line: int
    words: list[str]
    tags: list[str]


class Tag(ScoringTask):
    """Give each word of a sentence one of some tags. Arguments as in ``Task``."""

    name = "tag"
    model_classes = MappingProxyType({"bert": BertForTokenClassification})
    formats = (COLUMNS, LINES)

    @property
    def metric(self) -> str:
        """F1 of entities, or accuracy if the tags have no scheme of entities."""
        return "f1" if follow_scheme(self.labels) else "accuracy"

    @property
    def usage(self) -> Usage:
        """A tagger of texts."""
        return Usage("Tagger", '"a text"')

    def read(self, path: str, *, labelled: bool = True) -> list[Sentence]:
        """Read columns of words and tags, as in CoNLL-2003: a word a line, an empty line between.

        The columns are separated by tabs if the first line has one, else by spaces. Without
        ``--text`` and ``--label``, which are numbers from 1, the first has the words and the last
        has the tags. There are no comments, because a word may begin with any character.
        """
        if labelled:
            format_of(path, self.name, self.formats[:1])
        found = [each for each in self._sentences(path, labelled) if each.words != [_DOCUMENT]]
        if not found:
            raise ValueError(f"{path!r} has no sentences; give a file with a word on each line")
        return found

    def _sentences(self, path: str, labelled: bool) -> Iterator[Sentence]:
        words: list[str] = []
        tags: list[str] = []
        number = 0
        first: tuple[int, int] | None = None  # the number of the first line, and of its columns
        for number, line in enumerate(read_texts(path), 1):
            if not line.strip():
                if words:
                    yield Sentence(repr(path), number - len(words), words, tags)
                words, tags = [], []
                continue
            if first is None:
                by_tabs = "\t" in line
            values = line.rstrip().split("\t") if by_tabs else _BLANKS.split(line.strip(" \t"))
            if first is None:
                first = number, len(values)
                text, label = self._columns(len(values), path, labelled)
            if len(values) != first[1]:
                raise ValueError(_other_columns(path, number, values, *first))
            words.append(values[text])
            if labelled:
                tags.append(values[label].strip())
                if not tags[-1]:
                    raise ValueError(f"{path!r}, line {number}, has no tag; give one")
        if words:
            yield Sentence(repr(path), number + 1 - len(words), words, tags)

    def _columns(self, columns: int, path: str, labelled: bool) -> tuple[int, int]:
        """The indices of the columns of words and tags; that of words twice without tags."""
        text = self._column("text", 1, columns, path)
        if not labelled:
            return text, text
        label = self._column("label", columns, columns, path)
        refuse_one_column_for_two(text=str(text + 1), label=str(label + 1))
        return text, label

    def _column(self, setting: str, default: int, columns: int, path: str) -> int:
        """The index of a column that the settings name by its number."""
        given = getattr(self.settings, setting)
        number = str(default) if given == setting else given
        if not re.fullmatch("[1-9][0-9]*", number) or int(number) > columns:
            raise ValueError(
                f"{path!r} has {number_of(columns, 'column')}, and --{setting} is {given!r}; give "
                f"the number of one, from 1 to {columns}"
            )
        if setting == "label" and columns < 2:
            raise ValueError(f"{path!r} has one column only; give a file with words and tags")
        return int(number) - 1

    def example(self, text: str | tuple[str, ...]) -> Sentence:
        """Return the words of a text, as ``BasicTokenizer`` separates them."""
        text = single_text(text)
        basic = BasicTokenizer(do_lower_case=False, never_split=())
        words = [word for word in basic.tokenize(text) if not _is_marks(word)]
        if not words:
            raise ValueError(f"the text {text!r} has no words; give one that has")
        return Sentence(repr(text), 0, words, [])

    def with_labels_of(self, examples: Sequence[Sentence]) -> Self:
        """Return the task with the tags of the sentences, ``O`` first."""
        found = sorted(
            {tag for each in examples for tag in each.tags}, key=lambda t: (t != OUTSIDE, t)
        )
        if len(found) < 2:
            raise ValueError(
                f"all words of {self.settings.data!r} have the tag {found[0]!r}; give sentences "
                "with at least two tags, or name another column with --label"
            )
        number = sum(len(each.tags) for each in examples)
        advice = "give words with their tags, or name another column with --label"
        refuse_too_many_labels(self.settings.data, found, number, "word", advice)
        refuse_labels_that_look_equal(
            (f"{each.place}, line {each.line + place},", tag)
            for each in examples
            for place, tag in enumerate(each.tags)
        )
        if follow_scheme(found):
            for sentence in examples:
                for place, tag in enumerate(sentence.tags):
                    if not fits_scheme(tag):
                        raise ValueError(
                            f"{sentence.place}, line {sentence.line + place}, has the tag {tag!r} "
                            "beside tags such as B-PER; give O, or one with B-, I-, E- or S-"
                        )
        return type(self)(self.settings, found)

    def encode(
        self, examples: Sequence[Sentence], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> EncodedExamples:
        """Return sentences as ids; one that is too long becomes several windows.

        A word has its tag at its first piece, and in the first window that has that.
        """
        ids, types, labels, names, texts = [], [], [], [], []
        for start in range(0, len(examples), _BLOCK):
            block = examples[start : start + _BLOCK]
            batch = tokenizer.encode_batch(
                [each.words for each in block],
                max_len=max_length,
                stride=max_length // _OVERLAP,
                is_split_into_words=True,
            )
            done = [0] * len(block)  # words of each sentence that have their place
            lengths = batch.attention_mask.sum(1).tolist()
            for row, (length, text) in enumerate(
                zip(lengths, batch.text_index.tolist(), strict=True)
            ):
                sentence = block[text]
                places = np.full(length, IGNORED, np.int64)
                for place, word in enumerate(batch["word_index"][row, :length].tolist()):
                    if word == done[text]:
                        places[place] = self._number(sentence, word)
                        done[text] += 1
                    elif word > done[text]:
                        raise _without_pieces(sentence, done[text])
                ids.append(batch.input_ids[row, :length].astype(np.int32))
                types.append(batch.token_type_ids[row, :length].astype(np.int8))
                labels.append(places)
                names.append(f"{sentence.place}, line {sentence.line}")
                texts.append(start + text)
            for sentence, count in zip(block, done, strict=True):
                if count < len(sentence.words):
                    raise _without_pieces(sentence, count)
        return EncodedExamples(ids, types, labels, names, texts=texts)

    def _number(self, sentence: Sentence, word: int) -> int:
        if not sentence.tags:
            return 0
        tag = sentence.tags[word]
        if tag not in self.labels:
            raise ValueError(
                f"{sentence.place}, line {sentence.line + word}, has the tag {tag!r}, which the "
                f"training data do not have; they have {', '.join(map(repr, self.labels[:40]))}"
            )
        return self.labels.index(tag)

    def loss_of_scores(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the cross entropies of all words."""
        return F.cross_entropy(
            scores.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def chance_loss(self, examples: EncodedExamples) -> float:
        """Return the entropy of the tags."""
        return entropy(examples.flat_labels)

    def metrics(self, scores: Scores, examples: EncodedExamples) -> dict[str, float]:
        """Return accuracy of tags; and precision, recall and F1 of entities, if there are any."""
        accuracy = float((scores.argmax(1) == examples.flat_labels).mean())
        if self.metric == "accuracy":
            return {"accuracy": accuracy}
        precision, recall, f1 = counted(self._pairs(scores, examples)).scores()
        return {"precision": precision, "recall": recall, "f1": f1, "accuracy": accuracy}

    def table(self, scores: Scores, examples: EncodedExamples) -> list[str]:
        """Return precision, recall and F1 of each kind of entity."""
        if self.metric == "accuracy":
            return []
        counts = counted(self._pairs(scores, examples))
        rows = [
            [kind, *counts.scores(kind), counts.gold[kind]]
            for kind in sorted(counts.gold | counts.guessed)
        ]
        return table(["kind", "precision", "recall", "f1", "entities"], rows)

    def predictions(
        self, scores: Scores, encoded: EncodedExamples, examples: Sequence[Sentence]
    ) -> list[str]:
        """Return for each sentence its words and tags, a word a line, and an empty line."""
        guesses = _of_sentences(self.labels, scores.argmax(1), encoded)
        return [
            "".join(f"{word}\t{tag}\n" for word, tag in zip(example.words, tags, strict=True))
            for example, tags in zip(examples, guesses, strict=True)
        ]

    def _pairs(
        self, scores: Scores, examples: EncodedExamples
    ) -> Iterator[tuple[list[SpanTag], list[SpanTag]]]:
        tags = tags_of_labels(self.labels)
        gold = _of_sentences(tags, examples.flat_labels, examples)
        return zip(gold, _of_sentences(tags, scores.argmax(1), examples), strict=True)


def _other_columns(path: str, number: int, values: list[str], first: int, columns: int) -> str:
    """The message about a line with another number of columns than the first one."""
    text = f"{path!r}, line {number}, has {number_of(len(values), 'column')}, and line {first}"
    return (
        f"{text} has {columns}; correct one of them, and remove lines that are no words, such as "
        "comments"
    )


def _of_sentences(
    values: Sequence[Value], numbers: Sequence[int] | Scores, examples: EncodedExamples
) -> list[list[Value]]:
    """The values with some numbers, for each sentence, whose windows follow each other."""
    sizes = np.bincount(examples.texts, weights=examples.counts).astype(np.int64)
    parts = np.split(np.asarray(numbers), np.cumsum(sizes)[:-1])
    return [[values[number] for number in part.tolist()] for part in parts]


def _is_marks(word: str) -> bool:
    """Whether a word has nothing but marks for the letter before, which lower-casing removes."""
    return all(unicodedata.category(char) == "Mn" for char in word)


def _without_pieces(sentence: Sentence, word: int) -> ValueError:
    line = f", line {sentence.line + word}," if sentence.line else ""
    return ValueError(
        f"{sentence.place}{line} has the word {sentence.words[word]!r}, of which the tokenizer "
        "leaves nothing; remove it"
    )
