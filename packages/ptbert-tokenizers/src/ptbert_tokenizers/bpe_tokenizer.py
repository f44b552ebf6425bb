"""What the tokenizers of GPT and GPT-2 share: pieces, ids, special tokens, files."""

import os
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from inspect import signature
from typing import Any, ClassVar, Self, cast, overload

from ptbert_tokenizers.errors import MissingVocabulary, UnknownId
from ptbert_tokenizers.files.vocabulary import (
    PathLike,
    Vocabulary,
    read_json_vocabulary,
    read_merges,
    read_special_tokens,
    unknown_token,
    write_json_vocabulary,
    write_lines,
    write_merges,
)
from ptbert_tokenizers.plain.bpe import LONG_WORD, merged
from ptbert_tokenizers.pretrained import (
    NO_LIMIT,
    SPECIAL_TOKENS_NAME,
    PretrainedTokenizer,
    VocabularyFiles,
)
from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.merges import MergeTable

VOCAB_NAME = "vocab.json"
MERGES_NAME = "merges.txt"

UNKNOWN = "<unk>"
_CACHED_WORDS = 16384  # at most 40 characters each: below 8 MB


class BpeTokenizer(PretrainedTokenizer):
    """A tokenizer that cuts words by byte-pair merges.

    Subclasses say how text becomes words, and what the last character of a word carries.
    """

    vocabulary_names: ClassVar[tuple[str, ...]] = (VOCAB_NAME,)
    merges_name: ClassVar[str | None] = MERGES_NAME
    word_end: ClassVar[str] = ""

    def __init__(
        self,
        vocab_file: PathLike,
        merges_file: PathLike | None = None,
        special_tokens: Sequence[str] | None = None,
        max_len: int | None = None,
    ) -> None:
        self.encoder = read_json_vocabulary(vocab_file)
        self.decoder = {index: token for token, index in self.encoder.items()}
        if merges_file is None:
            merges_file = _companion(vocab_file, MERGES_NAME)
            if merges_file is None:
                raise MissingVocabulary(
                    f"found no merges for the vocabulary {os.fspath(vocab_file)!r}; give "
                    f"merges_file, or put {MERGES_NAME} beside it"
                )
            added = _companion(vocab_file, SPECIAL_TOKENS_NAME)
            if special_tokens is None and added is not None:
                special_tokens = read_special_tokens(added)
        merges = read_merges(merges_file)
        self.bpe_ranks = dict(zip(merges, range(len(merges)), strict=True))
        self.cache: dict[str, str] = {}
        self.max_len = NO_LIMIT if max_len is None else int(max_len)
        self.special_tokens: dict[str, int] = {}
        self.special_tokens_decoder: dict[int, str] = {}
        self.set_special_tokens(special_tokens)

    @classmethod
    def _open(cls, files: VocabularyFiles, *inputs: Any, **kwargs: Any) -> Self:
        given = signature(cls).bind_partial(files.vocabulary, files.merges, *inputs, **kwargs)
        if files.special_tokens is not None and "special_tokens" not in given.arguments:
            kwargs["special_tokens"] = read_special_tokens(files.special_tokens)
        return cls(files.vocabulary, files.merges, *inputs, **kwargs)

    def __len__(self) -> int:
        return len(self.encoder) + len(self.special_tokens)

    def _special_tokens(self) -> Iterable[str]:
        return self.special_tokens

    def set_special_tokens(self, special_tokens: Sequence[str] | None) -> None:
        """Replace the special tokens; their ids follow those of the vocabulary.

        A model needs as many rows more: ``model.set_num_special_tokens(len(special_tokens))``.

        Args:
            special_tokens: the new list; None or an empty one for none.
        """
        first = len(self.encoder)
        self.special_tokens = {
            token: first + index for index, token in enumerate(special_tokens or ())
        }
        self.special_tokens_decoder = {index: token for token, index in self.special_tokens.items()}

    def bpe(self, token: str) -> str:
        """Return the pieces of one word, with a space between two.

        Args:
            token: the word, spelt in the symbols of the vocabulary.
        """
        found = self.cache.get(token)
        if found is None:
            found = " ".join(self._pieces(token))
            if len(token) <= LONG_WORD:
                if len(self.cache) >= _CACHED_WORDS:
                    self.cache.clear()
                self.cache[token] = found
        return found

    def _pieces(self, word: str) -> list[str]:
        if not word:
            return []
        if len(word) > LONG_WORD:
            return self._merge_table().pieces(word)
        return merged([*word[:-1], word[-1] + self.word_end], self.bpe_ranks)

    def _merge_table(self) -> MergeTable:
        """The table of the merges as they are now."""
        state: tuple[Any, int, MergeTable] | None = self.__dict__.get("_table_state")
        if state is None or state[0] is not self.bpe_ranks or state[1] != len(self.bpe_ranks):
            table = MergeTable(self.bpe_ranks, self.word_end)
            self.__dict__["_table_state"] = state = (self.bpe_ranks, len(self.bpe_ranks), table)
        return state[2]

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into pieces.

        Args:
            text: any string.
        """
        quick = self._quick()
        tokens = None if quick is None else quick.tokens(text)
        return self._plain_tokens(text) if tokens is None else tokens

    @abstractmethod
    def _plain_tokens(self, text: str) -> list[str]:
        """The pieces of a text, word by word: what :meth:`tokenize` returns, by definition."""

    def _quick(self) -> QuickEncoder | None:
        parts = self._word_parts()
        if parts is None or not isinstance(self.encoder, Vocabulary):
            return None
        ranks, special = self.bpe_ranks, tuple(self.special_tokens.items())
        setting = (id(self.encoder), self.encoder.edits, id(ranks), len(ranks), special, parts)
        return self._quick_for(setting, self._build_quick)

    @abstractmethod
    def _word_parts(self) -> tuple[Any, ...] | None:
        """What the words and their pieces depend on; None if a part of that was replaced."""

    @abstractmethod
    def _word_maker(self) -> WordMaker | None:
        """The quick way to the words; None if it cannot serve the parts."""

    @abstractmethod
    def _quick_symbols(self, word: str) -> str:
        """A word, spelt in the symbols of the vocabulary, if the parts are as they were."""

    @abstractmethod
    def _word(self, symbols: str) -> bytes:
        """The word that is spelt so, as UTF-8."""

    def _build_quick(self) -> QuickEncoder | None:
        words = self._word_maker()
        numbers = [*self.encoder.values(), *self.special_tokens.values()]
        if words is None or not are_ids(numbers):
            return None
        table = self._merge_table()
        id_of = {**self.encoder, **self.special_tokens}  # special tokens win over pieces
        unknown = id_of.get(UNKNOWN)

        id_of_number = table.ids(id_of)

        def ids_of_word(word: str) -> Ids:
            symbols = self._quick_symbols(word)
            found = tuple([id_of_number[number] for number in table.merge(symbols)])
            if -1 not in found:
                return found
            pieces = table.pieces(symbols)
            ids = tuple([id_of.get(piece, unknown) for piece in pieces])
            if None in ids:
                self.convert_tokens_to_ids(pieces)  # raises, naming the piece
            return cast(Ids, ids)

        def whole_words() -> dict[bytes, int]:
            words = table.whole_words()
            found = {word: id_of.get(word + self.word_end) for word in words}
            return {self._word(word): index for word, index in found.items() if index is not None}

        tokens = {index: token for token, index in self.encoder.items()}
        tokens |= {index: token for token, index in self.special_tokens.items()}
        are_distinct = len(tokens) == len(numbers)
        return QuickEncoder(
            words, ids_of_word, {}, whole_words, tokens if are_distinct else None, unknown
        )

    @overload
    def convert_tokens_to_ids(  # type: ignore[overload-overlap]  # a str is also many strings
        self, tokens: str, *, unk_token: str | None = None
    ) -> int: ...
    @overload
    def convert_tokens_to_ids(
        self, tokens: Iterable[str], *, unk_token: str | None = None
    ) -> list[int]: ...
    def convert_tokens_to_ids(
        self, tokens: str | Iterable[str], *, unk_token: str | None = None
    ) -> int | list[int]:
        """Return the id of one token, or the ids of many.

        Args:
            tokens: one string, or as :meth:`tokenize` returns them.
            unk_token: whose id to use for tokens that the vocabulary lacks; that of ``<unk>``
                when None, and an error if the vocabulary has no ``<unk>``.

        Raises:
            UnknownToken: a ``KeyError``, if a token has no id and there is none for unknown ones.
        """
        if isinstance(tokens, str):
            return self._id(tokens, None, unk_token)
        special, encoder = self.special_tokens, self.encoder
        ids: list[int] = []
        for position, token in enumerate(tokens):
            index = special.get(token) if special else None
            if index is None:
                index = encoder.get(token)
            ids.append(self._id(token, position, unk_token) if index is None else index)
        self._warn_if_long(len(ids))
        return ids

    def _id(self, token: str, position: int | None, unk_token: str | None) -> int:
        for name in (token, UNKNOWN if unk_token is None else unk_token):
            for table in (self.special_tokens, self.encoder):
                if name in table:
                    return table[name]
        raise unknown_token(
            token,
            position,
            len(self),
            "tokenize() the text with this tokenizer, or pass unk_token= to name a substitute",
        )

    def convert_ids_to_tokens(
        self, ids: Iterable[int], skip_special_tokens: bool = False
    ) -> list[str]:
        """Return the tokens of ids.

        Args:
            ids: from this vocabulary or its special tokens.
            skip_special_tokens: leave out the special tokens.

        Raises:
            UnknownId: a ``KeyError``, if an id is neither.
        """
        tokens: list[str] = []
        for index in map(int, ids):
            if index in self.special_tokens_decoder:
                if not skip_special_tokens:
                    tokens.append(self.special_tokens_decoder[index])
            elif index in self.decoder:
                tokens.append(self.decoder[index])
            else:
                raise UnknownId(
                    f"id {index} is outside the vocabulary of {len(self.encoder)} tokens and "
                    f"{len(self.special_tokens)} special ones; use ids that this tokenizer made"
                )
        return tokens

    def save_vocabulary(self, vocab_path: PathLike) -> tuple[str, str, str]:
        """Write vocabulary, merges and special tokens into a folder, or beside a file path.

        In a folder they are ``vocab.json``, ``merges.txt`` and ``special_tokens.txt``. For a file
        path the vocabulary has that path and the other two stand beside it, where the constructor
        finds them.

        Returns:
            The paths of the three files.
        """
        path = os.fspath(vocab_path)
        if os.path.isdir(path):
            names = (VOCAB_NAME, MERGES_NAME, SPECIAL_TOKENS_NAME)
            vocabulary, merges, special = (os.path.join(path, name) for name in names)
        else:
            vocabulary = path
            merges, special = f"{path}.{MERGES_NAME}", f"{path}.{SPECIAL_TOKENS_NAME}"
        write_json_vocabulary(vocabulary, self.encoder)
        write_merges(merges, sorted(self.bpe_ranks, key=self.bpe_ranks.__getitem__))
        write_lines(special, list(self.special_tokens))
        return vocabulary, merges, special


def _companion(vocab_file: PathLike, name: str) -> str | None:
    """The file that was saved with a vocabulary, if it is there."""
    vocabulary = os.fspath(vocab_file)
    folder, own_name = os.path.split(vocabulary)
    beside = os.path.join(folder, name)
    candidates = [f"{vocabulary}.{name}"]
    if own_name == VOCAB_NAME or name == MERGES_NAME:
        candidates.append(beside)
    return next((path for path in candidates if os.path.isfile(path)), None)
