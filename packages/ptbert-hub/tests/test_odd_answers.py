"""Whatever a server answers, there is an error of this package, the copy, or the next source."""

import gc
import hashlib
import itertools
import logging
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply, get

from ptbert_hub import download, get_from_cache, transport
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import HubError, Timeout
from ptbert_hub.sources import RemoteFile

CONTENT = b"the right content"
VALUES = {
    "5000 digits": "9" * 5000,
    "a superscript": "\xb2",
    "an open bracket": "http://[::1",
    "no host": "http:///x",
    "a login in brackets": "http://u:p@[::",
    "a port that is none": "http://127.0.0.1:99999/",
    "not ASCII": "\xe9\xff",
    "a huge zone": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
    "the year zero": "Mon, 01 Jan 0000 00:00:00 GMT",
    "control characters": "a\x01\x7f\tb",
    "a very long text": "x" * 60_000,
    "nothing": "",
}
HEADERS = {
    "Content-Length": 200,
    "X-Linked-Size": 200,
    "X-Linked-Etag": 200,
    "ETag": 200,
    "Last-Modified": 200,
    "Content-MD5": 200,
    "x-goog-hash": 200,
    "Content-Encoding": 200,
    "Transfer-Encoding": 200,
    "Content-Range": 206,
    "Retry-After": 503,
    "Location": 302,
}
RAW = {
    "no header": b"hello",
    "a status of six digits": b"HTTP/1.1 999999 x\r\n\r\n",
    "a negative status": b"HTTP/1.1 -1 x\r\n\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 150 + b"\r\n",
    "a chunk that is no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n",
    "a huge chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\nabc" % (b"f" * 40),
    "a redirect to a file": b"HTTP/1.1 302 X\r\nLocation: file:///etc/passwd\r\n\r\n",
}


def odd(header, value):
    headers = {"ETag": '"v1"', header: VALUES[value]}
    length = headers.pop("Content-Length", "right")
    return lambda _: Reply(CONTENT, HEADERS[header], headers, length=length)


ODD = {f"{h}: {v}": odd(h, v) for h, v in itertools.product(HEADERS, VALUES)}
ODD |= {name: lambda _, raw=raw: Reply(raw=raw) for name, raw in RAW.items()}


# One of four in the ordinary run.
EACH = [
    pytest.param(name, marks=() if n % 4 == 0 else pytest.mark.slow) for n, name in enumerate(ODD)
]
# urllib3 does not close the socket after some of these, and some threads end after their test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", autouse=True)
def sockets_are_collected_here():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        time.sleep(0.5)
        gc.collect()


@pytest.fixture(autouse=True)
def few_tries(monkeypatch):
    monkeypatch.setattr(download, "PACE", download.Pace(tries=2, base=0.001))


@pytest.fixture(scope="module")
def servers():
    with FaultServer(CONTENT) as odd_server, FaultServer(CONTENT, host="127.0.0.2") as good:
        yield odd_server, good


@pytest.mark.parametrize("tag", ["\xe9" * 20_000, "x" * 60_000, "a\x01b"])
def test_a_copy_that_came_with_an_odd_entity_tag_is_used_again(servers, cache, tag):
    """A record that is too long to be read would be no record."""
    server, _ = servers
    server.replies = lambda _: Reply(CONTENT, 200, {"ETag": tag})
    path = get(server, cache)

    assert get(server, cache, local_only=True) == path


def test_there_are_a_hundred_odd_answers():
    assert len(ODD) >= 100


@pytest.mark.parametrize("name", EACH)
def test_an_odd_answer_is_an_error_of_this_package_or_harmless(servers, cache, name):
    server, _ = servers
    server.replies = ODD[name]
    began = time.monotonic()

    with suppress(HubError):
        assert get(server, cache).read_bytes() == CONTENT
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", EACH)
def test_after_an_odd_answer_the_copy_is_used(servers, cache, name):
    server, _ = servers
    server.replies = lambda request: None
    get(server, cache)
    server.replies = ODD[name]

    assert get(server, cache).read_bytes() == CONTENT


