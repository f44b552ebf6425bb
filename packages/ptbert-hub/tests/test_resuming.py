"""Group D: an interrupted download is resumed, and never mixes two versions."""

import hashlib
from pathlib import Path

import pytest
from faultserver import Reply
from workers import unfinished

from ptbert_hub import answers, download, get_from_cache
from ptbert_hub.answers import Held, Step
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import HubError, NetworkError, SourcesExhausted
from ptbert_hub.sources import RemoteFile
from ptbert_hub.writers import claim


def fetched(server, cache):
    return Path(get_from_cache(server.url(), cache)).read_bytes()


def interrupted(server, cache, size):
    """Leave ``size`` bytes of the server's file as a partial download."""
    server.replies = lambda request: Reply(
        server.content, 200, {"ETag": server.etag}, cut=size, reset=size == 0
    )
    with claim() as tag:
        partial = unfinished(server, cache, tag, size)
        partial.release()
    server.replies = lambda request: None


@pytest.mark.parametrize("how", ["cut", "reset", "stall"])
def test_an_interrupted_download_is_resumed_where_it_stopped(served, cache, how, monkeypatch):
    monkeypatch.setattr(download, "Waits", lambda *_: download_waits())
    faults = {
        "cut": {},
        "reset": {"reset": True},
        "stall": {"stall": 30.0},
    }[how]
    served.replies = lambda request: (
        Reply(served.content, 200, {"ETag": served.etag}, cut=1_000_000, **faults)
        if request.number == 0
        else None
    )

    assert fetched(served, cache) == served.content
    assert served.requests[1].headers["range"].startswith("bytes=")
    assert served.wire <= 3_000_000 + (1 << 20)


def download_waits():
    from ptbert_hub.transport import Waits

    return Waits(1.0, 0.5)


def test_progress_resets_the_number_of_tries(served, cache):
    """Thirteen cuts are more than the six tries that are allowed without progress."""
    served.content = served.content * 13 + b"end"
    step = 3_000_000

    def cut_every_step(request):
        reply = served.standard(request)
        reply.cut = min(step, len(reply.body))
        return reply

    served.replies = cut_every_step

    assert fetched(served, cache) == served.content
    assert len(served.requests) == 14
    assert served.wire <= 1.35 * len(served.content)


def test_without_progress_the_tries_end(served, cache):
    served.replies = lambda request: Reply(served.content, 200, {"ETag": '"v1"'}, cut=1000)
    served.ranges = False

    with pytest.raises(NetworkError, match=r"could not be read .the connection broke off"):
        fetched(served, cache)
    assert len(served.requests) == 7  # one that brought bytes, then six that brought none


BEHAVIOURS = {
    "right": lambda s, r: None,
    "ignores range": lambda s, r: Reply(s.content, headers={"ETag": s.etag}),
    "ignores if-range, new tag": "new",
    "206 with everything": lambda s, r: Reply(
        s.content, 206, {"ETag": s.etag, "Content-Range": f"bytes 0-{len(s.content) - 1}/*"}
    ),
    "206 from the wrong byte": lambda s, r: Reply(
        s.content[r.start + 1 :],
        206,
        {
            "ETag": s.etag,
            "Content-Range": f"bytes {r.start + 1}-{len(s.content) - 1}/{len(s.content)}",
        },
    ),
    "206 of another length": lambda s, r: Reply(
        s.content[r.start :] + b"x",
        206,
        {"ETag": s.etag, "Content-Range": f"bytes {r.start}-{len(s.content)}/{len(s.content) + 1}"},
    ),
    "206 without a range": lambda s, r: Reply(s.content[r.start :], 206, {"ETag": s.etag}),
    "206 without a tag": lambda s, r: Reply(
        s.content[r.start :],
        206,
        {"Content-Range": f"bytes {r.start}-{len(s.content) - 1}/{len(s.content)}"},
    ),
    "206 with a weak tag": lambda s, r: Reply(
        s.content[r.start :],
        206,
        {
            "ETag": "W/" + s.etag,
            "Content-Range": f"bytes {r.start}-{len(s.content) - 1}/{len(s.content)}",
        },
    ),
    "200 with a slice": lambda s, r: Reply(
        s.content[r.start :],
        200,
        {
            "ETag": s.etag,
            "Content-Range": f"bytes {r.start}-{len(s.content) - 1}/{len(s.content)}",
        },
    ),
    "encoded": lambda s, r: Reply(
        s.content[r.start :],
        206,
        {
            "ETag": s.etag,
            "Content-Encoding": "gzip",
            "Content-Range": f"bytes {r.start}-{len(s.content) - 1}/{len(s.content)}",
        },
    ),
    "416": lambda s, r: Reply(
        b"", 416, {"Content-Range": f"bytes */{len(s.content)}", "ETag": s.etag}
    ),
    "416 of another length": lambda s, r: Reply(b"", 416, {"Content-Range": "bytes */7"}),
    "412": lambda s, r: Reply(b"", 412),
}


