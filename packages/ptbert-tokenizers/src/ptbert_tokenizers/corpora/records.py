"""The texts of records: a field of JSON lines, and of tables in CSV and TSV"""

import csv
import json
from collections.abc import Iterator
from typing import Any

from ptbert_hub.messages import shown
from ptbert_tokenizers.batches.text_blocks import TextBlock
from ptbert_tokenizers.files.lines import Errors, Lines, read_line_blocks, read_lines, shown_path
from ptbert_tokenizers.files.vocabulary import PathLike

COUNTS_FORMAT = "ptbert word counts 1"
COUNTS_START = json.dumps({"format": COUNTS_FORMAT}).removesuffix("}")
"""How the files begin that ``WordCounts.save`` writes, which are no text."""

_LONGEST_FIELD = 2**30  # characters
_MOST_NAMES = 10  # in a message


class JsonLines(TextBlock):
    """A field of lines of JSON. Blank lines are skipped.

    Args:
        lines: of JSON.
        field: the key of the text.
        name: of the file, as messages show it.
    """

    def __init__(self, lines: Lines, field: str, name: str) -> None:
        self._lines, self._field, self._name = lines, field, name

    @property
    def size(self) -> int:
        """How many characters the JSON has."""
        return self._lines.size

    def cut(self) -> list[str]:
        """Return the texts.

        Raises:
            ValueError: if a line is no JSON object, or the field is missing or no string; the line
                is named.
        """
        return [
            self._text(line, f"{self._name} line {number}")
            for number, line in self._lines.numbered()
            if line and not line.isspace()
        ]

    def _text(self, line: str, place: str) -> str:
        field = self._field
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{place} is not JSON ({error}); correct or remove it") from error
        if not isinstance(record, dict):
            raise ValueError(
                f"{place} is {shown(record)}, and not a JSON object with the field {field!r}; "
                "correct or remove it"
            )
        if field not in record:
            raise ValueError(f"{place} {no_field(field, record)}")
        return checked_text(record[field], field, place)


def read_json_blocks(
    path: PathLike, field: str, *, verbose: bool = False, errors: Errors = "strict"
) -> Iterator[JsonLines]:
    """Yield a field of each line of JSON, in blocks that parse it when they are used.

    Args:
        path: a file or a pipe; ``-`` for standard input.
        field: the key of the text.
        verbose: show on a terminal how much has been read.
        errors: what to do with lines that are not UTF-8, as for ``read_texts``.

    Example:
        >>> with open("corpus.jsonl", "w") as file:
        ...     _ = file.write('{"text": "one"}\\n{"title": "two"}\\n')
        >>> [list(block) for block in read_json_blocks("corpus.jsonl", "text")]
        Traceback (most recent call last):
        ValueError: 'corpus.jsonl' line 2 has no field 'text'; it has 'title'. Name one of them
    """
    name = shown_path(path)
    for lines in read_line_blocks(path, verbose=verbose, errors=errors):
        yield JsonLines(lines, field, name)


def read_table_texts(
    path: PathLike, field: str, delimiter: str, *, verbose: bool = False
) -> Iterator[str]:
    """Yield a column of a table whose first row names the columns.

    Values that hold the delimiter, line ends or quotes are in double quotes (RFC 4180).

    Args:
        path: a file or a pipe; ``-`` for standard input.
        field: the name of the column.
        delimiter: the character between columns.
        verbose: show on a terminal how much has been read.

    Raises:
        ValueError: if there is no such column, or a row is damaged or has another number of
            columns; its line is named.

    Example:
        >>> with open("corpus.csv", "w") as file:
        ...     _ = file.write('id,text\\n1,"one, two"\\n')
        >>> list(read_table_texts("corpus.csv", "text", ","))
        ['one, two']
    """
    name = shown_path(path)
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    rows = csv.reader(read_lines(path, verbose=verbose), delimiter=delimiter, strict=True)
    names: list[str] = []
    line = 1
    try:
        for row in rows:
            if row and not names:
                names = row
                check_column(name, field, names)
                column = names.index(field)
            elif row:
                if len(row) != len(names):
                    raise ValueError(
                        f"{name} line {line} has {len(row)} columns, and the first row has "
                        f"{len(names)}; correct the line"
                    )
                yield row[column]
            line = rows.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{name} line {line} is no row of a table ({error}); correct it"
        ) from error


def checked_text(value: Any, field: str, place: str) -> str:
    """Return the value of a field, if it is a text.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(value, str):
        raise ValueError(
            f"{place} has {shown(value)} in the field {field!r}, and not a string; correct or "
            "remove it"
        )
    return value


def check_column(name: str, field: str, names: list[str]) -> None:
    """Raise if a table has no column of a name, or several.

    Args:
        name: of the file, as messages show it.
        field: the name of the column.
        names: those of all columns.

    Raises:
        ValueError: if not exactly one is called so.
    """
    if field not in names:
        raise ValueError(f"{name} {no_field(field, names)}")
    if names.count(field) > 1:
        raise ValueError(
            f"{name} has {names.count(field)} columns {field!r}; rename all but the one that has "
            "the text"
        )


def no_field(field: str, names: Any) -> str:
    """Return what a message says about a field that is missing."""
    known = [shown(name) for name in names]
    if len(known) > _MOST_NAMES:
        known[_MOST_NAMES:] = [f"{len(known) - _MOST_NAMES} more"]
    has = ", ".join(known) or "none"
    return f"has no field {field!r}; it has {has}. Name one of them"
