"""Digests of files: which one is known, whether the bytes match it, and recognising error pages.

The best digest that is known decides: the catalog's, then the one that the Hugging Face Hub sends,
then a checksum of the storage service, then Amazon's entity tag where it is an MD5.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ptbert_hub.catalog import Pin
from ptbert_hub.errors import NotAModelFile

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Digest:
    """A digest that a file must have.

    Args:
        algorithm: ``sha256``, ``sha1``, ``md5``, or ``git`` for the SHA-1 of a git blob.
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
    if _is_hex(linked, 64):
        return Digest("sha256", linked)
    if "x-repo-commit" in headers:
        tag = (linked or etag).removeprefix("W/").strip('"')
        if _is_hex(tag, 64):
            return Digest("sha256", tag)
        if _is_hex(tag, 40):
            return Digest("git", tag)
    return _stored(headers) or _amazon(headers, etag)


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
        except binascii.Error:
            continue
        if len(value) == hashlib.new(algorithm).digest_size * 2:
            return Digest(algorithm, value)
    return None


def _amazon(headers: Headers, etag: str) -> Digest | None:
    """S3's entity tag is the MD5 of objects stored in one part and not encrypted with keys."""
    encrypted = "kms" in headers.get("x-amz-server-side-encryption", "") or (
        "x-amz-server-side-encryption-customer-algorithm" in headers
    )
    is_amazon = headers.get("server") == "AmazonS3" or "x-amz-request-id" in headers
    return Digest("md5", etag) if is_amazon and not encrypted and _is_hex(etag, 32) else None


def recorded_tag(url: str, etag: str | None) -> Digest | None:
    """Return what the entity tag in a cache of 2019 says, if the file came from Amazon."""
    tag = (etag or "").strip('"')
    host = urlsplit(url).hostname or ""
    return Digest("md5", tag) if host.endswith(".amazonaws.com") and _is_hex(tag, 32) else None


def _is_hex(text: str, length: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{length}}}", text) is not None


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
    hashing = Hashing(digest, path.stat().st_size)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hashing.update(block)
    return hashing


def sniff(path: Path, url: str) -> None:
    """Look whether a file can be what the name in its address says, where no digest is known.

    Raises:
        NotAModelFile: if it is an error page, a git-lfs pointer, empty, or of another kind.
    """
    name = urlsplit(url).path.lower()
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    suspicion = _suspicion(name, head)
    if not suspicion and name.endswith(".json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            suspicion = "is not JSON"
    if suspicion:
        raise NotAModelFile(
            f"the file for {name.rpartition('/')[2]!r} {suspicion}; it begins with {head[:40]!r}",
            hint="the server, or a proxy on the way, sent something else instead",
            path=str(path),
        )


_PAGE = "an error page"


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
        return "a git-lfs pointer"
    if text.startswith((b"<!doctype html", b"<html", b"<error")):
        return _PAGE
    return _PAGE if text.startswith(b"<?xml") and b"<error" in text else ""


def _suspicion(name: str, head: bytes) -> str:
    kind = next((suffix for suffix in _MAGIC if name.endswith(suffix)), "")
    if not head:
        return "is empty" if kind or name.endswith((".txt", ".json")) else ""
    other = other_content(head)
    if other and not (other == _PAGE and name.endswith((".html", ".htm", ".xml"))):
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
