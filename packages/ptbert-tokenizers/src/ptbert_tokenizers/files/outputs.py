"""Files that would be written while they are read"""

import os
from collections.abc import Iterable

from ptbert_tokenizers.files.vocabulary import PathLike


def refuse_inputs_as_outputs(inputs: Iterable[PathLike], outputs: Iterable[PathLike]) -> None:
    """Raise if a file is among the inputs and the outputs, whatever it is called there.

    Args:
        inputs: all files that are read.
        outputs: all files that are written; they need not exist.

    Raises:
        ValueError: if one is in both; it is called what the caller calls the input.

    Example:
        >>> refuse_inputs_as_outputs(["a.txt", "./ids.npy"], ["ids.npy"])
        Traceback (most recent call last):
        ValueError: './ids.npy' is both an input and an output; give another output
    """
    written = set(map(_identity, outputs))
    for file in inputs:
        if _identity(file) in written:
            raise ValueError(
                f"{os.fspath(file)!r} is both an input and an output; give another output"
            )


def _identity(path: PathLike) -> object:
    """The same for all names of a file, also for two hard links."""
    try:
        found = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino
