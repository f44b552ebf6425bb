"""Many texts as arrays: special tokens, truncation, windows, padding.

First the rows are planned: which tokens of which texts each row has. Then the arrays are filled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from ptbert_tokenizers.batches.flat import FlatIds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Padding = Literal["longest", "max_len"]
Truncation = Literal["longest_first", "only_first", "only_second", "never"]


class Frame(NamedTuple):
    """Ids that a model expects before, between and after the texts."""

    before: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Number of tokens in a row that do not come from the texts."""
        return len(self.before) + len(self.between) + len(self.after)


@dataclass(frozen=True)
class Batch:
    """Texts as arrays of B rows and L columns.

    It is also a mapping: ``batch["input_ids"]`` works, and ``dict(batch)`` has all its arrays.

    Args:
        input_ids: (B, L) int64.
        token_type_ids: (B, L) int64, 0 for the first text and 1 for the second.
        attention_mask: (B, L) int64, 1 for tokens and 0 for padding.
        text_index: (B,) int64, which text a row comes from; the same for all windows of a text.
        offsets: (B, L, 2) int64, where tokens begin and end in their text, in characters; (0, 0)
            for special tokens and padding. None unless asked for.
    """

    input_ids: "NDArray[np.int64]"
    token_type_ids: "NDArray[np.int64]"
    attention_mask: "NDArray[np.int64]"
    text_index: "NDArray[np.int64]"
    offsets: "NDArray[np.int64] | None" = None

    def keys(self) -> list[str]:
        """Return the names of the arrays."""
        return [name for name, array in vars(self).items() if array is not None]

    def __getitem__(self, name: str) -> "NDArray[np.int64]":
        if name not in self.keys():
            raise KeyError(f"no array {name!r} in this batch, which has {self.keys()}")
        array: NDArray[np.int64] = getattr(self, name)
        return array


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
        if self.capacity is not None and self.capacity < 0:
            raise ValueError(
                f"max_len leaves no room for text: the special tokens alone are "
                f"{-self.capacity} too many; raise max_len"
            )
        if self.truncation == "only_second" and not self.are_pairs:
            raise ValueError("truncation='only_second' needs text_pairs; give them")
        if self.stride is not None and self.are_pairs and self.truncation == "longest_first":
            raise ValueError(
                "stride makes windows over one text of a pair; say which with "
                "truncation='only_first' or 'only_second'"
            )

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
        if not 0 <= self.stride < room:
            raise ValueError(
                f"stride={self.stride} does not fit windows of {room} tokens; "
                f"choose 0 to {room - 1}"
            )
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


def make_batch(
    plan: Plan, sides: Sequence[FlatIds], offsets: "Sequence[NDArray[np.int64]] | None"
) -> Batch:
    """Arrange texts that are encoded already.

    Args:
        plan: how texts become rows.
        sides: the ids of all texts, and of all second texts if there are any.
        offsets: for each side (T, 2), where each of its tokens is in its text; None if they are not
            needed.
    """
    rows = list(_rows(plan, sides))
    width = max((len(row.first) + len(row.second) for row in rows), default=-plan.frame.length)
    width += plan.frame.length
    if plan.padding == "max_len" and plan.max_len is not None:
        width = plan.max_len
    return _filled(plan, rows, sides, offsets, width)


def _rows(plan: Plan, sides: Sequence[FlatIds]) -> Iterator[Row]:
    lengths = [(side.bounds[1:] - side.bounds[:-1]).tolist() for side in sides]
    if len(lengths) == 1:
        lengths.append([0] * len(lengths[0]))
    for text, (first, second) in enumerate(zip(*lengths, strict=True)):
        yield from plan.rows(text, first, second)


def _filled(
    plan: Plan,
    rows: Sequence[Row],
    sides: Sequence[FlatIds],
    offsets: "Sequence[NDArray[np.int64]] | None",
    width: int,
) -> Batch:
    import numpy as np

    frame, shape = plan.frame, (len(rows), width)
    batch = Batch(
        input_ids=np.full(shape, plan.pad_id, np.int64),
        token_type_ids=np.zeros(shape, np.int64),
        attention_mask=np.zeros(shape, np.int64),
        text_index=np.array([row.text for row in rows], np.int64),
        offsets=None if offsets is None else np.zeros((*shape, 2), np.int64),
    )
    for number, row in enumerate(rows):
        ids = batch.input_ids[number]
        ids[: len(frame.before)] = frame.before
        column = len(frame.before)
        for side, tokens in enumerate((row.first, row.second)[: len(sides)]):
            if side:
                ids[column : column + len(frame.between)] = frame.between
                column += len(frame.between)
                types_start = column
            end = column + len(tokens)
            start = int(sides[side].bounds[row.text]) + tokens.start
            ids[column:end] = sides[side].ids[start : start + len(tokens)]
            if offsets is not None and batch.offsets is not None:
                batch.offsets[number, column:end] = offsets[side][start : start + len(tokens)]
            column = end
        ids[column : column + len(frame.after)] = frame.after
        column += len(frame.after)
        batch.attention_mask[number, :column] = 1
        if len(sides) == 2:
            batch.token_type_ids[number, types_start:column] = 1
    return batch
