"""What is known about a file, written beside it as ``<name>.json``.

Files of the cache and unfinished downloads have the same kind of record. Programs of 2019 write and
read ``url`` and ``etag`` and ignore the rest.
"""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptbert_hub.addresses import redacted
from ptbert_hub.digests import DIGEST_LENGTHS, is_hex
from ptbert_hub.errors import NotFound
from ptbert_hub.files import atomic_write, open_plain
from ptbert_hub.settings import default_cache

Record = dict[str, Any]


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
            f"file '{entry}.json' not found or not readable, so the address of {filename!r} is "
            "unknown",
            hint="`ptbert-hub prune` removes such files",
            path=f"{entry}.json",
        )
    return record["url"], record.get("etag")


def record_path(path: Path) -> Path:
    """Return where the record of the file at ``path`` is."""
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> Record:
    """Return the record of the file at ``path``.

    It is empty if there is none, or if anything in it does not have the form that it must have.
    """
    try:
        with open_plain(record_path(path)) as file:
            return checked_record(file.read(MAX_RECORD + 1))
    except OSError:
        return {}


def checked_record(data: bytes) -> Record:
    """Return the record that is written in ``data``; empty if any part of it is malformed.

    Example:
        >>> checked_record(b'{"url": "https://example.org/x", "sha256": "../../elsewhere"}')
        {}
    """
    try:
        record = json.loads(data) if len(data) <= MAX_RECORD else {}
    except (ValueError, RecursionError):
        return {}
    is_right = isinstance(record, dict) and "url" in record
    is_right = is_right and all(
        name not in _FORMS or _FORMS[name](value) for name, value in record.items()
    )
    return record if is_right else {}


def is_header_value(value: object) -> bool:
    """Whether ``value`` is None or can be sent as a header: printable, one line, not too long."""
    return value is None or (isinstance(value, str) and _PRINTABLE.fullmatch(value) is not None)


def _is_text(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.isprintable())


def _is_size(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value < 1 << 63)


def _is_digest(value: object) -> bool:
    """Whether it is None, or the name of an algorithm and the digest."""
    match value:
        case [str(algorithm), digest]:
            return is_hex(digest, DIGEST_LENGTHS.get(algorithm))
    return value is None


MAX_RECORD = 1 << 16
"""Bytes of the largest record that is read."""
_PRINTABLE = re.compile("[ -~\xa1-\xff]{0,4096}")
_FORMS: dict[str, Callable[[Any], bool]] = {
    "url": lambda value: isinstance(value, str) and value.isprintable(),
    "sha256": lambda value: is_hex(value, 64),
    "mtime_ns": lambda value: type(value) is int,
    "time": lambda value: isinstance(value, int | float),
    "redacted": lambda value: isinstance(value, bool),
    "etag": lambda value: value is None or isinstance(value, str),
    **dict.fromkeys(("source", "verified"), _is_text),
    **dict.fromkeys(("validator", "last_modified"), is_header_value),
    **dict.fromkeys(("size", "durable"), _is_size),
    "digest": _is_digest,
}
"""What each part of a record must look like."""


def write_record(path: Path, record: Record, temporary: Path) -> None:
    """Write the record of the file at ``path`` by way of a temporary file."""
    with atomic_write(record_path(path), temporary=temporary) as file:
        file.write(json.dumps(record).encode())


def verified_record(
    url: str, etag: str | None, path: Path, sha256: str, verified: str | None, **more: Any
) -> Record:
    """Return the record of a verified file.

    Args:
        url: the address it was asked for; secrets are taken out of it.
        etag: the entity tag of its version, if the server gave one.
        path: where its bytes are now.
        sha256: their digest, in hexadecimal.
        verified: how they were verified: the name of a digest, or ``sniffed``.
        **more: entries that only some files have.
    """
    status, shown = path.stat(), redacted(url)
    return {
        "url": shown,
        **({} if shown == url else {"redacted": True}),
        "etag": etag,
        "size": status.st_size,
        "sha256": sha256,
        "mtime_ns": status.st_mtime_ns,
        "time": time.time(),
        "verified": verified,
        "v": 1,
        **more,
    }
