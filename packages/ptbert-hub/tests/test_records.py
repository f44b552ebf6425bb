"""Records are believed only in our own caches, and only where every part has its form."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from archive_builder import MODEL, tar
from faultserver import get
from hypothesis import given, settings
from hypothesis import strategies as st
from workers import unfinished

from ptbert_hub import extract_archive, get_from_cache, records
from ptbert_hub.writers import claim

GOOD = {
    "url": "https://example.org/x",
    "etag": '"1"',
    "sha256": "0" * 64,
    "size": 1,
    "mtime_ns": 1,
    "time": 1.5,
    "verified": "sha256",
    "source": "https://example.org/x",
    "validator": '"1"',
    "last_modified": "Mon, 03 Jun 2019 10:00:00 GMT",
    "digest": ["md5", "0" * 32],
    "durable": 0,
    "redacted": True,
}
WRONG = {
    "url": [None, 5, ["x"], {}, "a\x1b[2Jb", "\ud800"],
    "etag": [5, ["x"], {"a": 1}, True],
    "sha256": [None, 5, "", "0" * 63, "0" * 65, "A" * 64, "../" * 21 + "x", "0" * 64 + "\n", []],
    "size": ["1", 1.5, -1, True, [1], 1 << 70],
    "mtime_ns": ["1", 1.5, True, None],
    "time": ["now", None, []],
    "verified": [5, ["sha256"], "\x1b[31mgood"],
    "source": [5, {}, "a\nb"],
    "validator": [5, '"a\r\nX: y"', '"\0"', '"' + "x" * 5000 + '"', '"\u20ac"'],
    "last_modified": [5, "a\nb"],
    "digest": ["md5", ["md5"], ["md5", "x" * 32], ["sha1", "0" * 40], ["md5", 5], [[], ""], {}],
    "durable": ["1", -1, 1.5, True],
    "redacted": [1, "yes"],
}


def read(data):
    return records.checked_record(data if isinstance(data, bytes) else json.dumps(data).encode())


def test_a_record_of_ours_and_one_of_2019_are_read():
    assert read(GOOD) == GOOD
    assert read({"url": "x", "etag": None}) == {"url": "x", "etag": None}
    assert read(GOOD | {"of a later version": [1]})["of a later version"] == [1]


@pytest.mark.parametrize("part", WRONG)
def test_a_record_with_a_malformed_part_is_no_record(part):
    for value in WRONG[part]:
        assert read(GOOD | {part: value}) == {}, value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"5",
        b'"x"',
        b"null",
        b"[" * 60000,
        b'{"url": %s}' % (b"9" * 5000),
        b"\xff",
        b"{}",
        b'{"url": "x", "y": "' + b"y" * (1 << 16) + b'"}',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_anything_else_is_no_record(data):
    assert read(data) == {}


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), st.text() | st.integers() | st.none()))
@settings(max_examples=200, deadline=None)
def test_what_is_read_has_the_right_types(record):
    found = read({"url": "x"} | record)

    assert isinstance(found.get("sha256", "0" * 64), str)
    assert len(found.get("sha256", "0" * 64)) == 64
    assert isinstance(found.get("size", 0), int | None)
    assert isinstance(found.get("etag", ""), str | None)


@pytest.mark.parametrize("part", ["sha256", "size", "mtime_ns", "etag"])
def test_an_entry_with_a_malformed_record_is_downloaded_again(served, cache, part):
    path = get(served, cache, revalidate="never")
    record = records.read_record(path)
    records.record_path(path).write_text(json.dumps(record | {part: WRONG[part][1]}))

    assert get(served, cache, revalidate="never").read_bytes() == served.content
    assert records.read_record(path)["sha256"] == record["sha256"]


@pytest.mark.parametrize("part", ["size", "durable", "digest", "validator", "source"])
def test_an_unfinished_download_with_a_malformed_record_is_not_continued(served, cache, part):
    with claim() as tag:
        partial = unfinished(served, cache, tag, 1000)
        records.record_path(partial.path).write_text(
            json.dumps(partial.record | {part: WRONG[part][0]})
        )

    assert get(served, cache).read_bytes() == served.content
    assert "range" not in served.requests[0].headers


def test_a_kept_tag_that_cannot_be_sent_does_not_stop_the_download(served, cache):
    path = get(served, cache)
    served.become(b"new")
    record = records.read_record(path)
    records.record_path(path).write_text(json.dumps(record | {"etag": "a\r\nb"}))

    assert get(served, cache).read_bytes() == b"new"


# A record beside a file that is not in a cache


@pytest.mark.parametrize(
    "digest", ["../../../../escaped", "/tmp/escaped", "", "0" * 64, "a/b", "~", "."]
)
def test_a_record_beside_an_archive_of_a_stranger_is_not_asked(tmp_path, cache, digest):
    archive = tar(tmp_path / "model.tar.gz", MODEL)
    status = archive.stat()
    facts = {"url": "x", "sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    records.record_path(archive).write_text(json.dumps(facts))
    right = hashlib.sha256(archive.read_bytes()).hexdigest()
    before = set(tmp_path.rglob("*"))

    folder = extract_archive(archive, cache)

    assert folder == cache / ".ptbert-hub" / "extracted" / right
    new = set(tmp_path.rglob("*")) - before - {cache}
    assert {path for path in new if cache not in path.parents} == set()


@pytest.mark.parametrize("digest", ["../../../../escaped", "0" * 63 + "/", "x" * 64])
def test_not_even_a_record_of_our_own_cache_leads_elsewhere(served, tmp_path, cache, digest):
    served.content = tar(tmp_path / "m", MODEL).read_bytes()
    path = Path(get_from_cache(served.url("m.tar.gz"), cache))
    record = records.read_record(path) | {"sha256": digest}
    records.record_path(path).write_text(json.dumps(record))

    right = hashlib.sha256(served.content).hexdigest()
    assert extract_archive(path, cache) == cache / ".ptbert-hub" / "extracted" / right


# What is under the name of a record or an entry


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_under_the_name_of_a_record_or_an_entry_is_neither(served, cache, tmp_path):
    path = get(served, cache, revalidate="never")
    records.record_path(path).unlink()
    os.mkfifo(records.record_path(path))
    assert get(served, cache, revalidate="never").read_bytes() == served.content
    assert records.read_record(path)["size"] == len(served.content)

    path.unlink()
    os.mkfifo(path)
    assert get(served, cache, revalidate="never").read_bytes() == served.content
    assert path.is_file()


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs devices")
def test_a_link_to_a_device_under_the_name_of_an_entry_is_none(served, cache):
    path = get(served, cache, revalidate="never")
    for place in (path, records.record_path(path)):
        place.unlink()
        place.symlink_to("/dev/zero")

    assert get(served, cache, revalidate="never").read_bytes() == served.content
    assert not path.is_symlink()
