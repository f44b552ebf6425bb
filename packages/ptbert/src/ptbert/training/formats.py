"""Which format a file of examples has: its ending says so, or the user does; nothing is guessed"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

TABLE, COLUMNS, SQUAD, LINES = "table", "columns", "squad", "lines"

EXPLAINED: Mapping[str, str] = MappingProxyType(
    {
        TABLE: "a row for each example, in .csv, .tsv or .jsonl",
        COLUMNS: "a word on each line, as in CoNLL's files",
        SQUAD: "questions as in SQuAD's files",
        LINES: "a text on each line",
    }
)
"""The formats, and what each is."""

_BY_ENDING = {
    ".csv": (TABLE,),
    ".tsv": (TABLE, COLUMNS),
    ".jsonl": (TABLE,),
    ".conll": (COLUMNS,),
    ".iob": (COLUMNS,),
    ".iob2": (COLUMNS,),
    ".bio": (COLUMNS,),
    ".json": (SQUAD,),
    ".txt": tuple(EXPLAINED),
}
_PACKED = (".gz", ".bz2", ".xz", ".zst")


def ending_of(path: str) -> str:
    """Return the ending of a file's name in small letters, without that of a compressed file.

    Example:
        >>> ending_of("data/Train.CSV.gz")
        '.csv'
    """
    name = Path(path.lower())
    return Path(name.stem).suffix if name.suffix in _PACKED else name.suffix


def has_known_ending(path: str) -> bool:
    """Whether a name ends like that of a file of examples."""
    return ending_of(path) in _BY_ENDING


def format_of(path: str, task: str, formats: Sequence[str], given: str = "") -> str:
    """Return the format of a file.

    Args:
        path: the file.
        task: its name, for messages.
        formats: those that the task reads here.
        given: what the user says; empty where the ending has to.

    Raises:
        ValueError: if the task does not read the format, or if the ending does not say which of
            several formats it is.

    Example:
        >>> format_of("train.txt", "tag", ["columns"])
        'columns'
        >>> format_of("new.txt", "tag", ["columns", "lines"], "lines")
        'lines'
    """
    wanted = " or ".join(f"{each} ({EXPLAINED[each]})" for each in formats)
    if given:
        if given not in formats:
            raise ValueError(f"the task {task} does not read the format {given!r}; give {wanted}")
        return given
    ending = ending_of(path)
    possible = _BY_ENDING.get(ending, tuple(EXPLAINED))
    left = [each for each in formats if each in possible]
    if not left:
        raise ValueError(
            f"{path!r} has the ending {ending!r}, which is not that of a file with the format "
            f"{wanted}, as the task {task} reads it; give such a file, or rename it if it is one"
        )
    if len(left) > 1:
        options = " or ".join(f"--format {each} ({EXPLAINED[each]})" for each in left)
        raise ValueError(f"the ending of {path!r} does not say which format it has; give {options}")
    return left[0]
