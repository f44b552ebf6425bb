"""The documents of a corpus: from text, JSON lines, tables, Parquet and Arrow, one by one"""

import os
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.batches.text_blocks import BlockedTexts, TextBlock, given_blocks
from ptbert_tokenizers.batches.texts import shown
from ptbert_tokenizers.corpora.columns import read_arrow_texts, read_parquet_texts
from ptbert_tokenizers.corpora.paths import corpus_files
from ptbert_tokenizers.corpora.records import (
    COUNTS_START,
    read_json_blocks,
    read_table_texts,
)
from ptbert_tokenizers.files.lines import (
    Errors,
    read_line_blocks,
    read_lines,
    read_texts,
    shown_path,
)
from ptbert_tokenizers.files.vocabulary import PathLike

Documents = Literal["lines", "blank-lines", "files"]
InputFormat = Literal["text", "jsonl", "csv", "tsv", "parquet", "arrow"]

_ENDINGS: dict[str, InputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst")
_MAPPED = ("parquet", "arrow")


def read_documents(
    sources: Iterable[PathLike],
    *,
    field: str | None = None,
    documents: Documents = "lines",
    input_format: InputFormat | None = None,
    errors: Errors = "strict",
    verbose: bool = False,
) -> BlockedTexts:
    """Yield the documents of a corpus one by one; only the longest one must fit in memory.

    Text, JSON lines and tables may be compressed by gzip, bzip2, xz or zstd.

    Args:
        sources: files, pipes, folders, patterns, and ``-`` for standard input; see
            :func:`~ptbert_tokenizers.corpora.paths.corpus_files`.
        field: which field of a record, or column of a table, has the text. Text has none.
        documents: what a document of text is: one of the ``lines``; lines up to ``blank-lines``,
            which are not part of it; or the whole of each of the ``files``.
        input_format: ``text``, ``jsonl``, ``csv``, ``tsv``, ``parquet`` or ``arrow``; told by the
            endings of names when None.
        errors: what to do with lines that are not UTF-8: raise an error (``strict``), ``replace``
            their wrong bytes by U+FFFD, or leave these lines out (``skip``).
        verbose: show on a terminal how much has been read.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if a file needs a library that is not installed.
        TypeError: if ``field`` is no string, or ``verbose`` is one.
        ValueError: if a file is damaged, not UTF-8, or lacks the field; the line is named. Or if
            the arguments do not belong together.

    Example:
        >>> with open("corpus.txt", "w") as file:
        ...     _ = file.write("one\\ntwo\\n\\nthree\\n")
        >>> list(read_documents(["corpus.txt"], documents="blank-lines"))
        ['one\\ntwo', 'three']
    """
    _check_choices(documents, input_format)
    checked_switch(verbose, "verbose")
    if field is not None and not isinstance(field, str):
        raise TypeError(f"field is {shown(field)}, and not a string; give the name of a field")
    files = corpus_files(sources)
    kinds = [input_format or input_format_of(file) for file in files]
    for file, kind in zip(files, kinds, strict=True):  # before anything is read
        _check(file, kind, field, documents, errors)
    found = list(zip(files, kinds, strict=True))
    return BlockedTexts(_blocks(found, field or "", documents, errors, verbose))


def _check_choices(documents: str, input_format: str | None) -> None:
    if documents not in get_args(Documents):
        raise ValueError(
            f"documents={documents!r} is not known; choose from {', '.join(get_args(Documents))}"
        )
    if input_format not in (None, *get_args(InputFormat)):
        raise ValueError(
            f"input_format={input_format!r} is not known; choose from "
            f"{', '.join(get_args(InputFormat))}"
        )


def input_format_of(path: str) -> InputFormat:
    """Return the format of a file, told by the ending of its name; text if that says nothing.

    Example:
        >>> input_format_of("corpus.jsonl.zst"), input_format_of("corpus")
        ('jsonl', 'text')
    """
    name = path.lower()
    for packed in _PACKED_ENDINGS:
        name = name.removesuffix(packed)
    return _ENDINGS.get(os.path.splitext(name)[1], "text")


def _check(file: str, kind: str, field: str | None, documents: str, errors: str) -> None:
    if kind == "text":
        if field is not None:
            raise ValueError(
                f"{file!r} is text, which has no field {field!r}; leave the field out, or name the "
                "input format; of a folder with other files too, name those with records alone, "
                "as by the pattern 'FOLDER/*.jsonl'"
            )
        return
    if field is None:
        raise ValueError(
            f"{file!r} has records of the format {kind}; name the field that has the text, or the "
            "input format text to take its lines as they are"
        )
    if documents != "lines":
        raise ValueError(
            f"documents={documents!r} is for text, and {file!r} has a document in each record of "
            f"the format {kind}; leave it out"
        )
    if kind in _MAPPED and not os.path.isfile(file):
        raise ValueError(f"{file!r} is a pipe, and {kind} is read from files; write it to one")
    if kind != "jsonl" and errors != "strict":
        raise ValueError(
            f"errors={errors!r} is for lines, and {file!r} has the format {kind}; leave it out"
        )


def _blocks(
    files: list[tuple[str, InputFormat]],
    field: str,
    documents: Documents,
    errors: Errors,
    verbose: bool,
) -> Iterator[TextBlock]:
    for file, kind in files:
        if kind == "jsonl":
            yield from read_json_blocks(file, field, verbose=verbose, errors=errors)
        elif kind == "text" and documents == "lines":
            lines = read_line_blocks(file, verbose=verbose, errors=errors)
            yield from _without_counts(lines, file)
        else:
            texts = given_blocks(_texts(file, kind, field, documents, errors, verbose))
            yield from _without_counts(texts, file) if kind == "text" else texts


def _without_counts(blocks: Iterable[TextBlock], file: str) -> Iterator[TextBlock]:
    for number, block in enumerate(blocks):
        if number == 0 and next(iter(block), "").startswith(COUNTS_START):
            raise ValueError(
                "a file of count-words is among the texts; give such files to train, unpacked, by "
                f"their paths, and without texts ({shown_path(file)})"
            )
        yield block


def _texts(
    file: str,
    kind: InputFormat,
    field: str,
    documents: Documents,
    errors: Errors,
    verbose: bool,
) -> Iterator[str]:
    """The documents that are found one by one."""
    if kind == "parquet":
        yield from read_parquet_texts(file, field)
    elif kind == "arrow":
        yield from read_arrow_texts(file, field)
    elif kind != "text":
        delimiter = "," if kind == "csv" else "\t"
        yield from read_table_texts(file, field, delimiter, verbose=verbose)
    elif documents == "files":
        yield "".join(read_lines(file, verbose=verbose, errors=errors))
    else:
        yield from _paragraphs(read_texts(file, verbose=verbose, errors=errors))


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Lines joined to texts that end at blank lines, or at the end."""
    held: list[str] = []
    for line in lines:
        if line and not line.isspace():
            held.append(line)
        elif held:
            yield "\n".join(held)
            held = []
    if held:
        yield "\n".join(held)
