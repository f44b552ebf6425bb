"""Digests of files: which one is known, whether the bytes match it, and recognising error pages.

The best digest that is known decides: the catalog's, then the one that the Hugging Face Hub sends,
then a checksum of the storage service, then Amazon's entity tag where it is an MD5.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ptbert_hub.catalog import Pin
from ptbert_hub.errors import NotAModelFile
from ptbert_hub.files import open_plain
from ptbert_hub.repositories import is_listing

Headers = Mapping[str, str]
DIGEST_LENGTHS = {"sha256": 64, "git": 40, "md5": 32}
"""How many hexadecimal digits a digest of each kind has."""
MAX_JSON = 8 << 20
"""Bytes of the largest JSON file that is parsed to see whether it is one."""


@dataclass(frozen=True)
class Digest:
    """A digest that a file must have.

    Args:
        algorithm: ``sha256``, ``md5``, or ``git`` for the SHA-1 of a git blob.
        value: the digest in hexadecimal.
    """

    algorithm: str
    value: str


def announced(headers: Headers, pin: Pin | None = None) -> Digest | None:
    """Return the best digest that is known for an answer with these headers, or None.

    Args:
        headers: of the answer and the redirects before it, with lower-case names.
        pin: what the catalog knows of the file.

    Example:
        >>> announced({"etag": '"9e107d9d372bb6826bd81d3542a419d6"', "server": "AmazonS3"})
        Digest(algorithm='md5', value='9e107d9d372bb6826bd81d3542a419d6')
        >>> announced({"etag": '"9e107d9d372bb6826bd81d3542a419d6-2"', "server": "AmazonS3"})
    """
    if pin is not None:
        return Digest("sha256", pin.sha256)
    etag = headers.get("etag", "").strip().strip('"')
    linked = headers.get("x-linked-etag", "").strip().strip('"')
    if is_hex(linked, 64):
        return Digest("sha256", linked)
    if "content-encoding" in headers:
        return None  # the others are digests of the encoded bytes
    if "x-repo-commit" in headers and (hub := named((linked or etag).removeprefix("W/"))):
        return hub
    return _stored(headers) or _amazon(headers, etag)


def named(tag: str) -> Digest | None:
    """Return the digest that the Hugging Face Hub and its client use as the name of a file.

    Example:
        >>> named('"0123456789abcdef0123456789abcdef01234567"').algorithm
        'git'
    """
    tag = tag.strip('"')
    kinds = (kind for kind in ("sha256", "git") if is_hex(tag, DIGEST_LENGTHS[kind]))
    return next((Digest(kind, tag) for kind in kinds), None)


def _stored(headers: Headers) -> Digest | None:
    """The checksums that storage services send with an object, in base64."""
    goog = re.search(r"md5=([A-Za-z0-9+/=]+)", headers.get("x-goog-hash", ""))
    composite = headers.get("x-amz-checksum-type", "").upper() == "COMPOSITE"
    for algorithm, text in (
        ("sha256", "" if composite else headers.get("x-amz-checksum-sha256", "")),
        ("md5", headers.get("content-md5", "")),
        ("md5", goog[1] if goog else ""),
    ):
        try:
            value = base64.b64decode(text, validate=True).hex()
        except ValueError:
            continue
        if len(value) == DIGEST_LENGTHS[algorithm]:
            return Digest(algorithm, value)
    return None


def _amazon(headers: Headers, etag: str) -> Digest | None:
    """S3's entity tag is the MD5 of objects stored in one part and not encrypted with keys."""
    encrypted = "kms" in headers.get("x-amz-server-side-encryption", "") or (
        "x-amz-server-side-encryption-customer-algorithm" in headers
    )
    is_amazon = headers.get("server") == "AmazonS3" or "x-amz-request-id" in headers
    return Digest("md5", etag) if is_amazon and not encrypted and is_hex(etag, 32) else None


def recorded_tag(url: str, etag: str | None) -> Digest | None:
    """Return what the entity tag in a cache of 2019 says, if the file came from Amazon."""
    tag = (etag or "").strip('"')
    is_amazon = re.match(r"https?://([^/?#]*@)?[\w.-]+\.amazonaws\.com(:\d*)?([/?#]|$)", url)
    return Digest("md5", tag) if is_amazon and is_hex(tag, 32) else None


