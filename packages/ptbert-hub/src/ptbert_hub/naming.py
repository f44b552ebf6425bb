"""Names: from an address to the name of its cache entry and back, and addresses without secrets.

A cache entry is named as in 2019: ``sha256(url)``, then if the server gave an entity tag a dot
and ``sha256(etag)``, the tag exactly as sent, quotes included. Beside it lies ``<name>.json``
with at least ``url`` and ``etag``.
"""

import json
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ptbert_hub.errors import BadSource, NotFound
from ptbert_hub.settings import default_cache

WORK_FOLDER = ".ptbert-hub"
"""Sub-folder of a cache for locks, partial downloads and unpacked archives.

Programs of 2019 take any ``<hash>.*`` at the top of a cache for data, so nothing of ours may stand
there.
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


def filename_to_url(
    filename: str, cache_dir: str | os.PathLike[str] | None = None
) -> tuple[str, str | None]:
    """Return the address and the entity tag that the cache entry ``filename`` was stored for.

    Raises:
        NotFound: if the entry or the ``.json`` beside it is missing.
    """
    entry = Path(cache_dir if cache_dir is not None else default_cache()) / filename
    if not entry.exists():
        raise NotFound(
            f"file {str(entry)!r} not found", hint="see `ptbert-hub ls`", path=str(entry)
        )
    record = read_record(entry)
    if "url" not in record:
        raise NotFound(
            f"file '{entry}.json' not found or not readable, so nobody knows what {filename!r} is",
            hint="`ptbert-hub prune` removes such files",
            path=f"{entry}.json",
        )
    return record["url"], record.get("etag")


def record_path(entry: Path) -> Path:
    """Return where the facts about ``entry`` are written."""
    return entry.with_name(entry.name + ".json")


def read_record(entry: Path) -> dict[str, Any]:
    """Return the facts written beside ``entry``; none if they are missing or damaged."""
    try:
        record = json.loads(record_path(entry).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("url"), str) else {}


def split_s3_path(url: str) -> tuple[str, str]:
    """Return bucket and key of an ``s3://bucket/key`` address.

    Raises:
        BadSource: if either is missing; a ``ValueError`` as in 2019.

    Example:
        >>> split_s3_path("s3://models/bert/config.json")
        ('models', 'bert/config.json')
    """
    parts = urlsplit(url)
    if not parts.netloc or not parts.path.lstrip("/"):
        raise BadSource(f"bad s3 path {url!r}", hint="write it as s3://bucket/key", url=url)
    return parts.netloc, parts.path.removeprefix("/")


def redacted(url: str) -> str:
    """Return ``url`` fit for logs: without user name, password, signature or token.

    Example:
        >>> redacted("https://me:secret@example.org/a?X-Amz-Signature=abc&part=1#x")
        'https://example.org/a?X-Amz-Signature=REDACTED&part=1'
    """
    parts = urlsplit(url)
    query = urlencode(
        [
            (key, "REDACTED" if _SECRET.search(key) else value)
            for key, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
    )
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query=query, fragment="").geturl()


_SECRET = re.compile(r"sig|token|key|secret|password|credential|auth|policy", re.IGNORECASE)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
