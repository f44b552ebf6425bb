"""OpenAIGPTTokenizer: words, lower-cased, cut by byte-pair merges."""

import logging
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from ptbert_tokenizers.bpe_tokenizer import BPE_STATE, COMMON_OPTIONS, BpeTokenizer
from ptbert_tokenizers.files.saved_settings import Rules
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.plain.offsets import Span, Traced, normalized, spans_of_pieces, traced_words
from ptbert_tokenizers.plain.unicode import valid
from ptbert_tokenizers.pretrained import listed_ids
from ptbert_tokenizers.quick.basic_tokenizer import (
    BasicTokenizer,
    basic_state,
    basic_values,
    is_basic,
    quick_words,
)
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.bpe import Spelling
from ptbert_tokenizers.quick.encoder import WordMaker
from ptbert_tokenizers.quick.untouched import untouched
from ptbert_tokenizers.streaming import Replaced, Step, StreamDecoder, Stripped, closed_gaps
from ptbert_tokenizers.vocabularies.bpe import UNKNOWN

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.spans import WordSpans

logger = logging.getLogger(__name__)

_PLAIN_PUNCTUATION = str.maketrans({"—": "-", "–": "-", "―": "-", "…": "...", "´": "'"})
_MARKS = re.compile(r"-+|~+|!+|\"+|;+|\?+|\++|,+|\)+|\(+|\\+|/+|\*+|\[+|\]+|\}+|\{+|\|+|_+")
_AROUND_LINE_END = re.compile(r"\s*\n\s*")
_SPACES_IN_LINE = re.compile(r"[^\S\n]+")


def text_standardize(text: str) -> str:
    """Replace typographic punctuation, and put spaces around it, as in the training text.

    Source:
        Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training",
        section 4.1; the authors' released code.

    Example:
        >>> text_standardize("Well—(maybe)…")
        'Well - ( maybe ) ...'
    """
    text = _MARKS.sub(r" \g<0> ", text.translate(_PLAIN_PUNCTUATION))
    return _SPACES_IN_LINE.sub(" ", _AROUND_LINE_END.sub(" \n ", text)).strip()


