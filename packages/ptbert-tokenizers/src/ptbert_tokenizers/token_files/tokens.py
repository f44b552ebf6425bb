"""The documents of a token file: all ids in one array on disk, and where each document begins"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

from ptbert_tokenizers.batches.flat import FlatIds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 2**20  # ids


@dataclass(frozen=True, eq=False)
class Tokens(Sequence["NDArray[np.integer]"]):
    """The documents of a token file; ``tokens[i]`` has the ids of document ``i``.

    Args:
        ids: (T,) all ids end to end, mapped into memory, in the width that they have in the file.
        bounds: (N + 1,) int64; document ``i`` is ``ids[bounds[i]:bounds[i + 1]]``.
        format: the name of the format.
        has_bounds: whether the file says where documents begin; if not, all ids are one document.
        mark: what the file says about its content: 16 bytes with a digest, or nothing.

    Example:
        >>> import numpy as np
        >>> tokens = Tokens(np.array([5, 6, 7], np.uint16), np.array([0, 1, 3]), "npy")
        >>> len(tokens), tokens[1].tolist()
        (2, [6, 7])
    """

    ids: "NDArray[np.integer]"
    bounds: "NDArray[np.int64]"
    format: str
    has_bounds: bool = True
    mark: bytes = b""

    @property
    def bits(self) -> int:
        """The width of an id in the file."""
        return self.ids.dtype.itemsize * 8

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, index: int) -> "NDArray[np.integer]": ...
    @overload
    def __getitem__(self, index: slice) -> "list[NDArray[np.integer]]": ...
    def __getitem__(self, index: int | slice) -> "NDArray[np.integer] | list[NDArray[np.integer]]":
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # an index from the end, or one that is too large
        return self.ids[self.bounds[place] : self.bounds[place + 1]]

    def cut_after(self, separator: int) -> "Tokens":
        """Return the same ids as documents that each end with a separator, except perhaps the last.

        Args:
            separator: the id at the end of a document.
        """
        import numpy as np

        ends = [np.zeros(1, np.int64)]
        for start in range(0, len(self.ids), _BLOCK):
            ends.append((self.ids[start : start + _BLOCK] == separator).nonzero()[0] + start + 1)
        if len(self.ids) and self.ids[-1] != separator:
            ends.append(np.array([len(self.ids)]))
        return replace(self, bounds=np.concatenate(ends), has_bounds=True)

    def blocks(self, first: int = 0, last: int | None = None) -> Iterator[FlatIds]:
        """Yield whole documents together, about a million ids at a time.

        Args:
            first: number of the first document.
            last: number of the document to stop before; all when None.
        """
        import numpy as np

        stop = len(self) if last is None else last
        while first < stop:
            wanted = int(self.bounds[first]) + _BLOCK
            end = int(np.searchsorted(self.bounds, wanted, "right")) - 1
            end = min(max(end, first + 1), stop)
            bounds = np.array(self.bounds[first : end + 1], np.int64)
            ids = np.array(self.ids[bounds[0] : bounds[-1]], self.ids.dtype.newbyteorder("="))
            yield FlatIds(ids, bounds - bounds[0])
            first = end
