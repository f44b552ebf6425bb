"""The files of a corpus: those that are named, those in folders, and those that fit a pattern"""

import glob
import os
from collections.abc import Iterable

from ptbert_tokenizers.files.lines import STANDARD_INPUT
from ptbert_tokenizers.files.vocabulary import PathLike


def corpus_files(sources: Iterable[PathLike]) -> list[str]:
    """Return the files of a corpus, in the order in which they are read.

    The files of a folder, and of the folders in it, come in the order of their paths, whatever the
    system says. Hidden files, whose names begin with a dot, are left out.

    Args:
        sources: files, pipes, folders, patterns such as ``corpus/*.txt`` or ``**/*.jsonl``, and
            ``-`` for standard input.

    Raises:
        TypeError: if it is one path, and not several in a list.
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
    return [file for source in sources for file in _files_of(os.fspath(source))]


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
