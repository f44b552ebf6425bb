"""What is known about a file, written beside it as ``<name>.json``.

Files of the cache and unfinished downloads have the same kind of record. Programs of 2019 write and
read ``url`` and ``etag`` and ignore the rest.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from ptbert_hub.addresses import redacted
from ptbert_hub.errors import NotFound
from ptbert_hub.files import atomic_write
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
    """Return the record of the file at ``path``; empty if it is missing or damaged."""
    try:
        record = json.loads(record_path(path).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("url"), str) else {}


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
