"""Making one token file of several, and several of one, with whole documents"""

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from numbers import Real
from os import PathLike as PathLikeObject
from os import fspath
from os.path import abspath, realpath
from typing import Any

from ptbert_tokenizers.batches.texts import in_order
from ptbert_tokenizers.files.outputs import refuse_inputs_as_outputs
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.token_files.formats import (
    FORMATS,
    files_of,
    files_written,
    format_of_output,
    id_writer,
    open_tokens,
)
from ptbert_tokenizers.token_files.manifests import (
    Manifest,
    refuse_other_settings,
    write_manifest,
)
from ptbert_tokenizers.token_files.tokens import Tokens

_NUMBERS: Any = Real
_TOO_LARGE = 1e300  # for a share


def merge_token_files(
    inputs: Sequence[PathLike],
    output: PathLike,
    *,
    format: str | None = None,
    bits: int | None = None,
    separator: int | None = None,
) -> int:
    """Write the documents of several token files, one file after the other, into one.

    It needs memory for about a million ids, and for the bounds of the formats that have none. If
    all inputs have manifests, so does the output: with their settings, and the digests of their
    files, as the manifests have them.

    Args:
        inputs: token files, of any formats. An index, or bounds, whose ids are named too counts
            with them, so a pattern may fit both.
        output: the file to write; it appears when all is written.
        format: of the output; told by the ending when None.
        bits: width of an id in the output; that of the widest input when None.
        separator: an id at which documents end, for inputs without bounds.

    Returns:
        The number of documents.

    Raises:
        FileNotFoundError: if an input does not exist.
        ValueError: if an input is damaged or also the output, an id does not fit, or the inputs
            have manifests that show different settings.

    Example:
        >>> import numpy as np
        >>> np.array([7, 8], np.uint16).tofile("one.bin")
        >>> np.array([9], np.uint16).tofile("two.bin")
        >>> merge_token_files(["one.bin", "two.bin"], "both.npy")
        2
        >>> open_tokens("both.npy").ids.tolist()
        [7, 8, 9]
    """
    inputs = paths_in_order(inputs, "inputs")
    if not inputs:
        raise ValueError("there are no token files to merge; name one or more")
    inputs = without_indexes(inputs)
    opened = [open_tokens(path, separator=separator) for path in inputs]
    read = [files_of(fspath(path), each.format) for path, each in zip(inputs, opened, strict=True)]
    _refuse_same(read, [output], format)
    known = refuse_other_settings([files[0] for files in read])
    width = max(_width(tokens) for tokens in opened) if bits is None else bits
    made: list[dict[str, Any]] = []
    with id_writer(output, format, width, before=made.extend) as write:
        for tokens in opened:
            for flat in tokens.blocks():
                write(flat)
    documents = sum(map(len, opened))
    if made and len(known) == len(opened):
        main = files_written(output, format)[0]
        settings = {**known[0].settings, "format": format_of_output(main, format), "bits": width}
        merged = [
            {key: file[key] for key in ("bytes", "sha256")} for each in known for file in each.files
        ]
        ids = sum(len(each.ids) for each in opened)
        write_manifest(main, Manifest(settings, merged, made, documents, ids))
    return documents


