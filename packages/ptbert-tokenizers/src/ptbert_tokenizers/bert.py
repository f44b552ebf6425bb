"""BertTokenizer: text to WordPiece ids and back."""

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from ptbert_tokenizers.batches.frame import Frame
from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.encoding import Setting
from ptbert_tokenizers.files.tokenizer_config import read_tokenizer_config
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.loading import VocabularyFiles
from ptbert_tokenizers.max_length import NO_LIMIT
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.plain.offsets import Span, Traced, span_of, spans_of_pieces, traced_words
from ptbert_tokenizers.plain.wordpiece import (
    NEVER_SPLIT,
    BasicTokenizer,
    WordpieceTokenizer,
)
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.quick.basic_words import QuickWords
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
        do_lower_case: lower-case and remove accents.
        max_len: longest input of the model, in tokens; no limit when None.
        do_basic_tokenize: False for text in which words and marks are already separated by spaces.
        never_split: words that basic tokenization does not change.

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

    def __init__(
        self,
        vocab_file: PathLike,
        do_lower_case: bool = True,
        max_len: int | None = None,
        do_basic_tokenize: bool = True,
        never_split: Sequence[str] = NEVER_SPLIT,
    ) -> None:
        super().__init__(vocab_file)
        self.do_basic_tokenize = do_basic_tokenize
        if do_basic_tokenize:
            self.basic_tokenizer = BasicTokenizer(do_lower_case, never_split)
            if do_lower_case:
                _warn_of_capitals(self.vocab, vocab_file)
        self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab)
        self.max_len = NO_LIMIT if max_len is None else int(max_len)

    @classmethod
    def _open(cls, files: VocabularyFiles, *inputs: Any, **kwargs: Any) -> Self:
        if not inputs:
            kwargs = _with_casing(files, kwargs)
        return cls(files.vocabulary, *inputs, **kwargs)

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into WordPieces.

        Args:
            text: any string; code points that BERT deletes are dropped.
        """
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
        return traced_words(text, basic.do_lower_case, basic.never_split)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the tokenizer, as values that ``json`` can write."""
        lower = self.do_basic_tokenize and self.basic_tokenizer.do_lower_case
        return super().settings() | {"do_lower_case": bool(lower)}

    def _special_tokens(self) -> Iterable[str]:
        kept = self.basic_tokenizer.never_split if self.do_basic_tokenize else NEVER_SPLIT
        return [token for token in kept if token in self.vocab]

    def _pad_id(self) -> int:
        return self.vocab.get("[PAD]", 0)

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
            values += (bool(basic.do_lower_case), tuple(basic.never_split))
        return self._quick_for(Setting((vocab,), values), self._build_quick)

    def _build_quick(self) -> QuickEncoder | None:
        words: WordMaker = SpacedWords()
        if self.do_basic_tokenize:
            basic = self.basic_tokenizer
            words = QuickWords(bool(basic.do_lower_case), tuple(basic.never_split))
            if not words.is_possible:
                return None
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
            tokens = [token for token in tokens if token not in NEVER_SPLIT]
        text = " ".join(tokens).replace(" ##", "")
        return close_gaps(text) if clean_up_tokenization_spaces else text

    def _frame(self, pair: bool) -> Frame:
        start, end = self.convert_tokens_to_ids(["[CLS]", "[SEP]"])
        return Frame((start,), (end,) if pair else (), (end,))


_has_own_methods = Untouched(BertTokenizer, "tokenize", "convert_tokens_to_ids")


def _with_casing(files: VocabularyFiles, given: dict[str, Any]) -> dict[str, Any]:
    """The constructor's keyword arguments, with the casing that belongs to the vocabulary.

    For a published checkpoint the casing is known. For a folder, the caller's value is used first.
    """
    if files.checkpoint is not None:
        published = files.checkpoint.lower_case
        if given.get("do_lower_case", published) != published:
            logger.warning(
                "%s was trained with do_lower_case=%s, which is used instead of %s",
                files.checkpoint.name,
                published,
                given["do_lower_case"],
            )
        return {**given, "do_lower_case": published}
    if files.folder is None:
        return given
    recorded = read_tokenizer_config(files.folder).get("do_lower_case")
    return {"do_lower_case": recorded, **given} if isinstance(recorded, bool) else given


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
