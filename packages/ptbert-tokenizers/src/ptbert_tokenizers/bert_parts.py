"""What a BERT tokenizer is made of: vocabulary, parts, special tokens and settings"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from ptbert_hub import Checkpoint
from ptbert_hub.messages import shown
from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.batches.frame import Frame
from ptbert_tokenizers.files.options import Option
from ptbert_tokenizers.files.saved_settings import Rules, Saved
from ptbert_tokenizers.files.vocabulary import PathLike, check_size
from ptbert_tokenizers.loading import VocabularyFiles
from ptbert_tokenizers.max_length import model_limit
from ptbert_tokenizers.plain import wordpiece as plain
from ptbert_tokenizers.plain.wordpiece import NEVER_SPLIT
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.quick.basic_tokenizer import BasicTokenizer, is_basic
from ptbert_tokenizers.quick.known_pieces import WordpieceTokenizer
from ptbert_tokenizers.quick.untouched import untouched
from ptbert_tokenizers.vocabularies.wordpiece import VOCAB_NAME, WordpieceVocabulary

logger = logging.getLogger(__name__)

_is_wordpiece = untouched(WordpieceTokenizer, "__init__", "tokenize", "_pieces")
_is_plain_wordpiece = untouched(plain.WordpieceTokenizer)


def is_wordpiece(part: Any) -> bool:
    """Tell whether a part is a ``WordpieceTokenizer`` with its own methods.

    In pickles of earlier versions it is the plain one.
    """
    return _is_wordpiece(part) or _is_plain_wordpiece(part)


RULES = Rules(
    options=(
        Option("do_lower_case", "true or false", "_basic.do_lower_case"),
        Option("max_len", "length or null", "max_len", key="model_max_length"),
        Option("do_basic_tokenize", "true or false", "do_basic_tokenize", is_common=False),
        Option(
            "never_split",
            "list of strings",
            "_basic.never_split",
            is_common=False,
            besides=NEVER_SPLIT,
        ),
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
"""What a folder keeps of a BERT tokenizer."""

_USUAL_TOKENS = dict(
    zip(
        ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token"), NEVER_SPLIT, strict=True
    )
)


class BertParts(WordpieceVocabulary, PreTrainedTokenizer):
    """A BERT tokenizer without its way to cut text; ``BertTokenizer`` explains the arguments."""

    family: ClassVar[str] = "bert"
    vocabulary_names: ClassVar[tuple[str, ...]] = (VOCAB_NAME,)
    model_inputs: ClassVar[tuple[str, ...]] = ("input_ids", "token_type_ids", "attention_mask")
    rules: ClassVar[Rules] = RULES
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
        never_split: Sequence[str] | None = NEVER_SPLIT,
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
        self.do_basic_tokenize = checked_switch(do_basic_tokenize, "do_basic_tokenize")
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
        self.max_len = model_limit(max_len)
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
    def _with_saved(
        cls, saved: Saved, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The keyword arguments; other libraries split a usual token that has lost its role."""
        renamed = {
            usual
            for role, usual in _USUAL_TOKENS.items()
            if saved.own is None and saved.arguments.get(role, usual) != usual
        }
        if renamed:
            kept = saved.arguments.get("never_split", NEVER_SPLIT)
            split = renamed.difference(token.content for token in saved.named)
            never_split = [token for token in kept if token not in split]
            saved = replace(saved, arguments={**saved.arguments, "never_split": never_split})
        return super()._with_saved(saved, inputs, given)

    @classmethod
    def _open(cls, files: VocabularyFiles, saved: Saved, *inputs: Any, **kwargs: Any) -> Self:
        if files.checkpoint is not None and not inputs:
            kwargs = _with_casing(files.checkpoint, kwargs)
        return cls(files.vocabulary, *inputs, **kwargs)

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

    def _special_tokens(self) -> Iterable[str]:
        kept = self.basic_tokenizer.never_split if self.do_basic_tokenize else NEVER_SPLIT
        known = self.vocabulary
        return [token for token in dict.fromkeys([*kept, *self._own_special()]) if token in known]

    def _own_special(self) -> frozenset[str]:
        """The special tokens of this object, besides those of 2019."""
        return self.added_tokens.special.union(self._role_tokens())

    def _role_tokens(self) -> tuple[str, ...]:
        return self.unk_token, self.sep_token, self.pad_token, self.cls_token, self.mask_token

    def _frame(self, pair: bool) -> Frame:
        start, end = self.convert_tokens_to_ids([self.cls_token, self.sep_token])
        return Frame((start,), (end,) if pair else (), (end,))

    def _replaced_parts(self) -> Iterable[str]:
        if self.do_basic_tokenize and not is_basic(self.basic_tokenizer):
            yield "basic_tokenizer"
        if not is_wordpiece(self.wordpiece_tokenizer):
            yield "wordpiece_tokenizer"
        elif self.wordpiece_tokenizer.vocab != self.vocab:
            yield "the vocabulary of wordpiece_tokenizer"


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
            "%s has %d tokens with capital letters, such as %s, that lower-cased text never "
            "reaches; pass do_lower_case=False for a cased model",
            os.fspath(vocab_file),
            len(capitals),
            shown(capitals[0]),
        )
