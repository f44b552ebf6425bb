"""Send one GET over the network, or read a file of a mirror on disk.

Redirects are followed here, so that a token, or a name and password in an address, is sent only to
the server it belongs to. ``.netrc`` is not read. Proxies and certificates come from the
environment. Each download has its own session, so threads and forked processes share nothing.
Whatever goes wrong, of whatever type, becomes an error of this package in :func:`get`.
"""

import os
import ssl
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import EAI_AGAIN, gaierror
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urljoin, urlsplit

from ptbert_hub import answers, settings
from ptbert_hub.addresses import redacted
from ptbert_hub.errors import (
    BadSource,
    HubError,
    NetworkError,
    NotFound,
    ProxyError,
    Timeout,
    TLSError,
    Unverifiable,
)
from ptbert_hub.files import disk
from ptbert_hub.options import ORDINARY, DownloadOptions
from ptbert_hub.readers.decompressing import check_ratio

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 20
MAX_REDIRECTS = 10


@dataclass(frozen=True)
class Waits:
    """How long to wait for a server, in seconds.

    The headers of an answer must have arrived after the sum of both, however they come.

    Args:
        connect: while connecting.
        silence: for the next bytes.
        has_copy: whether there is a copy already, so that slow and endless bodies are given up.
    """

    connect: float = 10.0
    silence: float = 30.0
    has_copy: bool = False


SLOW_SECONDS, SLOWEST = 5.0, 1024
"""Where there is a copy, an answer must come at so many bytes a second after so long."""
ENDLESS_SECONDS = 60.0
"""Where there is a copy, an answer of unknown size must have ended after so long."""


@dataclass
class Answer:
    """The last answer of a chain of redirects.

    Args:
        url: the address that was asked, without secrets.
        status: its HTTP status.
        headers: its headers with lower-case names, and those of the Hub from before redirects.
            There is a ``content-encoding`` only if the body is encoded.
        read: returns the next decoded bytes, about as many as asked for; none at the end.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    read: Callable[[int], bytes]

    @property
    def has_end(self) -> bool:
        """Whether a complete body can be told from one that was cut off."""
        chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        encoded = "content-encoding" in self.headers
        return chunked or encoded or answers.body_size(self.headers) is not None


@contextmanager
def get(
    url: str,
    headers: Mapping[str, str],
    waits: Waits | None = None,
    options: DownloadOptions = ORDINARY,
) -> Iterator[Answer]:
    """GET ``url`` and yield the answer, its body still unread.

    Args:
        url: an ``http``, ``https`` or ``file`` address.
        headers: to send besides our own.
        waits: how long to wait for the server; the usual times when None.
        options: the token for the Hugging Face Hub, and proxies.

    Raises:
        HubError: of a class for each cause; ``transient`` says whether to try again.
    """
    shown = redacted(url)
    with _errors_as_ours(shown):
        if urlsplit(url).scheme == "file":
            from urllib.request import url2pathname  # and with it all of HTTP and TLS

            path = url2pathname(urlsplit(url).path)
            if not os.path.isfile(path):
                raise NotFound(f"the mirror has no file {path!r}", hint="check the path", path=path)
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                yield Answer(shown, 200, {"content-length": str(size)}, file.read)
            return
        import requests

        waits = waits or Waits()
        with requests.Session() as session:
            session.auth = _leave_alone
            response, hub_headers = _follow(session, url, headers, waits, options)
            with response, _Body(response, waits, shown) as body:
                lower = {name.lower(): value for name, value in response.headers.items()}
                encoding = lower.pop("content-encoding", "").strip().lower()
                read: Callable[[int], bytes] = body.read
                if encoding not in {"", "identity"}:
                    blocks = _decoded(read, shown)
                    lower["content-encoding"], read = encoding, lambda _: next(blocks, b"")
                yield Answer(shown, response.status_code, lower | hub_headers, read)


class _Body:
    """The body of an answer: one thread reads it, another ends it if it drips or never ends."""

    def __init__(self, response: "requests.Response", waits: Waits, shown: str) -> None:
        self._response, self._waits, self._shown = response, waits, shown
        self._received, self._is_given_up, self._is_read = 0, False, Event()

    def __enter__(self) -> "_Body":
        Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_read.set()

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most as many as asked for; none at the end.

        Raises:
            Timeout: if the answer was given up.
        """
        try:
            data: bytes = self._response.raw.read1(size, decode_content=False)
            self._received += len(data)
            return data
        finally:
            if self._is_given_up:
                raise Timeout(
                    f"{self._shown} sent {self._received} bytes so slowly that it was given up",
                    hint="try again later",
                    url=self._shown,
                    transient=not self._waits.has_copy,
                )

    def _watch(self) -> None:
        began = last = time.monotonic()
        before, is_sized = 0, "content-length" in self._response.headers
        while not self._is_read.wait(0.25):
            now, received = time.monotonic(), self._received
            if received > before:
                before, last = received, now
            is_endless = now - began > ENDLESS_SECONDS and not is_sized
            is_slow = now - began > SLOW_SECONDS and received < SLOWEST * (now - began)
            if now - last > 2 * self._waits.silence or (
                self._waits.has_copy and (is_endless or is_slow)
            ):
                self._is_given_up = True
                with suppress(Exception):  # it has just ended
                    self._response.raw.shutdown()
                return


