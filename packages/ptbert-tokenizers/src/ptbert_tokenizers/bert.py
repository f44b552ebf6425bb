"""BertTokenizer: text to WordPiece ids and back."""

import logging
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from ptbert_hub import Checkpoint
from ptbert_tokenizers.batches.frame import Frame
from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.encoding import Setting
from ptbert_tokenizers.files.options import Option
from ptbert_tokenizers.files.saved_settings import Rules, Saved
from ptbert_tokenizers.files.vocabulary import PathLike, check_size
from ptbert_tokenizers.loading import VocabularyFiles
from ptbert_tokenizers.max_length import NO_LIMIT
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.plain.offsets import (
    Span,
    Traced,
    normalized,
    span_of,
    spans_of_pieces,
    traced_words,
)
from ptbert_tokenizers.plain.wordpiece import (
    NEVER_SPLIT,
    BasicTokenizer,
    WordpieceTokenizer,
)
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.quick.basic_words import basic_values, quick_words
from ptbert_tokenizers.quick.encoder import QuickEncoder, SpacedWords, WordMaker
from ptbert_tokenizers.quick.untouched import Untouched
from ptbert_tokenizers.quick.wordpiece import wordpiece_encoder
from ptbert_tokenizers.vocabularies.wordpiece import VOCAB_NAME, WordpieceVocabulary

logger = logging.getLogger(__name__)

_is_basic = Untouched(BasicTokenizer)
_is_wordpiece = Untouched(WordpieceTokenizer)


