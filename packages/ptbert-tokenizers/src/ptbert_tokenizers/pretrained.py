"""The base class of the four tokenizers.

``from_pretrained`` is defined only here. Each family defines the names of its files, a constructor
and, if it has any, the settings that belong to a published checkpoint.
"""

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any, ClassVar, Self

from ptbert_hub import DownloadOptions
from ptbert_hub.options import divided
from ptbert_tokenizers.batch_encoding import BatchEncoder
from ptbert_tokenizers.batches.texts import checked_texts, separated, shown
from ptbert_tokenizers.files.saved_settings import (
    Rules,
    Saved,
    read_saved,
)
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.keeping import KeepsSettings
from ptbert_tokenizers.loading import FileNames, VocabularyFiles, find_vocabulary
from ptbert_tokenizers.plain.special_tokens import tokens_around
from ptbert_tokenizers.streaming import StreamDecoder, WholeDecoder, decoded_pieces

logger = logging.getLogger(__name__)


def listed_ids(ids: Any, name: str = "ids") -> list[Any]:
    """Return the ids of one text as a list.

    Raises:
        TypeError: if these are no ids, or those of several texts, by the first of them.

    Example:
        >>> listed_ids("1")
        Traceback (most recent call last):
        TypeError: ids is a str, and not a list of ids; give the ids of one text
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise TypeError(f"{name} is {shown(ids)}, and not a list of ids; give the ids of one text")
    found = list(ids)  # numbers of any type, also in digits
    if found and (isinstance(found[0], list | tuple) or getattr(found[0], "ndim", None)):
        raise TypeError(
            f"{name}[0] is {shown(found[0])}, and not an id; give the ids of one text, or several "
            "to decode_batch()"
        )
    return found


class PreTrainedTokenizer(KeepsSettings, BatchEncoder):
    """The methods that every tokenizer has."""

    family: ClassVar[str]
    rules: ClassVar[Rules]
    merges_name: ClassVar[str | None] = None

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: PathLike,
        cache_dir: PathLike | None = None,
        *inputs: Any,
        revision: str | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        proxies: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load a tokenizer by published name, or from a folder, an archive, a file or an address.

        Args:
            pretrained_model_name_or_path: such as ``bert-base-uncased``, or ``ptbert-tiny-bert``
                and ``ptbert-tiny-gpt2``, which come with the package; a repository of the Hugging
                Face Hub such as ``user/model``; a folder that ``save_vocabulary`` wrote to; or the
                path or address of a vocabulary file.
            cache_dir: where downloads are kept; the hub's own cache folder when None.
            *inputs: more arguments for the constructor, after the files.
            revision: a branch, tag or commit of the repository; see
                :class:`ptbert_hub.DownloadOptions` for this and the next four.
            token: for the Hugging Face Hub.
            local_files_only: whether the network is not used.
            force_download: whether to download even what is cached.
            proxies: the proxy for a scheme or a server.
            **kwargs: keyword arguments for the constructor.

        Raises:
            MissingVocabulary: if nothing of that name holds a vocabulary.
            BadVocabulary: if a file has the wrong content, or says what is not done here.
            OSError: if a file could not be downloaded.

        Example:
            >>> from ptbert_tokenizers import BertTokenizer
            >>> tokenizer = BertTokenizer.from_pretrained("ptbert-tiny-bert")
            >>> tokenizer.tokenize("In the beginning")
            ['in', 'the', 'beginning']
        """
        names = FileNames(cls.family, cls.__name__, cls.vocabulary_names, cls.merges_name)
        said = {
            "revision": revision,
            "token": token,
            "local_files_only": local_files_only,
            "force_download": force_download,
            "proxies": proxies,
        }
        options, kwargs = divided({**said, **kwargs}, DownloadOptions, cls.__init__)
        files = find_vocabulary(pretrained_model_name_or_path, cache_dir, names, options)
        checkpoint = files.checkpoint
        if checkpoint is not None and checkpoint.max_length is not None:
            asked = kwargs.get("max_len")
            limit = checkpoint.max_length
            kwargs["max_len"] = limit if asked is None else min(asked, limit)
        saved = Saved()
        if files.config is not None:
            saved = read_saved(files.config, cls.rules, files.whole)
        tokenizer = cls._open(files, saved, *inputs, **cls._with_saved(saved, inputs, kwargs))
        tokenizer.take_saved(saved, files.whole)
        return tokenizer

    @classmethod
    @abstractmethod
    def _open(cls, files: VocabularyFiles, saved: Saved, *inputs: Any, **kwargs: Any) -> Self:
        """Construct the tokenizer from its files and the caller's arguments."""

    @abstractmethod
    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Look up the tokens of ids."""

    @abstractmethod
    def decode(self, ids: Iterable[int], *args: Any, **kwargs: Any) -> str:
        """Return a text for ids."""

    def decode_batch(self, batch: Iterable[Iterable[int]], *args: Any, **kwargs: Any) -> list[str]:
        """Return a text for each of many sequences of ids.

        Args:
            batch: lists of ids, or an array with a row for each text.
            *args: as for ``decode``.
            **kwargs: as for ``decode``; ``skip_special_tokens=True`` leaves out BERT's padding.

        Raises:
            TypeError: if it is one sequence of ids.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nhello\\nworld\\n##s\\n")
            >>> BertTokenizer("vocab.txt").decode_batch([[1, 2, 3], [1]])
            ['hello worlds', 'hello']
        """
        rows = batch.tolist() if hasattr(batch, "tolist") else list(batch)
        for position, row in enumerate(rows):
            if isinstance(row, (str, bytes)) or not isinstance(row, Iterable):
                raise TypeError(
                    f"batch[{position}] is {shown(row)}, and not a list of ids; give a list for "
                    "each text, or use decode() for one text"
                )
        return [self.decode(row, *args, **kwargs) for row in rows]

    def decode_stream(self, ids: Iterable[int], **options: Any) -> Iterator[str]:
        """Yield the text of ids in pieces, each as soon as no further id can change it.

        The pieces together are what ``decode`` returns. No piece ends within a character.

        Args:
            ids: may still be on their way, such as those that a model is writing.
            **options: keyword arguments of ``decode``.

        Raises:
            UnknownId: a ``KeyError``, if an id is outside the vocabulary.

        Example:
            >>> from ptbert_tokenizers import GPT2Tokenizer
            >>> from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
            >>> write_json_vocabulary("vocab.json", {"o": 0, "Ã": 1, "¶": 2})
            >>> write_merges("merges.txt", [])
            >>> [*GPT2Tokenizer("vocab.json", "merges.txt").decode_stream([0, 1, 2])]
            ['o', 'ö']
        """
        return decoded_pieces(self.stream_decoder(**options), ids)

    def stream_decoder(self, **options: Any) -> StreamDecoder | WholeDecoder:
        """Return what turns ids into text one by one: its ``feed(id)``, and in the end ``end()``.

        If a program replaced how the tokenizer decodes, all text comes in the end.

        Args:
            **options: keyword arguments of ``decode``.
        """
        decoder = self._stream_decoder(**options)
        return WholeDecoder(partial(self.decode, **options)) if decoder is None else decoder

    def _stream_decoder(self, *args: Any, **kwargs: Any) -> StreamDecoder | None:
        """The steps of ``decode``; None where they are unknown, or a program replaced it."""
        return None

    def tokenize_with_special_tokens(
        self, text: str, special_tokens: Sequence[str] | None = None
    ) -> list[str]:
        """Cut a text into tokens, and keep special tokens whole anywhere in it.

        ``tokenize`` works as in 2019: it cuts ``[MASK]`` into pieces if it touches other
        characters, and special tokens of GPT and GPT-2 unless there are spaces around them.

        Args:
            text: any string.
            special_tokens: tokens of the vocabulary to keep whole; the tokenizer's own when None.

        Raises:
            ValueError: if a special token is empty.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\n[MASK]\\nhello\\n.\\n")
            >>> BertTokenizer("vocab.txt").tokenize_with_special_tokens("Hello[MASK].")
            ['hello', '[MASK]', '.']
        """
        kept = self._special_tokens() if special_tokens is None else special_tokens
        return tokens_around(text, list(kept), self.tokenize)

    def _special_tokens(self) -> Iterable[str]:
        """The special tokens that the vocabulary has."""
        return ()

    def tokenize_words(self, words: Iterable[str]) -> tuple[list[str], list[int]]:
        """Cut a text that is already split into words, for example for tagging, into tokens.

        Args:
            words: the words of a text.

        Returns:
            The tokens, and for each token the number of its word.

        Raises:
            TypeError: if it is one string, or something in it is not a string.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\njim\\nhen\\n##son\\n")
            >>> BertTokenizer("vocab.txt").tokenize_words(["Jim", "Henson"])
            (['jim', 'hen', '##son'], [0, 1, 1])
        """
        given = separated(checked_texts(words, "words"), self.word_separator)
        found = self._tokens_of_words(given)
        numbers = map(repeat, range(len(found)), map(len, found))
        return list(chain.from_iterable(found)), list(chain.from_iterable(numbers))

    def _tokens_of_words(self, words: Sequence[str]) -> Sequence[Sequence[str]]:
        """The tokens of each word."""
        sole = self._sole_encoder()
        found = None if sole is None else sole.tokens_of_words(words)
        return list(map(self.tokenize, words)) if found is None else found
