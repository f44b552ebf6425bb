"""One answer written to disk: checked, appended, verified, published.

The file gets its final name in four steps that survive a crash at any point: the bytes are synced,
the record is replaced, the file is renamed, the folder is synced.
"""

import os
import time
from concurrent.futures.thread import ThreadPoolExecutor
from pathlib import Path

from ptbert_hub import answers, settings
from ptbert_hub.digests import announced, sniff
from ptbert_hub.entries import publish
from ptbert_hub.errors import DigestMismatch, NetworkError, SizeMismatch, Unverifiable
from ptbert_hub.files import check_room, disk, write_all
from ptbert_hub.naming import redacted, url_to_filename
from ptbert_hub.partials import Partial
from ptbert_hub.progress import Progress
from ptbert_hub.records import verified_record
from ptbert_hub.sources import RemoteFile
from ptbert_hub.transport import CHUNK, Answer

SYNC_SECONDS = 30.0
"""How much downloading a power cut may undo; a killed process loses nothing of it."""


def begin(partial: Partial, answer: Answer, file: RemoteFile) -> None:
    """Check what can be checked before the first byte, and note what the bytes belong to.

    Raises:
        SizeMismatch: if another size is announced than the file must have.
        Unverifiable: if neither a length nor a digest would tell half a file from a whole one.
        DiskFull: if the file does not fit on the disk.
    """
    headers, pin, shown = answer.headers, file.pin, answer.url
    total = answers.body_size(headers)
    digest = announced(headers, pin)
    linked = headers.get("x-linked-size", "")
    expected = pin.size if pin else int(linked) if linked.isdigit() else total
    if digest is not None and digest.algorithm == "git" and expected is None:
        digest = None  # such a digest begins with the size
    if total is not None and total != expected:
        raise SizeMismatch(
            f"{shown} announces {total} bytes where {expected} were expected",
            hint="something on the way may be replacing the file",
            url=shown,
        )
    if digest is None and not answer.has_end and not settings.accepts_unverifiable():
        raise Unverifiable(
            f"{shown} gives neither a length nor a digest, so half a file would look whole",
            hint="set PTBERT_HUB_ALLOW_UNVERIFIABLE=1 to accept it all the same",
            url=shown,
        )
    check_room(partial.folder, expected)
    partial.start_over(
        {
            "url": redacted(file.url),
            "source": shown,
            "size": expected,
            "validator": answers.strong(headers.get("etag")),
            "etag": headers.get("x-linked-etag") or headers.get("etag"),
            "last_modified": headers.get("last-modified"),
            "digest": [digest.algorithm, digest.value] if digest else None,
            "durable": 0,
        }
    )


def append(partial: Partial, answer: Answer) -> None:
    """Append the body to the bytes that are there; digests are made while more arrive.

    Raises:
        SizeMismatch: if more bytes come than were announced.
        NetworkError: if fewer come; trying again may bring the rest.
        CacheError: if they cannot be written.
    """
    total, hashing = partial.total, partial.hashing()
    progress = Progress(partial.record["url"], total, partial.size)
    synced = time.monotonic()
    with disk(partial.path):
        descriptor = os.open(partial.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        with (
            os.fdopen(descriptor, "r+b", buffering=0) as file,
            ThreadPoolExecutor(1, "hashing") as hasher,
        ):
            hashed = hasher.submit(hashing.update, b"")
            file.seek(partial.size)
            while chunk := answer.read(CHUNK):
                if total is not None and partial.size + len(chunk) > total:
                    raise SizeMismatch(
                        f"{answer.url} sent more than the {total} bytes that it announced",
                        hint="try again",
                        url=answer.url,
                    )
                with disk(partial.path, total):
                    write_all(file.fileno(), chunk)
                hashed.result()  # of the bytes before these
                hashed = hasher.submit(hashing.update, chunk)
                partial.size += len(chunk)
                progress.update(len(chunk))
                if time.monotonic() - synced >= SYNC_SECONDS:
                    with disk(partial.path):
                        os.fsync(file.fileno())
                    partial.note(durable=partial.size)
                    synced = time.monotonic()
    finally:
        progress.close()
    if total is not None and partial.size < total:
        raise NetworkError(
            f"{answer.url} closed the connection after {partial.size} of {total} bytes",
            hint="check the connection",
            url=answer.url,
            transient=True,
        )


def finish(partial: Partial, file: RemoteFile, cache: Path) -> Path:
    """Verify the complete bytes, publish them in the cache, and return their final path.

    Raises:
        DigestMismatch: if they are not what they should be.
        NotAModelFile: if no digest is known and they look like an error page.
        CacheError: if they cannot be published.
    """
    hashing, record, shown = partial.hashing(), partial.record, redacted(file.url)
    if not hashing.agrees():
        raise DigestMismatch(
            f"the download of {shown} has the wrong digest",
            hint="something on the way may be changing files",
            url=shown,
        )
    if hashing.digest is None:
        sniff(partial.path, file.url)
    target = cache / url_to_filename(file.url, record.get("etag"))
    with disk(cache):
        descriptor = os.open(partial.path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        verified = verified_record(
            file.url,
            record.get("etag"),
            partial.path,
            hashing.sha256.hexdigest(),
            hashing.digest.algorithm if hashing.digest else "sniffed",
            source=record.get("source"),
            last_modified=record.get("last_modified"),
        )
        publish(partial.path, target, verified, partial.spare)
    return target
