"""BERT's vocabulary: one token a line."""

import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from ptbert_tokenizers.edits import TokensById
from ptbert_tokenizers.errors import UnknownId
from ptbert_tokenizers.files.tokenizer_json import TokenizerJson
from ptbert_tokenizers.files.vocabulary import (
    MOST_LINES,
    PathLike,
    load_vocab,
    saving_folder,
    unknown_token,
    write_lines,
)
from ptbert_tokenizers.max_length import NO_LIMIT, warn_if_long
from ptbert_tokenizers.plain.added_tokens import NONE_ADDED, AddedTokens

VOCAB_NAME = "vocab.txt"


class WordpieceVocabulary:
    """WordPieces and their ids, read from a file.

    Args:
        vocab_file: path of the vocabulary, one token a line.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if the file is not a vocabulary.
    """

    max_len: int = NO_LIMIT
    added_tokens: AddedTokens = NONE_ADDED

    def __init__(self, vocab_file: PathLike) -> None:
        if isinstance(vocab_file, TokenizerJson):
            self.vocab = vocab_file.vocabulary
        else:
            self.vocab = load_vocab(vocab_file)
        self.ids_to_tokens: OrderedDict[int, str] = TokensById.of(
            zip(self.vocab.values(), self.vocab, strict=True)
        )

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Token → id, added tokens included."""
        added = self.added_tokens.ids
        # An entry of the vocabulary decides: a program may have edited it since.
        new = {token: index for token, index in added.items() if token not in self.vocab}
        return {**self.vocab, **new} if new else self.vocab

    def _added_id(self, token: str) -> int:
        return self.vocab.get(token, self.added_tokens.ids[token])

    def convert_tokens_to_ids(
        self, tokens: Iterable[str], *, unk_token: str | None = None
    ) -> list[int]:
        """Return the ids of tokens.

        Args:
            tokens: as ``tokenize`` returns them.
            unk_token: the token whose id is used for unknown tokens; when None they are an error.

        Raises:
            UnknownToken: a ``KeyError``, if a token is not in the vocabulary.
        """
        wanted = list(tokens)
        try:
            has_substitute = unk_token is None or unk_token in self.vocab
            ids = [self.vocab[token] for token in wanted] if has_substitute else None
        except KeyError:
            ids = None
        if ids is None:
            ids = self._rare_ids(wanted, unk_token)
        warn_if_long(len(ids), self.max_len)
        return ids

    def _rare_ids(self, tokens: Sequence[str], unk_token: str | None) -> list[int]:
        """The ids of tokens, some of which were added or are unknown."""
        ids = self.vocabulary
        try:
            fallback = None if unk_token is None else ids[unk_token]
            if fallback is None:
                return [ids[token] for token in tokens]
            return [ids.get(token, fallback) for token in tokens]
        except KeyError as error:
            missing = error.args[0]
            raise unknown_token(
                missing,
                tokens.index(missing) if missing in tokens else None,
                len(ids),
                "tokenize() the text with this tokenizer, or pass unk_token='[UNK]'",
            ) from None

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of ids.

        Raises:
            UnknownId: a ``KeyError``, if an id is outside the vocabulary.
        """
        names, added, ids = self.ids_to_tokens, self.added_tokens.tokens, list(ids)
        if type(names) in (TokensById, OrderedDict):
            with suppress(KeyError, TypeError):  # integers of any type are found
                return list(map(names.__getitem__, ids))
        try:
            return [
                names[index] if index in names or not added else added[index]
                for index in map(int, ids)
            ]
        except KeyError as error:
            known = {*names, *added}
            raise UnknownId(
                f"id {error.args[0]} is outside the vocabulary of {len(known)} tokens "
                f"(0 to {max(known, default=0)}); use ids that this tokenizer made"
            ) from None

    def _write_vocabulary(self, vocab_path: PathLike) -> tuple[str, str | None]:
        """Write the vocabulary; return the file's path, and its folder if a folder was named."""
        folder = saving_folder(vocab_path)
        path = os.fspath(vocab_path) if folder is None else os.path.join(folder, VOCAB_NAME)
        write_lines(path, lines_by_id(self.vocab))
        return path, folder


def lines_by_id(vocabulary: Mapping[str, int]) -> list[str]:
    """Return the lines of a vocabulary file, in which the number of a line is the token's id.

    The line of an id that no token has repeats the token of the next id. As the last line of a
    token counts, this changes nothing when the file is read.

    Raises:
        ValueError: if such a file cannot hold the vocabulary.

    Example:
        >>> lines_by_id({"a": 0, "b": 2})
        ['a', 'b', 'b']
    """
    owners: dict[int, str] = {}
    for token, index in vocabulary.items():
        if token.strip() != token:
            raise ValueError(
                f"token {token!r} begins or ends with a space and cannot be saved one token a "
                "line; remove it"
            )
        if not 0 <= index < MOST_LINES:
            raise ValueError(
                f"token {token!r} has the id {index}, which cannot be the number of a line; "
                f"give it one from 0 to {MOST_LINES - 1}"
            )
        other = owners.setdefault(index, token)
        if other != token:
            raise ValueError(
                f"{other!r} and {token!r} have the same id {index} and cannot be saved one token a "
                "line; remove one of them"
            )
    lines: list[str] = []
    for index in range(max(owners, default=-1), -1, -1):
        lines.append(owners[index] if index in owners else lines[-1])
    return lines[::-1]