@pytest.mark.parametrize("name", EACH)
def test_after_an_odd_answer_the_next_source_is_asked(servers, cache, name):
    server, good = servers
    server.replies = ODD[name]
    (cache / ".ptbert-hub/partial").mkdir(parents=True)
    pin = Pin(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    file = RemoteFile("http://identity/x.dat", pin, None, (server.url(), good.url()))

    assert download.Download(file, cache).run().read_bytes() == CONTENT


@pytest.mark.parametrize("name", EACH)
def test_after_an_odd_answer_the_next_right_one_is_taken(servers, cache, name):
    server, _ = servers
    server.replies = lambda request: ODD[name](request) if request.path == "/bad" else None
    bad = [one for one in server.requests if one.path == "/bad"]
    with suppress(HubError):
        get(server, cache, "bad")
    server.replies = lambda request: None
    assert get(server, cache, "bad").read_bytes() == CONTENT
    assert len(server.requests) > len(bad)


# Answers that take for ever


HEAD = b'HTTP/1.1 200 OK\r\nETag: "v2"\r\n'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"
SLOW = {
    "the header": Reply(raw=HEAD + b"X: " + b"x" * 1000, rate=5),
    "the body": Reply(bytes(100_000), rate=20),
    "the body in chunks": Reply(bytes(100_000), rate=20, chunked=True),
    "the size of a chunk": Reply(raw=CHUNKED + b"0" * 1000, rate=5, quick=len(CHUNKED)),
    "what follows the chunks": Reply(
        raw=CHUNKED + b"0\r\n" + b"X: y\r\n" * 1000, rate=200, quick=len(CHUNKED)
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_dripping_answer_is_given_up_where_there_is_a_copy(
    served, cache, name, monkeypatch, caplog
):
    monkeypatch.setattr(transport, "SLOW_SECONDS", 1.0)
    path = get(served, cache)
    served.replies = lambda request: SLOW[name]
    began = time.monotonic()

    with caplog.at_level(logging.WARNING):
        assert get(served, cache) == path
    assert time.monotonic() - began < 10
    assert "using the cached copy of" in caplog.text


def test_an_endless_answer_is_given_up_where_there_is_a_copy(served, cache, monkeypatch):
    monkeypatch.setattr(transport, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(transport, "ENDLESS_SECONDS", 1.0)
    path = get(served, cache)
    served.replies = lambda request: Reply(bytes(1 << 30), chunked=True, rate=1e6)

    assert get(served, cache) == path


def test_a_server_that_sends_a_byte_at_a_time_is_given_up_where_there_is_a_copy(served, cache):
    path = get(served, cache)
    served.become(bytes(100_000))

    def one_byte(request):
        reply = served.standard(request)
        reply.cut = 1
        return reply

    served.replies = one_byte

    assert get(served, cache) == path
    assert len(served.requests) < 10


def test_without_a_copy_the_header_must_come_in_time(served, cache, monkeypatch):
    monkeypatch.setattr(download, "Waits", lambda *_: transport.Waits(0.5, 0.5))
    served.replies = lambda request: SLOW["the header"]

    with pytest.raises(Timeout, match="it was silent for too long"):
        get(served, cache)


@pytest.mark.parametrize("name", ["the size of a chunk", "what follows the chunks"])
def test_without_a_copy_the_body_must_grow(served, cache, monkeypatch, name):
    monkeypatch.setattr(download, "Waits", lambda *_: transport.Waits(2.0, 0.5))
    served.replies = lambda request: SLOW[name]

    with pytest.raises(Timeout, match="sent 5 bytes so slowly that it was given up"):
        get(served, cache)


# What was wrong is forgotten


POISON = {
    "deep JSON": Reply(b"[" * 200_000, headers={"ETag": '"bad"'}),
    "half a number of bytes": Reply(b'{"goo', headers={"ETag": '"bad"'}, length="1100"),
    "a tag with a line end": Reply(
        raw=b'HTTP/1.1 200 OK\r\nETag: "a\r\n b"\r\nContent-Length: 11\r\n\r\n{"goo'
    ),
    "a tag with a carriage return": Reply(
        raw=b'HTTP/1.1 200 OK\r\nETag: "a\rb"\r\nContent-Length: 11\r\n\r\n{"goo'
    ),
    "a tag with a NUL": Reply(
        raw=b'HTTP/1.1 200 OK\r\nETag: "a\0b\x01"\r\nContent-Length: 11\r\n\r\n{"goo'
    ),
}


@pytest.mark.parametrize("name", POISON)
def test_one_bad_answer_does_not_make_a_file_unfetchable(served, cache, name):
    served.replies = lambda request: POISON[name]
    with pytest.raises(HubError):
        get(served, cache, "config.json")
    served.content = b'{"good": 1}'
    served.replies = lambda request: None
    before = len(served.requests)

    assert get(served, cache, "config.json").read_bytes() == served.content
    assert len(served.requests) == before + 1
    assert list((cache / ".ptbert-hub/partial").iterdir()) == []


def test_an_odd_address_is_an_error_of_this_package(cache):
    for url in (
        "http://h.invalid/\udcff",
        "http://[::1",
        "http://a:b:c/",
        "http://\xbd/",
        "http://127.0.0.1:99999/x",
    ):
        with pytest.raises(HubError):
            get_from_cache(url, cache)
    assert [path for path in Path(cache).iterdir() if path.name != ".ptbert-hub"] == []
