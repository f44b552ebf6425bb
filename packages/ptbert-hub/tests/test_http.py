"""Group E: what is sent, how long it may take, and who gets a secret."""

import datetime
import email.utils
import logging
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from faultserver import Reply, get

from ptbert_hub import answers, download, get_from_cache, transport
from ptbert_hub.catalog import CATALOG
from ptbert_hub.errors import (
    HubError,
    NetworkError,
    OfflineMiss,
    RateLimited,
    Timeout,
)

# E1: one conditional GET, no HEAD


def test_a_file_costs_one_get_and_a_check_one_more_without_a_body(served, cache):
    first = get(served, cache)
    assert get(served, cache) == first

    assert [(one.method, one.status) for one in served.requests] == [("GET", 200), ("GET", 304)]
    assert served.requests[1].headers["if-none-match"] == '"v1"'


# E2: revalidation


def test_a_new_version_lies_beside_the_old_one(served, cache):
    old = get(served, cache)
    served.become(b"new" * 1000)
    new = get(served, cache)

    assert new.read_bytes() == b"new" * 1000
    assert old.exists()
    assert new != old
    assert get(served, cache) == new


def test_a_weak_tag_is_compared_but_never_resumed_with(served, cache):
    served.etag = 'W/"v1"'
    get(served, cache)
    get(served, cache)
    assert [one.status for one in served.requests] == [200, 304]

    served.replies = lambda request: (
        Reply(served.content, 200, {"ETag": 'W/"v1"'}, cut=1_000_000)
        if request.number == 2
        else None
    )
    get(served, cache, force=True)
    assert "range" not in served.requests[3].headers


def test_without_a_tag_the_time_of_the_last_change_is_used(served, cache):
    served.etag = None
    served.extra = {"Last-Modified": "Mon, 03 Jun 2019 10:00:00 GMT"}
    get(served, cache)
    get(served, cache)

    assert [one.status for one in served.requests] == [200, 304]


@pytest.mark.parametrize(
    ("rule", "requests"), [("always", 3), ("never", 1), (3600, 1), (0, 3), ("3600", 1)]
)
def test_how_often_to_ask_can_be_chosen(served, cache, rule, requests, monkeypatch):
    for _ in range(3):
        get(served, cache, revalidate=rule)
    assert len(served.requests) == requests

    served.requests.clear()
    monkeypatch.setenv("PTBERT_HUB_REVALIDATE", str(rule))
    get(served, cache)
    assert len(served.requests) == (1 if requests == 3 else 0)


def test_a_wrong_rule_is_a_value_error(served, cache):
    get(served, cache)
    with pytest.raises(ValueError, match="revalidate='often'; give 'always'"):
        get(served, cache, revalidate="often")


def test_force_downloads_again(served, cache):
    get(served, cache)
    get(served, cache, force=True)

    assert [one.status for one in served.requests] == [200, 200]


# E3, E4: hits of published files, and offline mode, open no socket


@contextmanager
def no_sockets(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def test_a_published_file_that_is_there_costs_no_request(served, cache, monkeypatch):
    url = CATALOG["bert-base-cased"].vocabulary
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    served.content = b"[PAD]\n"
    path = get_from_cache(url, cache)

    with no_sockets(monkeypatch):
        assert get_from_cache(url, cache) == path
    assert len(served.requests) == 1


def test_offline_answers_from_the_cache_or_says_what_is_missing(served, cache, monkeypatch):
    path = get(served, cache)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with no_sockets(monkeypatch):
        assert get(served, cache) == path
        with pytest.raises(OfflineMiss, match="not in the cache and the network is not used"):
            get(served, cache, "other.dat")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="strace is Linux only")
