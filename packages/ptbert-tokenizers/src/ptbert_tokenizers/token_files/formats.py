"""The formats of token files: which one a path means, and opening and writing any of them"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ptbert_hub import atomic_write
from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.token_files.datatrove import (
    DatatroveWriter,
    datatrove_paths,
    open_datatrove,
)
from ptbert_tokenizers.token_files.lines import read_id_lines, write_id_lines
from ptbert_tokenizers.token_files.manifests import remove_manifest, written_files
from ptbert_tokenizers.token_files.megatron import MegatronWriter, megatron_paths, open_megatron
from ptbert_tokenizers.token_files.npy import BOUNDS_ENDING, NpyWriter, npy_paths, open_npy
from ptbert_tokenizers.token_files.plain_bin import (
    LlmCWriter,
    NanoGptWriter,
    is_llm_c,
    open_llm_c,
    open_nanogpt,
    plain_bin_paths,
)
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.token_files.writing import TokenWriter, naming, written_together

if TYPE_CHECKING:
    import numpy as np


class Format(NamedTuple):
    """A format whose files can be mapped into memory.

    Args:
        ending: of the file that is named.
        paths: all files by the named one, which comes first.
        open: opens them for reading.
        writer: writes them.
    """

    ending: str
    paths: Callable[[str], list[str]]
    open: Callable[[str], Tokens]
    writer: type[TokenWriter]


FORMATS: dict[str, Format] = {
    "npy": Format(".npy", npy_paths, open_npy, NpyWriter),
    "nanogpt": Format(".bin", plain_bin_paths, open_nanogpt, NanoGptWriter),
    "llm.c": Format(".bin", plain_bin_paths, open_llm_c, LlmCWriter),
    "megatron": Format(".bin", megatron_paths, open_megatron, MegatronWriter),
    "datatrove": Format(".ds", datatrove_paths, open_datatrove, DatatroveWriter),
}
"""By name. Lines of JSON, ``jsonl``, are the one format that cannot be mapped."""

LINES = "jsonl"
FORMAT_NAMES = (*FORMATS, LINES)
BITS = (16, 32)
_OUTPUT = ("-", "/dev/stdout")

Write = Callable[[FlatIds], None]


def width_for(largest: int) -> int:
    """Return the bits that an id needs, 16 or 32.

    Example:
        >>> width_for(50256), width_for(65536)
        (16, 32)
    """
    return 16 if largest < 2**16 else 32


@contextmanager
def id_writer(
    path: PathLike,
    format: str | None = None,
    bits: int = 32,
    *,
    before: Callable[[list[dict[str, Any]]], None] | None = None,
) -> Iterator[Write]:
    """Open token files to write documents into block by block; they appear when all are written.

    Args:
        path: the file of ids; ``-`` for standard output, or a pipe, which get lines of JSON.
        format: one of ``npy``, ``nanogpt``, ``llm.c``, ``megatron``, ``datatrove`` and ``jsonl``;
            told by the ending when None, which ``.bin`` does not show.
        bits: width of an id in the file, 16 or 32; lines of JSON have none.
        before: is called when all is written, before any file appears, with what a manifest says
            about each; if it raises, none appears. Not for lines of JSON.

    Raises:
        ValueError: if the format is unknown or does not show, it does not have that width, or an id
            does not fit.
        FileNotFoundError: if there is no such folder.
        IsADirectoryError: if it is a folder itself.

    Example:
        >>> import numpy as np
        >>> with id_writer("ids.npy", bits=16) as write:
        ...     write(FlatIds(np.array([5, 6, 7], np.int32), np.array([0, 1, 3])))
        >>> list(read_ids("ids.npy"))
        [[5], [6, 7]]
    """
    name = os.fspath(path)
    chosen = _checked(format, (*FORMATS, LINES))
    if is_stream(name):
        if chosen not in (None, LINES):
            raise ValueError(
                f"the format {chosen} is not for a pipe, because its beginning is written last; "
                "write a file, or lines of JSON"
            )
        with _open_stream(name) as write:
            yield write
        return
    chosen = format_of_output(name, chosen)
    paths = files_written(name, chosen)
    for each in paths:
        _refuse_folder(each)
    if chosen == LINES:
        with atomic_write(name) as file:
            yield lambda flat: write_id_lines(file, flat)
        return
    with (
        written_together(paths) as files,
        closing(FORMATS[chosen].writer(files, paths[0], checked_whole(bits, "bits"))) as writer,
    ):
        yield writer.write
        writer.finish()
        if before is not None:
            before(written_files(paths, files))
        remove_manifest(paths[0])  # it describes what was there before


@contextmanager
def _open_stream(name: str) -> Iterator[Write]:
    """Open standard output, a pipe or a device; errors name it, also those of its end."""
    if name in _OUTPUT:
        shown = "standard output"
        yield _line_writer(sys.stdout.buffer, shown)
        with naming(shown):
            sys.stdout.buffer.flush()
        return
    pipe = open(name, "wb")  # noqa: SIM115 - closed below
    try:
        yield _line_writer(pipe, name)
    finally:
        with naming(name):
            pipe.close()


def _line_writer(stream: BinaryIO, shown: str) -> Write:
    def write(flat: FlatIds) -> None:
        with naming(shown):
            write_id_lines(stream, flat)

    return write


def _checked(format: str | None, known: tuple[str, ...]) -> str | None:
    if format is not None and format not in known:
        raise ValueError(f"format={format!r} is not known; choose from {', '.join(known)}")
    return format


def format_of_output(name: str, format: str | None = None) -> str:
    """Return the format in which a file is written: the one that is named, or that of its ending.

    Raises:
        ValueError: if there is no such format, or the ending does not show it.
    """
    if format is not None:
        return _checked(format, FORMAT_NAMES) or format
    if name.endswith(f".{LINES}"):
        return LINES
    fitting = [each for each, form in FORMATS.items() if name.endswith(form.ending)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ValueError(
            f"{name!r} may have several formats; say which: {', '.join(fitting[:-1])} or "
            f"{fitting[-1]}"
        )
    raise ValueError(
        f"ids are written to .npy or .jsonl files, not to {name!r}; or name the format, one of "
        f"{', '.join(FORMAT_NAMES)}"
    )


def _refuse_folder(name: str) -> None:
    folder = os.path.dirname(os.path.abspath(name))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder!r} for {name!r}; create it first")
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name!r} is a folder; give the name of a file")


def open_tokens(
    path: PathLike, format: str | None = None, *, separator: int | None = None
) -> Tokens:
    """Open a token file, mapped into memory: nothing is read before it is used.

    Args:
        path: the file of ids, or its index.
        format: its name; told by the file when None.
        separator: an id at which each document ends, for files without bounds.

    Raises:
        FileNotFoundError: if there is no such file, or a file that belongs to it is missing.
        ValueError: if it is no token file, or damaged.

    Example:
        >>> import numpy as np
        >>> np.array([7, 0, 8, 9, 0], np.uint16).tofile("train.bin")
        >>> len(open_tokens("train.bin")), len(open_tokens("train.bin", separator=0))
        (1, 2)
    """
    name = os.fspath(path)
    if separator is not None:
        separator = checked_whole(separator, "separator", 0)
    chosen = _checked(format, tuple(FORMATS)) or format_of(name)
    if chosen is None:
        if not os.path.isfile(name):
            raise FileNotFoundError(f"there is no file {name!r}, which the ids are read from")
        raise ValueError(
            f"{name!r} is no token file that is known; name its format, one of {', '.join(FORMATS)}"
        )
    tokens = FORMATS[chosen].open(name)
    if separator is None or tokens.has_bounds:
        return tokens
    return tokens.cut_after(separator)


def format_of(path: str) -> str | None:
    """Return the format of a token file, told by its name and its first bytes; None if it is none.

    Vocabularies of Transformer-XL, whose name ends in ``.bin`` too, are none.
    """
    if path.endswith(f".bin{BOUNDS_ENDING}"):
        path = path.removesuffix(BOUNDS_ENDING)
    if path.endswith(".npy"):
        return "npy"
    if path.endswith((".ds", ".ds.index")):
        return "datatrove"
    if path.endswith(".idx"):
        return "megatron"
    if not path.endswith(".bin") or not os.path.isfile(path):
        return None
    if os.path.isfile(megatron_paths(path)[1]):
        return "megatron"
    with open(path, "rb") as file:
        start = file.read(len(_TORCH))
    if is_llm_c(start):
        return "llm.c"
    return None if start.startswith((_TORCH, b"PK\x03\x04")) else "nanogpt"


# How torch.save begins: a pickle of a number that no ids are likely to make; or a zip archive.
_TORCH = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"


def files_of(path: str, format: str) -> list[str]:
    """Return the files of a token file that are there, the file of ids first."""
    return [each for each in FORMATS[format].paths(path) if os.path.isfile(each)]


def files_written(path: PathLike, format: str | None = None) -> list[str]:
    """Return the files that ``id_writer`` writes, the file of ids first; none for standard output.

    Raises:
        ValueError: if there is no such format, or the ending does not show it.

    Example:
        >>> files_written("ids.npy")
        ['ids.npy', 'ids.bounds.npy']
    """
    name = os.fspath(path)
    if is_stream(name):
        return []
    chosen = format_of_output(name, format)
    return FORMATS[chosen].paths(name) if chosen in FORMATS else [name]


def is_stream(name: str) -> bool:
    """Tell whether a name is that of standard output, a pipe or a device."""
    if name in _OUTPUT:
        return True
    return os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name)


def read_ids(path: PathLike, format: str | None = None) -> Iterator[list[int]]:
    """Yield the ids of each document in a token file of any format.

    Args:
        path: a token file; anything that is none has lines of JSON, as has a pipe, or ``-`` for
            standard input.
        format: its name; told by the file when None.

    Raises:
        FileNotFoundError: if the file, or one that belongs to it, does not exist.
        ValueError: if it is neither a token file nor lines of JSON lists, or damaged.
    """
    name = os.fspath(path)
    chosen = _checked(format, FORMAT_NAMES) or format_of(name) or LINES
    if chosen == LINES:
        yield from read_id_lines(name)
        return
    for document in FORMATS[chosen].open(name):
        yield document.tolist()


def largest_id(ids: "np.ndarray[Any, Any]") -> int:
    """Return the largest of many ids, -1 if there are none, without reading all at once."""
    return max((int(ids[i : i + 2**22].max()) for i in range(0, len(ids), 2**22)), default=-1)
