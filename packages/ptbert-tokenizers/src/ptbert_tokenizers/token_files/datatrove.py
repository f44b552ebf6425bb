"""datatrove's tokenized files: ids in `.ds`, and in `.ds.index` where each document ends

``NAME.ds`` has the ids end to end, as unsigned 16 or 32 bit, and ``NAME.ds.index`` the number of
ids before the end of each document, as unsigned 64 bit. Neither has a header; the size of the first
divided by the last number of the second is the width of an id. All numbers are little-endian.

Source:
    datatrove, ``datatrove.pipeline.tokens.tokenizer``, whose writer made the files that this was
    compared with.
"""

from typing import ClassVar

from ptbert_tokenizers.token_files.arrays import file_size, map_array, open_token_file
from ptbert_tokenizers.token_files.npy import are_bounds
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.token_files.writing import TokenWriter


class DatatroveWriter(TokenWriter):
    """Ids, and where documents end."""

    kinds: ClassVar[dict[int, str]] = {16: "<u2", 32: "<u4"}
    name: ClassVar[str] = "datatrove"


def datatrove_paths(path: str) -> list[str]:
    """Return the files of ids at a path: the ids, and the index."""
    path = path.removesuffix(".index")
    return [path, f"{path}.index"]


def open_datatrove(path: str) -> Tokens:
    """Open a file of datatrove, mapped into memory.

    Raises:
        FileNotFoundError: if it does not exist, or has no index.
        ValueError: if the two do not belong together, or have another byte order.
    """
    import numpy as np

    path, of_index = datatrove_paths(path)
    with open_token_file(of_index) as index:
        if file_size(index) % 8:
            raise ValueError(f"{of_index!r} is cut off; write it again")
        ends = map_array(index, of_index, "<u8", 0, file_size(index) // 8)
    with open_token_file(path) as file:
        size = file_size(file)
        count = int(ends[-1]) if len(ends) else 0
        width = _width(size, count)
        if width is None:
            if len(ends) and _width(size, int(ends[-1].byteswap())) is not None:
                raise ValueError(
                    f"{of_index!r} was written with the byte order of another machine, big-endian; "
                    "write it again as little-endian"
                )
            raise ValueError(
                f"{path!r} has {size} bytes, which are not {count} ids of 16 or 32 bits, as "
                f"{of_index!r} says; one of the two is older or damaged, so write both again"
            )
        ids = map_array(file, path, f"<u{width}", 0, count)
    bounds = np.concatenate([np.zeros(1, np.int64), ends.astype(np.int64)])
    if not are_bounds(bounds, len(ids)):
        raise ValueError(
            f"{of_index!r} has ends that do not rise; it is damaged, so write it again"
        )
    return Tokens(ids, bounds, "datatrove")


def _width(size: int, count: int) -> int | None:
    """The bytes of an id, if so many make a file of that size."""
    if not count:
        return 2 if not size else None
    return next((width for width in (2, 4) if count * width == size), None)
