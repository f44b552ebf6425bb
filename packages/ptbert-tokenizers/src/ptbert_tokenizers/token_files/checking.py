"""What a token file is, and whether all of it is as it was written"""

import hashlib
import os
from typing import Any, NamedTuple

from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.files.vocabulary import PathLike
from ptbert_tokenizers.token_files.formats import files_of, open_tokens
from ptbert_tokenizers.token_files.manifests import manifest_path, read_manifest
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.token_files.writing import MARK_START, content_mark

_BLOCK = 2**20  # numbers


class TokenFileFacts(NamedTuple):
    """What a token file is.

    Args:
        format: its name.
        bits: width of an id.
        tokens: how many ids there are.
        documents: how many documents there are; None if the file does not say where they begin.
        files: the file of ids, and those that belong to it.
        bytes: the size of all of them.
    """

    format: str
    bits: int
    tokens: int
    documents: int | None
    files: list[str]
    bytes: int


def token_file_facts(
    path: PathLike, format: str | None = None, *, separator: int | None = None
) -> TokenFileFacts:
    """Tell what a token file is, without reading its ids.

    Args:
        path: the file of ids, or its index.
        format: its name; told by the file when None.
        separator: an id at which documents end, for a file without bounds.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no token file, or damaged.

    Example:
        >>> import numpy as np
        >>> np.array([7, 8, 9], np.uint16).tofile("train.bin")
        >>> token_file_facts("train.bin")[:4]
        ('nanogpt', 16, 3, None)
    """
    tokens = open_tokens(path, format, separator=separator)
    return _facts(os.fspath(path), tokens)


def _facts(path: str, tokens: Tokens) -> TokenFileFacts:
    files = files_of(path, tokens.format)
    return TokenFileFacts(
        format=tokens.format,
        bits=tokens.bits,
        tokens=len(tokens.ids),
        documents=len(tokens) if tokens.has_bounds else None,
        files=files,
        bytes=sum(map(os.path.getsize, files)),
    )


def verify_token_file(
    path: PathLike, format: str | None = None, *, vocabulary_size: int | None = None
) -> dict[str, Any]:
    """Read all of a token file, and tell what it is.

    Checked are the sizes and bounds of all formats; the digest that this package writes at the end
    of bounds; the digests in a manifest, where there is one; and that ids are of the vocabulary, if
    its size is given.

    Args:
        path: the file of ids, or its index.
        format: its name; told by the file when None.
        vocabulary_size: ids are smaller than this; such as ``len(tokenizer)``.

    Returns:
        The facts of :func:`token_file_facts`, ``largest_id``, and ``has_digest``, whether there was
        a digest to compare.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no token file, damaged, or has ids that the vocabulary lacks.

    Example:
        >>> import numpy as np
        >>> np.array([7, 8, 9], np.uint16).tofile("train.bin")
        >>> verify_token_file("train.bin", vocabulary_size=9)
        Traceback (most recent call last):
        ValueError: 'train.bin' has the id 9 at place 2, and the vocabulary has ids below 9; ...
    """
    name = os.fspath(path)
    if vocabulary_size is not None:
        vocabulary_size = checked_whole(vocabulary_size, "vocabulary_size", 0)
    tokens = open_tokens(path, format)
    digest, largest = hashlib.sha256(), -1
    for start in range(0, len(tokens.ids), _BLOCK):
        ids = tokens.ids[start : start + _BLOCK]
        digest.update(ids.tobytes())
        low, high = int(ids.min()), int(ids.max())
        largest = max(largest, high)
        is_wrong = vocabulary_size is not None and high >= vocabulary_size
        if low < 0 or is_wrong:
            wrong = low if low < 0 else high
            place = start + int((ids == wrong).argmax())
            limit = "ids are 0 or more"
            if vocabulary_size is not None:
                limit = f"the vocabulary has ids below {vocabulary_size}"
            raise ValueError(
                f"{name!r} has the id {wrong} at place {place}, and {limit}; it is of another "
                "tokenizer, has another width or byte order, or is damaged"
            )
    has_digest = tokens.mark.startswith(MARK_START)
    if has_digest:
        ends = hashlib.sha256()
        for start in range(1, len(tokens.bounds), _BLOCK):
            ends.update(tokens.bounds[start : start + _BLOCK].astype("<i8").tobytes())
        if content_mark(digest.digest(), ends.digest()) != tokens.mark:
            raise ValueError(
                f"{name!r} is not what was written, as its digest shows; write it again"
            )
    facts = _facts(name, tokens)._asdict()
    main = facts["files"][0]
    manifest = read_manifest(main)
    if manifest is not None and not manifest.describes(os.path.dirname(main)):
        raise ValueError(f"{main!r} is not what {manifest_path(main)!r} describes; make it again")
    return facts | {"largest_id": largest, "has_digest": has_digest}
