"""Writing token files block by block: several files that appear together, the named one last"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ptbert_hub import atomic_write
from ptbert_hub.files import remove
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.token_files.arrays import MARK_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MARK_START = b"sha2"
"""With what a mark begins that is a digest; earlier releases wrote random bytes."""


@contextmanager
def written_together(paths: Sequence[str]) -> Iterator[list[BinaryIO]]:
    """Open files that belong together; all appear when the block ends, the first one last.

    While they appear, the first one is not there. So a program that is killed in this moment leaves
    no file that others could take for a whole one. After an error the old files are unchanged.

    Args:
        paths: the file that the caller named, and those beside it.

    Example:
        >>> with written_together(["ids", "ids.index"]) as (ids, index):
        ...     _ = ids.write(b"12"), index.write(b"3")
        >>> Path("ids").read_bytes()
        b'12'
    """
    with ExitStack() as stack:
        files = [stack.enter_context(atomic_write(path)) for path in paths]
        yield files
        if len(paths) > 1:
            for file in files:  # what can fail fails before the old file goes
                file.flush()
                os.fsync(file.fileno())
            remove(Path(os.path.realpath(paths[0])))


class TokenWriter:
    """Writes documents into the files of one format; ids first, and ends of documents second.

    Args:
        files: as :func:`written_together` opens them.
        path: the file that the caller named, for messages.
        bits: width of an id.
    """

    kinds: ClassVar[dict[int, str]]
    """By width, how NumPy writes the type of ids that the format has."""
    name: ClassVar[str]

    def __init__(self, files: Sequence[BinaryIO], path: str, bits: int) -> None:
        if bits not in self.kinds:
            raise ValueError(
                f"{path!r}: files of the format {self.name} have ids of "
                f"{' or '.join(map(str, self.kinds))} bits, not {bits}; "
                "choose another width, or another format"
            )
        self.files, self.path, self.kind = files, path, self.kinds[bits]
        self.bits, self.tokens, self.documents = bits, 0, 0
        self._digests = hashlib.sha256(), hashlib.sha256()  # of ids, and of bounds
        self.begin()

    def write(self, flat: FlatIds) -> None:
        """Add documents.

        Raises:
            ValueError: if an id does not fit.
        """
        import numpy as np

        info = np.iinfo(self.kind)
        for extreme in (flat.ids.min(initial=0), flat.ids.max(initial=0)):
            if not 0 <= extreme <= info.max:
                raise ValueError(
                    f"{self.path!r}: the id {extreme} does not fit into {self.bits} bits of the "
                    f"format {self.name}; write ids of 32 bits, or in another format"
                )
        data = flat.ids.astype(self.kind, copy=False).tobytes()
        ends = flat.bounds[1:] + self.tokens
        self._digests[0].update(data)
        self._digests[1].update(ends.astype("<i8", copy=False).tobytes())
        self.write_bytes(self.files[0], data)
        self.tokens += len(flat.ids)
        self.documents += len(ends)
        self.check_length()
        self.write_ends(ends)

    def finish(self) -> None:
        """Write what can only be known at the end."""

    def close(self) -> None:
        """Free what the writer holds besides the files; called in the end, also after an error."""

    def mark(self) -> bytes:
        """Return half of a digest of all that was written, to recognise files of one content."""
        return content_mark(*(digest.digest() for digest in self._digests))

    def begin(self) -> None:
        """Leave room for a header."""

    def check_length(self) -> None:
        """Raise if there are more ids than the format can have."""

    def write_ends(self, ends: "NDArray[np.int64]") -> None:
        """Write where documents end, (N,), counted in ids from the beginning of the file."""
        self.write_bytes(self.files[1], ends.astype("<i8", copy=False).tobytes())

    def write_bytes(self, file: BinaryIO, data: bytes) -> None:
        """Write to one of the files."""
        with naming(self.path):
            file.write(data)


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Let errors of writing, such as that of a full disk, name the file, as those of opening do."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or path
        raise


def content_mark(of_ids: bytes, of_bounds: bytes) -> bytes:
    """Return the mark of a file from the digests of its ids and of the ends of its documents."""
    return (MARK_START + hashlib.sha256(of_ids + of_bounds).digest())[:MARK_BYTES]
