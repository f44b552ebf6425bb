"""Encoding a shard of a corpus, for any engine: the output is there as a whole or not at all"""

import logging
import os
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

from ptbert_hub.digests import file_digest
from ptbert_tokenizers.arguments import checked_switch, checked_whole
from ptbert_tokenizers.batches.texts import in_order, shown
from ptbert_tokenizers.corpora.documents import Documents, InputFormat, read_documents
from ptbert_tokenizers.corpora.paths import checked_path, corpus_files, refuse_outputs_among
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.files.lines import Errors
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.token_files.formats import (
    FORMATS,
    files_written,
    format_of_output,
    id_writer,
    width_for,
)
from ptbert_tokenizers.token_files.manifests import (
    Manifest,
    manifest_path,
    read_manifest,
    write_manifest,
)

logger = logging.getLogger(__name__)


class Shard(NamedTuple):
    """A token file that :func:`encode_shard` made.

    Args:
        output: the file of ids.
        documents: how many documents it has.
        tokens: how many ids it has.
        was_there: whether an earlier call had made it already.
    """

    output: str
    documents: int
    tokens: int
    was_there: bool


def encode_shard(
    input: PathLike | Sequence[PathLike],
    output: PathLike,
    tokenizer: PreTrainedTokenizer | PathLike,
    *,
    field: str | None = None,
    documents: Documents = "lines",
    input_format: InputFormat | None = None,
    errors: Errors = "strict",
    add_special_tokens: bool = False,
    separator: str | None = None,
    max_len: int | None = None,
    stride: int | None = None,
    format: str | None = None,
    bits: int | None = None,
    workers: int = 1,
) -> Shard:
    """Encode a part of a corpus into a token file, unless that was done before.

    The bytes of the output depend on the bytes of the input, the tokenizer and the settings, and on
    nothing else. They appear whole or not at all, and then a manifest beside them, with counts,
    digests and settings. If the manifest is there and agrees, nothing is written. So it does not
    matter how often a call is repeated, on which machine, at the same time or after it was killed.
    The function and its arguments can be pickled, for engines such as Dask, Ray and Spark.

    Args:
        input: files, folders and patterns of the shard, as for ``read_documents``; no pipes.
        output: the token file, such as ``ids.npy``. An existing one without a manifest is replaced.
        tokenizer: a tokenizer, or the name, folder or file to load it from.
        field: as in ``read_documents``, as are the three arguments after it.
        documents: what a document of text is.
        input_format: what the files are.
        errors: what to do with lines that are not UTF-8.
        add_special_tokens: as in ``encode``.
        separator: a token to put after each document, such as ``<|endoftext|>``.
        max_len: as in ``encode_flat``.
        stride: as in ``encode_flat``.
        format: of the output, as in ``id_writer``; told by the ending when None.
        bits: width of an id, 16 or 32; 16 when None, if all ids of the tokenizer fit.
        workers: number of processes to use; it does not change the output.

    Raises:
        FileNotFoundError: if an input, or the folder of the output, does not exist.
        TypeError: if an argument is of another type, such as an output that is no path.
        ValueError: if the output was made with other settings, or from other input, which are
            named; if there are no inputs, or one is also the output, would be it when this is
            called again, or changed while it was read; or as for
            ``read_documents``, ``encode_flat`` and ``id_writer``.

    Example:
        >>> from ptbert_tokenizers.files.vocabulary import write_lines
        >>> write_lines("vocab.txt", ["[UNK]", "[CLS]", "[SEP]", "hello", "world"])
        >>> write_lines("part.txt", ["Hello", "hello world"])
        >>> encode_shard("part.txt", "part.npy", "vocab.txt")
        Shard(output='part.npy', documents=2, tokens=3, was_there=False)
        >>> encode_shard("part.txt", "part.npy", "vocab.txt").was_there
        True
    """
    name = checked_path(output, "output")
    if not isinstance(tokenizer, (PreTrainedTokenizer, str, os.PathLike)):
        raise TypeError(f"tokenizer is {shown(tokenizer)}; give a tokenizer, or its name or path")
    chosen = format_of_output(name, format)
    if isinstance(input, (str, os.PathLike)):
        input = [input]
    sources = list(in_order(input, "input", "paths"))  # they may come one by one
    files = _regular_files(sources)
    _check_output(name, chosen)
    written = files_written(name, chosen)
    name = written[0]  # also if the index was named
    refuse_outputs_among(sources, [*written, manifest_path(name)])
    if not isinstance(tokenizer, PreTrainedTokenizer):
        tokenizer = load_tokenizer(tokenizer)
    width = (
        checked_whole(bits, "bits")
        if bits is not None
        else width_for(max(tokenizer.vocabulary.values(), default=0))
    )
    settings = {
        "format": chosen,
        "bits": width,
        "field": field,
        "documents": documents,
        "input_format": input_format,
        "errors": errors,
        "add_special_tokens": checked_switch(add_special_tokens, "add_special_tokens"),
        "separator": separator,
        "max_len": max_len,
        "stride": stride,
        "tokenizer": tokenizer.fingerprint(),
    }
    inputs = [{"bytes": os.path.getsize(file), "sha256": file_digest(file)} for file in files]
    known = _made_before(name, settings, inputs)
    if known is None and os.path.exists(manifest_path(name)):
        logger.warning("%s is damaged or not complete, and is made again", name)
    if known is not None:
        return Shard(name, known.documents, known.tokens, was_there=True)
    state = [_state(file) for file in files]
    texts = read_documents(
        files, field=field, documents=documents, input_format=input_format, errors=errors
    )
    encoded = tokenizer.encode_stream(
        texts,
        max_len=max_len,
        add_special_tokens=add_special_tokens,
        stride=stride,
        separator=tokenizer.separator_id(separator),
        workers=workers,
    )
    count = tokens = 0
    made: list[dict[str, Any]] = []

    def check_before(files_made: list[dict[str, Any]]) -> None:
        _refuse_changed(files, state)
        made.extend(files_made)
        if _made_before(name, settings, inputs) is not None:
            raise _MadeMeanwhile

    try:
        with id_writer(name, chosen, width, before=check_before) as write, closing(encoded):
            for flat in encoded:
                write(flat)
                count += len(flat.bounds) - 1
                tokens += len(flat.ids)
    except _MadeMeanwhile:  # by another run; what it made is the same
        return Shard(name, count, tokens, was_there=True)
    write_manifest(name, Manifest(settings, inputs, made, count, tokens))
    if not count:
        logger.warning("there is no text in %s", " ".join(files))
    return Shard(name, count, tokens, was_there=False)


