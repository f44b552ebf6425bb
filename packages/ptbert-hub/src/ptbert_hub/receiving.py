"""One answer written to disk: checked, appended, verified, published.

The file gets its final name in four steps that survive a crash at any point: the bytes are synced,
the record is replaced, the file is renamed, the folder is synced.
"""

import os
from pathlib import Path

from ptbert_hub import answers, settings
from ptbert_hub.addresses import redacted
from ptbert_hub.digests import announced, sniff
from ptbert_hub.entries import publish
from ptbert_hub.entry_names import path_in, url_to_filename
from ptbert_hub.errors import DigestMismatch, NetworkError, SizeMismatch, Unverifiable
from ptbert_hub.files import check_room, disk, open_own
from ptbert_hub.partials import Partial
from ptbert_hub.progress import Progress
from ptbert_hub.records import is_header_value, verified_record
from ptbert_hub.sources import RemoteFile
from ptbert_hub.transport import Answer


def begin(partial: Partial, answer: Answer, file: RemoteFile) -> None:
    """Check what can be checked before the first byte, and note what the bytes belong to.

    Raises:
        SizeMismatch: if another size is announced than the file must have.
        Unverifiable: if neither a length nor a digest would tell half a file from a whole one.
        DiskFull: if the file does not fit on the disk.
    """
    headers, pin, shown = answer.headers, file.pin, answer.url
    modified = headers.get("last-modified")
    etag = headers.get("x-linked-etag") or headers.get("etag")
    total = answers.body_size(headers)
    digest = announced(headers, pin)
    linked = answers.whole_number(headers.get("x-linked-size", ""))
    expected = pin.size if pin else total if linked is None else linked
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
            f"{shown} gives neither a length nor a digest, so half a file would look complete",
            hint="set PTBERT_HUB_ALLOW_UNVERIFIABLE=1 to accept it",
            url=shown,
        )
    check_room(partial.folder, expected)
    partial.start_over(
        {
            "url": redacted(file.url),
            "source": shown,
            "size": expected,
            "validator": answers.strong(headers.get("etag")),
            "etag": etag if is_header_value(etag) else None,
            "last_modified": modified if is_header_value(modified) else None,
            "digest": [digest.algorithm, digest.value] if digest else None,
            "durable": 0,
        }
    )


def append(partial: Partial, answer: Answer) -> None:
    """Append the body of an answer to the bytes that are there.

    Raises:
        SizeMismatch: if more bytes come than were announced.
        NetworkError: if fewer come; trying again may bring the rest.
        CacheError: if they cannot be written.
    """
    progress = Progress(partial.record["url"], partial.total, partial.size)
    try:
        partial.append(answer.read, progress.update)
    finally:
        progress.close()
    if partial.total is not None and partial.size < partial.total:
        raise NetworkError(
            f"{answer.url} closed the connection after {partial.size} of {partial.total} bytes",
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
    hashing, record, shown = partial.hashing, partial.record, redacted(file.url)
    if not hashing.agrees():
        raise DigestMismatch(
            f"the download of {shown} has the wrong digest",
            hint="something on the way may be changing files",
            url=shown,
        )
    target = path_in(cache, url_to_filename(file.url, record.get("etag")))
    with disk(cache):
        if hashing.digest is None:
            sniff(partial.path, file.url)
        descriptor = open_own(partial.path)
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
