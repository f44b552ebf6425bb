"""Reading plain Python objects from a file that ``torch.save`` wrote, without torch."""

import os
from typing import Any

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import make_values
from ptbert_hub.readers.torch_files import begins_like_torch, read_torch_file
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.vocabulary import PathLike


def is_torch_file(path: PathLike) -> bool:
    """Tell by its first bytes whether ``torch.save`` may have written a file."""
    with open(path, "rb") as file:
        return begins_like_torch(file.read(4))


def read_plain_objects(path: PathLike) -> Any:
    """Return the object in a file of ``torch.save``, if it is made of plain containers only.

    Containers are dict, list, tuple, set, ``Counter`` and ``OrderedDict``. They may contain
    strings, bytes, numbers, booleans and None. Nothing that the file names is imported or called.

    Raises:
        BadVocabulary: if the file holds anything else, or is damaged.
    """
    try:
        with open(path, "rb") as file:
            return make_values(read_torch_file(file).value)
    except BadContent as error:
        raise BadVocabulary(
            f"cannot read {os.fspath(path)!r} as plain objects saved by torch: {error}; if you "
            "trust its source, open it with torch.load and save the symbols one a line as vocab.txt"
        ) from error
