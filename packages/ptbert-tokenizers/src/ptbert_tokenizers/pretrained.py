"""What the four tokenizers share: loading by name or path, and encoding one text.

``from_pretrained`` exists here only. A family contributes names of files, a constructor and, where
it has them, the settings that a published checkpoint implies.
"""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from ptbert_hub import (
    CATALOG,
    Checkpoint,
    cached_path,
    closest_name,
    extracted_archive,
    is_archive,
)
from ptbert_tokenizers.batches.batch import Batch, Frame, Padding, Truncation, encode_batch
from ptbert_tokenizers.batches.flat import FlatIds, blocks, joined
from ptbert_tokenizers.batches.workers import flat_blocks
from ptbert_tokenizers.errors import MissingVocabulary
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.plain.offsets import Span
from ptbert_tokenizers.plain.special_tokens import tokens_around
from ptbert_tokenizers.quick.encoder import QuickEncoder

logger = logging.getLogger(__name__)

NO_LIMIT = int(1e12)
"""``max_len`` of a tokenizer that serves a model without a longest input."""

SPECIAL_TOKENS_NAME = "special_tokens.txt"

_DERIVED = frozenset({"_quick_state", "_table_state"})  # made again where a pickle is opened


@dataclass(frozen=True)
class VocabularyFiles:
    """The files a tokenizer is made from.

    Args:
        vocabulary: path of the vocabulary.
        merges: path of the byte-pair merges, where the family has them.
        special_tokens: path of the added tokens, where there are any.
        folder: the local folder they were found in, if they were.
        checkpoint: the catalog's row, if they came by a published name.
    """

    vocabulary: str
    merges: str | None = None
    special_tokens: str | None = None
    folder: Path | None = None
    checkpoint: Checkpoint | None = None


