"""Files in a cache that are damaged, changed or of 2019: noticed, moved aside, downloaded again."""

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest
from faultserver import Reply, get

from ptbert_hub import digests, entry_names, get_from_cache, records
from ptbert_hub.catalog import CATALOG, Pin
from ptbert_hub.errors import (
    CorruptCache,
    NotFound,
    OfflineMiss,
    SourcesExhausted,
)

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

PAGE = b"<!DOCTYPE html><html><body>log in</body></html>"
XML = b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>"
VOCAB = CATALOG["bert-base-cased"].vocabulary


def poisoned(cache, content, etag, url=VOCAB):
    """Make an entry as the downloader of 2019 did."""
    cache.mkdir(exist_ok=True)
    entry = cache / entry_names.url_to_filename(url, etag)
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
