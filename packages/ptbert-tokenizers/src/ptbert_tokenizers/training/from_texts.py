"""From texts to a vocabulary in one call, for each kind of vocabulary"""

from collections.abc import Iterable

from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.training.counts import MOST_WORDS, count_words
from ptbert_tokenizers.training.trained import (
    TrainedVocabulary,
    check_numbers,
    train_vocabulary,
)


def train_wordpiece(
    texts: Iterable[str],
    size: int,
    *,
    do_lower_case: bool = True,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
    special_tokens: Iterable[str] = (),
    unused: int = 0,
    min_frequency: int = 2,
    limit_alphabet: int | None = None,
    workers: int = 1,
    max_words: int = MOST_WORDS,
) -> TrainedVocabulary:
    """Train a vocabulary for ``BertTokenizer``.

    Args:
        texts: any number of strings; they are read once, and only a few are held in memory.
        size: how many tokens the vocabulary has; see ``train_vocabulary``.
        do_lower_case: lower-case, and remove accents unless ``strip_accents`` is False.
        strip_accents: remove accents; when None, only if ``do_lower_case``.
        tokenize_chinese_chars: make every Han ideograph a word of its own.
        special_tokens: more special tokens, after ``[PAD]``, ``[UNK]``, ``[CLS]``, ``[SEP]`` and
            ``[MASK]``.
        unused: how many ``[unused]`` tokens to put after the special ones, for later use.
        min_frequency: pairs of pieces that occur less often are not merged.
        limit_alphabet: the largest number of different characters; all when None.
        workers: processes that count words.
        max_words: limit for the different words that are held; see ``WordCounts.limited``.

    Raises:
        TypeError: if a text is no string.
        ValueError: if there are no words, or the size is too small for what must be in it.

    Example:
        >>> from ptbert_tokenizers import BertTokenizer
        >>> vocabulary = train_wordpiece(["low lower lowest"], 21)
        >>> tokenizer = BertTokenizer.from_pretrained(vocabulary.save("my_vocabulary"))
        >>> tokenizer.tokenize("Lowest")
        ['lowe', '##s', '##t']
    """
    check_numbers("wordpiece", size, unused, min_frequency, limit_alphabet)
    counts = count_words(
        texts,
        "wordpiece",
        lower_case=checked_switch(do_lower_case, "do_lower_case"),
        strip_accents=strip_accents,
        tokenize_chinese_chars=tokenize_chinese_chars,
        special_tokens=special_tokens,
        workers=workers,
        max_words=max_words,
    )
    return train_vocabulary(
        counts, size, unused=unused, min_frequency=min_frequency, limit_alphabet=limit_alphabet
    )


def train_bpe(
    texts: Iterable[str],
    size: int,
    *,
    special_tokens: Iterable[str] = (),
    unused: int = 0,
    min_frequency: int = 2,
    limit_alphabet: int | None = None,
    workers: int = 1,
    max_words: int = MOST_WORDS,
) -> TrainedVocabulary:
    """Train a vocabulary for ``OpenAIGPTTokenizer``: merges of the characters of lower-cased words.

    The last piece of each word ends in ``</w>``. Words are those of ``BasicTokenizer``, whether
    ftfy and spaCy are installed or not, so that a vocabulary does not depend on that. The special
    token of all such vocabularies is ``<unk>``. The arguments are those of ``train_wordpiece``.

    Example:
        >>> train_bpe(["low low low lower"], 11).merges
        (('l', 'o'), ('lo', 'w</w>'))
    """
    check_numbers("bpe", size, unused, min_frequency, limit_alphabet)
    counts = count_words(
        texts, "bpe", special_tokens=special_tokens, workers=workers, max_words=max_words
    )
    return train_vocabulary(
        counts, size, unused=unused, min_frequency=min_frequency, limit_alphabet=limit_alphabet
    )


def train_byte_bpe(
    texts: Iterable[str],
    size: int,
    *,
    special_tokens: Iterable[str] = (),
    unused: int = 0,
    min_frequency: int = 2,
    workers: int = 1,
    max_words: int = MOST_WORDS,
) -> TrainedVocabulary:
    """Train a vocabulary for ``GPT2Tokenizer``: merges of the UTF-8 bytes of words.

    All 256 bytes are in it, so that any text can be encoded. The special token of all such
    vocabularies is ``<|endoftext|>``. The arguments are those of ``train_wordpiece``.

    Example:
        >>> train_byte_bpe(["low lower lowest"], 260).merges
        (('l', 'o'), ('lo', 'w'), ('Ġ', 'low'))
    """
    check_numbers("byte-bpe", size, unused, min_frequency)
    counts = count_words(
        texts, "byte-bpe", special_tokens=special_tokens, workers=workers, max_words=max_words
    )
    return train_vocabulary(counts, size, unused=unused, min_frequency=min_frequency)


def train_words(
    texts: Iterable[str],
    size: int,
    *,
    lower_case: bool = False,
    special_tokens: Iterable[str] = (),
    unused: int = 0,
    min_frequency: int = 1,
    workers: int = 1,
    max_words: int = MOST_WORDS,
) -> TrainedVocabulary:
    """Train a vocabulary for ``TransfoXLTokenizer``: whole words, the most frequent first.

    Words have spaces between them. The special tokens of all such vocabularies are ``<eos>`` and
    ``<unk>``. ``min_frequency`` is that of words here; the other arguments are those of
    ``train_wordpiece``.

    Example:
        >>> train_words(["the cat and the dog"], 4).tokens
        ('<eos>', '<unk>', 'the', 'and')
    """
    check_numbers("words", size, unused, min_frequency)
    counts = count_words(
        texts,
        "words",
        lower_case=lower_case,
        special_tokens=special_tokens,
        workers=workers,
        max_words=max_words,
    )
    return train_vocabulary(counts, size, unused=unused, min_frequency=min_frequency)
