"""Group C: only verified bytes get a final name."""

import base64
import gc
import gzip
import hashlib
import json
import os
import threading
import warnings
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply

from ptbert_hub import digests, download, get_from_cache, naming, records
from ptbert_hub.catalog import CATALOG, Pin
from ptbert_hub.digests import Digest, announced
from ptbert_hub.errors import (
    AccessDenied,
    CorruptCache,
    DigestMismatch,
    HubError,
    NetworkError,
    NotAModelFile,
    NotFound,
    OfflineMiss,
    RateLimited,
    SizeMismatch,
    SourcesExhausted,
    Unverifiable,
)
from ptbert_hub.sources import RemoteFile


def get(server, cache, name="model.dat", **options):
    return Path(get_from_cache(server.url(name), cache, **options))


# C1, C6: bytes are counted here, and a body without a known end is refused


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"cut": 2_000_000}, NetworkError),
        ({"cut": 2_000_000, "reset": True}, NetworkError),
        ({"length": "4000000"}, NetworkError),
        ({"length": "-1"}, Unverifiable),
        ({"length": "many"}, Unverifiable),
        ({"length": None}, Unverifiable),
        ({"length": None, "cut": 1_000_000}, Unverifiable),
        ({"chunked": True, "cut": 1_000_000}, NetworkError),
        ({"headers": {"Content-Encoding": "gzip"}}, Unverifiable),
    ],
    ids=str,
)
def test_a_body_that_may_be_incomplete_is_not_published(served, cache, stored, reply, error):
    served.replies = lambda request: Reply(served.content, **reply)

    with pytest.raises(error):
        get(served, cache)
    assert stored(cache) == set()


def test_two_lengths_are_refused(served, cache, stored):
    served.replies = lambda request: Reply(served.content, length="3000000, 7")

    with pytest.raises(NetworkError):
        get(served, cache)
    assert stored(cache) == set()
    with warnings.catch_warnings():  # urllib3 leaves the socket to the collector then
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_an_encoded_body_is_refused(served, cache):
    body = gzip.compress(served.content)
    served.replies = lambda request: Reply(body, headers={"Content-Encoding": "gzip"})

    with pytest.raises(Unverifiable, match="encoded as 'gzip' although that was declined"):
        get(served, cache)


def test_identity_is_asked_for(served, cache):
    get(served, cache)

    assert served.requests[0].headers["accept-encoding"] == "identity"


def test_a_chunked_body_with_its_end_is_complete(served, cache):
    served.replies = lambda request: Reply(served.content, chunked=True)

    assert get(served, cache).read_bytes() == served.content


def test_a_body_without_an_end_is_accepted_on_request_or_by_digest(served, cache, monkeypatch):
    served.replies = lambda request: Reply(served.content, length=None)
    with pytest.raises(Unverifiable, match="half a file would look complete"):
        get(served, cache)
    monkeypatch.setenv("PTBERT_HUB_ALLOW_UNVERIFIABLE", "1")
    assert get(served, cache).read_bytes() == served.content
    monkeypatch.delenv("PTBERT_HUB_ALLOW_UNVERIFIABLE")

    md5 = base64.b64encode(hashlib.md5(served.content).digest()).decode()
    served.replies = lambda request: Reply(
        served.content, length=None, headers={"Content-MD5": md5}
    )
    assert get(served, cache, "other.dat").read_bytes() == served.content


def test_another_size_than_the_pin_is_refused_before_the_first_byte(served, cache):
    file = RemoteFile(served.url(), Pin("0" * 64, 7), None, (served.url(),))
    (cache / ".ptbert-hub" / "partial").mkdir(parents=True)

    with pytest.raises(SizeMismatch, match="announces 3000000 bytes where 7 were expected"):
        download.Download(file, cache).run()


# C2: which digest is used

BODY = b"\x80 the body" * 1000