def _decoded(read: Callable[[int], bytes], shown: str) -> Iterator[bytes]:
    """Undo the encoding of a body; its own checksum tells whether it is complete."""
    machine = zlib.decompressobj(32 + zlib.MAX_WBITS)  # gzip or zlib, as it begins
    packed = unpacked = 0
    try:
        while not machine.eof:
            new = b"" if machine.unconsumed_tail else read(CHUNK)
            block = machine.decompress(machine.unconsumed_tail or new, CHUNK)
            packed, unpacked = packed + len(new), unpacked + len(block)
            check_ratio(packed, unpacked)
            if block:
                yield block
            elif not (new or machine.unconsumed_tail or machine.eof):
                raise ValueError("it ends too early")
        if machine.unused_data or read(1):
            raise ValueError("it goes on after its end")
    except (zlib.error, ValueError) as error:
        raise Unverifiable(
            f"{shown} sent an encoded body that cannot be decoded ({error})",
            hint="a proxy on the way may be changing files",
            url=shown,
        ) from error


def http_get(url: str, temp_file: BinaryIO) -> None:
    """Append the body found at ``url`` to an open file.

    Raises:
        HubError: of a class for each cause, for any answer but a complete 200.
    """
    with get(url, {"Accept-Encoding": "identity"}) as answer:
        answers.step(answer.status, answer.headers, None, {}, answer.url)
        while chunk := answer.read(CHUNK):  # fewer bytes than announced are an error there
            with disk(Path(str(getattr(temp_file, "name", "the open file")))):
                temp_file.write(chunk)


