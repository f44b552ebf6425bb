"""Many texts as rows of a batch: special tokens, truncation, windows, padding.

First the rows are planned: which tokens of which texts each row has. Then the arrays are filled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.batches.batch import Batch
from ptbert_tokenizers.batches.flat import FlatIds, positions
from ptbert_tokenizers.batches.frame import Frame, check_stride, checked_stride

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Padding = Literal["longest", "max_len"]
PaddingSide = Literal["right", "left"]
Truncation = Literal["longest_first", "only_first", "only_second", "never"]
PADDING_SIDES = get_args(PaddingSide)


class Row(NamedTuple):
    """Which tokens a row holds: of the first text, and of the second."""

    text: int
    first: range
    second: range


@dataclass(frozen=True)
class Plan:
    """How texts become rows.

    Args:
        frame: ids around and between the texts.
        pad_id: the id used as padding.
        max_len: largest number of tokens in a row; None for no limit.
        padding: fill rows up to the ``longest`` one, or to ``max_len``.
        truncation: which text loses tokens when both do not fit.
        stride: tokens that neighbouring windows share; None to drop what does not fit.
        are_pairs: whether there are second texts.
        padding_side: where padding is put.
        pad_to_multiple_of: the length of rows is a multiple of this.
        model_inputs: names of the arrays that the model takes.

    Raises:
        ValueError: if these contradict each other.
    """

    frame: Frame
    pad_id: int
    max_len: int | None
    padding: Padding
    truncation: Truncation
    stride: int | None
    are_pairs: bool
    padding_side: PaddingSide = "right"
    pad_to_multiple_of: int | None = None
    model_inputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.padding not in get_args(Padding):
            raise ValueError(
                f"padding={self.padding!r} is not known; choose from {get_args(Padding)}"
            )
        if self.max_len is None and self.padding == "max_len":
            raise ValueError(
                "padding='max_len' needs max_len, which this tokenizer does not have; give max_len"
            )
        if self.truncation not in get_args(Truncation):
            raise ValueError(
                f"truncation={self.truncation!r} is not known; choose from {get_args(Truncation)}"
            )
        if self.padding_side not in PADDING_SIDES:
            raise ValueError(
                f"padding_side={self.padding_side!r} is not known; choose from {PADDING_SIDES}"
            )
        self._check_multiple()
        if self.capacity is not None and self.capacity < 0:
            raise ValueError(
                f"max_len leaves no room for text: the special tokens alone are "
                f"{-self.capacity} too many; raise max_len"
            )
        if self.truncation == "only_second" and not self.are_pairs:
            raise ValueError("truncation='only_second' needs text_pairs; give them")
        checked_stride(self.stride)
        if self.stride is not None and self.are_pairs and self.truncation == "longest_first":
            raise ValueError(
                "stride makes windows over one text of a pair; say which with "
                "truncation='only_first' or 'only_second'"
            )

    def _check_multiple(self) -> None:
        multiple = self.pad_to_multiple_of
        if multiple is None:
            return
        checked_whole(multiple, "pad_to_multiple_of", what="a length")
        if self.max_len is not None and self.truncation != "never" and self.max_len % multiple:
            raise ValueError(
                f"max_len={self.max_len} is not a multiple of pad_to_multiple_of={multiple}, so "
                "the longest rows could not be padded; choose a max_len that is one"
            )

    def width(self, longest: int) -> int:
        """Return the length of all rows, given that of the longest one without padding."""
        if self.padding == "max_len" and self.max_len is not None:
            longest = self.max_len
        multiple = self.pad_to_multiple_of or 1
        return -(-longest // multiple) * multiple

    @property
    def capacity(self) -> int | None:
        """Largest number of tokens of the texts in a row; None for no limit."""
        return None if self.max_len is None else self.max_len - self.frame.length

    def rows(self, text: int, first: int, second: int) -> Iterator[Row]:
        """Yield the rows of one text or pair, given their numbers of tokens."""
        if self.capacity is None or first + second <= self.capacity:
            yield Row(text, range(first), range(second))
        elif self.truncation == "never":
            raise ValueError(
                f"text {text} has {first + second} tokens and max_len leaves room for "
                f"{self.capacity}; allow truncation, or raise max_len"
            )
        elif self.truncation == "only_second":
            for window in self._windows(text, second, self.capacity - first):
                yield Row(text, range(first), window)
        elif self.truncation == "only_first" or not self.are_pairs:
            for window in self._windows(text, first, self.capacity - second):
                yield Row(text, window, range(second))
        else:
            kept = longest_first(first, second, self.capacity)
            yield Row(text, range(kept[0]), range(kept[1]))

    def _windows(self, text: int, length: int, room: int) -> Iterator[range]:
        if room <= 0 and length:
            raise ValueError(
                f"text {text}: max_len leaves no room for the text that is to be cut; raise max_len"
                + (", or cut the other text" if self.are_pairs else "")
            )
        if self.stride is None:
            yield range(room)
            return
        check_stride(self.stride, room)
        start = 0
        while start + room < length:
            yield range(start, start + room)
            start += room - self.stride
        yield range(start, length)


def longest_first(first: int, second: int, capacity: int) -> tuple[int, int]:
    """Shorten two lengths: the longer one loses one token at a time, until both fit.

    If both are equal, the second one loses a token.

    Example:
        >>> longest_first(10, 3, 8), longest_first(10, 10, 5)
        ((5, 3), (3, 2))
    """
    if first + second <= capacity:
        return first, second
    shorter = min(first, second)
    if capacity - shorter >= shorter:
        return (capacity - shorter, second) if first > second else (first, capacity - shorter)
    return capacity - capacity // 2, capacity // 2


class Side(NamedTuple):
    """All first texts, or all second ones, as tokens.

    Args:
        flat: their ids.
        offsets: (T, 2), where each token is in its text or word; None if not needed.
        word_index: (T,), the number of each token's word; None if texts are not split into words.
    """

    flat: FlatIds
    offsets: "NDArray[np.int64] | None" = None
    word_index: "NDArray[np.int64] | None" = None


def make_batch(plan: Plan, sides: Sequence[Side], *, with_mask: bool = False) -> Batch:
    """Arrange texts that are encoded already.

    Args:
        plan: how texts become rows.
        sides: all texts, and all second texts if there are any.
        with_mask: whether to show which tokens are special.
    """
    import numpy as np

    table = _table(plan, sides)
    lengths = table.counts.sum(0) + plan.frame.length
    width = plan.width(int(lengths.max(initial=0)))
    shape = len(lengths), width
    place = np.arange(len(lengths)) * width  # where each row goes on, in arrays that are flat
    if plan.padding_side == "left":
        place += width - lengths
    ends = place + lengths
    batch = Batch(
        input_ids=np.full(shape, plan.pad_id, np.int64),
        token_type_ids=np.zeros(shape, np.int64),
        attention_mask=np.zeros(shape, np.int64),
        text_index=table.text,
        offsets=None if sides[0].offsets is None else np.zeros((*shape, 2), np.int64),
        word_index=None if sides[0].word_index is None else np.full(shape, -1, np.int64),
        special_tokens_mask=np.ones(shape, np.int64) if with_mask else None,
        model_inputs=plan.model_inputs,
    )
    batch.attention_mask.reshape(-1)[positions(place, lengths)] = 1
    ids = batch.input_ids.reshape(-1)
    for number, side in enumerate(sides):
        place = _write(ids, plan.frame.between if number else plan.frame.before, place)
        if number:
            batch.token_type_ids.reshape(-1)[positions(place, ends - place)] = 1
        counts = table.counts[number]
        _copy(batch, side, table.tokens(number, side), positions(place, counts))
        place = place + counts
    _write(ids, plan.frame.after, place)
    return batch


class _Table(NamedTuple):
    """The rows of a batch.

    Args:
        text: (B,), which text each comes from.
        counts: (sides, B), how many tokens it has of each side.
        starts: (sides, B), the first of them; None if rows are whole texts in order.
    """

    text: "NDArray[np.int64]"
    counts: "NDArray[np.int64]"
    starts: "NDArray[np.int64] | None" = None

    def tokens(self, number: int, side: Side) -> "NDArray[np.int64] | slice":
        """Return which tokens of a side are in the rows, row after row."""
        if self.starts is None:
            return slice(None)
        starts = side.flat.bounds[self.text] + self.starts[number]
        return positions(starts, self.counts[number])


def _table(plan: Plan, sides: Sequence[Side]) -> _Table:
    import numpy as np

    counts = np.array([side.flat.bounds[1:] - side.flat.bounds[:-1] for side in sides])
    if plan.capacity is None or counts.sum(0).max(initial=0) <= plan.capacity:
        return _Table(np.arange(counts.shape[1]), counts)
    rows = [
        (row.text, row.first.start, row.second.start, len(row.first), len(row.second))
        for text, (first, *second) in enumerate(counts.T.tolist())
        for row in plan.rows(text, first, sum(second))
    ]
    table = np.array(rows, np.int64).T
    return _Table(table[0], table[3:5][: len(sides)], table[1:3][: len(sides)])


def _write(
    ids: "NDArray[np.int64]", marks: Sequence[int], place: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    """Write the same ids into all rows, from a place of each on; return the place after them."""
    for mark in marks:
        ids[place] = mark
        place = place + 1
    return place


def _copy(
    batch: Batch, side: Side, tokens: "NDArray[np.int64] | slice", places: "NDArray[np.int64]"
) -> None:
    """Copy tokens of one side, and what belongs to them, to places in the batch, row after row."""
    batch.input_ids.reshape(-1)[places] = side.flat.ids[tokens]
    if batch.offsets is not None and side.offsets is not None:
        batch.offsets.reshape(-1, 2)[places] = side.offsets[tokens]
    if batch.word_index is not None and side.word_index is not None:
        batch.word_index.reshape(-1)[places] = side.word_index[tokens]
    if batch.special_tokens_mask is not None:
        batch.special_tokens_mask.reshape(-1)[places] = 0
