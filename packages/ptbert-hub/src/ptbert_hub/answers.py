"""What an answer means for a download, decided from status and headers alone.

Nothing here touches a socket or a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from ptbert_hub.digests import Headers
from ptbert_hub.errors import (
    AccessDenied,
    HubError,
    NetworkError,
    NotFound,
    ProxyError,
    RateLimited,
    Unverifiable,
)
from ptbert_hub.records import is_header_value

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may well succeed later."""
DECODED = frozenset({"gzip", "x-gzip", "deflate"})
"""Encodings of a body that are undone, although none is asked for."""


class Step(Enum):
    """What to do after an answer."""

    WHOLE = "write the body from the first byte"
    CONTINUE = "append the body to what is there"
    UNCHANGED = "keep the cached file"
    AGAIN = "drop the bytes that are there and ask for the whole file"


@dataclass(frozen=True)
class Held:
    """What an interrupted download has: how much, of which version, out of how much.

    Args:
        size: bytes on disk.
        total: bytes of the whole file, where known.
        validator: the strong entity tag of the version they belong to.
        is_pinned: whether a digest known beforehand will judge the whole.
    """

    size: int
    total: int | None
    validator: str | None
    is_pinned: bool = False

    @property
    def resumable(self) -> bool:
        """Whether a server can be asked for the rest."""
        return self.size > 0 and self.total is not None and (self.is_pinned or bool(self.validator))


def request_headers(held: Held | None, known: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that ask for what is missing, or for a newer version.

    Args:
        held: what an interrupted download has.
        known: the header that names the cached version; empty if there is none.

    Example:
        >>> request_headers(Held(5, 9, '"v1"'), {})
        {'Range': 'bytes=5-', 'If-Range': '"v1"'}
    """
    if held is not None and held.resumable:
        headers = {"Range": f"bytes={held.size}-"}
        return headers | ({"If-Range": held.validator} if held.validator else {})
    return dict(known)


def step(
    status: int,
    headers: Headers,
    held: Held | None,
    known: Mapping[str, str],
    url: str = "the server",
) -> Step:
    """Decide what an answer to :func:`request_headers` means.

    Args:
        status: its HTTP status.
        headers: its headers, with lower-case names.
        held: what an interrupted download has.
        known: the header that names the cached version; empty if there is none.
        url: the address, for messages.

    Raises:
        Unverifiable: if the body has an encoding that is not known here.
        HubError: for any status that brings no file; ``transient`` says whether to try again.
    """
    rest = held if held is not None and held.resumable else None
    encoding = headers.get("content-encoding", "gzip")
    if status == 200 and encoding not in DECODED:
        raise Unverifiable(
            f"{url} sent a body encoded as {encoding!r} although that was declined",
            hint="a proxy on the way may be changing files",
            url=url,
        )
    if status == 200 and "content-range" not in headers:
        return Step.WHOLE
    if status == 304 and known and rest is None:
        return Step.UNCHANGED
    if rest is not None:
        if status == 206 and _fits(headers, rest):
            return Step.CONTINUE
        if status in {200, 206, 412, 416}:  # 200: a part that calls itself the whole
            return Step.AGAIN
    raise _failure(status, headers, url)


def _fits(headers: Headers, held: Held) -> bool:
    found = re.fullmatch("bytes ([0-9]+)-([0-9]+)/([0-9]+)", headers.get("content-range", ""))
    if found is None or "content-encoding" in headers:
        return False
    first, last, total = map(whole_number, found.groups())
    whole = first == held.size and total == held.total and (last or 0) < (total or 0)
    return whole and (held.is_pinned or strong(headers.get("etag")) == held.validator)


def strong(etag: str | None) -> str | None:
    """Return the entity tag if it stands for exact bytes and can be sent back, else None.

    Example:
        >>> strong('"a"'), strong('W/"a"')
        ('"a"', None)
    """
    return etag if etag and not etag.startswith("W/") and is_header_value(etag) else None


def whole_number(text: str) -> int | None:
    """Return a number of bytes or seconds as a header has it, or None if it makes no sense.

    Example:
        >>> whole_number(" 12 "), whole_number("-1"), whole_number("9" * 5000)
        (12, None, None)
    """
    return int(text) if re.fullmatch("[0-9]{1,18}", text := text.strip(" \t")) else None


def body_size(headers: Headers) -> int | None:
    """Return the announced size of the file, or None if it is not known."""
    is_encoded = "content-encoding" in headers
    return None if is_encoded else whole_number(headers.get("content-length", ""))


def retry_after(headers: Headers, now: datetime | None = None) -> float | None:
    """Return how many seconds the server asks to wait; it may say so in seconds or as a date.

    Example:
        >>> retry_after({"retry-after": "120"})
        120.0
    """
    text = headers.get("retry-after", "")
    seconds = whole_number(text)
    if seconds is not None:
        return float(seconds)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, OverflowError):
        return None


def _failure(status: int, headers: Headers, url: str) -> HubError:
    kind, hint = _KINDS.get(status, (NetworkError, "the server may have a fault; try again later"))
    message, transient = f"{url} answered with status {status}", status in TRANSIENT
    wait = retry_after(headers) if transient else None
    code = headers.get("x-error-code", "")
    more: dict[str, Any] = {"hint": hint, "url": url, "transient": transient, "status": status}
    more["code"] = code if re.fullmatch("[A-Za-z]{1,40}", code) else ""
    if wait is not None or kind is RateLimited:
        return RateLimited(message, retry_after=wait, **more)
    return kind(message, **more)


_DENIED = (AccessDenied, "it needs a login, or HF_TOKEN for the Hugging Face Hub")
_MISSING = (NotFound, "check the address")
_KINDS: dict[int, tuple[type[HubError], str]] = {
    401: _DENIED,
    403: _DENIED,
    404: _MISSING,
    407: (ProxyError, "put the proxy's user name and password into HTTPS_PROXY"),
    410: _MISSING,
    429: (RateLimited, "wait a while, or log in with HF_TOKEN"),
    451: _DENIED,
}
