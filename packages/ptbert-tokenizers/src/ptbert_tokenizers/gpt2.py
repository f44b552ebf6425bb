"""GPT2Tokenizer: byte-pair encoding of the UTF-8 bytes of a text."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from ptbert_hub.release import current_release
from ptbert_tokenizers.bpe_tokenizer import BPE_STATE, COMMON_OPTIONS, BpeTokenizer
from ptbert_tokenizers.edits import CountingDict
from ptbert_tokenizers.files.options import Option
from ptbert_tokenizers.files.saved_settings import Rules
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.plain.bpe import bytes_to_unicode, hidden, visible
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.plain.gpt2_words import PATTERN, gpt2_words
from ptbert_tokenizers.plain.offsets import Span, traced_bytes
from ptbert_tokenizers.plain.unicode import valid
from ptbert_tokenizers.pretrained import listed_ids
from ptbert_tokenizers.quick.bpe import Spelling
from ptbert_tokenizers.quick.encoder import WordMaker
from ptbert_tokenizers.quick.gpt2_words import Gpt2Words
from ptbert_tokenizers.quick.shares import Shares, current_shares
from ptbert_tokenizers.quick.untouched import untouched
from ptbert_tokenizers.streaming import Characters, Replaced, Step, StreamDecoder, closed_gaps
from ptbert_tokenizers.vocabularies.bpe import UNKNOWN
from ptbert_tokenizers.weak import weak_method

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.spans import WordSpans


class GPT2Tokenizer(BpeTokenizer):
    """GPT-2's tokenizer: it can encode any text, and nothing of the text is lost.

    Tokens are written in visible characters, with ``Ġ`` for a space. Lone surrogates are the only
    exception: they have no UTF-8 bytes and are dropped.

    Args:
        vocab_file: path of ``vocab.json``.
        merges_file: path of ``merges.txt``; the one beside the vocabulary when None.
        errors: what ``decode`` does with bytes that are not UTF-8; see ``bytes.decode``.
        special_tokens: tokens to add after the vocabulary; text is not searched for them.
        max_len: longest input of the model, in tokens; no limit when None.
        unk_token: the token for pieces that the vocabulary lacks.
        pad_token: the token that fills up batches; when None, the id 0 does.
        bos_token: the token for the beginning of a text; kept for programs, not added to texts.
        eos_token: the same for the end.

    Raises:
        MissingVocabulary: if a file is not there.
        BadVocabulary: if a file has the wrong content.

    Source:
        Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.

    Example:
        >>> from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
        >>> write_json_vocabulary("vocab.json", {"l": 0, "o": 1, "w": 2, "lo": 3, "Ġ": 4, "Ġlo": 5})
        >>> write_merges("merges.txt", [("l", "o"), ("Ġ", "lo")])
        >>> tokenizer = GPT2Tokenizer("vocab.json", "merges.txt")
        >>> tokenizer.tokenize("low lo")
        ['lo', 'w', 'Ġlo']
        >>> tokenizer.encode("low lo"), tokenizer.decode([3, 2, 5])
        ([3, 2, 5], 'low lo')
    """

    family: ClassVar[str] = "gpt2"
    usual_special_tokens: ClassVar[tuple[str, ...]] = ("<|endoftext|>",)
    rules: ClassVar[Rules] = Rules(
        options=(Option("errors", "string", "errors"), *COMMON_OPTIONS),
        classes=("GPT2Tokenizer", "GPT2TokenizerFast"),
        neutral={
            "add_prefix_space": (False,),
            "add_bos_token": (False,),
            "add_eos_token": (False,),
        },
    )

    def __init__(
        self,
        vocab_file: PathLike,
        merges_file: PathLike | None = None,
        errors: str = "replace",
        special_tokens: Sequence[str] | None = None,
        max_len: int | None = None,
        *,
        unk_token: str = UNKNOWN,
        pad_token: str | None = None,
        bos_token: str | None = None,
        eos_token: str | None = None,
    ) -> None:
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
        self.errors = errors
        self.byte_encoder: dict[int, str] = CountingDict(bytes_to_unicode())
        self.byte_decoder: dict[str, int] = CountingDict(
            {char: byte for byte, char in self.byte_encoder.items()}
        )
        self.pat = PATTERN
        self.release = current_release()

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Pickles of the library of 2019 store no release; they get the current one.
        self.__dict__.update({"release": current_release()} | state)

    word_separator: ClassVar[str] = " "

    def _plain_tokens(self, text: str) -> list[str]:
        tokens: list[str] = []
        for word in self._words(text):
            tokens += self.bpe(self._symbols(word)).split(" ")
        return tokens

    def _words(self, text: str) -> list[str]:
        if self._has_own_pattern():
            return gpt2_words(text)
        words: list[str] = self.pat.findall(valid(text))
        return words

    def _has_own_pattern(self) -> bool:
        own = self.pat
        return own is PATTERN or (own.pattern, own.flags) == (PATTERN.pattern, PATTERN.flags)

    def _spans(self, text: str) -> list[Span] | None:
        positions = traced_bytes(text)
        spans: list[Span] = []
        start = 0
        for token in self._plain_tokens(text):  # one visible character for each byte
            end = start + len(token)
            if end > len(positions):
                return None
            spans.append((positions[start], positions[end - 1] + 1))
            start = end
        return spans if start == len(positions) else None

    def _symbols(self, word: str) -> str:
        return "".join(map(self.byte_encoder.__getitem__, word.encode()))

    def _spelling(self) -> Spelling:
        return Spelling(lambda word: visible(word.encode()), True, _hidden_spans, self.word_end)

    def _is_as_shipped(self) -> bool:
        return _has_own_methods(self)

    def _is_untouched(self) -> bool:
        return _has_own_methods(self)

    def _has_own_spans(self) -> bool:
        return _has_own_spans(self)

    def _replaced_parts(self) -> Iterable[str]:
        if self._word_setting() is None or self.byte_encoder != bytes_to_unicode():
            yield "how text is cut into words"

    def _word_setting(self) -> tuple[Any, ...] | None:
        symbols = self.byte_encoder
        if not (
            self._has_own_pattern() and _has_own_cuts(self) and isinstance(symbols, CountingDict)
        ):
            return None
        return symbols.edits, symbols

    def _state(self) -> Any:
        if not self.__dict__.keys().isdisjoint(_METHODS):
            return None
        return _state_of(self)

    def _word_maker(self, setting: tuple[Any, ...]) -> WordMaker | None:
        return Gpt2Words() if setting[-1] == bytes_to_unicode() else None

    def decode(
        self,
        tokens: Iterable[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = True,
    ) -> str:
        """Return the text of ids.

        Args:
            tokens: ids, as ``encode`` returns them.
            skip_special_tokens: leave out the special tokens.
            clean_up_tokenization_spaces: remove ``<unk>`` and the spaces before punctuation
                marks; False to get exactly the text that was encoded.
        """
        ids = listed_ids(tokens, "tokens")
        data = self._quick_bytes(ids, skip_special_tokens)
        if data is None:
            data = self._all_bytes(self.convert_ids_to_tokens(ids, skip_special_tokens))
        text = data.decode("utf-8", errors=self.errors)
        if self.release.decode_keeps_spaces or not clean_up_tokenization_spaces:
            return text
        return close_gaps(text.replace(UNKNOWN, ""))

    def _stream_decoder(
        self, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = True
    ) -> StreamDecoder | None:
        if not _has_own_decoding(self):
            return None

        def bytes_of(index: int) -> bytes | None:
            names = self.convert_ids_to_tokens([index], skip_special_tokens)
            return self._bytes(names[0]) if names else None

        steps: list[Step] = [Characters(self.errors)]
        if clean_up_tokenization_spaces and not self.release.decode_keeps_spaces:
            steps += [Replaced(UNKNOWN, ""), *closed_gaps()]
        return StreamDecoder(bytes_of, steps)

    def _quick_bytes(self, ids: list[int], skip_special_tokens: bool = False) -> bytes | None:
        """The bytes of ids; None if the definition must be asked."""
        kinds = type(self.decoder), type(self.byte_decoder)
        if kinds != (CountingDict, CountingDict) or not _has_own_bytes(self):
            return None
        try:
            state = _decoding_state_of(self)
        except AttributeError:  # another part does not count its edits
            return None

        shares = current_shares(self, state, bool(skip_special_tokens), self._byte_shares)
        with suppress(KeyError, TypeError):  # an id is wrong
            return b"".join(map(shares.__getitem__, ids))
        return None

    def _byte_shares(self, skip_special_tokens: bool) -> Shares[bytes]:
        names, others = self.decoder, self.special_tokens_decoder or self.added_tokens
        if self.byte_decoder == _BYTES and not (others or self.special_tokens):
            return Shares(lambda index: _bytes_of(names[index]))
        tokens_of = weak_method(self, "convert_ids_to_tokens")
        bytes_of = weak_method(self, "_all_bytes")
        return Shares(lambda index: bytes_of(tokens_of([index], skip_special_tokens)))

    def _all_bytes(self, tokens: Sequence[str]) -> bytes:
        # Together if all tokens are written in visible characters, as they nearly always are.
        others = (*self.special_tokens, *self.added_tokens.ids)
        if self.byte_decoder == _BYTES and not (others and set(others).intersection(tokens)):
            from ptbert_tokenizers.quick.visible import hidden_bytes

            found = hidden_bytes("".join(tokens))
            if found is not None:
                return found
        return b"".join(map(self._bytes, tokens))

    def _bytes(self, token: str) -> bytes:
        if token not in self.encoder and (
            token in self.special_tokens or token in self.added_tokens.ids
        ):
            return token.encode("utf-8", "ignore")  # it is not written in visible characters
        try:
            return bytes(map(self.byte_decoder.__getitem__, token))
        except KeyError:
            return token.encode("utf-8", "ignore")


def _bytes_of(token: str) -> bytes:
    """What ``_bytes`` returns with the usual bytes and without special and added tokens."""
    try:
        return hidden(token)
    except UnicodeError:
        return token.encode("utf-8", "ignore")


_BYTES = {char: byte for byte, char in bytes_to_unicode().items()}


def _hidden_spans(words: Sequence[str]) -> "WordSpans":
    from ptbert_tokenizers.quick.visible import hidden_spans

    return hidden_spans(words)


_METHODS = ("tokenize", "convert_tokens_to_ids", "bpe", "_pieces")
# The methods of the class, because what an object remembers must not hold the object.
_state_of = attrgetter(
    *map("__class__.{}".format, _METHODS), *BPE_STATE, "byte_encoder.edits", "pat"
)
_decoding_state_of = attrgetter(
    *("decoder.edits", "byte_decoder.edits", "encoder.edits", "special_tokens.edits"),
    *("special_tokens_decoder.edits", "added_tokens"),
)
_has_own_decoding = untouched(GPT2Tokenizer, "decode", "convert_ids_to_tokens", "_bytes")
_has_own_bytes = untouched(GPT2Tokenizer, "convert_ids_to_tokens", "_bytes", "_all_bytes")
_has_own_cuts = untouched(GPT2Tokenizer, "bpe", "_pieces")
_has_own_methods = untouched(GPT2Tokenizer, "tokenize", "convert_tokens_to_ids")
_has_own_spans = untouched(GPT2Tokenizer, "tokenize_with_offsets", "_spans")