class PretrainedTokenizer(ABC):
    """The methods that every tokenizer has."""

    family: ClassVar[str]
    vocabulary_names: ClassVar[tuple[str, ...]]
    merges_name: ClassVar[str | None] = None
    word_separator: ClassVar[str] = ""
    """What stands before a word inside a text and belongs to its tokens."""

    max_len: int = NO_LIMIT

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: PathLike,
        cache_dir: PathLike | None = None,
        *inputs: Any,
        **kwargs: Any,
    ) -> Self:
        """Load a tokenizer by published name, or from a folder, a file or an address.

        Args:
            pretrained_model_name_or_path: such as ``bert-base-uncased``, a folder that
                ``save_vocabulary`` wrote to, or the path or address of a vocabulary file.
            cache_dir: where downloads are kept; the hub's own cache folder when None.
            *inputs: more arguments for the constructor, after the files.
            **kwargs: keyword arguments for the constructor.

        Raises:
            MissingVocabulary: if nothing of that name holds a vocabulary.
            BadVocabulary: if a file is not what it should be.
            OSError: if a file could not be downloaded.

        Example:
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nhello\\nworld\\n")
            >>> BertTokenizer.from_pretrained(".").tokenize("Hello world!")
            ['hello', 'world', '[UNK]']
        """
        files = cls._find(os.fspath(pretrained_model_name_or_path), cache_dir)
        checkpoint = files.checkpoint
        if checkpoint is not None and checkpoint.max_length is not None:
            asked = kwargs.get("max_len")
            limit = checkpoint.max_length
            kwargs["max_len"] = limit if asked is None else min(asked, limit)
        return cls._open(files, *inputs, **kwargs)

    @classmethod
    def _find(cls, name: str, cache_dir: PathLike | None) -> VocabularyFiles:
        checkpoint = CATALOG.get(name)
        if checkpoint is not None:
            if checkpoint.family != cls.family:
                raise MissingVocabulary(
                    f"{name!r} is a checkpoint of the {checkpoint.family} family and "
                    f"{cls.__name__} reads {cls.family}; use that family's tokenizer"
                )
            return VocabularyFiles(
                vocabulary=cached_path(checkpoint.vocabulary, cache_dir),
                merges=checkpoint.merges and cached_path(checkpoint.merges, cache_dir),
                checkpoint=checkpoint,
            )
        if os.path.isdir(name):
            return cls._find_in_folder(Path(name))
        if "://" not in name and not os.path.exists(name):
            guess = closest_name(name)
            raise MissingVocabulary(
                f"{name!r} is neither a published checkpoint nor a folder or file; "
                + (f"did you mean {guess!r}?" if guess else "check the path")
            )
        path = cached_path(name, cache_dir)
        if is_archive(path):
            return cls._find_in_folder(extracted_archive(path, cache_dir))
        return VocabularyFiles(vocabulary=path)

    @classmethod
    def _find_in_folder(cls, folder: Path) -> VocabularyFiles:
        for name in cls.vocabulary_names:
            if (folder / name).is_file():
                break
        else:
            raise MissingVocabulary(
                f"folder {str(folder)!r} has no {' or '.join(cls.vocabulary_names)}, which "
                f"{cls.__name__} reads; save_vocabulary(folder) writes it"
            )
        merges = cls.merges_name and folder / cls.merges_name
        special = folder / SPECIAL_TOKENS_NAME
        return VocabularyFiles(
            vocabulary=str(folder / name),
            merges=str(merges) if merges and merges.is_file() else None,
            special_tokens=str(special) if special.is_file() else None,
            folder=folder,
        )

    @classmethod
    @abstractmethod
    def _open(cls, files: VocabularyFiles, *inputs: Any, **kwargs: Any) -> Self:
        """Construct the tokenizer from its files and what the caller gave."""

    @abstractmethod
    def tokenize(self, text: str) -> list[str]:
        """Cut a text into tokens."""

    @abstractmethod
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> Any:
        """Look up the ids of tokens."""

    @abstractmethod
    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Look up the tokens of ids."""

    @abstractmethod
    def decode(self, ids: Iterable[int], *args: Any, **kwargs: Any) -> str:
        """Return a text for ids."""

    def tokenize_with_special_tokens(
        self, text: str, special_tokens: Sequence[str] | None = None
    ) -> list[str]:
        """Cut a text into tokens, and leave special ones whole wherever they stand in it.

        :meth:`tokenize` keeps to 2019, where ``[MASK]`` that touches other characters falls apart,
        and the special tokens of GPT and GPT-2 always do unless spaces are around them.

        Args:
            text: any string.
            special_tokens: tokens of the vocabulary to leave whole; the tokenizer's own when None.

        Raises:
            ValueError: if a special token is empty.

        Example:
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
        """Cut words that are separated already, as for tagging, into tokens.

        Args:
            words: the words of a text.

        Returns:
            The tokens, and for each of them the number of its word.

        Example:
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\njim\\nhen\\n##son\\n")
            >>> BertTokenizer("vocab.txt").tokenize_words(["Jim", "Henson"])
            (['jim', 'hen', '##son'], [0, 1, 1])
        """
        tokens: list[str] = []
        numbers: list[int] = []
        for number, word in enumerate(words):
            found = self.tokenize(f"{self.word_separator}{word}" if number else word)
            tokens += found
            numbers += [number] * len(found)
        return tokens, numbers

    def encode(
        self, text: str, text_pair: str | None = None, *, add_special_tokens: bool = True
    ) -> list[int]:
        """Return the ids of a text, or of two texts one after the other.

        Args:
            text: what to encode.
            text_pair: the second text, if there is one.
            add_special_tokens: add what the model was trained with, as BERT's
                ``[CLS] text [SEP] text_pair [SEP]``; the other families have none.
        """
        frame = self._frame(text_pair is not None) if add_special_tokens else Frame()
        ids = [*frame.before, *self._ids(text)]
        if text_pair is not None:
            ids += [*frame.between, *self._ids(text_pair)]
        ids += frame.after
        self._warn_if_long(len(ids))
        return ids

    def _frame(self, pair: bool) -> Frame:
        """Ids around one text, or around and between two."""
        return Frame()

    def encode_flat(self, texts: Sequence[str], *, workers: int = 1) -> FlatIds:
        """Return the ids of many texts end to end, without special tokens and never cut.

        Args:
            texts: what to encode.
            workers: number of processes to use; worth it from some megabytes of text on.

        Example:
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nhello\\nworld\\n")
            >>> ids, bounds = BertTokenizer("vocab.txt").encode_flat(["Hello world", "hello"])
            >>> ids.tolist(), bounds.tolist()
            ([1, 2, 1], [0, 2, 3])
        """
        if isinstance(texts, str):
            raise TypeError("texts is one string; give a list of strings, or use encode()")
        texts = list(texts)
        if workers != 1:
            return joined(list(flat_blocks(self, blocks(texts), workers)))
        quick = self._quick() if self._is_untouched() else None
        if quick is not None:
            return quick.flat(texts)
        import numpy as np

        found = [np.asarray(self._plain_ids(text), np.int32) for text in texts]
        bounds = np.cumsum([0, *map(len, found)], dtype=np.int64)
        return FlatIds(np.concatenate(found) if found else np.empty(0, np.int32), bounds)

    def encode_batch(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        max_len: int | None = None,
        padding: Padding = "longest",
        truncation: Truncation = "longest_first",
        *,
        stride: int | None = None,
        add_special_tokens: bool = True,
        return_offsets: bool = False,
        workers: int = 1,
    ) -> Batch:
        """Return many texts, or pairs of texts, as arrays for a model.

        Args:
            texts: the texts, or the first of each pair.
            text_pairs: the second of each pair.
            max_len: most tokens in a row; the tokenizer's own limit when None.
            padding: fill rows up to the ``longest`` one, or to ``max_len``.
            truncation: what to cut where a row is too long: ``longest_first``, ``only_first`` or
                ``only_second`` text; ``never`` raises instead.
            stride: make windows of a long text, as many as it needs, each sharing this many tokens
                with the one before; None to keep only the first.
            add_special_tokens: as in :meth:`encode`.
            return_offsets: say where in its text each token stands.
            workers: number of processes to use; worth it from some megabytes of text on.

        Raises:
            ValueError: if the arguments contradict each other, or a text cannot be cut to fit.

        Example:
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("v.txt").write_text("[PAD]\\n[UNK]\\n[CLS]\\n[SEP]\\nhello\\nworld\\n")
            >>> batch = BertTokenizer("v.txt").encode_batch(["Hello world", "hello"])
            >>> batch.input_ids.tolist()
            [[2, 4, 5, 3], [2, 4, 3, 0]]
            >>> batch.attention_mask.tolist()
            [[1, 1, 1, 1], [1, 1, 1, 0]]
        """
        if max_len is None and self.max_len < NO_LIMIT:
            max_len = self.max_len
        return encode_batch(
            self,
            texts,
            text_pairs,
            max_len=max_len,
            padding=padding,
            truncation=truncation,
            stride=stride,
            add_special_tokens=add_special_tokens,
            return_offsets=return_offsets,
            workers=workers,
        )

    def tokenize_with_offsets(self, text: str) -> tuple[list[str], list[Span]]:
        """Return the tokens of a text and, for each, the span of characters it comes from.

        The part of the text in a span, tokenized alone, spells the token. Tokens that share a
        character, as GPT-2's bytes of one can, share it in their spans.

        Raises:
            ValueError: if a part was replaced that decides where tokens come from.
        """
        spans = self._spans(text)
        tokens = self.tokenize(text)
        if spans is None or len(spans) != len(tokens):
            raise ValueError(
                f"{type(self).__name__} cannot tell where tokens come from, because a part of it "
                "was replaced; use an unchanged tokenizer"
            )
        return tokens, spans

    @abstractmethod
    def _spans(self, text: str) -> list[Span] | None:
        """The span of each token; None if the parts in use do not tell."""

    def _pad_id(self) -> int:
        """The id that fills rows; the attention mask tells it from tokens."""
        return 0

    def _ids(self, text: str) -> list[int]:
        """The ids of the tokens of ``text``."""
        quick = self._quick() if self._is_untouched() else None
        return self._plain_ids(text) if quick is None else quick.ids(text)

    def _plain_ids(self, text: str) -> list[int]:
        return list(self.convert_tokens_to_ids(self.tokenize(text)))

    def _is_untouched(self) -> bool:
        """Whether this object tokenizes and looks up as its family does."""
        return False

    def _quick(self) -> QuickEncoder | None:
        """The quick encoder for the parts as they are now; None if it cannot serve them."""
        return None

    def _quick_for(
        self, setting: tuple[Any, ...], build: Callable[[], QuickEncoder | None]
    ) -> QuickEncoder | None:
        """The quick encoder built last, or a new one if ``setting`` differs from then."""
        known = self.__dict__.get("_quick_state")
        if known is None or known[0] != setting:
            self.__dict__["_quick_state"] = known = (setting, build())
        quick: QuickEncoder | None = known[1]
        return quick

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _DERIVED}

    def _warn_if_long(self, length: int) -> None:
        if length > self.max_len:
            logger.warning(
                "%d tokens are more than the model's longest input of %d; it will fail on them "
                "unless they are cut, as encode_batch(max_len=...) does",
                length,
                self.max_len,
            )