def is_hex(text: object, length: int | None) -> bool:
    """Whether it is a text of exactly so many hexadecimal digits."""
    return isinstance(text, str) and len(text) == length and not text.strip("0123456789abcdef")


class Hashing:
    """Computes digests of bytes as they come: always SHA-256, and one other where it is needed.

    Args:
        digest: what the file must have; None if that is not known.
        size: of the whole file, in bytes; the digest of a git blob begins with it.
    """

    def __init__(self, digest: Digest | None, size: int | None) -> None:
        self.digest = digest
        self.sha256 = hashlib.sha256()
        self._other = None
        if digest is not None and digest.algorithm != "sha256":
            git = digest.algorithm == "git"
            self._other = hashlib.new("sha1" if git else digest.algorithm)
            if git:
                self._other.update(b"blob %d\0" % (size or 0))

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        self.sha256.update(data)
        if self._other is not None:
            self._other.update(data)

    @property
    def found(self) -> str:
        """The digest so far, by the algorithm of the known one."""
        return (self._other or self.sha256).hexdigest()

    def agrees(self) -> bool:
        """Whether the bytes have the known digest; True if none is known."""
        return self.digest is None or self.found == self.digest.value


def hash_file(path: Path, digest: Digest | None = None) -> Hashing:
    """Read a file on disk and return its digests."""
    with open_plain(path) as file:
        hashing = Hashing(digest, os.fstat(file.fileno()).st_size)
        while block := file.read(1 << 20):
            hashing.update(block)
    return hashing


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file on disk, in hexadecimal.

    Raises:
        OSError: if it cannot be read, or is a pipe or a device.

    Example:
        >>> with open("empty.txt", "wb"):
        ...     file_digest("empty.txt")[:16]
        'e3b0c44298fc1c14'
    """
    return hash_file(Path(path)).sha256.hexdigest()


def sniff(path: Path, url: str) -> None:
    """Look whether a file can be what the name in its address says, where no digest is known.

    Raises:
        NotAModelFile: if it is an error page, a git-lfs pointer, empty, or of another kind.
    """
    name = re.split("[?#]", url, maxsplit=1)[0].lower()
    ending = "" if is_listing(url) else name
    with open_plain(path) as file:
        head = file.read(1 << 16)
        suspicion = _suspicion(ending, head)
        if not suspicion and ending.endswith(".json"):
            text = head + file.read(MAX_JSON)
            try:
                json.loads(text if len(text) <= MAX_JSON else "{}")
            except (ValueError, RecursionError):
                suspicion = "is not JSON"
    if suspicion:
        raise NotAModelFile(
            f"the file for {name.rpartition('/')[2]!r} {suspicion}; it begins with {head[:40]!r}",
            hint="the server, or a proxy on the way, sent something else instead",
            path=str(path),
        )


PAGE = "an error page"
POINTER = "a git-lfs pointer"


def other_content(head: bytes) -> str:
    """Name what servers and git put in the place of a model's file; empty if it is none of that.

    Args:
        head: the first bytes of the file.

    Example:
        >>> other_content(b"<!DOCTYPE html>"), other_content(b"[PAD]")
        ('an error page', '')
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"version https://git-lfs"):
        return POINTER
    if text.startswith((b"<!doctype html", b"<html", b"<error")):
        return PAGE
    return PAGE if text.startswith(b"<?xml") and b"<error" in text else ""


def _suspicion(name: str, head: bytes) -> str:
    kind = next((suffix for suffix in _MAGIC if name.endswith(suffix)), "")
    if not head:
        return "is empty" if kind or name.endswith((".txt", ".json")) else ""
    other = other_content(head)
    if other and not (other == PAGE and name.endswith((".html", ".htm", ".xml"))):
        return f"is {other}"
    if kind and not head.startswith(_MAGIC[kind]):
        return f"does not begin like a {kind} file"
    if name.endswith(".txt") and b"\0" in head:
        return "is not text"
    return ""


_MAGIC: dict[str, tuple[bytes, ...]] = {
    ".bin": (b"PK\x03\x04", b"\x80"),  # PyTorch's zip format; a pickle
    ".gz": (b"\x1f\x8b",),
    ".zip": (b"PK",),
}