def test_the_kernel_sees_no_socket_either(served, cache, tmp_path, which):
    which("strace")
    url = served.url()
    get(served, cache)
    code = "import sys; from ptbert_hub import cached_path; print(cached_path(*sys.argv[1:]))"

    done = subprocess.run(
        ["strace", "-f", "-e", "trace=%network", sys.executable, "-c", code, url, str(cache)],
        env={**os.environ, "PTBERT_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "AF_INET" not in done.stderr
    assert len(served.requests) == 1


# E5: a cached copy is used when the server fails


PAGE = b"<html>log in</html>"
TROUBLE = {
    "403": lambda r: Reply(b"", 403),
    "404": lambda r: Reply(b"", 404),
    "407": lambda r: Reply(b"", 407),
    "429": lambda r: Reply(b"", 429, {"Retry-After": "60"}),
    "500": lambda r: Reply(b"", 500),
    "503": lambda r: Reply(b"", 503),
    "silent": lambda r: Reply(b"", silent=30),
    "captive portal": lambda r: Reply(PAGE),
    "cut": lambda r: Reply(b"x" * 1000, cut=0, reset=True),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_when_the_server_cannot_be_asked_the_copy_is_used_with_one_warning(
    served, cache, name, caplog
):
    path = get(served, cache)
    served.replies = TROUBLE[name]
    began = time.monotonic()

    with caplog.at_level(logging.WARNING):
        assert get(served, cache) == path
    assert time.monotonic() - began < 5
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "using the cached copy of http"
    ]
    with pytest.raises(HubError):
        get(served, cache, strict=True)


def test_refused_connections_and_unknown_hosts_leave_the_copy(served, cache, caplog, monkeypatch):
    path = get(served, cache)
    url = served.url()
    served.__exit__()

    assert get_from_cache(url, cache) == str(path)
    with pytest.raises(NetworkError, match=r"could not be read .*Connection refused"):
        get_from_cache(url, cache, strict=True)
    with pytest.raises(NetworkError, match="could not be read"):
        get_from_cache("http://no-such-host.invalid/x", cache)


# E6: pauses


def test_pauses_grow_at_random_up_to_a_cap():
    pace = download.Pace(uniform=lambda low, high: high)

    assert [pace.pause(n) for n in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pace.pause(0, asked=7.0) == 7.5  # never earlier than asked


def test_a_server_that_asks_to_wait_is_not_asked_earlier(served, cache):
    times = []

    def busy_once(request):
        times.append(time.monotonic())
        return Reply(b"", 429, {"Retry-After": "1"}) if len(times) == 1 else None

    served.replies = busy_once

    get(served, cache)

    assert times[1] - times[0] >= 1.0


def test_the_time_to_wait_may_be_a_date():
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    date = email.utils.format_datetime(now + datetime.timedelta(seconds=90), usegmt=True)

    assert answers.retry_after({"retry-after": date}, now) == 90.0
    assert answers.retry_after({"retry-after": "soon"}) is None
    assert answers.retry_after({}) is None


def test_a_wait_of_a_day_is_an_error_at_once(served, cache):
    served.replies = lambda request: Reply(b"", 503, {"Retry-After": "86400"})
    began = time.monotonic()

    with pytest.raises(RateLimited) as caught:
        get(served, cache)
    assert time.monotonic() - began < 1
    assert caught.value.retry_after == 86400


# E7: silent servers


def test_a_silent_server_is_given_up(served, cache, monkeypatch):
    monkeypatch.setattr(download, "Waits", lambda *_: transport.Waits(0.3, 0.3))
    monkeypatch.setattr(download, "PACE", download.Pace(tries=2, base=0.01))
    served.replies = lambda request: Reply(b"", silent=30)

    with pytest.raises(Timeout, match="could not be read"):
        get(served, cache)
    assert len(served.requests) == 2


def test_servers_are_waited_for_ten_and_thirty_seconds():
    assert transport.Waits() == transport.Waits(connect=10.0, silence=30.0)


# E10: which requests are repeated


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_after_a_passing_failure_the_request_is_repeated(served, cache, status):
    served.replies = lambda request: Reply(b"", status) if request.number < 2 else None

    assert get(served, cache).read_bytes() == served.content


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501])
def test_after_a_lasting_failure_it_is_not_repeated(served, cache, status):
    served.replies = lambda request: Reply(b"", status)

    with pytest.raises(HubError):
        get(served, cache)
    assert len(served.requests) == 1