def rungs(body):
    sha = hashlib.sha256(body)
    md5 = hashlib.md5(body)
    git = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    plain = base64.b64encode(md5.digest()).decode()
    return {
        "linked": {"X-Linked-Etag": f'"{sha.hexdigest()}"', "X-Repo-Commit": "1"},
        "hub": {"ETag": f'"{sha.hexdigest()}"', "X-Repo-Commit": "1"},
        "git": {"ETag": f'"{git}"', "X-Repo-Commit": "1"},
        "amazon sha256": {"x-amz-checksum-sha256": base64.b64encode(sha.digest()).decode()},
        "content-md5": {"Content-MD5": plain},
        "google": {"x-goog-hash": f"crc32c=AAAAAA==,md5={plain}"},
        "amazon tag": {"ETag": f'"{md5.hexdigest()}"', "Server": "AmazonS3"},
    }


@pytest.mark.parametrize("where", ["none", "first", "middle", "last"])
@pytest.mark.parametrize("rung", rungs(b""))
def test_one_wrong_byte_is_noticed_with_every_kind_of_digest(served, cache, stored, rung, where):
    at = {"first": 0, "middle": len(BODY) // 2, "last": len(BODY) - 1}.get(where)
    sent = bytearray(BODY)
    if at is not None:
        sent[at] ^= 1
    served.replies = lambda request: Reply(bytes(sent), headers=rungs(BODY)[rung])

    if at is None:
        assert get(served, cache).read_bytes() == BODY
        return
    with pytest.raises(DigestMismatch, match=r"the download of .* has the wrong digest"):
        get(served, cache)
    assert stored(cache) == set()
    assert len(served.bodies) == 2  # once more from the first byte, then no more


@pytest.mark.parametrize(
    "headers",
    [
        {"etag": '"9e107d9d372bb6826bd81d3542a419d6-2"', "server": "AmazonS3"},
        {"etag": 'W/"9e107d9d372bb6826bd81d3542a419d6"', "server": "AmazonS3"},
        {"etag": '"9e107d9d372bb6826bd81d3542a419d6"'},
        {
            "etag": '"9e107d9d372bb6826bd81d3542a419d6"',
            "server": "AmazonS3",
            "x-amz-server-side-encryption": "aws:kms",
        },
        {
            "etag": '"9e107d9d372bb6826bd81d3542a419d6"',
            "server": "AmazonS3",
            "x-amz-server-side-encryption-customer-algorithm": "AES256",
        },
        {"x-amz-checksum-sha256": "nonsense!"},
        {
            "x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode(),
            "x-amz-checksum-type": "COMPOSITE",
        },
        {"content-md5": base64.b64encode(b"short").decode()},
    ],
)
def test_what_is_no_digest_is_not_taken_for_one(headers):
    assert announced(headers) is None


def test_the_pin_comes_first():
    pin = Pin("a" * 64, 1)

    assert announced({"x-linked-etag": f'"{"b" * 64}"'}, pin) == Digest("sha256", "a" * 64)


# C3: wrong bytes are asked for once more, then the next source is asked


def test_a_corrupt_source_gets_a_second_chance_and_then_the_next_is_asked(served, cache):
    good = served.content
    with FaultServer(good) as other:
        served.content = b"x" + good[1:]
        file = RemoteFile(
            "http://identity/x.dat",
            Pin(hashlib.sha256(good).hexdigest(), len(good)),
            None,
            (served.url(), other.url()),
        )
        (cache / ".ptbert-hub" / "partial").mkdir(parents=True)

        path = download.Download(file, cache).run()

        assert path.read_bytes() == good
        assert (len(served.bodies), len(other.bodies)) == (2, 1)


# C4: only 200, 206 and 304 can lead to a file


@pytest.mark.parametrize("hundred", [100, 200, 300, 400, 500])
def test_no_other_status_stores_anything(served, cache, stored, hundred, monkeypatch):
    monkeypatch.setattr(download, "PACE", download.Pace(tries=1))
    for status in range(hundred, hundred + 100):
        if status == 200:
            continue
        served.replies = lambda request, status=status: Reply(b"page", status)
        with pytest.raises(HubError):
            get(served, cache)
        assert stored(cache) == set()


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        (401, AccessDenied, "status 401 - it needs a login"),
        (403, AccessDenied, "status 403"),
        (404, NotFound, "status 404 - check the address"),
        (429, RateLimited, "status 429 - wait a while"),
        (500, NetworkError, "status 500 - the server may have a fault"),
        (418, NetworkError, "status 418"),
    ],
)
def test_each_status_has_its_error(served, cache, status, error, text):
    served.replies = lambda request: Reply(b"", status)

    with pytest.raises(error, match=text):
        get(served, cache)


