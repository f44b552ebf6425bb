"""A web server on raw sockets that answers correctly, or with the fault that a test asks for."""

import hashlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ptbert_hub import get_from_cache

BLOCK = 1 << 16


@dataclass
class Request:
    """A request and how it was answered."""

    method: str
    path: str
    headers: dict[str, str]
    number: int
    status: int = 0
    sent: int = 0

    @property
    def start(self) -> int:
        found = re.match(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(found[1]) if found else 0


@dataclass
class Reply:
    """An answer and its faults.

    Args:
        cut: close the connection after that many bytes of the body.
        reset: close it with a reset.
        stall: keep it open and silent that many seconds first.
        rate: bytes a second.
        raw: bytes to send instead of an answer, at ``rate`` a second after the first ``quick``.
        length: value of Content-Length; None for no such header.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    stall: float = 0.0
    rate: float | None = None
    length: str | None = "right"
    chunked: bool = False
    silent: float = 0.0
    raw: bytes | None = None
    quick: int = 0


class FaultServer:
    """Serves ``content`` at every path; ``replies`` may answer otherwise.

    Use it as a context manager. ``requests`` is the log.
    """

    def __init__(self, content=b"", *, host="127.0.0.1", tls: ssl.SSLContext | None = None):
        self.content = content
        self.etag: str | None = '"v1"'
        self.extra: dict[str, str] = {}
        self.ranges = True
        self.rate: float | None = None
        self.replies: Callable[[Request], Reply | None] = lambda request: None
        self.requests: list[Request] = []
        self.concurrent = self.most_concurrent = 0
        self._tls = tls
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, 0), backlog=128)
        self._stopped = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.address = f"{'https' if tls else 'http'}://{host}:{self.port}"

    def __enter__(self):
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *_):
        self._stopped.set()
        with suppress(OSError):
            socket.create_connection(self._listener.getsockname()[:2], 1).close()
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def url(self, name="model.dat"):
        return f"{self.address}/{name}"

    @property
    def bodies(self):
        """Requests that were answered with bytes of the file."""
        return [one for one in self.requests if one.status in {200, 206} and one.sent]

    @property
    def wire(self):
        return sum(one.sent for one in self.requests)

    def become(self, content: bytes):
        """Replace the file; its tag changes with it."""
        self.content, self.etag = content, f'"{hashlib.md5(content).hexdigest()}"'

    def standard(self, request: Request) -> Reply:
        """The right answer."""
        headers = dict(self.extra)
        if self.etag:
            headers["ETag"] = self.etag
        if self.etag and request.headers.get("if-none-match") == self.etag:
            return Reply(status=304, headers=headers, length=None)
        modified = headers.get("Last-Modified")
        if modified and request.headers.get("if-modified-since") == modified:
            return Reply(status=304, headers=headers, length=None)
        size, start = len(self.content), request.start
        wanted = request.headers.get("if-range", self.etag) == self.etag
        if not self.ranges or "range" not in request.headers or not wanted:
            return Reply(self.content, headers=headers, rate=self.rate)
        if start >= size:
            headers["Content-Range"] = f"bytes */{size}"
            return Reply(status=416, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        return Reply(self.content[start:], 206, headers, rate=self.rate)

    def _accept(self):
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket):
        with suppress(OSError, ValueError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                request = self._read(connection)
                if request is None:
                    return
                with self._lock:
                    self.concurrent += 1
                    self.most_concurrent = max(self.most_concurrent, self.concurrent)
                try:
                    self._answer(connection, request, self.replies(request))
                finally:
                    with self._lock:
                        self.concurrent -= 1

    def _read(self, connection) -> Request | None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(BLOCK)
            if not more:
                return None
            data += more
        first, *lines = data.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.strip().lower(): v.strip() for k, _, v in (x.partition(":") for x in lines)}
        with self._lock:
            request = Request(method, path, headers, len(self.requests))
            self.requests.append(request)
        return request

    def _drip(self, connection, data: bytes, rate: float | None, quick: int):
        quick = len(data) if rate is None else quick
        connection.sendall(data[:quick])
        for at in range(quick, len(data)):
            connection.sendall(data[at : at + 1])
            if self._stopped.wait(1 / rate):
                return

    def _answer(self, connection, request: Request, reply: Reply | None):
        reply = reply or self.standard(request)
        request.status = reply.status
        self._stopped.wait(reply.silent)
        if reply.raw is not None:
            self._drip(connection, reply.raw, reply.rate, reply.quick)
            return
        headers = {"Connection": "close", **reply.headers}
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif reply.length is not None:
            headers["Content-Length"] = (
                str(len(reply.body)) if reply.length == "right" else reply.length
            )
        head = f"HTTP/1.1 {reply.status} X\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(head.encode("latin-1") + b"\r\n")
        if request.method == "HEAD":
            return
        end = len(reply.body) if reply.cut is None else reply.cut
        began = time.monotonic()
        block = BLOCK if reply.rate is None else max(1, min(BLOCK, int(reply.rate / 20)))
        for at in range(0, end, block):
            part = reply.body[at : min(at + block, end)]
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part) if reply.chunked else part)
            request.sent += len(part)
            if reply.rate:
                late = request.sent / reply.rate - (time.monotonic() - began)
                if self._stopped.wait(max(0.0, late)):
                    return
        self._stopped.wait(reply.stall)
        if reply.chunked and reply.cut is None:
            connection.sendall(b"0\r\n\r\n")
        if reply.reset:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def get(server, cache, name="model.dat", **options):
    """Download a file of a server into a cache, and return its path."""
    return Path(get_from_cache(server.url(name), cache, **options))


def closed_port():
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
