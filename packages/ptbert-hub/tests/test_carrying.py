"""Carrying files to another machine: export and import."""

import hashlib
import io
import json
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from command_runner import run

from ptbert_hub import (
    CATALOG,
    catalog,
    extract_archive,
    filename_to_url,
    get_from_cache,
    records,
    upkeep,
    url_to_filename,
)
from ptbert_hub.errors import DigestMismatch, NotAModelFile

ROW = CATALOG["bert-base-cased"]


ADDRESSES = {
    "a name that only looks like a secret": "x.dat?tokenizer=bert&q=a%20b&flag",
    "a secret": "x.dat?token=c4n4ry",
    "a fragment": "x.dat#part",
    "a space": "x y.dat",
    "a letter that is not ASCII": "\xe9.dat",
    "a query with a space": "x.dat?q=a b",
    "a parameter of the path": "x.dat;version=1",
}


@pytest.mark.parametrize("name", ADDRESSES.values(), ids=ADDRESSES)
def test_every_address_travels_in_an_archive(served, cache, tmp_path, capsys, monkeypatch, name):
    url, archive, other = served.url(name), str(tmp_path / "carry.tar"), tmp_path / "other"
    path = Path(get_from_cache(url, cache))
    assert run(capsys, "export", archive, "--cache-dir", str(cache))[0] == 0
    assert b"c4n4ry" not in Path(archive).read_bytes()

    assert run(capsys, "import", archive, "--cache-dir", str(other))[0] == 0
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    again = Path(get_from_cache(url, other))
    assert (again.name, again.read_bytes()) == (path.name, served.content)


def test_an_address_with_a_login_travels_in_an_archive(served, cache, tmp_path, monkeypatch):
    url, archive, other = served.url(), tmp_path / "carry.tar", tmp_path / "other"
    url = url.replace("://", "://me:c4n4ry@")
    name = Path(get_from_cache(url, cache)).name
    upkeep.export(cache, archive)
    assert b"c4n4ry" not in archive.read_bytes()

    upkeep.import_files(other, archive)
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    assert Path(get_from_cache(url, other)) == other / name


def test_an_address_without_a_secret_is_kept_as_it_is(served, cache):
    url = served.url("x.dat?tokenizer=bert&q=a%20b&flag#part")
    path = Path(get_from_cache(url, cache))

    assert filename_to_url(path.name, cache) == (url, served.etag)


def test_what_programs_of_2019_wrote_down_is_shown_without_its_secrets(cache, capsys, tmp_path):
    url = "https://me:c4n4ry@example.org/x.dat?token=c4n4ry"
    cache.mkdir()
    entry = cache / url_to_filename(url)
    entry.write_bytes(b"x")
    records.record_path(entry).write_text(json.dumps({"url": url, "etag": None}))
    folder, archive = ("--cache-dir", str(cache)), tmp_path / "carry.tar"

    told = [run(capsys, "ls", *folder), run(capsys, "export", str(archive), *folder)]
    told.append(run(capsys, "rm", url.replace("/x", "/y"), *folder))

    assert [code for code, _, _ in told] == [0, 0, 1]
    assert "c4n4ry" not in repr(told)
    assert b"c4n4ry" not in archive.read_bytes()
    assert filename_to_url(entry.name, cache) == (url, None)  # the record itself is not ours


def carried(archive, name, content, record):
    """An archive as export writes it, with one file."""
    with tarfile.open(archive, "w") as tar:
        for file, data in ((name, content), (f"{name}.json", json.dumps(record).encode())):
            info = tarfile.TarInfo(file)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return archive


FORGED = b"another file"
PINNED = CATALOG["bert-base-uncased"].vocabulary
FORGERIES = {
    "another digest": (ROW.vocabulary, {"url": ROW.vocabulary, "sha256": "0" * 64}),
    "another address": (ROW.vocabulary, {"url": "https://example.org/x"}),
    "an address without its secret": (
        ROW.vocabulary,
        {"url": "https://example.org/x?token=REDACTED", "redacted": True},
    ),
    "another digest than the pin": (PINNED, {"url": PINNED}),
    "no record": (ROW.vocabulary, {}),
}


@pytest.mark.parametrize(("url", "record"), FORGERIES.values(), ids=FORGERIES)
def test_no_record_makes_another_file_pass_for_a_published_one(cache, tmp_path, url, record):
    name, digest = url_to_filename(url), hashlib.sha256(FORGED).hexdigest()
    archive = carried(tmp_path / "a.tar", name, FORGED, {"sha256": digest, **record})

    with pytest.raises(DigestMismatch, match="is not what its record says"):
        upkeep.import_files(cache, archive)
    assert not (cache / name).exists()


def test_export_takes_the_newest_good_version(served, cache, tmp_path, capsys):
    old = Path(get_from_cache(served.url(), cache))
    os.utime(old, (1, 1))
    served.become(b"new")
    Path(get_from_cache(served.url(), cache)).write_bytes(b"bad")

    run(capsys, "export", str(tmp_path / "carry.tar"), "--cache-dir", str(cache))

    with tarfile.open(tmp_path / "carry.tar") as tar:
        assert tar.getnames() == [old.name, old.name + ".json"]


def test_a_forged_file_is_not_imported(filled, tmp_path, cache):
    path = Path(get_from_cache(ROW.vocabulary, filled))
    record = records.read_record(path)
    forged = carried(tmp_path / "forged.tar", path.name, b"forged", record)

    with pytest.raises(DigestMismatch, match="is not what its record says"):
        upkeep.import_files(tmp_path / "third", forged)
    assert [p.name for p in (tmp_path / "third").iterdir()] == [".ptbert-hub"]


