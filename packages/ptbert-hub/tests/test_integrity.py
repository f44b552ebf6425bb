"""Group C: only verified bytes get a final name."""

import base64
import gc
import gzip
import hashlib
import warnings
import zlib

import pytest
from faultserver import FaultServer, Reply, get

from ptbert_hub import digests, download, http_get
from ptbert_hub.catalog import Pin
from ptbert_hub.digests import Digest, announced
from ptbert_hub.errors import (
    AccessDenied,
    DigestMismatch,
    HubError,
    NetworkError,
    NotAModelFile,
    NotFound,
    RateLimited,
    SizeMismatch,
    Unverifiable,
)
from ptbert_hub.readers import decompressing
from ptbert_hub.sources import RemoteFile

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

    with warnings.catch_warnings():  # urllib3 does not close the socket then
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(NetworkError):
            get(served, cache)
        gc.collect()
    assert stored(cache) == set()


# Servers and proxies that compress although they were asked not to

TEXT = b"[PAD]\n[UNK]\n" * 50_000
ENCODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("X-GZip", gzip.compress(TEXT)),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "identity": ("identity", TEXT),
}


def encoded(server, name="gzip", body=None, **headers):
    encoding, right = ENCODED[name]
    headers = {"Content-Encoding": encoding, "ETag": '"v1"', **headers}
    body = right if body is None else body
    server.replies = lambda request: Reply(body, headers=headers)


@pytest.mark.parametrize("name", ENCODED)
def test_an_encoded_body_is_decoded(served, cache, name):
    encoded(served, name)

    assert get(served, cache, "vocab.txt").read_bytes() == TEXT


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_a_pin_judges_the_decoded_bytes(served, cache, stored, name):
    (cache / ".ptbert-hub" / "partial").mkdir(parents=True)
    right = Pin(hashlib.sha256(TEXT).hexdigest(), len(TEXT))
    wrong = Pin("0" * 64, len(TEXT))
    encoded(served, name)

    with pytest.raises(DigestMismatch, match="has the wrong digest"):
        download.Download(RemoteFile(served.url(), wrong, None, (served.url(),)), cache).run()
    assert stored(cache) == set()
    path = download.Download(RemoteFile(served.url(), right, None, (served.url(),)), cache).run()
    assert path.read_bytes() == TEXT


def test_digests_of_the_encoded_bytes_are_not_compared_with_the_decoded_ones(served, cache):
    """The entity tag of an object that is stored compressed is the MD5 of the compressed bytes."""
    body = ENCODED["gzip"][1]
    md5 = hashlib.md5(body)
    encoded(
        served,
        ETag=f'"{md5.hexdigest()}"',
        Server="AmazonS3",
        **{"Content-MD5": base64.b64encode(md5.digest()).decode()},
    )

    assert get(served, cache, "vocab.txt").read_bytes() == TEXT


def test_an_interrupted_encoded_body_is_never_continued(served, cache):
    served.replies = lambda request: Reply(
        ENCODED["gzip"][1],
        headers={"Content-Encoding": "gzip", "ETag": '"v1"'},
        cut=500 if request.number == 0 else None,
    )

    assert get(served, cache, "vocab.txt").read_bytes() == TEXT
    assert ["range" in one.headers for one in served.requests] == [False, False]


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip",
        ENCODED["gzip"][1][:-9],
        ENCODED["gzip"][1][:-1] + b"x",
        ENCODED["gzip"][1] + b"more",
        b"",
    ],
    ids=["other bytes", "cut", "wrong checksum", "more bytes", "nothing"],
)
def test_a_body_that_cannot_be_decoded_is_refused(served, cache, stored, body):
    encoded(served, body=body)

    with pytest.raises(Unverifiable, match="sent an encoded body that cannot be decoded"):
        get(served, cache, "vocab.txt")
    assert stored(cache) == set()


def test_an_unknown_encoding_is_refused(served, cache, stored):
    served.replies = lambda request: Reply(TEXT, headers={"Content-Encoding": "br"})

    with pytest.raises(Unverifiable, match="encoded as 'br' although that was declined"):
        get(served, cache)
    assert stored(cache) == set()


def test_a_small_body_does_not_become_a_huge_file(served, cache, monkeypatch):
    monkeypatch.setattr(decompressing, "RATIO_FROM", 1 << 20)
    encoded(served, body=gzip.compress(bytes(20 << 20)))

    with pytest.raises(Unverifiable, match="unpacks to far more than its size"):
        get(served, cache)


def test_http_get_decodes_too(served, tmp_path):
    encoded(served)
    with open(tmp_path / "file", "wb") as file:
        http_get(served.url(), file)

    assert (tmp_path / "file").read_bytes() == TEXT


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


@pytest.mark.parametrize(
    ("url", "etag", "is_md5"),
    [
        ("https://s3.amazonaws.com/models/x.bin", f'"{"a" * 32}"', True),
        ("https://models.s3.amazonaws.com/x.bin", "a" * 32, True),
        ("https://example.org/s3.amazonaws.com", f'"{"a" * 32}"', False),
        ("https://s3.amazonaws.com.example.org/x.bin", f'"{"a" * 32}"', False),
        ("https://s3.amazonaws.com/models/x.bin", f'"{"a" * 32}-2"', False),
        ("https://s3.amazonaws.com/models/x.bin", f'"{"a" * 31}"', False),
        ("https://s3.amazonaws.com/models/x.bin", None, False),
        ("", f'"{"a" * 32}"', False),
    ],
)
def test_only_a_tag_of_amazon_is_a_recorded_md5(url, etag, is_md5):
    assert digests.recorded_tag(url, etag) == (Digest("md5", "a" * 32) if is_md5 else None)


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
