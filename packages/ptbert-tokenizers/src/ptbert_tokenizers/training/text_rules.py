"""How text is cut into words before they are counted: as the tokenizer that is trained does it"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.batches.flat import blocks
from ptbert_tokenizers.batches.texts import in_order
from ptbert_tokenizers.plain.special_tokens import tokens_around
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.encoder import WordMaker
from ptbert_tokenizers.quick.gpt2_words import Gpt2Words
from ptbert_tokenizers.transfo_xl import TransfoXLTokenizer

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.spans import WordSpans

Kind = Literal["wordpiece", "bpe", "byte-bpe", "words"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Kinds of vocabularies: those of BERT, OpenAI GPT, GPT-2 and Transformer-XL."""

STANDARD_TOKENS: dict[Kind, tuple[str, ...]] = {
    "wordpiece": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "bpe": ("<unk>",),
    "byte-bpe": ("<|endoftext|>",),
    "words": ("<eos>", "<unk>"),
}
"""The special tokens that every vocabulary of a kind begins with."""

_BLOCK = 2**16  # characters handled together; they fit into the processor's cache
_FIXED_CASE: dict[Kind, bool] = {"bpe": True, "byte-bpe": False}


@dataclass(frozen=True)
class TextRules:
    """How text becomes words, for one kind of vocabulary.

    Args:
        kind: ``wordpiece``, ``bpe``, ``byte-bpe`` or ``words``.
        lower_case: lower-case the text. ``bpe`` always does, and ``byte-bpe`` never.
        strip_accents: remove accents; when None, only if text is lower-cased (``wordpiece``).
        tokenize_chinese_chars: make every Han ideograph a word of its own (``wordpiece``).
        special_tokens: more special tokens after those of the kind. Special tokens are cut out of
            texts wherever they are, and are not counted.

    Raises:
        ValueError: if the kind is unknown, or does not have such a setting; if a special token
            cannot be one, or is there twice.

    Example:
        >>> sorted(TextRules("wordpiece").counted(["To be, or[SEP]not to be"]).items())
        [(',', 1), ('be', 2), ('not', 1), ('or', 1), ('to', 2)]
    """

    kind: Kind
    lower_case: bool | None = None
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    special_tokens: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is not known; choose from {', '.join(KINDS)}")
        usual = _FIXED_CASE.get(self.kind)
        given = checked_switch(self.lower_case, "lower_case")
        checked_switch(self.strip_accents, "strip_accents")
        checked_switch(self.tokenize_chinese_chars, "tokenize_chinese_chars")
        if usual is not None and given not in (None, usual):
            raise ValueError(
                f"lower_case={given} is not for {self.kind}, which "
                f"{'always' if usual else 'never'} lower-cases text; leave it out"
            )
        decided = usual if usual is not None else bool(self.kind == "wordpiece")
        object.__setattr__(self, "lower_case", decided if given is None else bool(given))
        if self.kind != "wordpiece" and (
            self.strip_accents is not None or not self.tokenize_chinese_chars
        ):
            raise ValueError(
                f"strip_accents and tokenize_chinese_chars are not for {self.kind}; leave them out"
            )
        if self.strip_accents is not None:
            object.__setattr__(self, "strip_accents", bool(self.strip_accents))
        object.__setattr__(self, "tokenize_chinese_chars", bool(self.tokenize_chinese_chars))
        object.__setattr__(self, "special_tokens", tuple_of(self.special_tokens))
        _check_special_tokens(self.all_special_tokens)

    @property
    def all_special_tokens(self) -> tuple[str, ...]:
        """The special tokens of the kind, and those given."""
        return (*STANDARD_TOKENS[self.kind], *self.special_tokens)

    def counted(self, texts: Sequence[str]) -> Counter[str]:
        """Return how often each word occurs in some texts."""
        makes = _word_maker(self)
        texts = list(self._without_special_tokens(texts))
        if isinstance(makes, TransfoXLTokenizer):
            words: Counter[str] = Counter()
            for text in texts:
                words.update(makes.tokenize(text))
            return words
        from ptbert_tokenizers.training.tally import Tally

        tally = Tally()
        for block in blocks(texts, _BLOCK):
            for spans in _windows(makes, block):
                tally.add(spans)
        return tally.counts()

    def _without_special_tokens(self, texts: Sequence[str]) -> Iterable[str]:
        """The texts, cut where they have special tokens."""
        tokens = self.all_special_tokens
        together = "\n".join(texts)
        if not any(token in together for token in tokens):
            return texts
        return (part for text in texts for part in _parts(text, tokens))


def tuple_of(special_tokens: Any) -> tuple[Any, ...]:
    """Return special tokens that a caller gave.

    Raises:
        TypeError: if they are one string, or not in an order.
    """
    if isinstance(special_tokens, str):
        raise TypeError(f"special_tokens is one string, {special_tokens!r}; give a list of tokens")
    return tuple(in_order(special_tokens, "special_tokens"))


def _parts(text: str, tokens: Sequence[str]) -> Iterator[str]:
    if not any(token in text for token in tokens):
        return iter([text])
    kept = set(tokens)
    return (part for part in tokens_around(text, tokens, lambda part: [part]) if part not in kept)


def _windows(makes: WordMaker, texts: Sequence[str]) -> "Iterator[WordSpans]":
    """The words of a block of texts, window by window; an exception is a window by itself."""
    from ptbert_tokenizers.quick.spans import listed_spans

    windows = makes.spans(texts)
    if windows is not None:
        yield from windows
    elif len(texts) > 1:  # halve the list until the text that is an exception is alone
        middle = len(texts) // 2
        yield from _windows(makes, texts[:middle])
        yield from _windows(makes, texts[middle:])
    else:
        yield listed_spans(map(str.encode, makes(texts[0])))


@cache
def _word_maker(rules: TextRules) -> WordMaker | TransfoXLTokenizer:
    if rules.kind == "words":
        return TransfoXLTokenizer(lower_case=bool(rules.lower_case))
    if rules.kind == "byte-bpe":
        return Gpt2Words()
    return QuickWords(
        bool(rules.lower_case), (), rules.strip_accents, bool(rules.tokenize_chinese_chars)
    )


def _check_special_tokens(tokens: Sequence[Any]) -> None:
    for position, token in enumerate(tokens):
        if not isinstance(token, str) or token.split() != [token]:
            raise ValueError(
                f"the special token {token!r} is empty, holds a space or is no string; "
                "give another one"
            )
        if token in tokens[:position]:
            raise ValueError(
                f"the special token {token!r} is there twice; the standard ones are "
                "there without being given"
            )
