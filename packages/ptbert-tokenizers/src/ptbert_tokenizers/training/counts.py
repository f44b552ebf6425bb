"""Words and how often they occur: counted in several processes, added up, saved and read again"""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, replace

from ptbert_hub import atomic_write
from ptbert_hub.errors import BadContent
from ptbert_hub.messages import shown
from ptbert_hub.readers.json_text import parse_json
from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.batches.text_blocks import BlockedTexts, given_blocks
from ptbert_tokenizers.batches.texts import in_order, texts_one_by_one
from ptbert_tokenizers.batches.workers import flat_blocks
from ptbert_tokenizers.corpora.records import COUNTS_FORMAT, COUNTS_START
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.lines import read_texts
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.training.text_rules import Kind, TextRules, tuple_of

logger = logging.getLogger(__name__)

MOST_WORDS = 4_000_000
"""Different words that are kept while words are counted; they take 0.6 GB,
and 1.6 GB while pieces are learned from them."""

_MOST_CHARACTERS = 2**27  # of different words
_CHUNK = 2**22  # characters that a process counts at a time


@dataclass(frozen=True, eq=True)
class WordCounts:
    """How often each word of a corpus occurs.

    Counts of parts of a corpus can be added; the sum does not depend on how it was divided, nor on
    the order.

    Args:
        rules: how the text was cut into words.
        words: how often each word occurs.
        dropped: how many words are not in ``words``, because there were too many different ones.

    Example:
        >>> one, two = count_words(["to be"], "words"), count_words(["or not to be"], "words")
        >>> both = one + two
        >>> both.words["to"], len(both.words)
        (2, 4)
        >>> both.save("corpus.counts")
        >>> WordCounts.read("corpus.counts") == both
        True
    """

    rules: TextRules
    words: Counter[str]
    dropped: int = 0

    def __add__(self, other: "WordCounts") -> "WordCounts":
        """Return the counts of both corpora.

        Raises:
            ValueError: if their texts were cut in different ways.
        """
        if not isinstance(other, WordCounts):
            return NotImplemented
        self._refuse_other_rules(other)
        words = Counter(self.words)
        words.update(other.words)
        return WordCounts(self.rules, words, self.dropped + other.dropped)

    def __radd__(self, other: int) -> "WordCounts":
        """Return these counts for ``0``, with which ``sum`` begins."""
        return self if type(other) is int and other == 0 else NotImplemented

    @classmethod
    def merged(cls, parts: Iterable["WordCounts"]) -> "WordCounts":
        """Return the counts of several parts of a corpus, which are added one by one.

        It is what ``sum(parts)`` returns, without a copy of all counts for each part.

        Raises:
            TypeError: if they are no list, or something else is among them.
            ValueError: if there are no parts, or their texts were cut in different ways.

        Example:
            >>> parts = [count_words([text], "words") for text in ("to be", "or not", "to be")]
            >>> WordCounts.merged(parts) == sum(parts)
            True
        """
        total: WordCounts | None = None
        for part in in_order(parts, "parts", "counts"):
            if not isinstance(part, WordCounts):
                raise TypeError(f"{shown(part)} is among the counts; give those of count_words")
            if total is None:
                total = cls(part.rules, Counter(part.words), part.dropped)
                continue
            total._refuse_other_rules(part)
            total.words.update(part.words)
            total = replace(total, dropped=total.dropped + part.dropped)
        if total is None:
            raise ValueError("there are no counts to merge; give one or more")
        return total

    def _refuse_other_rules(self, other: "WordCounts") -> None:
        if self.rules != other.rules:
            raise ValueError(
                f"words were counted by different rules, {self.rules} and {other.rules}; count "
                "all parts of a corpus in the same way"
            )

    def limited(self, max_words: int = MOST_WORDS) -> "WordCounts":
        """Return counts of at most so many different words; these counts, if there are no more.

        If there are more, all words that occur at most n times are dropped, with the smallest n
        that leaves at most half of ``max_words``.

        Raises:
            ValueError: if ``max_words`` is no whole number from 1 on.

        Example:
            >>> count_words(["a a a b b c c d"], "words").limited(3).words
            Counter({'a': 3})
        """
        max_words = checked_whole(max_words, "max_words")
        number, characters = len(self.words), sum(map(len, self.words))
        if number <= max_words and characters <= _MOST_CHARACTERS:
            return self
        by_count: dict[int, list[int]] = {}
        for word, count in self.words.items():
            sizes = by_count.setdefault(count, [0, 0])
            sizes[0] += 1
            sizes[1] += len(word)
        rare = 0
        for count in sorted(by_count):
            if number <= max_words // 2 and characters <= _MOST_CHARACTERS // 2:
                break
            number, characters, rare = (
                number - by_count[count][0],
                characters - by_count[count][1],
                count,
            )
        kept = Counter({word: count for word, count in self.words.items() if count > rare})
        dropped = self.words.total() - kept.total()
        logger.warning(
            "more than %d different words; those that occurred at most %d times so far are "
            "dropped, %d of %d words held. Give a larger max_words, if there is memory",
            max_words,
            rare,
            dropped,
            self.words.total(),
        )
        return WordCounts(self.rules, kept, self.dropped + dropped)

    def save(self, path: PathLike) -> None:
        """Write the counts to a file, which appears when it is complete.

        The first line has the rules as JSON. The other lines have a count, a tab, and a word as a
        JSON string, in the order of the words. So equal counts give equal files.
        """
        header = {"format": COUNTS_FORMAT, "dropped": self.dropped, "rules": asdict(self.rules)}
        with atomic_write(path) as file:
            file.write(f"{json.dumps(header)}\n".encode())
            for word in sorted(self.words):
                file.write(f"{self.words[word]}\t{json.dumps(word)}\n".encode())

    @classmethod
    def read(cls, path: PathLike) -> "WordCounts":
        """Read what ``save`` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            BadVocabulary: if it is another file, or was changed; with the line.
        """
        lines = read_texts(path)
        rules, dropped = _header(next(lines, ""), path)
        words: Counter[str] = Counter()
        for number, line in enumerate(lines, 2):
            count, word = _entry(line, number, path)
            words[word] += count
        return cls(rules, words, dropped)