class _MadeMeanwhile(Exception):
    """Another run has made the same output."""


def _regular_files(sources: Sequence[PathLike]) -> list[str]:
    files = corpus_files(sources)
    for file in files:
        if not os.path.isfile(file):
            raise ValueError(
                f"{file!r} is a pipe, which cannot be read again if something fails; write it to a "
                "file first"
            )
    return files


def _check_output(name: str, chosen: str) -> None:
    if chosen not in FORMATS:
        raise ValueError(
            f"{name!r}: a shard has a format that can be mapped into memory, not {chosen}; choose "
            f"from {', '.join(FORMATS)}"
        )
    if os.path.exists(name) and not os.path.isfile(name):
        raise ValueError(f"{name!r} is no file; give the name of a file")


def _made_before(
    name: str, settings: dict[str, Any], inputs: list[dict[str, Any]]
) -> Manifest | None:
    """The manifest of the output, if that is there and as it should be.

    Raises:
        ValueError: if it was made with other settings or from other input.
    """
    known = read_manifest(name)
    if known is None:
        return None
    if differences := known.differences(settings, inputs):
        raise ValueError(
            f"{name!r} was made in another way, as {manifest_path(name)!r} says: "
            f"{'; '.join(differences)}; give another output, or remove the manifest to make it "
            "again"
        )
    return known if known.describes(os.path.dirname(name)) else None


def _state(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns


def _refuse_changed(files: list[str], before: list[tuple[int, int]]) -> None:
    for file, state in zip(files, before, strict=True):
        if _state(file) != state:
            raise ValueError(f"{file!r} changed while it was read; run this again")