def split_token_file(
    path: PathLike,
    outputs: Sequence[PathLike],
    shares: Sequence[float] | None = None,
    *,
    format: str | None = None,
    bits: int | None = None,
    separator: int | None = None,
) -> list[int]:
    """Write the documents of a token file into several, in their order.

    A part ends with the document after which the ids so far are nearest to its share.

    Args:
        path: a token file.
        outputs: the files to write; they appear when all are written.
        shares: how much of the ids each gets, such as ``[9, 1]``; equal when None.
        format: of the outputs; told by the ending when None.
        bits: width of an id in the outputs; that of the input when None.
        separator: an id at which documents end, for a file without bounds.

    Returns:
        The number of documents in each part.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if it is damaged or also an output, a part would have no document, or the shares
            do not belong to the outputs.

    Example:
        >>> import numpy as np
        >>> np.array([5, 0, 6, 7, 0, 8, 0], np.uint16).tofile("all.bin")
        >>> split_token_file("all.bin", ["train.npy", "held_out.npy"], [7, 3], separator=0)
        [2, 1]
    """
    outputs = paths_in_order(outputs, "outputs")
    if shares is not None:
        shares = list(in_order(shares, "shares", "numbers"))
    shares = [1.0] * len(outputs) if shares is None else shares
    if len(shares) != len(outputs) or not outputs or not all(_is_share(each) for each in shares):
        raise ValueError(
            f"{len(outputs)} outputs and shares={list(shares)}; give a number above 0 for each"
        )
    names = [name for output in outputs for name in _files_to_write(output, format)]
    if len(set(names)) < len(names):
        raise ValueError("two outputs are of the same files; give each part files of its own")
    tokens = open_tokens(path, separator=separator)
    _refuse_same([files_of(fspath(path), tokens.format)], outputs, format)
    ends = part_ends(tokens, shares)
    counts = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    if 0 in counts:
        hint = "" if tokens.has_bounds else ", or the separator at which its documents end"
        raise ValueError(
            f"{fspath(path)!r} has {len(tokens)} documents, too few for {len(outputs)} parts of "
            f"these sizes; ask for fewer parts{hint}"
        )
    width = _width(tokens) if bits is None else bits
    with ExitStack() as stack:
        writers = [stack.enter_context(id_writer(output, format, width)) for output in outputs]
        for write, start, end in zip(writers, [0, *ends], ends, strict=False):
            for flat in tokens.blocks(start, end):
                write(flat)
    return counts


def paths_in_order(paths: Any, name: str) -> list[PathLike]:
    """Return paths that a caller gave.

    Raises:
        TypeError: if it is one path, or something else.
    """
    if isinstance(paths, (str, PathLikeObject)):
        raise TypeError(f"{name} is one path, {fspath(paths)!r}; give a list of paths")
    return list(in_order(paths, name, "paths"))


def without_indexes(paths: Sequence[PathLike]) -> list[PathLike]:
    """Return token files, without the indexes and bounds of files that are among them.

    Example:
        >>> without_indexes(["a.bounds.npy", "a.npy", "b.idx", "b.bin", "c.ds.index"])
        ['a.npy', 'b.bin', 'c.ds.index']
    """
    named = {abspath(path) for path in paths}
    return [path for path in paths if named.isdisjoint(_ids_of_index(abspath(path)))]


def _ids_of_index(path: str) -> list[str]:
    """The file of ids of an index or of bounds, by their names; none for other files."""
    files = [form.paths(path) for form in FORMATS.values()]
    return [ids for ids, index in files if index == path != ids]


def _is_share(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and bool(0 < value < _TOO_LARGE)


def part_ends(tokens: Tokens, shares: Sequence[float]) -> list[int]:
    """Return the number of the document before which each part ends.

    Args:
        tokens: the documents.
        shares: how much of the ids each part gets, each above 0.
    """
    import numpy as np

    exact = [Fraction(share) for share in shares]  # the last part ends with the last document
    ends = []
    for part in range(1, len(exact)):
        wanted = int(len(tokens.ids) * sum(exact[:part]) / sum(exact))
        after = int(np.searchsorted(tokens.bounds, wanted))
        before = max(after - 1, 0)
        is_nearer = wanted - tokens.bounds[before] < tokens.bounds[after] - wanted
        ends.append(before if is_nearer else after)
    return [*ends, len(tokens)]


def _width(tokens: Tokens) -> int:
    return 16 if tokens.bits <= 16 else 32


def _files_to_write(output: PathLike, format: str | None) -> list[str]:
    """The real paths of all files of an output."""
    name = fspath(output)
    fitting = [kind for kind, form in FORMATS.items() if name.endswith(form.ending)]
    kind = format or (fitting[0] if len(fitting) == 1 else None)  # id_writer refuses the others
    return [realpath(each) for each in (FORMATS[kind].paths(name) if kind in FORMATS else [name])]


def _refuse_same(
    inputs: Sequence[Sequence[str]], outputs: Sequence[PathLike], format: str | None
) -> None:
    read = [file for files in inputs for file in files]
    for output in outputs:
        refuse_inputs_as_outputs(read, [output, *_files_to_write(output, format)])
