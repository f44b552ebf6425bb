"""The files of a corpus: those that are named, those in folders, and those that fit a pattern"""

import fnmatch
import glob
import os
from collections.abc import Iterable, Sequence

from ptbert_tokenizers.batches.texts import in_order, shown
from ptbert_tokenizers.files.lines import STANDARD_INPUT
from ptbert_tokenizers.files.outputs import refuse_inputs_as_outputs
from ptbert_tokenizers.files.vocabulary import PathLike


def corpus_files(sources: Iterable[PathLike]) -> list[str]:
    """Return the files of a corpus, in the order in which they are read.

    The files of a folder, and of the folders in it, come in the order of their paths, whatever the
    system says. Hidden files, whose names begin with a dot, are left out.

    Args:
        sources: files, pipes, folders, patterns such as ``corpus/*.txt`` or ``**/*.jsonl``, and
            ``-`` for standard input.

    Raises:
        TypeError: if it is one path, and not several in a list, or something else.
        ValueError: if the list is empty.
        FileNotFoundError: if there is no such file, a folder has no files, or none fits a pattern.

    Example:
        >>> os.makedirs("corpus/more")
        >>> for name in ("corpus/b.txt", "corpus/a.txt", "corpus/more/c.txt"):
        ...     open(name, "w").close()
        >>> corpus_files(["corpus"])
        ['corpus/a.txt', 'corpus/b.txt', 'corpus/more/c.txt']
    """
    if isinstance(sources, (str, os.PathLike)):
        raise TypeError(f"{os.fspath(sources)!r} is one path; give a list of paths")
    sources = list(in_order(sources, "sources", "paths"))
    if not sources:
        raise ValueError("there are no files to read; name one or more")
    names = [checked_path(source, f"sources[{place}]") for place, source in enumerate(sources)]
    return [file for name in names for file in _files_of(name)]


def checked_path(path: PathLike, name: str) -> str:
    """Return a path that a caller gave, as a string.

    Args:
        path: what the caller gave.
        name: of the argument.

    Raises:
        TypeError: if it is something else.

    Example:
        >>> checked_path(None, "output")
        Traceback (most recent call last):
        TypeError: output is None, and not a path; give one
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{name} is {shown(path)}, and not a path; give one")
    return os.fspath(path)


def refuse_outputs_among(sources: Sequence[PathLike], outputs: Sequence[str]) -> None:
    """Raise if an output is a file of the corpus, or would be one when the corpus is read again.

    Args:
        sources: as for :func:`corpus_files`.
        outputs: the files that are written.

    Raises:
        ValueError: if one is, or if it is in a folder that is read, or fits a pattern.

    Example:
        >>> os.makedirs("texts")
        >>> open("texts/a.txt", "w").close()
        >>> refuse_outputs_among(["texts"], ["texts/ids.npy"])
        Traceback (most recent call last):
        ValueError: the output 'texts/ids.npy' would be read as a part of 'texts' the next time; ...
    """
    regular = [file for file in corpus_files(sources) if os.path.isfile(file)]
    refuse_inputs_as_outputs(regular, [each for each in outputs if os.path.isfile(each)])
    for source in [os.fspath(each) for each in sources]:
        for output in outputs:
            if _would_be_read(source, output):
                raise ValueError(
                    f"the output {output!r} would be read as a part of {source!r} the next time; "
                    "give an output elsewhere"
                )


def _would_be_read(source: str, output: str) -> bool:
    if os.path.isdir(source):
        inside = os.path.relpath(os.path.realpath(output), os.path.realpath(source)).split(os.sep)
        return inside[0] != os.pardir and not any(part.startswith(".") for part in inside)
    if os.path.exists(source) or not glob.has_magic(source):
        return False
    return _fit(os.path.realpath(output).split(os.sep), _resolved(source).split(os.sep))


def _resolved(pattern: str) -> str:
    """A pattern whose first folders, which have no signs of patterns, are there without links."""
    parts = pattern.split(os.sep)
    count = [glob.has_magic(part) for part in parts].index(True)
    folder = os.path.realpath("".join(part + os.sep for part in parts[:count]))
    return os.path.join(glob.escape(folder), *filter(None, parts[count:]))


def _fit(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a path fit those of a pattern, as ``glob`` sees it."""
    if not parts or not pattern:
        return not parts and not pattern
    hidden = parts[0].startswith(".") and not pattern[0].startswith(".")
    if pattern[0] == "**" and (
        _fit(parts, pattern[1:]) or (not hidden and _fit(parts[1:], pattern))
    ):
        return True
    return not hidden and fnmatch.fnmatch(parts[0], pattern[0]) and _fit(parts[1:], pattern[1:])


def _files_of(source: str) -> list[str]:
    if os.path.isdir(source):
        found = [
            os.path.join(folder, name)
            for folder, folders, names in os.walk(source)
            for name in _visible(folders, names)
        ]
        if not found:
            raise FileNotFoundError(f"the folder {source!r} has no files; name a folder with texts")
        return sorted(found)
    if source == STANDARD_INPUT or os.path.exists(source):
        return [source]
    if glob.has_magic(source):
        found = [each for each in glob.glob(source, recursive=True) if os.path.isfile(each)]
        if not found:
            raise FileNotFoundError(f"no file fits the pattern {source!r}; check it")
        return sorted(found)
    raise FileNotFoundError(f"no text file at {source!r}; check the path")


def _visible(folders: list[str], names: list[str]) -> list[str]:
    folders[:] = [name for name in folders if not name.startswith(".")]  # os.walk follows this list
    return [name for name in names if not name.startswith(".")]
