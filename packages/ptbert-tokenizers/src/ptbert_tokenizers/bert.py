"""BertTokenizer: text to WordPiece ids and back."""

import re
from collections.abc import Hashable, Iterable
from contextlib import suppress
from operator import attrgetter
from typing import Any

from ptbert_tokenizers.batches.texts import no_text
from ptbert_tokenizers.bert_parts import BertParts, is_wordpiece
from ptbert_tokenizers.edits import TokensById, Vocabulary
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
)
from ptbert_tokenizers.pretrained import listed_ids
from ptbert_tokenizers.quick.basic_tokenizer import (
    BasicValues,
    basic_state,
    basic_values,
    is_basic,
    quick_words,
)
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.encoder import QuickEncoder, SpacedWords, WordMaker
from ptbert_tokenizers.quick.shares import PieceShares, current_shares
from ptbert_tokenizers.quick.untouched import untouched
from ptbert_tokenizers.quick.wordpiece import wordpiece_encoder
from ptbert_tokenizers.streaming import Replaced, Spaced, Step, StreamDecoder, closed_gaps
from ptbert_tokenizers.weak import weak_method


class BertTokenizer(BertParts):
    """BERT's tokenizer: basic tokenization, then WordPiece.

    ``basic_tokenizer``, ``wordpiece_tokenizer``, ``vocab`` and ``ids_to_tokens`` may be edited or
    replaced at any time; every method call uses their current state.

    Args:
        vocab_file: path of the vocabulary, one token a line.
        do_lower_case: lower-case, and remove accents unless ``strip_accents`` is False.
        max_len: longest input of the model, in tokens; no limit when None.
        do_basic_tokenize: False for text in which words and marks are already separated by spaces.
        never_split: words that basic tokenization does not change; None for none.
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

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into WordPieces.

        Args:
            text: any string; code points that BERT deletes are dropped.

        Raises:
            TypeError: if it is no string.
        """
        if not isinstance(text, str):
            raise no_text(text, "text")
        sole = self._sole_encoder()
        tokens = None if sole is None else sole.tokens(text)
        if tokens is not None:
            return tokens
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
        if not is_basic(basic):
            return None
        return traced_words(text, basic)

    def _normalization(self) -> Hashable:
        if not (self.do_basic_tokenize and is_basic(self.basic_tokenizer)):
            return None
        return basic_values(self.basic_tokenizer)

    def _quick_words(self) -> QuickWords | None:
        return None if self._normalization() is None else quick_words(basic_values(self._basic))

    def _normalized(self, text: str) -> Traced:
        return normalized(text, self.basic_tokenizer)

    def _is_as_shipped(self) -> bool:
        return _has_own_methods(self)

    def _is_untouched(self) -> bool:
        return _has_own_methods(self)

    def _has_own_spans(self) -> bool:
        return _has_own_spans(self)

    def _quick(self) -> QuickEncoder | None:
        wordpiece, vocab = self.wordpiece_tokenizer, self.vocab
        if not (
            is_wordpiece(wordpiece) and isinstance(vocab, Vocabulary) and wordpiece.vocab is vocab
        ):
            return None
        limit = wordpiece.max_input_chars_per_word
        values = None
        if self.do_basic_tokenize:
            basic = self.basic_tokenizer
            if not (is_basic(basic) and isinstance(basic.never_split, (list, tuple))):
                return None
            values = basic_values(basic)
        return self._quick_for(
            (vocab.edits, vocab, wordpiece.unk_token, limit, values), _built_encoder
        )

    def _state(self) -> Any:
        if not self.__dict__.keys().isdisjoint(_METHODS):
            return None
        basic = basic_state(self.basic_tokenizer) if self.do_basic_tokenize else None
        return _state_of(self), _wordpiece_state_of(self.wordpiece_tokenizer), basic

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
        ids = listed_ids(ids)
        text = self._quick_text(ids, skip_special_tokens)
        if text is None:
            tokens = self.convert_ids_to_tokens(ids)
            if skip_special_tokens:
                left_out = self._own_special().union(NEVER_SPLIT)
                tokens = [token for token in tokens if token not in left_out]
            text = " ".join(tokens).replace(" ##", "")
        return close_gaps(text) if clean_up_tokenization_spaces else text

    def _quick_text(self, ids: list[int], skip_special_tokens: bool) -> str | None:
        """The text of ids, before gaps are closed; None if the definition must be asked."""
        names = self.ids_to_tokens
        if type(names) is not TokensById or not _has_own_names(self):
            return None
        added = self.added_tokens
        left_out = (*self._role_tokens(), added.special) if skip_special_tokens else ()
        shares = current_shares(self, (names.edits, added), left_out, self._piece_shares)
        with suppress(KeyError, TypeError):  # an id is wrong
            return shares.text(ids)
        return None

    def _piece_shares(self, left_out: tuple[Any, ...]) -> PieceShares:
        *roles, special = left_out or (frozenset(),)
        others = NEVER_SPLIT if left_out else ()
        tokens_of = weak_method(self, "convert_ids_to_tokens")
        return PieceShares(lambda index: tokens_of([index])[0], special.union(roles, others))

    def _stream_decoder(
        self, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = True
    ) -> StreamDecoder | None:
        if not _has_own_decoding(self):
            return None
        left_out = self._own_special().union(NEVER_SPLIT) if skip_special_tokens else ()

        def token_of(index: int) -> str | None:
            (token,) = self.convert_ids_to_tokens([index])
            return None if token in left_out else token

        steps: list[Step] = [Spaced(), Replaced(" ##", "")]
        return StreamDecoder(token_of, steps + closed_gaps() * clean_up_tokenization_spaces)


def _built_encoder(
    edits: int, vocab: Vocabulary, unk_token: str, limit: int, basic: BasicValues | None
) -> QuickEncoder | None:
    """The quick encoder for these parts; ``edits`` of the vocabulary are those of its state."""
    words: WordMaker | None = SpacedWords() if basic is None else quick_words(basic)
    return None if words is None else wordpiece_encoder(words, vocab, unk_token, limit)


_METHODS = ("tokenize", "convert_tokens_to_ids")
# The methods of the class, because what an object remembers must not hold the object.
_state_of = attrgetter(
    *map("__class__.{}".format, _METHODS), "vocab.edits", "added_tokens", "do_basic_tokenize"
)
_wordpiece_state_of = attrgetter(
    *("__init__", "tokenize", "_pieces", "vocab.edits", "unk_token", "max_input_chars_per_word")
)
_has_own_decoding = untouched(BertTokenizer, "decode", "convert_ids_to_tokens")
_has_own_names = untouched(BertTokenizer, "convert_ids_to_tokens")
_has_own_methods = untouched(BertTokenizer, "tokenize", "convert_tokens_to_ids")
_has_own_spans = untouched(BertTokenizer, "tokenize_with_offsets", "_spans", "_traced_words")
