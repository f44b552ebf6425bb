"""From many texts to a batch for a model, or to a stream of ids, for all four tokenizers."""

from collections.abc import Generator, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.batches.batch import Batch
from ptbert_tokenizers.batches.flat import FlatIds, blocks, joined
from ptbert_tokenizers.batches.frame import Frame
from ptbert_tokenizers.batches.rows import (
    Padding,
    PaddingSide,
    Plan,
    Side,
    Truncation,
    make_batch,
)
from ptbert_tokenizers.batches.text_blocks import BlockedTexts, given_blocks
from ptbert_tokenizers.batches.texts import (
    checked_texts,
    checked_words,
    joined_words,
    separated,
    texts_one_by_one,
    word_numbers,
)
from ptbert_tokenizers.batches.workers import encoded_blocks
from ptbert_tokenizers.encoding import checked_settings
from ptbert_tokenizers.max_length import NO_LIMIT, checked_max_len
from ptbert_tokenizers.offset_encoding import OffsetEncoder


class BatchEncoder(OffsetEncoder):
    """The methods of a tokenizer that take many texts."""

    model_inputs: ClassVar[tuple[str, ...]] = ("input_ids", "attention_mask")
    """Names of the arrays of a batch that the family's models take."""
    padding_side: PaddingSide = "right"
    """Where ``encode_batch`` puts padding; from the folder, or set by a program."""
    word_separator: ClassVar[str] = ""
    """What separates a word from the one before it and belongs to the word's tokens."""

    def encode_batch(
        self,
        texts: Sequence[str] | Sequence[Sequence[str]],
        text_pairs: Sequence[str] | Sequence[Sequence[str]] | None = None,
        max_len: int | None = None,
        padding: Padding = "longest",
        truncation: Truncation = "longest_first",
        *,
        stride: int | None = None,
        add_special_tokens: bool = True,
        return_offsets: bool = False,
        return_special_tokens_mask: bool = False,
        is_split_into_words: bool = False,
        padding_side: PaddingSide | None = None,
        pad_to_multiple_of: int | None = None,
        workers: int = 1,
    ) -> Batch:
        """Return many texts, or pairs of texts, as arrays for a model.

        Args:
            texts: the texts, or the first of each pair.
            text_pairs: the second of each pair.
            max_len: largest number of tokens in a row; the tokenizer's own limit when None.
            padding: fill rows up to the ``longest`` one, or to ``max_len``.
            truncation: what to cut where a row is too long: ``longest_first``, ``only_first`` or
                ``only_second`` text; ``never`` raises instead.
            stride: cut a long text into windows, where each window repeats this many tokens of the
                one before; None to keep only the first window.
            add_special_tokens: as in ``encode``.
            return_offsets: also return where in its text each token is.
            return_special_tokens_mask: also return which tokens are special tokens or padding.
            is_split_into_words: each text is a list of words, as for ``tokenize_words``. The batch
                then has ``word_index``, and ``offsets`` count from the beginning of the word.
            padding_side: put padding ``right`` or ``left`` of the tokens; when None, where the
                tokenizer's ``padding_side`` says, which is usually ``right``.
            pad_to_multiple_of: make the length of rows a multiple of this.
            workers: number of processes to use; useful for several megabytes of text or more.

        Raises:
            TypeError: if something is not a string; it is named with its position. Or if an
                argument that is true or false is a string.
            ValueError: if the arguments contradict each other, or a text cannot be cut to fit.
            WorkerDied: if a process ended before it answered.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("v.txt").write_text("[PAD]\\n[UNK]\\n[CLS]\\n[SEP]\\nhello\\nworld\\n")
            >>> batch = BertTokenizer("v.txt").encode_batch(["Hello world", "hello"])
            >>> batch.input_ids.tolist()
            [[2, 4, 5, 3], [2, 4, 3, 0]]
            >>> batch.attention_mask.tolist()
            [[1, 1, 1, 1], [1, 1, 1, 0]]
        """
        for name, switch in {
            "add_special_tokens": add_special_tokens,
            "return_offsets": return_offsets,
            "return_special_tokens_mask": return_special_tokens_mask,
            "is_split_into_words": is_split_into_words,
        }.items():
            checked_switch(switch, name)
        check = checked_words if is_split_into_words else checked_texts
        given: list[Any] = [check(texts)]
        if text_pairs is not None:
            given.append(check(text_pairs, "text_pairs"))
            if len(given[0]) != len(given[1]):
                raise ValueError(
                    f"{len(given[0])} texts and {len(given[1])} text_pairs; give one for each"
                )
        are_pairs = text_pairs is not None
        max_len = checked_max_len(max_len)
        plan = Plan(
            frame=self._frame(are_pairs) if add_special_tokens else Frame(),
            pad_id=self._pad_id(),
            max_len=self.max_len if max_len is None and self.max_len < NO_LIMIT else max_len,
            padding=padding,
            truncation=truncation,
            stride=stride,
            are_pairs=are_pairs,
            padding_side=self.padding_side if padding_side is None else padding_side,
            pad_to_multiple_of=pad_to_multiple_of,
            model_inputs=self.model_inputs,
        )
        make_side = self._side_of_words if is_split_into_words else self._side
        sides = [make_side(each, return_offsets, workers) for each in given]
        return make_batch(plan, sides, with_mask=return_special_tokens_mask)

    def encode_stream(
        self,
        texts: Iterable[str],
        *,
        max_len: int | None = None,
        add_special_tokens: bool = False,
        stride: int | None = None,
        separator: int | None = None,
        workers: int = 1,
    ) -> Generator[FlatIds, None, None]:
        """Yield the ids of texts that come one by one, such as the lines of an open file.

        Memory is needed for about a million characters, and for a few times as many with several
        processes; or for the longest text. The blocks together are what ``encode_flat`` returns.

        Args:
            texts: is read as it is needed. The lines of a file have their line ends, as in Python.
            max_len: as in ``encode_flat``, as are the arguments after it.
            add_special_tokens: as in ``encode``.
            stride: as in ``encode_flat``.
            separator: as in ``encode_flat``.
            workers: number of processes to use; they end when the generator is closed.

        Raises:
            TypeError: if something is not a string; it is named with its position. Or if
                ``add_special_tokens`` is one.
            RuntimeError: if the generator goes on in a fork of the process in which it began.
            ValueError: as in ``encode_flat``.
            WorkerDied: if a process ended before it answered.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("vocab.txt").write_text("[UNK]\\nhello\\nworld\\n")
            >>> with open("vocab.txt") as lines:
            ...     for ids, bounds in BertTokenizer("vocab.txt").encode_stream(lines):
            ...         print(ids.tolist(), bounds.tolist())
            [0, 1, 2] [0, 1, 2, 3]
        """
        if isinstance(texts, str):
            raise TypeError("texts is one string; give strings one by one, or use encode()")
        settings = checked_settings(max_len, add_special_tokens, stride, separator)
        encode = partial(self.encode_flat, **settings._asdict())
        if not isinstance(texts, BlockedTexts):
            texts = BlockedTexts(given_blocks(texts_one_by_one(texts)))
        yield from encoded_blocks(encode, texts.blocks(), workers)

    def _side(self, texts: Sequence[str], with_offsets: bool, workers: int) -> Side:
        if not with_offsets:
            one = workers == 1
            return Side(self._flat(texts) if one else self.encode_flat(texts, workers=workers))
        if workers == 1:
            return Side(*self._flat_with_offsets(texts))
        import numpy as np

        parts = list(encoded_blocks(self._flat_with_offsets, blocks(texts), workers))
        offsets = [np.empty((0, 2), np.int64), *(offsets for _, offsets in parts)]
        return Side(joined([flat for flat, _ in parts]), np.concatenate(offsets))

    def _side_of_words(
        self, texts: Sequence[Sequence[str]], with_offsets: bool, workers: int
    ) -> Side:
        words = [word for text in texts for word in separated(text, self.word_separator)]
        flat, offsets, _ = self._side(words, with_offsets, workers)
        numbers = word_numbers(flat, texts)
        if offsets is not None:
            before = (numbers > 0) * len(self.word_separator)  # characters that are not the word's
            offsets = (offsets - before[:, None]).clip(0)
        return Side(joined_words(flat, texts), offsets, numbers)

    def _pad_id(self) -> int:
        """The id used as padding. The attention mask shows which positions are padding."""
        return 0
