"""Carrying files to another machine: export and import."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from command_runner import run

from ptbert_hub import (
    CATALOG,
    filename_to_url,
    get_from_cache,
    records,
    upkeep,
    url_to_filename,
)
from ptbert_hub.errors import DigestMismatch

ROW = CATALOG["bert-base-cased"]


ADDRESSES = {
    "a name that only looks like a secret": "x.dat?tokenizer=bert&q=a%20b&flag",
    "a secret": "x.dat?token=c4n4ry",
    "a fragment": "x.dat#part",
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