def _leave_alone(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Add no authentication. Without this function ``requests`` would read ``.netrc``."""
    return request


def _follow(
    session: "requests.Session",
    url: str,
    headers: Mapping[str, str],
    waits: Waits,
    options: DownloadOptions,
) -> tuple["requests.Response", dict[str, str]]:
    """The first answer that is no redirect, and the Hub's headers seen on the way.

    The Hub redirects from the old name of a repository to the new one, then to its storage. What
    the server says that was asked counts, and nothing that another one says.
    """
    hub_headers: dict[str, str] = {}
    here, seen = url, {url}
    while True:
        ask = partial(
            session.get,
            _without_login(here),
            headers={
                "Accept-Encoding": "identity",
                "User-Agent": "ptbert-hub",
                **headers,
                **_credentials(here, url, options),
            },
            proxies=dict(options.proxies or {}),  # requests adds those of the environment
            timeout=(waits.connect, waits.silence),
            stream=True,
            allow_redirects=False,
            verify=settings.certificates() or True,
        )
        with _errors_as_ours(redacted(here)):
            response = _in_time(ask, waits.connect + waits.silence)
        for name in ("x-linked-etag", "x-linked-size", "x-repo-commit"):
            if name in response.headers and origin(here) == origin(url):
                hub_headers[name] = response.headers[name]
        location = response.headers.get("location")
        if response.status_code not in {301, 302, 303, 307, 308} or not location:
            return response, hub_headers
        response.close()
        here = _target(here, location, seen)
        seen.add(here)


def _in_time(ask: Callable[[], "requests.Response"], seconds: float) -> "requests.Response":
    """Do ``ask`` in a thread, and do not wait for it longer than that.

    A socket only limits the time between two bytes, and looking up a name is not limited at all.
    """
    outcome: Future[requests.Response] = Future()

    def run() -> None:
        try:
            outcome.set_result(ask())
        except BaseException as error:
            outcome.set_exception(error.with_traceback(None))  # its frames have the socket

    Thread(target=run, daemon=True).start()
    return outcome.result(seconds)


def _target(here: str, location: str, seen: set[str]) -> str:
    """Where a redirect leads, if it may be followed."""
    target, shown, hint = urljoin(here, location), redacted(here), "check the address"
    scheme = urlsplit(target).scheme
    if scheme not in {"http", "https"} or (urlsplit(here).scheme == "https" and scheme == "http"):
        what = f"redirects to {redacted(target)!r}, which is not followed"
        is_safe = urlsplit(here).scheme == "https"
        hint = f"only https {'may follow https' if is_safe else 'and http are followed'}; give the "
        hint += "address at which the file itself is"
    elif target in seen:
        what = "redirects in a circle"
    elif len(seen) > MAX_REDIRECTS:
        what = f"redirects more than {MAX_REDIRECTS} times"
    else:
        return target
    raise NetworkError(f"{shown} {what}", hint=hint, url=shown)


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; a secret is sent to one origin only."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


def _credentials(here: str, asked: str, options: DownloadOptions) -> dict[str, str]:
    parts = urlsplit(asked)
    if parts.username is not None and origin(here) == origin(asked):
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Authorization": "Basic " + b64encode(login.encode()).decode()}
    if origin(here) == origin(settings.hub_endpoint()) and (token := options.bearer()):
        return {"Authorization": f"Bearer {token}"}
    return {}


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@contextmanager
def _errors_as_ours(shown: str) -> Iterator[None]:
    """Turn everything that can go wrong with an answer into this package's errors."""
    try:
        yield
    except HubError:
        raise
    except Exception as error:
        root = _root(error)
        raise _network_error(error, root, shown) from root


def _network_error(error: Exception, root: BaseException | None, shown: str) -> HubError:
    import requests
    from urllib3.exceptions import HTTPError, ProtocolError
    from urllib3.exceptions import TimeoutError as SilentTooLong

    kind: type[HubError] = NetworkError
    what, hint, why = f"{shown} could not be read", "check the connection", str(root or "")
    transient = not (isinstance(root, gaierror) and root.errno != EAI_AGAIN)
    wrong = requests.exceptions
    if isinstance(error, wrong.InvalidSchema | wrong.MissingSchema | wrong.InvalidURL):
        kind, what, transient = BadSource, f"{shown!r} is not a valid address", False
        hint, why = "check the spelling", ""
    elif isinstance(root, ssl.SSLCertVerificationError) or "CA certificate bundle" in str(error):
        kind, what, transient = TLSError, f"the certificate of {shown} could not be verified", False
        hint = "name your organisation's certificates in PTBERT_HUB_CA_BUNDLE"
    elif isinstance(error, requests.exceptions.ProxyError):
        kind, what, transient = ProxyError, f"the proxy does not reach {shown}", False
        hint = "check HTTPS_PROXY, or what was given as proxies"
    elif isinstance(error, requests.Timeout | SilentTooLong) or isinstance(root, TimeoutError):
        kind, why = Timeout, why or "it was silent for too long"
    elif root is None and isinstance(error, ProtocolError):
        why = "the connection broke off"
    elif not isinstance(error, requests.RequestException | HTTPError | OSError):
        what, why, transient = f"the answer of {shown} makes no sense", type(error).__name__, False
        hint = "the server, or a proxy on the way, has a fault"
    return kind(f"{what} ({why})" if why else what, hint=hint, url=shown, transient=transient)


def _root(error: BaseException) -> BaseException | None:
    """The system's own error below the wrappers, whose texts may have addresses with secrets."""
    waiting: list[Any] = [error]
    known: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in known or not isinstance(one, BaseException):
            continue
        known.add(id(one))
        if isinstance(one, OSError) and type(one).__module__ in {"builtins", "socket", "ssl"}:
            return one.with_traceback(None)
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return None
