"""Vocabularies that were trained: from counted words to tokens, and to the folder of a tokenizer"""

import logging
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ptbert_hub.files import sync_folder
from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.batches.texts import shown
from ptbert_tokenizers.bert import BertTokenizer
from ptbert_tokenizers.files.vocabulary import (
    MOST_LINES,
    PathLike,
    write_json_vocabulary,
    write_lines,
    write_merges,
)
from ptbert_tokenizers.gpt2 import GPT2Tokenizer
from ptbert_tokenizers.openai import OpenAIGPTTokenizer
from ptbert_tokenizers.plain.learning import Pair, joined_pieces
from ptbert_tokenizers.plain.unicode import valid
from ptbert_tokenizers.training.counts import WordCounts
from ptbert_tokenizers.training.text_rules import STANDARD_TOKENS, TextRules
from ptbert_tokenizers.transfo_xl import TransfoXLTokenizer

if TYPE_CHECKING:
    from ptbert_tokenizers.training.merges import CountedSymbols

logger = logging.getLogger(__name__)

LONGEST_WORD = 100
"""In characters. ``BertTokenizer`` makes longer words ``[UNK]``, so no pieces are learned there."""


@dataclass(frozen=True)
class TrainedVocabulary:
    """A vocabulary that was trained.

    Args:
        rules: how text is cut into words.
        tokens: by id.
        merges: pairs of symbols, the best first; none for ``wordpiece`` and ``words``.
    """

    rules: TextRules
    tokens: tuple[str, ...]
    merges: tuple[Pair, ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    def save(self, folder: PathLike) -> str:
        """Write the folder of a tokenizer, which ``from_pretrained`` reads.

        The folder appears when all of it is on the disk.

        Args:
            folder: a new or an empty folder; those above it are made if needed.

        Returns:
            The path of the folder.

        Raises:
            FileExistsError: if there is something already.
            OSError: if it cannot be written; then nothing is left.
        """
        target = Path(os.path.realpath(folder))
        check_is_new(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.tmp")
        try:
            scratch.mkdir()
            self._tokenizer(scratch).save_vocabulary(scratch)
            with suppress(FileNotFoundError):
                target.rmdir()  # an empty one
            os.rename(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        sync_folder(target.parent)
        return os.fspath(folder)

    def _tokenizer(
        self, folder: Path
    ) -> BertTokenizer | OpenAIGPTTokenizer | GPT2Tokenizer | TransfoXLTokenizer:
        """The tokenizer of this vocabulary, whose files are in a folder."""
        kind, rules = self.rules.kind, self.rules
        if kind == "words":
            return self._word_tokenizer()
        ids = {token: index for index, token in enumerate(self.tokens)}
        tokenizer: OpenAIGPTTokenizer | GPT2Tokenizer
        if kind == "wordpiece":
            write_lines(folder / "vocab.txt", self.tokens)
            bert = BertTokenizer(
                folder / "vocab.txt",
                do_lower_case=bool(rules.lower_case),
                strip_accents=rules.strip_accents,
                tokenize_chinese_chars=rules.tokenize_chinese_chars,
            )
            bert.add_special_tokens(rules.special_tokens)
            return bert
        write_json_vocabulary(folder / "vocab.json", ids)
        write_merges(folder / "merges.txt", self.merges)
        if kind == "bpe":
            tokenizer = OpenAIGPTTokenizer(folder / "vocab.json", folder / "merges.txt")
            tokenizer.add_special_tokens(rules.special_tokens)
        else:
            end = STANDARD_TOKENS[kind][0]
            tokenizer = GPT2Tokenizer(
                folder / "vocab.json",
                folder / "merges.txt",
                unk_token=end,
                bos_token=end,
                eos_token=end,
            )
            tokenizer.add_special_tokens(rules.all_special_tokens)
        return tokenizer

    def _word_tokenizer(self) -> TransfoXLTokenizer:
        rules = self.rules
        tokenizer = TransfoXLTokenizer(
            special=rules.all_special_tokens, lower_case=bool(rules.lower_case)
        )
        # Numbered by frequency; what the counts were is not saved.
        total = len(self.tokens)
        tokenizer.counter.update({token: total - i for i, token in enumerate(self.tokens)})
        tokenizer.build_vocab()
        return tokenizer


def check_is_new(folder: PathLike) -> None:
    """Refuse a folder for a vocabulary in which something is already.

    Raises:
        FileExistsError: if it is not new or empty.
        NotADirectoryError: if a folder above it is a file.
    """
    name = os.fspath(folder)
    if os.path.lexists(name) and not (os.path.isdir(name) and not os.listdir(name)):
        raise FileExistsError(
            f"{name!r} is there already; choose another folder for the vocabulary, or remove it"
        )
    above = next(each for each in Path(os.path.realpath(name)).parents if each.exists())
    if not above.is_dir():
        raise NotADirectoryError(
            f"{os.fspath(above)!r} is a file, so there can be no folder {name!r}; choose another"
        )


def train_vocabulary(
    counts: WordCounts,
    size: int,
    *,
    unused: int = 0,
    min_frequency: int | None = None,
    limit_alphabet: int | None = None,
) -> TrainedVocabulary:
    """Train a vocabulary from counted words.

    The ids begin with the special tokens; then come ``[unused0]``, ``[unused1]`` and so on, the
    alphabet in the order of its characters, and what was learned, in the order of learning. For
    ``words`` these are the words, the most frequent first; equally frequent ones in the order of
    their text.

    Pieces are learned by merging the most frequent pair of neighbours again and again, also for
    ``wordpiece``. Of equally frequent pairs, the one with the earlier left symbol is merged, then
    the one with the earlier right symbol. See ``ptbert_tokenizers.plain.learning`` for the
    definition and its sources.

    Args:
        counts: of all words, as ``count_words`` returns them; parts of a corpus are added before.
        size: how many tokens the vocabulary has, with all special and unused ones. It gets smaller
            if the text has not so many, which is logged.
        unused: how many ``[unused]`` tokens to put after the special ones, for later use.
        min_frequency: pairs, or words, that occur less often are left out; when None, 2 for pairs
            and 1 for words.
        limit_alphabet: the largest number of different characters, the most frequent ones; all when
            None (``wordpiece`` and ``bpe``).

    Raises:
        TypeError: if these are no counts.
        ValueError: if there are no words, or the size is too small for what must be in it.

    Example:
        >>> from ptbert_tokenizers import count_words
        >>> counts = count_words(["low lower lowest"], "wordpiece")
        >>> train_vocabulary(counts, 21).tokens[-4:]
        ('##w', 'lo', 'low', 'lowe')
    """
    if not isinstance(counts, WordCounts):
        raise TypeError(f"counts is {shown(counts)}; give the counts that count_words returns")
    kind = counts.rules.kind
    check_numbers(kind, size, unused, min_frequency, limit_alphabet)
    if not counts.words:
        raise ValueError("there is no word to learn from; give a text that is not empty")
    front = [*counts.rules.all_special_tokens, *(f"[unused{number}]" for number in range(unused))]
    if twice := [token for token in counts.rules.special_tokens if front.count(token) > 1]:
        raise ValueError(f"the special token {twice[0]!r} is an unused one too; give another one")
    if kind == "words":
        tokens = _frequent_words(counts, size, front, min_frequency or 1)
        merges: tuple[Pair, ...] = ()
    else:
        tokens, merges = _pieces(counts, size, front, min_frequency or 2, limit_alphabet)
    if len(tokens) < size:
        logger.warning(
            "the text gives %d tokens, and not %d: nothing more occurs often enough. Give more "
            "text, or a smaller min_frequency",
            len(tokens),
            size,
        )
    return TrainedVocabulary(counts.rules, tuple(tokens), merges)


def _frequent_words(
    counts: WordCounts, size: int, front: list[str], min_frequency: int
) -> list[str]:
    _check_size(size, front, 0)
    known = set(front)
    found = [
        (-count, word)
        for word, count in counts.words.items()
        if count >= min_frequency and word not in known and valid(word) == word
    ]
    return front + [word for _, word in sorted(found)[: size - len(front)]]


def _pieces(
    counts: WordCounts,
    size: int,
    front: list[str],
    min_frequency: int,
    limit_alphabet: int | None,
) -> tuple[list[str], tuple[Pair, ...]]:
    """The tokens and merges of a vocabulary of pieces."""
    from ptbert_tokenizers.training.merges import fast_merges

    symbols = _symbols(counts, limit_alphabet)
    _check_size(size, front, len(symbols.alphabet), can_limit=counts.rules.kind != "byte-bpe")
    taken = set(front) & set(symbols.alphabet)
    if taken:
        raise ValueError(
            f"the special token {min(taken)!r} is a character of the text too; give another one"
        )
    is_wordpiece = counts.rules.kind == "wordpiece"
    learned = fast_merges(
        symbols,
        size - len(front),
        min_frequency=min_frequency,
        joined=joined_pieces if is_wordpiece else str.__add__,
        refused=front,
    )
    return front + learned.symbols, () if is_wordpiece else tuple(learned.merges)


def _symbols(counts: WordCounts, limit_alphabet: int | None) -> "CountedSymbols":
    from ptbert_tokenizers.training.symbols import byte_symbols, character_symbols

    words = counts.words
    if counts.rules.kind == "byte-bpe":
        return byte_symbols(words)
    if counts.rules.kind == "bpe":
        return character_symbols(words, marks_ends=True, limit_alphabet=limit_alphabet)
    short = {word: count for word, count in words.items() if len(word) <= LONGEST_WORD}
    if not short:
        raise ValueError(
            f"all words have more than {LONGEST_WORD} characters, which BERT's tokenizer does not "
            "cut; put spaces between words, or train byte-bpe"
        )
    return character_symbols(short, marks_ends=False, limit_alphabet=limit_alphabet)


def check_numbers(
    kind: str,
    size: int,
    unused: int = 0,
    min_frequency: int | None = None,
    limit_alphabet: int | None = None,
) -> None:
    """Refuse numbers with which no vocabulary can be trained, which can be told before counting.

    Args:
        kind: of the vocabulary.
        size: as for ``train_vocabulary``, as are the arguments after it.
        unused: how many unused tokens.
        min_frequency: of pairs or words.
        limit_alphabet: number of characters.

    Raises:
        ValueError: if one is not a number, or they do not belong together.

    Example:
        >>> check_numbers("words", 100, limit_alphabet=10)
        Traceback (most recent call last):
        ValueError: limit_alphabet is not for words, which has no alphabet of characters
    """
    numbers = {
        "size": (size, 1),
        "unused": (unused, 0),
        "min_frequency": (min_frequency, 1),
        "limit_alphabet": (limit_alphabet, 1),
    }
    for name, (value, least) in numbers.items():
        if value is not None or name in ("size", "unused"):
            checked_whole(value, name, least)
    if size > MOST_LINES:
        raise ValueError(
            f"size={size} is more than a vocabulary may have, which is {MOST_LINES}; give less"
        )
    if unused > size:
        raise ValueError(f"unused={unused} is more than size={size}; give fewer, or a larger size")
    if limit_alphabet is not None and kind in ("byte-bpe", "words"):
        raise ValueError(f"limit_alphabet is not for {kind}, which has no alphabet of characters")


def _check_size(size: int, front: list[str], alphabet: int, can_limit: bool = False) -> None:
    if size < len(front) + alphabet:
        raise ValueError(
            f"size={size} is too small: there are {len(front)} special and unused tokens and an "
            f"alphabet of {alphabet}; give at least {len(front) + alphabet}"
            + (", or limit_alphabet" if can_limit else "")
        )
