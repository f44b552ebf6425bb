"""The folder of a commit: files are stored once; the cache of the Hugging Face client is read."""

import hashlib
import logging
import os

import pytest
from hubserver import FILES, NAME, read

from ptbert_hub import (
    DownloadOptions,
    OfflineMiss,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_files


def test_files_are_stored_once(hub, cache):
    path = open_snapshot(NAME, cache).fetch("model.safetensors")

    assert path.is_symlink()
    assert path.resolve().parent == cache.resolve()
    assert path.parent.parent == cache / ".ptbert-hub/snapshots"


def test_a_cache_that_was_moved_still_has_its_folders(hub, cache, tmp_path):
    path = open_snapshot(NAME, cache).fetch("config.json")
    cache.rename(tmp_path / "moved")

    assert (tmp_path / "moved" / path.relative_to(cache)).read_bytes() == FILES["config.json"]


def test_a_damaged_file_is_downloaded_again_and_linked(hub, cache):
    path = open_snapshot(NAME, cache).fetch("config.json")
    path.resolve().write_bytes(b"damaged!!")

    assert read(open_snapshot(NAME, cache), "config.json") == [FILES["config.json"]]


def test_systems_without_links_get_copies(hub, cache, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no links here")

    monkeypatch.setattr("os.symlink", refuse)
    first = open_snapshot(NAME, cache).fetch("config.json")
    monkeypatch.setattr("os.link", refuse)
    second = open_snapshot(NAME, cache).fetch("vocab.txt")

    assert not first.is_symlink()
    assert (first.read_bytes(), second.read_bytes()) == (FILES["config.json"], FILES["vocab.txt"])
    assert [path.name for path in first.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_where_no_folder_can_be_made_it_is_one_of_this_process(hub, cache, tmp_path, obstacle):
    fetch_files(open_snapshot(NAME, cache))
    folder = cache / ".ptbert-hub/snapshots"
    folder.rename(tmp_path / "aside")
    if obstacle == "file":
        folder.write_bytes(b"")
    else:
        folder.symlink_to(tmp_path)

    snapshot = open_snapshot(NAME, cache)
    paths = fetch_files(snapshot)

    assert {path.name: path.read_bytes() for path in paths} == FILES
    assert not snapshot.folder.is_relative_to(cache)
    assert sorted(path.name for path in snapshot.folder.iterdir()) == sorted(FILES)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name == hub.commit) == []


def test_a_folder_of_this_process_gets_what_was_fetched_before(hub, cache, monkeypatch):
    snapshot = open_snapshot(NAME, cache)
    first = snapshot.fetch("config.json")

    def refuse(source, target, real=os.replace):
        if "snapshots" in str(target):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("os.replace", refuse)
    second = snapshot.fetch("vocab.txt")

    assert first.parent != second.parent == snapshot.folder
    assert (second.parent / "config.json").read_bytes() == FILES["config.json"]


def test_a_read_only_cache_with_all_files_is_enough(hub, cache, tmp_path, monkeypatch):
    fetch_files(open_snapshot(NAME, cache))
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", str(cache))
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "own"))
    hub.forget()

    paths = fetch_files(open_snapshot(NAME))

    assert {path.name: path.read_bytes() for path in paths} == FILES
    assert all("resolve" not in path for path in hub.asked())


@pytest.fixture
def client(own_home):
    """Store the files of a commit as the client does."""

    def store(files, commit, revision="main"):
        place = own_home / ".cache/huggingface/hub/models--user--model"
        for name, content in files.items():
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            blob, link = place / "blobs" / git, place / "snapshots" / commit / name
            for one in (blob, link, place / "refs" / revision):
                one.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
            link.symlink_to(os.path.relpath(blob, link.parent))
        (place / "refs" / revision).write_text(commit)
        return place

    return store


def test_files_that_the_client_has_are_not_downloaded(hub, cache, client):
    client(FILES, hub.commit)

    paths = fetch_files(open_snapshot(NAME, cache))

    assert {path.name: path.read_bytes() for path in paths} == FILES
    assert hub.asked() == [f"/api/models/{NAME}/revision/main"]


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1"])
def test_without_the_network_the_client_knows_the_commit(cache, client, revision):
    client({**FILES, "merges.txt": b"x"}, "a" * 40, revision)

    options = DownloadOptions(revision, local_files_only=True)
    snapshot = open_snapshot(NAME, cache, options)

    assert (snapshot.commit, snapshot.files) == ("a" * 40, None)
    assert {path.name for path in fetch_files(snapshot)} == {*FILES, "merges.txt"}
    assert snapshot.fetch("vocab.json") is None
    with pytest.raises(OfflineMiss):
        snapshot.fetch_first(["vocab.json", "vocab.bin"])


def test_a_hub_that_cannot_be_reached_leaves_the_commit_of_the_client(
    cache, client, elsewhere, caplog
):
    client(FILES, "a" * 40)
    elsewhere()

    with caplog.at_level(logging.WARNING):
        snapshot = open_snapshot(NAME, cache)

    assert read(snapshot, "config.json") == [FILES["config.json"]]
    assert "using the commit of user/model that was last known" in caplog.text


def test_what_the_client_has_is_believed_only_with_its_digest(cache, client):
    place = client(FILES, "a" * 40)
    (place / "snapshots" / ("a" * 40) / "config.json").resolve().write_bytes(b"{}")

    snapshot = open_snapshot(NAME, cache, DownloadOptions(local_files_only=True))
    assert snapshot.fetch("config.json") is None


def test_nothing_in_the_cache_of_the_client_changes(hub, cache, client):
    place = client(FILES, hub.commit)

    def state():
        return {path: path.lstat().st_mtime_ns for path in sorted(place.rglob("*"))}

    before = state()
    fetch_files(open_snapshot(NAME, cache))
    assert state() == before
