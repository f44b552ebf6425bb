"""Branches, tags and commits of a repository: one commit for all files, and how often is asked."""

from pathlib import Path

import pytest
from faultserver import Reply
from hubserver import FILES, NAME, read

from ptbert_hub import (
    BadSource,
    DownloadOptions,
    OfflineMiss,
    SourcesExhausted,
    get_from_cache,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_files, fetch_tokenizer


def test_a_branch_becomes_a_commit_and_its_files_have_their_names(hub, cache):
    snapshot = open_snapshot(NAME, cache)
    paths = fetch_files(snapshot)

    assert (snapshot.revision, snapshot.commit, snapshot.files) == ("main", hub.commit, {*FILES})
    assert {path.name: path.read_bytes() for path in paths} == FILES
    assert {path.parent for path in paths} == {snapshot.folder}
    assert hub.asked() == [
        f"/api/models/{NAME}/revision/main",
        *(f"/{NAME}/resolve/{hub.commit}/{path.name}" for path in paths),
    ]


@pytest.mark.parametrize(
    "revision", ["v1.0", "refs/pr/1", "feature/x", "a#b%2F", "x.bin", "x/a.gz", "x.zip", "x.json"]
)
def test_tags_and_branches_are_asked_for_by_their_names(hub, cache, revision):
    old = hub.commit
    hub.model.refs[revision] = old
    hub.model.push({"config.json": b"{}"})

    snapshot = open_snapshot(NAME, cache, DownloadOptions(revision=revision))

    assert (snapshot.commit, read(snapshot, "config.json")) == (old, [FILES["config.json"]])


def test_all_files_are_of_one_commit_if_somebody_pushes_in_between(hub, cache):
    snapshot = open_snapshot(NAME, cache)
    before = read(snapshot, "config.json")
    hub.model.push({"config.json": b"new", "vocab.txt": b"new"})

    assert before + read(snapshot, "vocab.txt") == [FILES["config.json"], FILES["vocab.txt"]]
    assert read(open_snapshot(NAME, cache), "config.json", "vocab.txt") == [b"new", b"new"]


def test_a_commit_needs_no_question_about_itself_and_then_none_at_all(hub, cache):
    options = DownloadOptions(revision=hub.commit)
    snapshot = open_snapshot(NAME, cache, options)
    assert hub.requests == []
    fetch_files(snapshot)
    assert hub.asked().count(f"/api/models/{NAME}/revision/{hub.commit}") == 1

    hub.forget()
    assert fetch_files(open_snapshot(NAME, cache, options)) == fetch_files(snapshot)
    assert hub.requests == []


def test_a_branch_is_asked_for_by_its_tag_and_files_are_not_asked_for_again(hub, cache):
    fetch_files(open_snapshot(NAME, cache))
    hub.forget()

    fetch_files(open_snapshot(NAME, cache))

    assert [(one.path, one.status) for one in hub.requests] == [
        (f"/api/models/{NAME}/revision/main", 304)
    ]


def test_how_often_a_branch_is_asked_for_is_a_setting(hub, cache, monkeypatch):
    fetch_files(open_snapshot(NAME, cache))
    hub.forget()
    monkeypatch.setenv("PTBERT_HUB_REVALIDATE", "3600")

    fetch_files(open_snapshot(NAME, cache))

    assert hub.requests == []


@pytest.mark.parametrize("how", ["local_files_only", "HF_HUB_OFFLINE", "PTBERT_HUB_OFFLINE"])
def test_without_the_network_it_is_the_commit_that_was_last_known(hub, cache, how, monkeypatch):
    fetch_files(open_snapshot(NAME, cache))
    hub.model.push({"config.json": b"new"})
    hub.forget()
    options = DownloadOptions(local_files_only=how == "local_files_only")
    if how != "local_files_only":
        monkeypatch.setenv(how, "1")

    snapshot = open_snapshot(NAME, cache, options)

    assert snapshot.commit == hub.commit
    assert {path.name for path in fetch_files(snapshot)} == {*FILES}
    assert hub.requests == []


def test_a_hub_that_does_not_answer_leaves_the_commit_that_was_last_known(hub, cache, caplog):
    fetch_files(open_snapshot(NAME, cache))
    hub.before = lambda request: Reply(status=503)

    snapshot = open_snapshot(NAME, cache)

    assert read(snapshot, "config.json") == [FILES["config.json"]]
    assert "using the cached copy of" in caplog.text


def test_what_was_never_downloaded_is_a_miss_without_the_network(hub, cache):
    options = DownloadOptions(local_files_only=True)
    with pytest.raises(OfflineMiss, match="'user/model' is neither a known checkpoint nor an exis"):
        open_snapshot(NAME, cache, options)

    open_snapshot(NAME, cache).fetch("config.json")
    snapshot = open_snapshot(NAME, cache, options)
    assert snapshot.fetch("config.json") is not None
    assert snapshot.fetch("merges.txt") is None
    with pytest.raises(OfflineMiss, match=rf"{hub.commit}/vocab.txt is not in the cache"):
        snapshot.fetch("vocab.txt")
    by_commit = open_snapshot(NAME, cache, DownloadOptions("f" * 40, local_files_only=True))
    with pytest.raises(OfflineMiss, match=r"f{40}/config.json is not in the cache"):
        by_commit.fetch_first(["config.json", "bert_config.json"])


def test_force_downloads_what_is_there(hub, cache):
    fetch_files(open_snapshot(NAME, cache))
    hub.forget()

    fetch_files(open_snapshot(NAME, cache, DownloadOptions(force_download=True)))

    assert [one.status for one in hub.requests] == [200, 302, 200, 200]
    assert len(hub.storage.requests) == 1


def test_force_downloads_each_file_of_a_tokenizer_once(hub, cache):
    hub.create("user/words", {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b"{}"})

    options = DownloadOptions(force_download=True)

    folder = fetch_tokenizer(open_snapshot("user/words", cache, options))

    assert {path.name for path in folder.iterdir()} == {"vocab.txt", "tokenizer_config.json"}
    assert sum("resolve" in path for path in hub.asked()) == 2


def test_a_mirror_of_repositories_is_asked_first(hub, cache, tmp_path, monkeypatch):
    template = "{repo}/{revision}/{path}"
    place = tmp_path / template.format(repo=NAME, revision=hub.commit, path="config.json")
    place.parent.mkdir(parents=True)
    place.write_bytes(b'{"mirrored": true}')
    monkeypatch.setenv("PTBERT_HUB_MIRROR", f"file://{tmp_path}/{template}")

    assert read(open_snapshot(NAME, cache), "config.json", "vocab.txt") == [
        b'{"mirrored": true}',
        FILES["vocab.txt"],
    ]


@pytest.mark.parametrize("status", [404, 403])
def test_a_file_that_no_source_has_is_none_where_the_files_are_not_known(
    hub, cache, tmp_path, monkeypatch, status
):
    mirror = f"file://{tmp_path}/{{repo}}/{{revision}}/{{path}}"
    monkeypatch.setenv("PTBERT_HUB_MIRROR", mirror)
    hub.before = lambda request: (
        Reply(status=503)
        if "api" in request.path
        else Reply(status=status)
        if "vocab" in request.path
        else None
    )

    snapshot = open_snapshot(NAME, cache, DownloadOptions(hub.commit))

    assert read(snapshot, "config.json") == [FILES["config.json"]]
    if status == 404:
        assert snapshot.fetch("vocab.json") is None
    else:
        with pytest.raises(SourcesExhausted, match="status 403"):
            snapshot.fetch("vocab.json")


def test_a_mirror_that_only_knows_names_of_files_is_not_asked(hub, cache, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_bytes(b'{"another": "model"}')
    monkeypatch.setenv("PTBERT_HUB_MIRROR", f"file://{tmp_path}")

    assert read(open_snapshot(NAME, cache), "config.json") == [FILES["config.json"]]


def test_with_mirrors_only_a_commit_and_a_template_are_needed(hub, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_MIRROR", f"file://{tmp_path}")
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")

    with pytest.raises(BadSource, match="no mirror in PTBERT_HUB_MIRROR offers"):
        open_snapshot(NAME, cache)
    snapshot = open_snapshot(NAME, cache, DownloadOptions(revision=hub.commit))
    with pytest.raises(BadSource, match=r"its template needs \{repo\}, \{revision\} and \{path\}"):
        snapshot.fetch("config.json")
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model.safetensors").write_bytes(b"12345678")
    monkeypatch.setenv("PTBERT_HUB_MIRROR", f"file://{tmp_path}/{{path}}?{{repo}}{{revision}}")
    paths = fetch_files(open_snapshot(NAME, cache, DownloadOptions(revision=hub.commit)))
    assert {path.name for path in paths} == {"config.json", "model.safetensors"}
    assert hub.requests == []


def test_an_address_of_a_file_of_a_commit_is_that_file(hub, cache):
    path = open_snapshot(NAME, cache).fetch("config.json")
    hub.forget()
    address = f"https://huggingface.co/{NAME}/resolve/{hub.commit}/config.json"

    assert Path(get_from_cache(address, cache)) == path.resolve()
    assert hub.requests == []
