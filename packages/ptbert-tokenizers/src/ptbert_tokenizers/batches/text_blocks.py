"""Texts in blocks, which are cut into texts only where they are used, such as in another process"""

from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, overload

from ptbert_tokenizers.batches.flat import gathered

BLOCK = 2**17  # characters: long enough for arrays, and short enough to share out evenly


class TextBlock(Sequence[str]):
    """Some texts, which are cut out of something when they are first asked for.

    Its pickle has what they are cut out of, which is smaller and quicker than the texts.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """About how many characters there are."""

    @abstractmethod
    def cut(self) -> list[str]:
        """Return the texts."""

    @cached_property
    def _texts(self) -> list[str]:
        return self.cut()

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._texts[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_texts"}


class SeveralBlocks(TextBlock):
    """Several blocks as one.

    Args:
        blocks: whose texts come one after the other.
    """

    def __init__(self, blocks: Sequence[TextBlock]) -> None:
        self._blocks = blocks

    @property
    def size(self) -> int:
        """About how many characters there are."""
        return sum(block.size for block in self._blocks)

    def cut(self) -> list[str]:
        """Return the texts."""
        return [text for block in self._blocks for text in block.cut()]


class GivenTexts(TextBlock):
    """Texts that are there already.

    Args:
        texts: a list of them.
    """

    def __init__(self, texts: list[str]) -> None:
        self._given = texts

    @property
    def size(self) -> int:
        """About how many characters there are."""
        return sum(map(len, self._given)) + len(self._given)  # lists of empty texts end too

    def cut(self) -> list[str]:
        """Return the texts."""
        return self._given

    def __reduce__(self) -> tuple[Any, ...]:  # one string is pickled sooner than many
        return _unpacked, ("".join(self._given), array("Q", map(len, self._given)))


def _unpacked(joined: str, lengths: "array[int]") -> GivenTexts:
    ends = list(accumulate(lengths))
    return GivenTexts([joined[start:end] for start, end in pairwise([0, *ends])])


class BlockedTexts(Iterator[str]):
    """Texts one by one, of a source that has them in blocks.

    Args:
        blocks: are read as they are needed.

    Example:
        >>> texts = BlockedTexts(iter([GivenTexts(["a", "b"]), GivenTexts(["c"])]))
        >>> next(texts), [list(block) for block in texts.blocks()]
        ('a', [['b'], ['c']])
    """

    def __init__(self, blocks: Iterator[TextBlock]) -> None:
        self._blocks = blocks
        self._begun: Iterator[str] = iter(())

    def __next__(self) -> str:
        for text in self._begun:
            return text
        for block in self._blocks:
            self._begun = iter(block)
            for text in self._begun:
                return text
        raise StopIteration

    def blocks(self, size: int = BLOCK) -> Iterator[TextBlock]:
        """Yield the texts that nobody has asked for yet, together in blocks.

        Args:
            size: a block ends when it has so many characters.
        """
        if rest := list(self._begun):
            yield GivenTexts(rest)
        held: list[TextBlock] = []
        total = 0
        for block in self._blocks:
            held.append(block)
            total += block.size
            if total >= size:
                yield held[0] if len(held) == 1 else SeveralBlocks(held)
                held, total = [], 0
        if held:
            yield held[0] if len(held) == 1 else SeveralBlocks(held)


def given_blocks(texts: Iterable[str], size: int = BLOCK) -> Iterator[GivenTexts]:
    """Gather texts that come one by one into blocks.

    Args:
        texts: are read as they are needed.
        size: a block ends when it has so many characters.

    Example:
        >>> [list(block) for block in given_blocks(["one", "two"])]
        [['one', 'two']]
    """
    return map(GivenTexts, gathered(texts, size))