def is_counts_file(path: PathLike) -> bool:
    """Tell whether a file begins as ``WordCounts.save`` writes it. Pipes are not read."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(COUNTS_START)) == COUNTS_START.encode()


def count_words(
    texts: Iterable[str],
    kind: Kind,
    *,
    lower_case: bool | None = None,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
    special_tokens: Iterable[str] = (),
    workers: int = 1,
    max_words: int = MOST_WORDS,
) -> WordCounts:
    """Count the words of texts, as a tokenizer of that kind cuts them.

    Args:
        texts: any number of strings; they are read once, and only a few are held in memory.
        kind: ``wordpiece``, ``bpe``, ``byte-bpe`` or ``words``.
        lower_case: lower-case the text; when None, ``wordpiece`` does and ``words`` does not.
            ``bpe`` always does, and ``byte-bpe`` never.
        strip_accents: remove accents; when None, only if text is lower-cased (``wordpiece``).
        tokenize_chinese_chars: make every Han ideograph a word of its own (``wordpiece``).
        special_tokens: more special tokens after those of the kind. Special tokens are cut out of
            texts wherever they are, and are not counted.
        workers: processes that count.
        max_words: limit for the different words that are held; see ``WordCounts.limited``, which
            is called after every few megabytes.

    Raises:
        TypeError: if a text is no string, or ``special_tokens`` is one.
        ValueError: if a setting is not one of the kind.

    Example:
        >>> count_words(["Low lower", "low"], "wordpiece").words
        Counter({'low': 2, 'lower': 1})
    """
    if isinstance(texts, str):
        raise TypeError("texts is one string; give a list of strings")
    rules = TextRules(
        kind, lower_case, strip_accents, tokenize_chinese_chars, tuple_of(special_tokens)
    )
    counts = WordCounts(rules, Counter()).limited(max_words)
    if not isinstance(texts, BlockedTexts):
        texts = BlockedTexts(given_blocks(texts_one_by_one(texts), _CHUNK))
    with closing(flat_blocks(rules.counted, texts.blocks(_CHUNK), workers)) as parts:
        for part in parts:
            counts.words.update(part)
            counts = counts.limited(max_words)
    return counts


def _header(line: str, path: PathLike) -> tuple[TextRules, int]:
    advice = "count the words again, or give the file that count-words wrote"
    try:
        header = parse_json(line)
        if header["format"] == COUNTS_FORMAT and type(header["dropped"]) is int:
            return TextRules(**header["rules"]), header["dropped"]
        reason = None
    except (BadContent, ValueError, TypeError, KeyError) as error:
        reason = error
    raise BadVocabulary(f"{os.fspath(path)!r} has no counts of words; {advice}") from reason


def _entry(line: str, number: int, path: PathLike) -> tuple[int, str]:
    count, _, quoted = line.partition("\t")
    try:
        if count.isdecimal() and int(count) > 0 and quoted.startswith('"'):
            return int(count), json.loads(quoted)
    except ValueError:
        pass
    raise BadVocabulary(
        f"{os.fspath(path)!r} line {number} is {shown(line)} and not a count and a word; "
        "count the words again"
    )