class OpenAIGPTTokenizer(BpeTokenizer):
    """The tokenizer of OpenAI's first GPT.

    If ftfy and spaCy are installed, they cut the text into words, as in the code of the model's
    authors. Otherwise BERT's basic tokenizer does, with different results for a few texts. The last
    piece of each word ends in ``</w>``. The attributes ``nlp`` and ``fix_text`` are the parts in
    use; ``fix_text`` is None with the basic tokenizer.

    Args:
        vocab_file: path of ``vocab.json``.
        merges_file: path of ``merges.txt``; the one saved with the vocabulary when None.
        special_tokens: tokens to add after the vocabulary; ``tokenize`` cuts them as in 2019.
        max_len: longest input of the model, in tokens; no limit when None.
        unk_token: the token for pieces that the vocabulary lacks.
        pad_token: the token that fills up batches; when None, the id 0 does.
        bos_token: the token for the beginning of a text; kept for programs, not added to texts.
        eos_token: the same for the end.

    Raises:
        MissingVocabulary: if a file is not there.
        BadVocabulary: if a file has the wrong content.

    Source:
        Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training".

    Example:
        >>> from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
        >>> write_json_vocabulary("vocab.json", {"<unk>": 0, "l": 1, "o": 2, "w</w>": 3, "lo": 4})
        >>> write_merges("merges.txt", [("l", "o")])
        >>> tokenizer = OpenAIGPTTokenizer("vocab.json", "merges.txt", special_tokens=["_end_"])
        >>> tokenizer.tokenize("Low"), tokenizer.encode("low"), tokenizer.special_tokens
        (['lo', 'w</w>'], [4, 3], {'_end_': 5})
    """

    family: ClassVar[str] = "gpt"
    usual_special_tokens: ClassVar[tuple[str, ...]] = (UNKNOWN,)
    rules: ClassVar[Rules] = Rules(
        options=COMMON_OPTIONS, classes=("OpenAIGPTTokenizer", "OpenAIGPTTokenizerFast")
    )
    word_end: ClassVar[str] = "</w>"

    def __init__(
        self,
        vocab_file: PathLike,
        merges_file: PathLike | None = None,
        special_tokens: Sequence[str] | None = None,
        max_len: int | None = None,
        *,
        unk_token: str = UNKNOWN,
        pad_token: str | None = None,
        bos_token: str | None = None,
        eos_token: str | None = None,
    ) -> None:
        self.nlp: Any
        self.fix_text: Callable[[str], str] | None
        self.nlp, self.fix_text = _original_parts() or (BasicTokenizer(never_split=[]), None)
        super().__init__(
            vocab_file,
            merges_file,
            special_tokens,
            max_len,
            unk_token=unk_token,
            pad_token=pad_token,
            bos_token=bos_token,
            eos_token=eos_token,
        )

    def set_special_tokens(self, special_tokens: Sequence[str] | None) -> None:
        """Replace the special tokens; the ids of new ones follow all others.

        The basic tokenizer leaves them whole if there are spaces around them.

        Args:
            special_tokens: the new list; None or an empty list for none.
        """
        super().set_special_tokens(special_tokens)
        if self.fix_text is None:
            self.nlp.never_split = list(special_tokens or ())

    def _plain_tokens(self, text: str) -> list[str]:
        return [piece for word in self._words(text) for piece in self.bpe(word).split(" ")]

    def _pieces(self, word: str) -> list[str]:
        if word == "\n ":  # spaCy's token for a line end; the vocabulary has it without the space
            return ["\n</w>"]
        return super()._pieces(word)

    def _words(self, text: str) -> list[str]:
        if self.fix_text is None:
            words: list[str] = self.nlp.tokenize(text)
            return words
        # spaCy fails on lone surrogates.
        document = self.nlp(text_standardize(self.fix_text(valid(text))))
        return [word.text.lower() for word in document]

    def _spans(self, text: str) -> list[Span] | None:
        basic = self.nlp
        if self.fix_text is not None or not is_basic(basic):
            return None
        spans: list[Span] = []
        for word in traced_words(text, basic):
            pieces = self.bpe("".join(char for char, _ in word)).split(" ")
            # The last piece is longer by the mark of a word's end; its span ends with the word.
            spans += spans_of_pieces(word, map(len, pieces))
        return spans

    def _is_as_shipped(self) -> bool:
        return _has_own_methods(self)

    def _is_untouched(self) -> bool:
        return _has_own_methods(self)

    def _has_own_spans(self) -> bool:
        return _has_own_spans(self)

    def _replaced_parts(self) -> Iterable[str]:
        setting = self._word_setting()
        usual = basic_values(BasicTokenizer(never_split=list(self.special_tokens)))
        if self.fix_text is None and setting != usual:
            yield "nlp"

    def _more_for_ids(self) -> Any:
        if self.fix_text is None:
            return super()._more_for_ids()
        from importlib.metadata import version

        libraries = [f"{name} {version(name)}" for name in ("ftfy", "spacy")]
        return [*libraries, super()._more_for_ids()]

    def _word_setting(self) -> tuple[Any, ...] | None:
        basic = self.nlp
        if self.fix_text is not None or not (_has_own_cuts(self) and is_basic(basic)):
            return None
        if not isinstance(basic.never_split, (list, tuple)):
            return None
        return basic_values(basic)

    def _state(self) -> Any:
        if not self.__dict__.keys().isdisjoint(_METHODS):
            return None
        return _state_of(self), basic_state(self.nlp)

    def _word_maker(self, setting: tuple[Any, ...]) -> WordMaker | None:
        do_lower_case, never_split, strip_accents, tokenize_chinese_chars = setting
        return quick_words((do_lower_case, never_split, strip_accents, tokenize_chinese_chars))

    def _normalization(self) -> Hashable:
        if self.fix_text is not None or not is_basic(self.nlp):
            return None
        return basic_values(self.nlp)

    def _quick_words(self) -> QuickWords | None:
        return None if self._normalization() is None else quick_words(basic_values(self.nlp))

    def _normalized(self, text: str) -> Traced:
        return normalized(text, self.nlp)

    def _spelling(self) -> Spelling:
        return Spelling(str, False, _encoded_spans, self.word_end)

    def decode(
        self,
        ids: Iterable[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = True,
    ) -> str:
        """Return a readable text for ids; capital letters and the original spaces are lost.

        Args:
            ids: as ``encode`` returns them.
            skip_special_tokens: leave out the special tokens.
            clean_up_tokenization_spaces: remove ``<unk>`` and the spaces before punctuation
                marks.
        """
        tokens = self.convert_ids_to_tokens(listed_ids(ids), skip_special_tokens)
        text = "".join(tokens).replace(self.word_end, " ").strip()
        return close_gaps(text.replace(UNKNOWN, "")) if clean_up_tokenization_spaces else text

    def _stream_decoder(
        self, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = True
    ) -> StreamDecoder | None:
        if not _has_own_decoding(self):
            return None

        def token_of(index: int) -> str | None:
            return next(iter(self.convert_ids_to_tokens([index], skip_special_tokens)), None)

        steps: list[Step] = [Replaced(self.word_end, " "), Stripped()]
        if clean_up_tokenization_spaces:
            steps += [Replaced(UNKNOWN, ""), *closed_gaps()]
        return StreamDecoder(token_of, steps)


def _original_parts() -> tuple[Any, Callable[[str], str]] | None:
    """spaCy's English tokenizer and ftfy's repair function, or None if they cannot be used."""
    try:
        import ftfy  # type: ignore[import-not-found, unused-ignore]
        import spacy  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        logger.info("ftfy or spaCy is not installed; BERT's basic tokenizer is used instead")
        return None
    try:
        english = spacy.blank("en")  # the rules of tokenization, without a model to download
        english.max_length = 2**62
    except Exception as error:  # whatever a spaCy release may raise
        logger.warning("spaCy has no English (%s); BERT's basic tokenizer is used instead", error)
        return None
    return english, ftfy.fix_text


def _encoded_spans(words: Sequence[str]) -> "WordSpans":
    from ptbert_tokenizers.quick.spans import encoded_spans

    return encoded_spans(words)


_METHODS = ("tokenize", "convert_tokens_to_ids", "bpe", "_pieces", "_words")
# The methods of the class, because what an object remembers must not hold the object.
_state_of = attrgetter(*map("__class__.{}".format, _METHODS), *BPE_STATE, "fix_text")
_has_own_decoding = untouched(OpenAIGPTTokenizer, "decode", "convert_ids_to_tokens")
_has_own_cuts = untouched(OpenAIGPTTokenizer, "bpe", "_pieces", "_words")
_has_own_methods = untouched(OpenAIGPTTokenizer, "tokenize", "convert_tokens_to_ids")
_has_own_spans = untouched(OpenAIGPTTokenizer, "tokenize_with_offsets", "_spans")
