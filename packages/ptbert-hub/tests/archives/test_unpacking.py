"""Archives are unpacked whole, once, under their digest."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from archive_builder import MODEL, member, tar, zipped

from ptbert_hub import (
    CATALOG,
    archives,
    cached_path,
    extract_archive,
    get_from_cache,
    is_archive,
    records,
    url_to_filename,
)
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import CacheReadOnly, DiskFull, NotFound, OfflineMiss, UnsafeArchive
from ptbert_hub.writers import claim


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_under_its_digest(tmp_path, cache, mode):
    path = tar(tmp_path / "m.tar", MODEL, mode)

    folder = extract_archive(path, cache)

    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "sub/pytorch_model.bin").read_bytes() == b"weights"
    assert extract_archive(path, cache) == folder
    assert [item.name for item in folder.parent.iterdir()] == [folder.name]


def test_a_zip_is_unpacked(tmp_path, cache):
    files = [("a/", b"", 0), ("a/config.json", b"{}", 0), ("vocab.txt", b"", 0)]
    path = zipped(tmp_path / "m.zip", files)

    assert (extract_archive(path, cache) / "a/config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_is_unpacked_whatever_its_usual_method(tmp_path, cache, method):
    content = random.Random(0).randbytes(3 << 20) + bytes(3 << 20)  # several blocks
    with zipfile.ZipFile(tmp_path / "m.zip", "w", method) as archive:
        archive.writestr("größe.bin", content)
        archive.comment = b"made by hand " * 5000  # a comment has at most 65,535 bytes

    folder = extract_archive(tmp_path / "m.zip", cache)
    assert (folder / "größe.bin").read_bytes() == content


def test_the_names_of_old_zips_are_those_of_dos(tmp_path, cache):
    path = zipped(tmp_path / "m.zip", [("gr_sse", b"x", 0)])
    path.write_bytes(path.read_bytes().replace(b"gr_sse", b"gr\x94sse"))

    assert [file.name for file in extract_archive(path, cache).iterdir()] == ["grösse"]


def test_the_single_folder_of_an_archive_is_stepped_into(tmp_path, cache):
    """Archives are made of a folder's files, or of the folder."""
    of_a_folder = tar(tmp_path / "m.tar.gz", [member("bert/config.json", b"{}")])
    of_a_file = tar(tmp_path / "n.tar.gz", [member("config.json", b"{}")])

    for path in (of_a_folder, of_a_file):
        folder = extract_archive(path, cache)
        assert [file.name for file in folder.iterdir()] == ["config.json"]
        assert extract_archive(path, cache) == folder


def test_the_copies_of_names_that_a_mac_adds_do_not_count(tmp_path, cache):
    names = ("model/config.json", "._model", "__MACOSX/model/._config.json")
    path = tar(tmp_path / "mac.tar.gz", [member(name, b"{}") for name in names])
    assert [file.name for file in extract_archive(path, cache).iterdir()] == ["config.json"]


def test_a_file_that_is_no_archive_is_an_error(tmp_path, cache):
    (tmp_path / "m.tar").write_bytes(b"hello")
    with pytest.raises(UnsafeArchive, match="no readable archive"):
        extract_archive(tmp_path / "m.tar", cache)
    with pytest.raises(NotFound, match="no archive at"):
        extract_archive(tmp_path / "none.tar", cache)


def test_weights_in_torchs_zip_format_are_not_taken_for_a_model_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    (tmp_path / "m.tar").write_bytes(b"hello")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04broken")

    assert not is_archive(tmp_path / "pytorch_model.bin")
    assert not is_archive(tmp_path / "m.tar")
    assert not is_archive(tmp_path / "broken.zip")
    assert is_archive(tar(tmp_path / "m.tar.gz", MODEL))


def test_what_a_killed_process_left_is_removed(tmp_path, cache):
    path = tar(tmp_path / "m", MODEL)
    folder = extract_archive(path, cache)
    with claim() as tag:
        dead = folder.with_name(f"{folder.name}.{tag}.part")
    dead.mkdir()
    (dead / "half").touch()
    for item in sorted(folder.rglob("*"), reverse=True):
        item.rmdir() if item.is_dir() else item.unlink()
    folder.rmdir()

    assert (extract_archive(path, cache) / "config.json").exists()
    assert not dead.exists()