@pytest.mark.parametrize("where", ["0", "1", "middle", "n-1", "n"])
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_whatever_a_server_does_with_a_range_no_mixture_is_published(served, cache, name, where):
    old = served.content = served.content[:200_000]
    size = {"0": 0, "1": 1, "middle": 100_000, "n-1": 199_999, "n": 200_000}[where]
    interrupted(served, cache, size)
    versions = {old}
    behaviour = BEHAVIOURS[name]
    if behaviour == "new":
        served.become(bytes(reversed(old)))
        versions.add(served.content)

        def behaviour(s, r):
            tail = s.content[r.start :]
            span = f"bytes {r.start}-{len(s.content) - 1}/{len(s.content)}"
            return Reply(tail, 206, {"ETag": s.etag, "Content-Range": span})

    served.replies = lambda request: (
        behaviour(served, request) if "range" in request.headers else None
    )

    assert fetched(served, cache) in versions
    if where == "n":  # complete: verified and published without asking anybody
        assert served.requests == []
    if name == "right" and 0 < size < 200_000:
        assert served.wire == 200_000 - size


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_file_that_vanishes_half_way_is_not_published(served, cache, stored, status):
    interrupted(served, cache, 1000)
    served.replies = lambda request: Reply(b"gone", status)

    with pytest.raises(HubError, match=f"status {status}"):
        fetched(served, cache)
    assert stored(cache) == set()


def test_a_file_replaced_between_two_tries_is_downloaded_from_the_start(served, cache):
    old = served.content

    def cut_then_replace(request):
        if request.number == 0:
            return Reply(old, 200, {"ETag": '"v1"'}, cut=1_000_000)
        served.become(bytes(reversed(old)))
        return None

    served.replies = cut_then_replace

    assert fetched(served, cache) == bytes(reversed(old))


@pytest.mark.parametrize("pinned", [True, False])
def test_a_download_goes_on_with_another_source_only_with_a_pin(served, cache, pinned, tmp_path):
    from faultserver import FaultServer

    good = served.content
    pin = Pin(hashlib.sha256(good).hexdigest(), len(good)) if pinned else None
    with FaultServer(good) as other:
        other.etag = None if pinned else '"v2"'
        served.replies = lambda request: (
            Reply(good, 200, {"ETag": '"v1"'}, cut=1_000_000)
            if request.number == 0
            else Reply(b"", 404)
        )
        file = RemoteFile("http://identity/x", pin, None, (served.url(), other.url()))
        (cache / ".ptbert-hub" / "partial").mkdir(parents=True)

        path = download.Download(file, cache).run()

        assert path.read_bytes() == good
        assert other.wire == (2_000_000 if pinned else 3_000_000)


def test_when_all_sources_fail_each_is_listed(served, cache):
    served.replies = lambda request: Reply(b"", 404)
    file = RemoteFile("http://identity/x", None, None, (served.url("a"), served.url("b")))
    (cache / ".ptbert-hub" / "partial").mkdir(parents=True)

    with pytest.raises(SourcesExhausted, match="no source gave http://identity/x") as caught:
        download.Download(file, cache).run()
    assert [text.partition(": ")[0] for text in caught.value.attempts] == [
        served.url("a"),
        served.url("b"),
    ]


def test_each_failed_source_has_one_line_and_the_advice_is_last(served, cache):
    served.replies = lambda request: Reply(b"", 404)
    sources = (served.url("a"), served.url("b"))
    file = RemoteFile(served.url("b"), None, None, sources)
    (cache / ".ptbert-hub" / "partial").mkdir(parents=True)

    with pytest.raises(SourcesExhausted) as caught:
        download.Download(file, cache).run()

    told, *lines, advice = str(caught.value).split("\n")
    assert told == f"no source gave {served.url('b')}:"
    assert [line.partition(": ")[0] for line in lines] == [
        f"  {served.url('a')}",
        "  that address itself",
    ]
    assert all(line.count(served.address) == line.startswith("  http") for line in lines)
    assert all(" - " not in line for line in lines)
    assert advice.startswith(" - ")
    assert advice.endswith(", or name a mirror in PTBERT_HUB_MIRROR")


HELD = Held(5, 9, '"v1"')


@pytest.mark.parametrize(
    ("status", "headers", "held", "step"),
    [
        (200, {}, None, Step.WHOLE),
        (200, {}, HELD, Step.WHOLE),
        (206, {"content-range": "bytes 5-8/9", "etag": '"v1"'}, HELD, Step.CONTINUE),
        (206, {"content-range": "bytes 5-8/9", "etag": '"v2"'}, HELD, Step.AGAIN),
        (206, {"content-range": "bytes 5-8/9"}, HELD, Step.AGAIN),
        (206, {"content-range": "bytes 5-8/*", "etag": '"v1"'}, HELD, Step.AGAIN),
        (206, {"content-range": "bytes 5-9/9", "etag": '"v1"'}, HELD, Step.AGAIN),
        (206, {"content-range": "bytes 5-8/9"}, Held(5, 9, None, True), Step.CONTINUE),
        (206, {"content-range": "bytes 5-9/10"}, Held(5, 9, None, True), Step.AGAIN),
        (416, {"content-range": "bytes */9"}, HELD, Step.AGAIN),
        (416, {"content-range": "bytes */9"}, Held(9, 9, '"v1"'), Step.AGAIN),
        (412, {}, HELD, Step.AGAIN),
    ],
)
def test_an_answer_is_judged_by_start_length_and_tag(status, headers, held, step):
    assert answers.step(status, headers, held, {}) is step


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20])
def test_every_length_works(served, cache, size):
    served.become(bytes(size))

    assert Path(get_from_cache(served.url(), cache)).stat().st_size == size
