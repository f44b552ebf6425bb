"""The commands of ptbert-hub for repositories of the Hugging Face Hub."""

import time
from pathlib import Path

import pytest
from command_runner import rows, run

from ptbert_hub import (
    DownloadOptions,
    open_snapshot,
    upkeep,
)


def state_of(folder):
    return {path: path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_a_repository_is_fetched_by_its_name(hub, cache, capsys):
    found = rows(capsys, "fetch", "user/model", "--cache-dir", str(cache))

    names = ["model.safetensors", "config.json", "vocab.txt"]
    assert [Path(row["path"]).name for row in found] == names
    assert {row["url"] for row in found} == {f"https://huggingface.co/user/model/tree/{hub.commit}"}
    only = rows(capsys, "fetch", "user/model", "--file=config", "--cache-dir", str(cache))
    assert [Path(row["path"]).name for row in only] == ["config.json"]
    code, _, error = run(capsys, "fetch", "user/model", "--file=merges", "--cache-dir", str(cache))
    assert (code, "has no merges - that would be one of merges.txt" in error) == (1, True)


def test_a_revision_is_fetched_by_its_name(hub, cache, capsys):
    hub.model.push({"config.json": b"{}", "pytorch_model.bin": b"PK\x03\x04"}, "v1.0")
    options = ("--revision", "v1.0", "--cache-dir", str(cache))

    found = rows(capsys, "fetch", "user/model", *options)

    assert [Path(row["path"]).name for row in found] == ["pytorch_model.bin", "config.json"]
    assert rows(capsys, "path", "user/model", *options) == found
    hub.create("google-bert/bert-base-cased", {}).push(hub.model.commits[hub.commit], "v1.0")
    found = rows(capsys, "fetch", "bert-base-cased", *options)
    assert "/google-bert/bert-base-cased/tree/" in found[0]["url"]


def test_path_uses_no_network_and_writes_nothing(hub, cache, capsys):
    code, _, error = run(capsys, "path", "user/model", "--cache-dir", str(cache))
    assert (code, "the network is not used" in error) == (1, True)
    fetched = rows(capsys, "fetch", "user/model", "--cache-dir", str(cache))
    hub.forget()
    before = state_of(cache)

    found = rows(capsys, "path", "user/model", "--cache-dir", str(cache))

    assert sorted(row["path"] for row in found) == sorted(row["path"] for row in fetched)
    assert (state_of(cache), hub.requests) == (before, [])


@pytest.mark.parametrize("has_index", [False, True])
def test_path_needs_weights_of_one_kind_only_as_fetch_does(
    hub, cache, capsys, monkeypatch, has_index
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)  # safetensors is there
    index = b'{"weight_map": {"a": "model-1.safetensors"}}'
    both = {"config.json": b"{}", "pytorch_model.bin": b"PK\x03\x04", "corpus.bin": b"\x80"}
    both |= (
        {"model.safetensors.index.json": index, "model-1.safetensors": b"1"}
        if has_index
        else {"model.safetensors": b"1"}
    )
    hub.create("user/both", both)
    options = ("user/both", "--cache-dir", str(cache))
    rows(capsys, "fetch", "--file=config", *options)
    code, out, error = run(capsys, "path", "--file=weights", *options)
    assert (code, out, "is not in the cache" in error) == (1, "", True)

    fetched = rows(capsys, "fetch", *options)

    paths = {row["path"] for row in fetched}
    assert {row["path"] for row in rows(capsys, "path", *options)} == paths
    if has_index:
        found = rows(capsys, "fetch", "--file=weights", *options)
        Path(found[1]["path"]).resolve().unlink()
        code, _, error = run(capsys, "path", *options)
        assert (code, "model-1.safetensors is not in the cache" in error) == (1, True)


@pytest.mark.parametrize("name", ["bert-base-cased", "google-bert/bert-base-cased"])
def test_other_revisions_of_a_checkpoint_are_verified_carried_and_removed(
    hub, cache, capsys, tmp_path, name
):
    hub.create("google-bert/bert-base-cased", {}).push(hub.model.commits[hub.commit], "v1.0")
    options = ("--cache-dir", str(cache))
    rows(capsys, "fetch", name, "--revision", "v1.0", *options)

    code, out, _ = run(capsys, "verify", name, *options)
    assert (code, "4 good, 0 damaged" in out) == (0, True)
    code, out, _ = run(capsys, "export", str(tmp_path / "model.tar"), name, *options)
    assert (code, "4 files in" in out) == (0, True)
    code, out, _ = run(capsys, "rm", name, "--yes", *options)
    assert (code, "deleted 4 files" in out) == (0, True)
    code, _, error = run(capsys, "rm", name, "--yes", *options)
    assert (code, "nothing of" in error) == (1, True)


def test_all_commits_of_a_repository_are_verified_and_removed(hub, cache, capsys):
    rows(capsys, "fetch", "user/model", "--cache-dir", str(cache))
    hub.model.push({"config.json": b"{}", "pytorch_model.bin": b"PK\x03\x04"})
    rows(capsys, "fetch", "user/model", "--cache-dir", str(cache))
    path = open_snapshot("user/model", cache, DownloadOptions(hub.commit)).fetch("config.json")
    path.resolve().write_bytes(b"damaged!")

    code, out, _ = run(capsys, "verify", "user/model", "--cache-dir", str(cache))
    assert (code, "1 damaged" in out) == (1, True)
    code, out, _ = run(capsys, "rm", "user/model", "--yes", "--cache-dir", str(cache))
    assert (code, "deleted" in out) == (0, True)
    assert [one.name for one in cache.iterdir()] == [".ptbert-hub"]
    code, _, error = run(capsys, "rm", "user/model", "--yes", "--cache-dir", str(cache))
    assert (code, f"nothing of 'user/model' is in {cache}" in error) == (1, True)


def test_folders_of_links_to_removed_files_are_pruned(hub, cache, capsys):
    rows(capsys, "fetch", "user/model", "--cache-dir", str(cache))
    assert upkeep.prune(cache, now=time.time() + 30 * upkeep.DAY) == []
    run(capsys, "rm", "user/model", "--yes", "--cache-dir", str(cache))
    assert upkeep.prune(cache) == []

    pruned = upkeep.prune(cache, apply=True, now=time.time() + 30 * upkeep.DAY)

    assert [row.state for row in pruned] == ["orphan"]
    assert list((cache / ".ptbert-hub/snapshots").iterdir()) == []


def test_a_repository_is_carried_to_a_machine_without_network(hub, cache, capsys, tmp_path):
    rows(capsys, "fetch", "user/model", "--cache-dir", str(cache))
    archive, other = tmp_path / "model.tar", tmp_path / "other"
    run(capsys, "export", str(archive), "user/model", "--cache-dir", str(cache))
    other.mkdir()
    run(capsys, "import", str(archive), "--cache-dir", str(other))
    hub.forget()

    snapshot = open_snapshot("user/model", other, DownloadOptions(local_files_only=True))

    files = hub.model.commits[hub.commit]
    assert {name: snapshot.fetch(name).read_bytes() for name in files} == files
    assert hub.requests == []
