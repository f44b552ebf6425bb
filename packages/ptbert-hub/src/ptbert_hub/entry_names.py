"""The names of files in a cache, and the one function that makes paths from them.

A cache entry is named as in 2019: ``sha256(url)``, then if the server gave an entity tag a dot
and ``sha256(etag)``, the tag exactly as sent, quotes included. Beside it lies ``<name>.json``
with at least ``url`` and ``etag``.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Literal

from ptbert_hub.errors import CorruptCache

WORK_FOLDER = ".ptbert-hub"
"""Sub-folder of a cache for locks, partial downloads and unpacked archives.

Programs of 2019 take any ``<hash>.*`` at the top of a cache for data, so no other file of this
package may be there.
"""
WorkFolder = Literal["locks", "partial", "extracted", "quarantine", "snapshots"]
ENTRY_NAME = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{64})?")
"""What a data file at the top of a cache folder is called."""
_ANY_NAME = re.compile(r"[0-9a-f]{64}(\.[0-9A-Za-z-]{1,64}){0,5}")
"""What any file of this package is called: a digest, then words that are joined by dots."""


def url_to_filename(url: str, etag: str | None = None) -> str:
    """Return the name of the cache entry for ``url`` in the version ``etag``.

    Example:
        >>> url_to_filename("https://example.org/vocab.txt")[:12]
        'bb8d3c1ceb20'
        >>> len(url_to_filename("https://example.org/vocab.txt", etag='"1"'))
        129
    """
    name = _digest(url)
    return f"{name}.{_digest(etag)}" if etag else name


def work_folder(cache: Path, name: WorkFolder) -> Path:
    """Return the folder of a cache for one kind of files that are no entries."""
    return cache / WORK_FOLDER / name


def path_in(folder: Path, name: str) -> Path:
    """Return the path of a file of this package in a cache folder, or in one of the work folders.

    Every such path is made here, so that no text of a record, an archive or a server leads
    elsewhere.

    Raises:
        CorruptCache: if ``name`` does not have exactly the form of these names.

    Example:
        >>> path_in(Path("models"), "0" * 64).name == "0" * 64
        True
        >>> path_in(Path("models"), "../secrets")
        Traceback (most recent call last):
        ptbert_hub.errors.CorruptCache: '../secrets' is not the name of a file in a cache
    """
    if not _ANY_NAME.fullmatch(name):
        raise CorruptCache(f"{name[:200]!r} is not the name of a file in a cache", path=str(folder))
    return folder / name


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
