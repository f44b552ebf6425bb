"""The vocabulary of a tokenizer that cuts words by byte-pair merges: ids, special tokens, files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import overload

from ptbert_tokenizers.edits import CountingDict
from ptbert_tokenizers.errors import MissingVocabulary, UnknownId
from ptbert_tokenizers.files.vocabulary import (
    SPECIAL_TOKENS_NAME,
    PathLike,
    read_json_vocabulary,
    read_merges,
    read_special_tokens,
    unknown_token,
    write_json_vocabulary,
    write_lines,
    write_merges,
)
from ptbert_tokenizers.max_length import NO_LIMIT, warn_if_long

VOCAB_NAME = "vocab.json"
MERGES_NAME = "merges.txt"

UNKNOWN = "<unk>"


class BpeVocabulary:
    """Pieces, merges and special tokens, read from files.

    Args:
        vocab_file: path of ``vocab.json``.
        merges_file: path of ``merges.txt``; the one beside the vocabulary when None.
        special_tokens: tokens to add after the vocabulary.

    Raises:
        MissingVocabulary: if a file is not there.
        BadVocabulary: if a file has the wrong content.
    """

    max_len: int = NO_LIMIT

    def __init__(
        self,
        vocab_file: PathLike,
        merges_file: PathLike | None = None,
        special_tokens: Sequence[str] | None = None,
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
        self.bpe_ranks: dict[tuple[str, str], int] = CountingDict(
            zip(merges, range(len(merges)), strict=True)
        )
        self.special_tokens: dict[str, int] = {}
        self.special_tokens_decoder: dict[int, str] = {}
        self.set_special_tokens(special_tokens)

    def __len__(self) -> int:
        return len(self.encoder) + len(self.special_tokens)

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Token → id, special tokens included; they replace pieces of the same name."""
        return {**self.encoder, **self.special_tokens}

    def set_special_tokens(self, special_tokens: Sequence[str] | None) -> None:
        """Replace the special tokens; their ids follow those of the vocabulary.

        The model needs as many more rows: ``model.set_num_special_tokens(len(special_tokens))``.

        Args:
            special_tokens: the new list; None or an empty list for none.
        """
        first = len(self.encoder)
        self.special_tokens = {
            token: first + index for index, token in enumerate(special_tokens or ())
        }
        self.special_tokens_decoder = {index: token for token, index in self.special_tokens.items()}

    @overload
    def convert_tokens_to_ids(  # type: ignore[overload-overlap]  # a str is also a sequence of strings
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
            tokens: one string, or as ``tokenize`` returns them.
            unk_token: the token whose id replaces those of unknown tokens. When None it is
                ``<unk>``; if the vocabulary has no ``<unk>``, an unknown token is an error.

        Raises:
            UnknownToken: a ``KeyError``, if a token has no id and nothing replaces it.
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
        warn_if_long(len(ids), self.max_len)
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
        path the vocabulary has that path and the other two are beside it, where the constructor
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