# C5: without a digest, error pages are recognised by how they begin

PAGE = b"<!DOCTYPE html><html><body>log in to the wireless network</body></html>"
XML = b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"


@pytest.mark.parametrize("name", ["m.bin", "m.json", "m.txt", "m.tar.gz", "m.zip", "m.dat"])
@pytest.mark.parametrize("body", [PAGE, XML, POINTER, b"  \n" + PAGE], ids=lambda b: b[:12])
def test_a_page_is_not_a_model(served, cache, stored, name, body):
    served.replies = lambda request: Reply(body)

    with pytest.raises(
        NotAModelFile, match=r"the file for .* is an? (error page|git-lfs pointer); it begins with"
    ):
        get(served, cache, name)
    assert stored(cache) == set()


@pytest.mark.parametrize(
    ("name", "body", "is_fine"),
    [
        ("m.bin", b"PK\x03\x04rest", True),
        ("m.bin", b"\x80\x02rest", True),
        ("m.bin", b"rest", False),
        ("m.bin", b"", False),
        ("m.json", b'{"a": 1}', True),
        ("m.json", b'{"a": ', False),
        ("m.json", b"", False),
        ("m.txt", b"[PAD]\n", True),
        ("m.txt", b"a\0b", False),
        ("m.txt", b"", False),
        ("m.tar.gz", b"\x1f\x8bx", True),
        ("m.tar.gz", b"x", False),
        ("m.dat", b"", True),
        ("page.html", PAGE, True),
    ],
)
def test_what_a_file_must_look_like_depends_on_its_name(served, cache, name, body, is_fine):
    served.content = body
    if is_fine:
        assert get(served, cache, name).read_bytes() == body
    else:
        with pytest.raises(NotAModelFile):
            get(served, cache, name)


# C7: a file that changed in the cache is noticed when it is used again


@pytest.fixture
def resting(served, cache):
    served.become(served.content)
    return get(served, cache, revalidate="never")