def cached(cache, content, etag, url=ROW.vocabulary, **record):
    """A file of the cache with a record."""
    cache.mkdir(exist_ok=True)
    path = cache / url_to_filename(url, etag)
    path.write_bytes(content)
    status = path.stat()
    facts = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    facts |= {"sha256": hashlib.sha256(content).hexdigest(), "url": url, "etag": etag}
    records.record_path(path).write_text(json.dumps(facts | record))
    return path


GOOD, EVIL = b"[PAD]\n[UNK]\ngood\n", b"[PAD]\n[UNK]\nevil\n"


def evil_archive(tmp_path, etag, url=ROW.vocabulary, content=EVIL):
    digest = hashlib.sha256(content).hexdigest()
    record = {"url": url, "etag": etag, "sha256": digest, "verified": "sha256"}
    return carried(tmp_path / "evil.tar", url_to_filename(url, etag), content, record)


@pytest.mark.parametrize("etag", ['"1"', '"2"', None], ids=["same version", "another", "none"])
@pytest.mark.parametrize("how", ["sha256", "git", "md5"])
def test_a_file_that_was_compared_with_a_digest_is_never_replaced(
    cache, tmp_path, etag, how, monkeypatch
):
    good = cached(cache, GOOD, '"1"', verified=how)

    with pytest.raises(DigestMismatch, match="which is better verified - remove that one with"):
        upkeep.import_files(cache, evil_archive(tmp_path, etag))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    assert get_from_cache(ROW.vocabulary, cache) == str(good)
    assert good.read_bytes() == GOOD


def test_a_file_that_was_only_looked_at_may_be_replaced(cache, tmp_path, monkeypatch):
    os.utime(cached(cache, GOOD, '"1"', verified="sniffed"), (1, 1))

    upkeep.import_files(cache, evil_archive(tmp_path, '"2"'))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    assert Path(get_from_cache(ROW.vocabulary, cache)).read_bytes() == EVIL


def test_an_archive_cannot_say_how_its_files_were_verified(cache, tmp_path):
    row = upkeep.import_files(cache, evil_archive(tmp_path, '"1"'))[0]

    assert (row.verified, row.pinned) == ("sniffed", False)
    assert [row.verified for row in upkeep.verify(cache)] == ["sniffed"]


def test_an_error_page_is_not_imported(cache, tmp_path, stored):
    with pytest.raises(NotAModelFile, match="is an error page"):
        upkeep.import_files(cache, evil_archive(tmp_path, None, content=b"<!doctype html>"))
    assert stored(cache) == set()


def test_a_pin_judges_whatever_the_record_says(cache, tmp_path, monkeypatch):
    pin = catalog.Pin(hashlib.sha256(GOOD).hexdigest(), len(GOOD))
    monkeypatch.setattr("ptbert_hub.sources.PINS", {(ROW.name, "vocabulary"): pin})

    with pytest.raises(DigestMismatch, match="is not what its record says"):
        upkeep.import_files(cache, evil_archive(tmp_path, '"1"'))
    row = upkeep.import_files(cache, evil_archive(tmp_path, '"1"', content=GOOD))[0]
    assert (row.verified, row.pinned) == ("sha256", True)


def test_importing_the_same_file_again_changes_nothing(cache, tmp_path):
    good = cached(cache, GOOD, '"1"', verified="md5")
    before = good.stat(), records.read_record(good)

    upkeep.import_files(cache, evil_archive(tmp_path, '"1"', content=GOOD))

    assert (good.stat(), records.read_record(good)) == before


def test_an_unpacked_folder_that_is_in_use_stays(cache, tmp_path):
    archive = evil_archive(tmp_path, '"1"')
    folder = extract_archive(archive, cache)
    files = sorted(path.name for path in folder.iterdir())

    upkeep.import_files(cache, archive)

    assert sorted(path.name for path in folder.iterdir()) == files
    assert list((cache / ".ptbert-hub/extracted").iterdir()) == [folder]


def test_several_imports_at_once_all_succeed(filled, tmp_path):
    archive, other = tmp_path / "carry.tar", tmp_path / "other"
    rows = upkeep.export(filled, archive)

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: upkeep.import_files(other, archive), range(8)))

    assert [len(each) for each in done] == [len(rows)] * 8
    assert {row.state for row in upkeep.verify(other)} == {"good"}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(8))
def test_an_import_that_is_stopped_anywhere_is_completed_by_the_next(
    filled, tmp_path, step, monkeypatch
):
    archive, other = tmp_path / "carry.tar", tmp_path / "other"
    rows = upkeep.export(filled, archive)
    real, calls = os.replace, []

    def stop(*paths):
        calls.append(paths)
        if len(calls) > step:
            raise Killed
        real(*paths)

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(os, "replace", stop)
        upkeep.import_files(other, archive)
    assert {row.state for row in upkeep.verify(other)} <= {"good"}

    assert len(upkeep.import_files(other, archive)) == len(rows)
    assert len(upkeep.verify(other)) == len(rows)


def test_links_are_exported_as_files(cache, tmp_path):
    good = cached(cache, GOOD, '"1"')
    elsewhere = tmp_path / "elsewhere"
    good.rename(elsewhere)
    good.symlink_to(elsewhere)

    upkeep.export(cache, tmp_path / "carry.tar")

    row = upkeep.import_files(tmp_path / "other", tmp_path / "carry.tar")[0]
    assert Path(row.path).read_bytes() == GOOD
    assert not Path(row.path).is_symlink()
