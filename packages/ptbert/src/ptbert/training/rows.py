"""Examples in files: tables (CSV, TSV) and lines of JSON, each row with its place."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ptbert.training.counts import number_of
from ptbert.training.formats import ending_of
from ptbert_models.files.json_files import without_contradictions
from ptbert_tokenizers.files.lines import read_lines, read_texts

ENDINGS = (".csv", ".tsv", ".jsonl")
_JSON = json.JSONDecoder(object_pairs_hook=without_contradictions)


class Row(NamedTuple):
    """One row of a file.

    Args:
        place: file and row, for messages.
        values: by column.
    """

    place: str
    values: Mapping[str, Any]

    def text(self, column: str) -> str:
        """Return the text in a column.

        Raises:
            ValueError: if there is none.
        """
        if column not in self.values:
            raise ValueError(
                f"{self.place} has no column {column!r}, only {', '.join(map(repr, self.values))}; "
                "name the columns with --text, --pair, --label and --choices"
            )
        value = self.values[column]
        is_nothing = isinstance(value, float) and math.isnan(value)  # of pandas
        if is_nothing or isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(
                f"{self.place} has {value!r} in the column {column!r}; give a text or a number"
            )
        return value if isinstance(value, str) else json.dumps(value)


def read_rows(path: str | os.PathLike[str], *, header: bool = True) -> Iterator[Row]:
    """Yield the rows of a file.

    ``.csv`` is read as in RFC 4180, ``.tsv`` as lines of values between tabs, without quotes, and
    ``.jsonl`` as a JSON object on each line. Each may be compressed: ``.csv.gz``. Of a number the
    text is that of JSON, so the labels ``1`` and ``"1"`` are the same.

    Args:
        path: the file, in UTF-8.
        header: whether the first row of a table names its columns; else they are "1", "2", ...

    Raises:
        ValueError: if it has another ending, no rows, or a row that cannot be read.
        OSError: if it cannot be read.

    Example:
        >>> with open("train.csv", "w") as file:
        ...     _ = file.write('text,label\\n"Good, really",1\\n')
        >>> [dict(row.values) for row in read_rows("train.csv")]
        [{'text': 'Good, really', 'label': '1'}]
    """
    name = os.fspath(path)
    ending = ending_of(name)
    if ending not in ENDINGS:
        raise ValueError(
            f"{name!r} has the ending {ending!r}, which says nothing about its format; give a file "
            f"with one of {', '.join(ENDINGS)}"
        )
    rows = _objects(name) if ending == ".jsonl" else _table(name, ending, header)
    is_empty = True
    for row in rows:
        is_empty = False
        yield row
    if is_empty:
        raise ValueError(f"{name!r} has no rows; give a file with examples")


def refuse_one_column_for_two(**columns: str) -> None:
    """Raise if two settings name the same column.

    Args:
        **columns: by the name of the setting; empty ones are not set.

    Example:
        >>> refuse_one_column_for_two(text="text", pair="", label="text")
        Traceback (most recent call last):
        ...
        ValueError: --text and --label both name the column 'text'; name two different columns
    """
    named: dict[str, str] = {}
    for setting, column in columns.items():
        if column and named.setdefault(column, setting) != setting:
            raise ValueError(
                f"--{named[column]} and --{setting} both name the column {column!r}; name two "
                "different columns"
            )


def one_line(text: str) -> str:
    """Return a text that can be printed, without tabs and line ends, which divide what is printed.

    Example:
        >>> one_line("one\\ttwo\\n")
        'one two'
    """
    return " ".join(text.encode(errors="replace").decode().split())


def _objects(name: str) -> Iterator[Row]:
    for number, line in enumerate(read_texts(name), 1):
        if not line.strip():
            continue
        try:
            values = _JSON.decode(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{name!r}, line {number}, is no JSON ({error}); correct it"
            ) from error
        if not isinstance(values, dict):
            raise ValueError(
                f"{name!r}, line {number}, is no JSON object; give one such as "
                '{"text": "...", "label": "..."}'
            )
        yield Row(f"{name!r}, line {number},", values)


def _table(name: str, ending: str, header: bool) -> Iterator[Row]:
    columns: list[str] | None = None
    for number, values in _lists(name, ending):
        if columns is None:
            if header:
                columns = _checked_columns(name, values)
                continue
            columns = [str(each) for each in range(1, len(values) + 1)]
        if len(values) != len(columns):
            raise ValueError(
                f"{name!r}, line {number}, has {number_of(len(values), 'value')} for "
                f"{number_of(len(columns), 'column')}; correct it"
            )
        yield Row(f"{name!r}, line {number},", dict(zip(columns, values, strict=True)))


def _lists(name: str, ending: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line of each row, and its values; none of empty rows."""
    if ending == ".tsv":
        for number, line in enumerate(read_texts(name), 1):
            if line:
                yield number, line.split("\t")
        return
    before = csv.field_size_limit(2**31 - 1)  # a limit of the process
    try:
        reader = csv.reader(read_lines(name), strict=True)
        for values in reader:
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise ValueError(
            f"{name!r}, line {reader.line_num}, is no CSV ({error}); correct it"
        ) from None
    finally:
        csv.field_size_limit(before)


def _checked_columns(name: str, columns: list[str]) -> list[str]:
    if twice := [each for each in columns if columns.count(each) > 1]:
        raise ValueError(f"{name!r} has two columns of the name {twice[0]!r}; rename one of them")
    return columns