DAMAGE = {
    "truncated": lambda path: os.truncate(path, 1000),
    "appended": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "overwritten": lambda path: path.write_bytes(b"y" * path.stat().st_size),
    "emptied": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_moved_aside_and_downloaded_again(served, cache, resting, how):
    DAMAGE[how](resting)

    again = get(served, cache, revalidate="never")

    assert again.read_bytes() == served.content
    aside = cache / ".ptbert-hub" / "quarantine"
    assert any(path.name.startswith(resting.name) for path in aside.iterdir())


def test_offline_a_damaged_file_is_an_error(served, cache, resting, monkeypatch):
    os.truncate(resting, 1000)
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")

    with pytest.raises(CorruptCache, match="is damaged, and the network is not used"):
        get(served, cache)


def test_two_files_that_changed_places_are_noticed(served, cache, resting):
    first = served.content
    served.become(b"other" * 1000)
    other = get(served, cache, "other.dat")
    spare = cache / "spare"
    os.rename(resting, spare)
    os.rename(other, resting)
    os.rename(spare, other)

    served.become(first)
    assert get(served, cache, revalidate="never").read_bytes() == first


def test_a_touched_file_is_hashed_once_and_kept(served, cache, resting):
    os.utime(resting, (1, 1))
    before = len(served.requests)

    assert get(served, cache, revalidate="never") == resting
    assert len(served.requests) == before
    assert records.read_record(resting)["mtime_ns"] == 10**9


def test_a_hit_reads_no_byte_of_the_file(served, cache, resting, monkeypatch):
    monkeypatch.setattr(digests, "hash_file", lambda *_: pytest.fail("the file was read"))
    monkeypatch.setattr("ptbert_hub.entries.hash_file", lambda *_: pytest.fail("read"))

    assert get(served, cache, revalidate="never") == resting


def test_a_file_that_is_just_being_replaced_is_waited_for(served, cache):
    """Without an entity tag both versions have one name, and the record is written first."""
    served.etag = None
    path = get(served, cache, revalidate="never")
    new, record = b"new", records.read_record(path)
    fresh = cache / "fresh"
    fresh.write_bytes(new)
    record |= {
        "size": 3,
        "mtime_ns": fresh.stat().st_mtime_ns,
        "sha256": hashlib.sha256(new).hexdigest(),
    }
    records.record_path(path).write_text(json.dumps(record))
    replacing = threading.Timer(0.1, lambda: os.replace(fresh, path))
    replacing.start()

    assert get(served, cache, revalidate="never").read_bytes() == new
    replacing.join()
    assert not (cache / ".ptbert-hub/quarantine").exists()
    assert len(served.requests) == 1


def test_a_file_that_cannot_be_read_is_downloaded_again(served, cache, resting, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    os.utime(resting, (1, 1))
    with monkeypatch.context() as patch:
        patch.setattr("ptbert_hub.entries.hash_file", refuse)
        again = get(served, cache, revalidate="never")

    assert again.read_bytes() == served.content
    assert len(served.bodies) == 2


def test_a_git_digest_without_a_length_is_no_digest(served, cache):
    body = b"text"
    git = hashlib.sha1(b"blob 4\0text").hexdigest()
    served.replies = lambda request: Reply(
        body, headers={"ETag": f'"{git}"', "X-Repo-Commit": "1"}, chunked=True
    )

    assert get(served, cache, "x.txt").read_bytes() == body


# C8: what programs of 2019 stored is verified before it is used

VOCAB = CATALOG["bert-base-cased"].vocabulary


def poisoned(cache, content, etag, url=VOCAB):
    """Make an entry as the downloader of 2019 did."""
    cache.mkdir(exist_ok=True)
    entry = cache / naming.url_to_filename(url, etag)
    entry.write_bytes(content)
    records.record_path(entry).write_text(json.dumps({"url": url, "etag": etag}))
    return entry


@pytest.mark.parametrize("etag", [None, '"64800d5d8528ce344256daf115d4965e"', '"any-2"'])
@pytest.mark.parametrize("page", [PAGE, XML, b"", b"[PA\0"])
def test_a_damaged_entry_of_2019_is_moved_aside(cache, page, etag, monkeypatch):
    entry = poisoned(cache, page, etag)
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")

    with pytest.raises((CorruptCache, OfflineMiss)):
        get_from_cache(VOCAB, cache)
    assert not entry.exists()
    assert len(list((cache / ".ptbert-hub/quarantine").iterdir())) == 2


def test_a_good_entry_of_2019_is_used_and_noted(cache):
    content = b"[PAD]\n[UNK]\n"
    entry = poisoned(cache, content, f'"{hashlib.md5(content).hexdigest()}"')

    assert get_from_cache(VOCAB, cache) == str(entry)
    record = records.read_record(entry)
    assert record["verified"] == "md5"
    assert record["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_good_entry_is_used_before_a_damaged_newer_one(cache):
    content = b"[PAD]\n[UNK]\n"
    good = poisoned(cache, content, f'"{hashlib.md5(content).hexdigest()}"')
    os.utime(good, (1, 1))
    poisoned(cache, PAGE, None)

    assert get_from_cache(VOCAB, cache) == str(good)


def test_a_pin_that_the_catalog_learns_later_counts_more_than_what_was_verified(
    served, cache, monkeypatch
):
    row = CATALOG["bert-base-cased"]
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    served.become(b"[PAD]\n")
    old = Path(get_from_cache(VOCAB, cache))
    served.become(b"[PAD]\n[UNK]\n")
    pin = Pin(hashlib.sha256(served.content).hexdigest(), len(served.content))
    monkeypatch.setattr("ptbert_hub.sources.PINS", {(row.name, "vocabulary"): pin})

    assert Path(get_from_cache(VOCAB, cache)).read_bytes() == served.content
    assert not old.exists()
    aside = cache / ".ptbert-hub" / "quarantine"
    assert any(path.name.startswith(old.name) for path in aside.iterdir())


def test_sources_exhausted_names_every_failure(monkeypatch, cache, served):
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    monkeypatch.setenv("PTBERT_HUB_MIRROR", served.address)
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")
    served.replies = lambda request: Reply(b"", 404)

    with pytest.raises(NotFound, match="status 404"):
        get_from_cache(VOCAB, cache)
    monkeypatch.setenv("PTBERT_HUB_MIRROR", f"{served.address}/a {served.address}/b")
    with pytest.raises(SourcesExhausted) as caught:
        get_from_cache(VOCAB, cache)
    assert len(caught.value.attempts) == 2