def test_a_full_disk_has_its_own_error_and_leaves_nothing(tmp_path, cache, monkeypatch):
    path = tar(tmp_path / "m", MODEL)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(DiskFull):
            extract_archive(path, cache)
    assert list((cache / ".ptbert-hub/extracted").iterdir()) == []


def test_a_read_only_cache_has_its_own_error(tmp_path, cache, monkeypatch):
    path = tar(tmp_path / "m", MODEL)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "ro")))

    with pytest.raises(CacheReadOnly, match="PYTORCH_PRETRAINED_BERT_CACHE"):
        extract_archive(path, cache)


def test_a_downloaded_archive_is_hashed_once(served, tmp_path, cache, monkeypatch):
    served.content = tar(tmp_path / "m", MODEL).read_bytes()
    path = cached_path(served.url("m.tar.gz"), cache)
    monkeypatch.setattr(archives, "hash_file", lambda _: pytest.fail("hashed again"))

    assert (extract_archive(path, cache) / "config.json").exists()


def test_files_of_an_archive_follow_the_umask(tmp_path, cache):
    path = tar(tmp_path / "m", [member("a", mode=0o4777)])
    before = os.umask(0o022)
    try:
        folder = extract_archive(path, cache)
    finally:
        os.umask(before)

    assert (folder / "a").stat().st_mode & 0o7777 == 0o644


@pytest.mark.skipif(not shutil.which("tar"), reason="needs the program tar")
@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_archives_of_the_program_tar_are_unpacked(tmp_path, cache, form):
    source = tmp_path / "bert"
    (source / "sub").mkdir(parents=True)
    (source / "config.json").write_text("{}")
    (source / "sub" / ("n" * 60)).write_bytes(b"x" * 1000)
    path = tmp_path / "m.tar.gz"
    subprocess.run(["tar", f"--format={form}", "-czf", path, "-C", tmp_path, "bert"], check=True)

    folder = extract_archive(path, cache)

    assert (folder / "config.json").read_text() == "{}"
    assert (folder / "sub" / ("n" * 60)).read_bytes() == b"x" * 1000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_archive(tmp_path, cache):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="it is no plain file"):
        is_archive(tmp_path / "pipe")
    with pytest.raises(NotFound, match="no archive at"):
        extract_archive(tmp_path / "pipe", cache)


def test_an_archive_of_early_2019_that_is_unsafe_does_not_stop_the_download(
    served, cache, monkeypatch, tmp_path
):
    row = CATALOG["bert-base-cased"]
    cache.mkdir()
    entry = cache / url_to_filename(row.archive)
    tar(entry, [member("../evil")])
    records.record_path(entry).write_text(json.dumps({"url": row.archive, "etag": None}))
    served.content = b"{}"
    monkeypatch.setenv("HF_ENDPOINT", served.address)

    assert Path(get_from_cache(row.config, cache)).read_bytes() == b"{}"


def test_a_pin_counts_more_than_an_archive_of_early_2019(cache, monkeypatch, caplog):
    row = CATALOG["bert-base-cased"]
    cache.mkdir()
    entry = cache / url_to_filename(row.archive)
    tar(entry, [member("pytorch_model.bin", b"\x80right"), member("config.json", b"{}")])
    records.record_path(entry).write_text(json.dumps({"url": row.archive, "etag": None}))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    wrong, right = (
        Pin(hashlib.sha256(data).hexdigest(), 6) for data in (b"\x80wrong", b"\x80right")
    )

    monkeypatch.setattr("ptbert_hub.sources.PINS", {(row.name, "weights"): wrong})
    with pytest.raises(OfflineMiss):
        get_from_cache(row.weights, cache)
    assert "its pytorch_model.bin is not the one that the catalog knows" in caplog.text
    monkeypatch.setattr("ptbert_hub.sources.PINS", {(row.name, "weights"): right})
    assert Path(get_from_cache(row.weights, cache)).read_bytes() == b"\x80right"
