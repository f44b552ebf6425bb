"""The vocabulary of a tokenizer that cuts words by byte-pair merges: ids, special tokens, files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import overload

from ptbert_tokenizers.edits import CountingDict, plain_copy
from ptbert_tokenizers.errors import MissingVocabulary, UnknownId
from ptbert_tokenizers.files.tokenizer_json import TokenizerJson
from ptbert_tokenizers.files.vocabulary import (
    SPECIAL_TOKENS_NAME,
    PathLike,
    next_id,
    read_json_vocabulary,
    read_merges,
    read_special_tokens,
    saving_folder,
    unknown_token,
    write_json_vocabulary,
    write_lines,
    write_merges,
)
from ptbert_tokenizers.max_length import NO_LIMIT, warn_if_long
from ptbert_tokenizers.plain.added_tokens import NONE_ADDED, AddedTokens

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
    added_tokens: AddedTokens = NONE_ADDED
    unk_token: str = UNKNOWN  # also for pickles of earlier versions

    def __init__(
        self,
        vocab_file: PathLike,
        merges_file: PathLike | None = None,
        special_tokens: Sequence[str] | None = None,
    ) -> None:
        if isinstance(vocab_file, TokenizerJson):
            self.encoder = vocab_file.vocabulary
        else:
            self.encoder = read_json_vocabulary(vocab_file)
        tokens = plain_copy(self.encoder)
        self.decoder: dict[int, str] = CountingDict(zip(tokens.values(), tokens, strict=True))
        if merges_file is None and not isinstance(vocab_file, TokenizerJson):
            merges_file = _companion(vocab_file, MERGES_NAME)
            if merges_file is None:
                raise MissingVocabulary(
                    f"found no merges for the vocabulary {os.fspath(vocab_file)!r}; give "
                    f"merges_file, or put {MERGES_NAME} beside it"
                )
            added = _companion(vocab_file, SPECIAL_TOKENS_NAME)
            if special_tokens is None and added is not None:
                special_tokens = read_special_tokens(added)
        if merges_file is not None:
            merges = read_merges(merges_file)
        elif isinstance(vocab_file, TokenizerJson):
            merges = list(vocab_file.merges)
        self.bpe_ranks: dict[tuple[str, str], int] = CountingDict(
            zip(merges, range(len(merges)), strict=True)
        )
        self.special_tokens: dict[str, int] = {}
        self.special_tokens_decoder: dict[int, str] = {}
        self.set_special_tokens(special_tokens)

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Token → id, special and added tokens included."""
        # An entry of the encoder decides: a program may have edited it since.
        added, encoder = self.added_tokens.ids, self.encoder
        new = {token: index for token, index in added.items() if token not in encoder}
        return {**encoder, **new, **self.special_tokens}

    def _added_id(self, token: str) -> int:
        return self._id(token, None, None)

    def set_special_tokens(self, special_tokens: Sequence[str] | None) -> None:
        """Replace the special tokens; the ids of new ones follow all others.

        A token that the vocabulary has keeps its id. The model needs a row for each of the others:
        ``model.set_num_special_tokens(len(tokenizer) - len(tokenizer.encoder))``.

        Args:
            special_tokens: the new list; None or an empty list for none.
        """
        names = list(dict.fromkeys(special_tokens or ()))
        known = {**self.added_tokens.ids, **self.encoder} if names else {}
        new = count(next_id(known))
        self._set_special_ids({name: known[name] if name in known else next(new) for name in names})

    def _set_special_ids(self, special_tokens: dict[str, int]) -> None:
        self.special_tokens = CountingDict(special_tokens)
        self.special_tokens_decoder = CountingDict(
            {index: token for token, index in special_tokens.items()}
        )

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
                the tokenizer's, usually ``<unk>``; if the vocabulary lacks it, an unknown token is
                an error.

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

    def _id_if_known(self, token: str) -> int | None:
        for table in (self.special_tokens, self.encoder, self.added_tokens.ids):
            if token in table:
                return table[token]
        return None

    def _id(self, token: str, position: int | None, unk_token: str | None) -> int:
        for name in (token, self.unk_token if unk_token is None else unk_token):
            found = self._id_if_known(name)
            if found is not None:
                return found
        raise unknown_token(
            token,
            position,
            len(self.vocabulary),
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
        wanted, added = list(ids), self.added_tokens
        others = [each for each in (self.special_tokens_decoder, added.tokens) if each]
        is_usual = type(self.decoder) in (CountingDict, dict)
        if is_usual and all(each.keys().isdisjoint(wanted) for each in others):
            with suppress(KeyError, TypeError):  # integers of any type are found
                return list(map(self.decoder.__getitem__, wanted))
        tokens: list[str] = []
        for index in map(int, wanted):
            if index in self.special_tokens_decoder:
                if not skip_special_tokens:
                    tokens.append(self.special_tokens_decoder[index])
            elif index in added.tokens:
                if not (skip_special_tokens and added.tokens[index] in added.special):
                    tokens.append(added.tokens[index])
            elif index in self.decoder:
                tokens.append(self.decoder[index])
            else:
                raise UnknownId(
                    f"id {index} is outside the vocabulary of {len(self.encoder)} tokens and "
                    f"{len(self.special_tokens)} special ones; use ids that this tokenizer made"
                )
        return tokens

    def _write_vocabulary(self, vocab_path: PathLike) -> tuple[tuple[str, str, str], str | None]:
        """Write the three files; return their paths, and their folder if a folder was named."""
        folder = saving_folder(vocab_path)
        if folder is not None:
            names = (VOCAB_NAME, MERGES_NAME, SPECIAL_TOKENS_NAME)
            vocabulary, merges, special = (os.path.join(folder, name) for name in names)
        else:
            vocabulary = os.fspath(vocab_path)
            merges, special = f"{vocabulary}.{MERGES_NAME}", f"{vocabulary}.{SPECIAL_TOKENS_NAME}"
        write_json_vocabulary(vocabulary, self.encoder)
        write_merges(merges, sorted(self.bpe_ranks, key=self.bpe_ranks.__getitem__))
        write_lines(special, list(self.special_tokens))
        return (vocabulary, merges, special), folder


def _companion(vocab_file: PathLike, name: str) -> str | None:
    """The file that was saved with a vocabulary, if it is there."""
    vocabulary = os.fspath(vocab_file)
    folder, own_name = os.path.split(vocabulary)
    beside = os.path.join(folder, name)
    candidates = [f"{vocabulary}.{name}"]
    if own_name == VOCAB_NAME or name == MERGES_NAME:
        candidates.append(beside)
    return next((path for path in candidates if os.path.isfile(path)), None)
