"""BERT's vocabulary: one token a line."""

import logging
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from ptbert_tokenizers.errors import UnknownId
from ptbert_tokenizers.files.vocabulary import (
    PathLike,
    by_id,
    load_vocab,
    unknown_token,
    write_lines,
)
from ptbert_tokenizers.max_length import NO_LIMIT, warn_if_long

logger = logging.getLogger(__name__)

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

    def __init__(self, vocab_file: PathLike) -> None:
        self.vocab = load_vocab(vocab_file)
        self.ids_to_tokens = OrderedDict((index, token) for token, index in self.vocab.items())

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Token → id."""
        return self.vocab

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
            fallback = None if unk_token is None else self.vocab[unk_token]
            if fallback is None:
                ids = [self.vocab[token] for token in wanted]
            else:
                ids = [self.vocab.get(token, fallback) for token in wanted]
        except KeyError as error:
            missing = error.args[0]
            raise unknown_token(
                missing,
                wanted.index(missing) if missing in wanted else None,
                len(self.vocab),
                "tokenize() the text with this tokenizer, or pass unk_token='[UNK]'",
            ) from None
        warn_if_long(len(ids), self.max_len)
        return ids

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of ids.

        Raises:
            UnknownId: a ``KeyError``, if an id is outside the vocabulary.
        """
        names = self.ids_to_tokens
        try:
            return [names[int(index)] for index in ids]
        except KeyError as error:
            raise UnknownId(
                f"id {error.args[0]} is outside the vocabulary of {len(names)} tokens "
                f"(0 to {max(names, default=0)}); use ids that this tokenizer made"
            ) from None

    def save_vocabulary(self, vocab_path: PathLike) -> str:
        """Write the vocabulary into a folder as ``vocab.txt``, or to the file at that path.

        Returns:
            The path of the file.
        """
        path = os.fspath(vocab_path)
        if os.path.isdir(path):
            path = os.path.join(path, VOCAB_NAME)
        tokens = by_id(self.vocab)
        if [self.vocab[token] for token in tokens] != list(range(len(tokens))):
            logger.warning("the ids of the vocabulary have gaps, which %s cannot keep", path)
        write_lines(path, tokens)
        return path
