"""The name of a file in the cache, made from its address and version.

A cache entry is named as in 2019: ``sha256(url)``, then if the server gave an entity tag a dot
and ``sha256(etag)``, the tag exactly as sent, quotes included. Beside it lies ``<name>.json``
with at least ``url`` and ``etag``.
"""

import re
from hashlib import sha256

WORK_FOLDER = ".ptbert-hub"
"""Sub-folder of a cache for locks, partial downloads and unpacked archives.

Programs of 2019 take any ``<hash>.*`` at the top of a cache for data, so no other file of this
package may be there.
"""
ENTRY_NAME = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{64})?")
"""What a data file at the top of a cache folder is called."""


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


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