class BertTokenizer(WordpieceVocabulary, PreTrainedTokenizer):
    """BERT's tokenizer: basic tokenization, then WordPiece.

    ``basic_tokenizer``, ``wordpiece_tokenizer``, ``vocab`` and ``ids_to_tokens`` may be edited or
    replaced at any time; every method call uses their current state.

    Args:
        vocab_file: path of the vocabulary, one token a line.
        do_lower_case: lower-case, and remove accents unless ``strip_accents`` is False.
        max_len: longest input of the model, in tokens; no limit when None.
        do_basic_tokenize: False for text in which words and marks are already separated by spaces.
        never_split: words that basic tokenization does not change.
        strip_accents: remove accents; when None, only if ``do_lower_case``, as in 2019.
        tokenize_chinese_chars: make every Han ideograph a word of its own.
        unk_token: the token for words that cannot be cut into pieces.
        sep_token: the token after each text.
        pad_token: the token that fills up batches.
        cls_token: the token before the first text.
        mask_token: the token for words that the model should guess.
        max_input_chars_per_word: longer words become ``unk_token``.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if the file is not a vocabulary.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 3.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("vocab.txt").write_text("[UNK]\\n[CLS]\\n[SEP]\\nhello\\nworld\\n##s\\n")
        >>> tokenizer = BertTokenizer("vocab.txt")
        >>> tokenizer.tokenize("Hello, worlds")
        ['hello', '[UNK]', 'world', '##s']
        >>> tokenizer.encode("Hello", "worlds")
        [1, 3, 2, 4, 5, 2]
    """

    family: ClassVar[str] = "bert"
    vocabulary_names: ClassVar[tuple[str, ...]] = (VOCAB_NAME,)
    model_inputs: ClassVar[tuple[str, ...]] = ("input_ids", "token_type_ids", "attention_mask")
    rules: ClassVar[Rules] = Rules(
        options=(
            Option("do_lower_case", "true or false", "_basic.do_lower_case"),
            Option("max_len", "number or null", "max_len", key="model_max_length"),
            Option("do_basic_tokenize", "true or false", "do_basic_tokenize", is_common=False),
            Option("never_split", "list of strings", "_basic.never_split", is_common=False),
            Option("strip_accents", "true, false or null", "_basic.strip_accents"),
            Option("tokenize_chinese_chars", "true or false", "_basic.tokenize_chinese_chars"),
            Option("unk_token", "string", "unk_token"),
            Option("sep_token", "string", "sep_token"),
            Option("pad_token", "string", "pad_token"),
            Option("cls_token", "string", "cls_token"),
            Option("mask_token", "string", "mask_token"),
            Option(
                "max_input_chars_per_word",
                "number",
                "wordpiece_tokenizer.max_input_chars_per_word",
                is_common=False,
            ),
        ),
        classes=(
            *("BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer"),
            *("DistilBertTokenizerFast", "ElectraTokenizer", "ElectraTokenizerFast"),
            *("MobileBertTokenizer", "MobileBertTokenizerFast"),
        ),
        neutral={"wordpieces_prefix": ("##",), "clean_text": (True,)},
    )
    # Also for pickles of earlier versions:
    sep_token: str = "[SEP]"
    pad_token: str = "[PAD]"
    cls_token: str = "[CLS]"
    mask_token: str = "[MASK]"

    def __init__(
        self,
        vocab_file: PathLike,
        do_lower_case: bool = True,
        max_len: int | None = None,
        do_basic_tokenize: bool = True,
        never_split: Sequence[str] = NEVER_SPLIT,
        *,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        unk_token: str = "[UNK]",
        sep_token: str = "[SEP]",
        pad_token: str = "[PAD]",
        cls_token: str = "[CLS]",
        mask_token: str = "[MASK]",
        max_input_chars_per_word: int = 100,
    ) -> None:
        super().__init__(vocab_file)
        check_size(self.vocab, unk_token, vocab_file)
        self.do_basic_tokenize = do_basic_tokenize
        basic = BasicTokenizer(
            do_lower_case,
            never_split,
            strip_accents=strip_accents,
            tokenize_chinese_chars=tokenize_chinese_chars,
        )
        if do_basic_tokenize:
            self.basic_tokenizer = basic
            if do_lower_case:
                _warn_of_capitals(self.vocab, vocab_file)
        else:
            self._unused_basic_tokenizer = basic  # its settings are saved with the others
        self.wordpiece_tokenizer = WordpieceTokenizer(
            self.vocab, unk_token, max_input_chars_per_word
        )
        self.max_len = NO_LIMIT if max_len is None else int(max_len)
        self.sep_token, self.pad_token = sep_token, pad_token
        self.cls_token, self.mask_token = cls_token, mask_token

    @property
    def unk_token(self) -> str:
        """The token for words that cannot be cut into pieces."""
        return self.wordpiece_tokenizer.unk_token

    @unk_token.setter
    def unk_token(self, token: str) -> None:
        self.wordpiece_tokenizer.unk_token = token

    @property
    def _basic(self) -> BasicTokenizer:
        """The basic tokenizer, also if it is not used."""
        parts = self.__dict__
        unused = parts.get("_unused_basic_tokenizer")
        return parts.get("basic_tokenizer") or unused or BasicTokenizer()

    @classmethod
    def _open(cls, files: VocabularyFiles, saved: Saved, *inputs: Any, **kwargs: Any) -> Self:
        if files.checkpoint is not None and not inputs:
            kwargs = _with_casing(files.checkpoint, kwargs)
        return cls(files.vocabulary, *inputs, **kwargs)

    @classmethod
    def _with_saved(
        cls, saved: Saved, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        listed = saved.arguments.get("never_split")
        if listed is not None and saved.own is None:
            # In other libraries this is a list of more words, besides the special tokens.
            more = [word for word in listed if word not in NEVER_SPLIT]
            arguments = {**saved.arguments, "never_split": [*NEVER_SPLIT, *more]}
            saved = replace(saved, arguments=arguments)
        return super()._with_saved(saved, inputs, given)

    def save_vocabulary(self, vocab_path: PathLike) -> str:
        """Write vocabulary and settings into a folder: ``vocab.txt``, ``tokenizer_config.json``.

        For the path of a file, the settings are beside it. ``from_pretrained`` reads both. A path
        is a folder if there is one, if it ends in a slash, or if it has no suffix and nothing is
        there.

        Returns:
            The path of the vocabulary.

        Raises:
            ValueError: if a token cannot be written on a line.
        """
        path, folder = self._write_vocabulary(vocab_path)
        self._write_saved(path, folder)
        return path

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into WordPieces.

        Args:
            text: any string; code points that BERT deletes are dropped.
        """
        cutter = self._cutter()
        if cutter is not None:
            return cutter.tokens(text, self._tokens_between)
        return self._tokens_between(text)

    def _tokens_between(self, text: str) -> list[str]:
        quick = self._quick()
        tokens = None if quick is None else quick.tokens(text)
        if tokens is not None:
            return tokens
        words = self.basic_tokenizer.tokenize(text) if self.do_basic_tokenize else text.split()
        return [piece for word in words for piece in self.wordpiece_tokenizer.tokenize(word)]

    def _spans(self, text: str) -> list[Span] | None:
        words = self._traced_words(text)
        if words is None:
            return None
        spans: list[Span] = []
        for word in words:
            pieces = self.wordpiece_tokenizer.tokenize("".join(char for char, _ in word))
            lengths = [len(piece) - 2 * bool(i) for i, piece in enumerate(pieces)]  # without ##
            is_whole = len(pieces) == 1  # also true for unknown words
            spans += [span_of(word)] if is_whole else spans_of_pieces(word, lengths)
        return spans

    def _traced_words(self, text: str) -> Iterable[Traced] | None:
        """The words with the positions of their characters; None if replaced parts hide them."""
        if not self.do_basic_tokenize:
            matches = re.finditer(r"\S+", text)
            return [list(zip(match[0], range(*match.span()), strict=True)) for match in matches]
        basic = self.basic_tokenizer
        if not _is_basic(basic):
            return None
        return traced_words(text, basic)

    def _normalization(self) -> Hashable:
        if not (self.do_basic_tokenize and _is_basic(self.basic_tokenizer)):
            return None
        return basic_values(self.basic_tokenizer)

    def _normalized(self, text: str) -> Traced:
        return normalized(text, self.basic_tokenizer)

    def _special_tokens(self) -> Iterable[str]:
        kept = self.basic_tokenizer.never_split if self.do_basic_tokenize else NEVER_SPLIT
        known = self.vocabulary
        return [token for token in dict.fromkeys([*kept, *self._own_special()]) if token in known]

    def _own_special(self) -> set[str]:
        """The special tokens of this object, besides those of 2019."""
        roles = {self.unk_token, self.sep_token, self.pad_token, self.cls_token, self.mask_token}
        return roles | self.added_tokens.special

    def _pad_id(self) -> int:
        return self.vocabulary.get(self.pad_token, 0)

    def _is_untouched(self) -> bool:
        return _has_own_methods(self)

    def _quick(self) -> QuickEncoder | None:
        wordpiece, vocab = self.wordpiece_tokenizer, self.vocab
        if not (
            _is_wordpiece(wordpiece) and isinstance(vocab, Vocabulary) and wordpiece.vocab is vocab
        ):
            return None
        limit = wordpiece.max_input_chars_per_word
        values: tuple[Any, ...] = (vocab.edits, wordpiece.unk_token, limit)
        if self.do_basic_tokenize:
            basic = self.basic_tokenizer
            if not (_is_basic(basic) and isinstance(basic.never_split, (list, tuple))):
                return None
            values += basic_values(basic)
        return self._quick_for(Setting((vocab,), values), self._build_quick)

    def _build_quick(self) -> QuickEncoder | None:
        words: WordMaker = SpacedWords()
        if self.do_basic_tokenize:
            basic = self.basic_tokenizer
            quick = quick_words(basic)
            if quick is None:
                return None
            words = quick
        wordpiece = self.wordpiece_tokenizer
        limit = wordpiece.max_input_chars_per_word
        return wordpiece_encoder(words, self.vocab, wordpiece.unk_token, limit)

    def decode(
        self,
        ids: Iterable[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = True,
    ) -> str:
        """Return a readable text for ids, without what tokenization removed.

        Args:
            ids: as ``encode`` returns them.
            skip_special_tokens: leave out ``[PAD]``, ``[CLS]``, ``[SEP]`` and the like.
            clean_up_tokenization_spaces: remove spaces before punctuation marks.
        """
        tokens = self.convert_ids_to_tokens(ids)
        if skip_special_tokens:
            left_out = self._own_special().union(NEVER_SPLIT)
            tokens = [token for token in tokens if token not in left_out]
        text = " ".join(tokens).replace(" ##", "")
        return close_gaps(text) if clean_up_tokenization_spaces else text

    def _frame(self, pair: bool) -> Frame:
        start, end = self.convert_tokens_to_ids([self.cls_token, self.sep_token])
        return Frame((start,), (end,) if pair else (), (end,))


_has_own_methods = Untouched(BertTokenizer, "tokenize", "convert_tokens_to_ids")


def _with_casing(checkpoint: Checkpoint, given: dict[str, Any]) -> dict[str, Any]:
    """The constructor's keyword arguments, with the casing of a published checkpoint."""
    published = checkpoint.lower_case
    if given.get("do_lower_case", published) != published:
        logger.warning(
            "%s was trained with do_lower_case=%s, which is used instead of %s",
            checkpoint.name,
            published,
            given["do_lower_case"],
        )
    return {**given, "do_lower_case": published}


def _warn_of_capitals(vocab: Mapping[str, int], vocab_file: PathLike) -> None:
    capitals = [token for token in vocab if token != token.lower() and not token.startswith("[")]
    if len(capitals) * 100 > len(vocab):  # published uncased vocabularies have a few
        logger.warning(
            "%s has %d tokens with capital letters, such as %r, that lower-cased text never "
            "reaches; pass do_lower_case=False for a cased model",
            os.fspath(vocab_file),
            len(capitals),
            capitals[0],
        )
