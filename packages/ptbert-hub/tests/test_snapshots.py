"""Repositories of the Hugging Face Hub: one commit, verified files, clear refusals."""

import hashlib
import json
import logging
import os
import threading
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply, closed_port
from hubserver import TOKEN

from ptbert_hub import (
    AccessDenied,
    BadContent,
    BadSource,
    DigestMismatch,
    DownloadOptions,
    GatedRepository,
    NetworkError,
    NotFound,
    OfflineMiss,
    RepositoryNotFound,
    RevisionNotFound,
    SourcesExhausted,
    UnknownName,
    get_from_cache,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_files, fetch_tokenizer, fetch_weights

NAME = "user/model"
LARGE = bytes(range(256)) * 20
FILES = {"config.json": b'{"a": 1}', "model.safetensors": LARGE, "vocab.txt": b"[PAD]\n[UNK]\n"}


@pytest.fixture
def elsewhere(monkeypatch):
    """Take the network away: nobody listens where the Hub should be."""
    return lambda: monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")


def read(snapshot, *names):
    return [path and path.read_bytes() for path in map(snapshot.fetch, names)]


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


# Digests


def test_large_files_come_from_the_storage_and_have_the_digest_that_the_hub_says(hub, cache):
    path = open_snapshot(NAME, cache).fetch("model.safetensors")
    record = json.loads(Path(f"{path.resolve()}.json").read_text())

    assert path.read_bytes() == LARGE
    assert record["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert (record["verified"], record["etag"]) == ("sha256", f'"{record["sha256"]}"')
    assert "secret" not in json.dumps(record)
    assert [one.status for one in hub.storage.requests] == [200]


def test_small_files_have_the_digest_of_git(hub, cache):
    path = open_snapshot(NAME, cache).fetch("config.json")
    assert json.loads(Path(f"{path.resolve()}.json").read_text())["verified"] == "git"


@pytest.mark.parametrize("name", FILES)
def test_bytes_without_the_digest_that_the_hub_says_are_refused(hub, cache, name, stored):
    hub.lies[name] = "0" * (64 if name == "model.safetensors" else 40)
    hub.contents["/" + "0" * 64] = LARGE
    snapshot = open_snapshot(NAME, cache)
    before = stored(cache)

    with pytest.raises(DigestMismatch, match="has the wrong digest"):
        snapshot.fetch(name)
    assert stored(cache) == before


def test_a_storage_that_sends_other_bytes_is_refused(hub, cache):
    hub.storage.replies = lambda request: Reply(b"x" * len(LARGE), headers={"ETag": '"1"'})

    with pytest.raises(DigestMismatch, match="has the wrong digest"):
        open_snapshot(NAME, cache).fetch("model.safetensors")


def test_a_storage_that_says_a_digest_itself_is_not_believed(hub, cache):
    wrong = b"x" * len(LARGE)
    tag = f'"{hashlib.sha256(wrong).hexdigest()}"'
    hub.storage.replies = lambda request: Reply(
        wrong, headers={"ETag": tag, "X-Linked-ETag": tag, "X-Repo-Commit": hub.commit}
    )

    with pytest.raises(DigestMismatch, match="has the wrong digest"):
        open_snapshot(NAME, cache).fetch("model.safetensors")


def test_a_download_goes_on_where_it_broke_off(hub, cache):
    stored = hub.storage.replies

    def cut_once(request):
        reply = stored(request)
        reply.cut = 3000 if len(hub.storage.requests) == 1 else None
        return reply

    hub.storage.replies = cut_once
    assert read(open_snapshot(NAME, cache), "model.safetensors") == [LARGE]
    assert [one.sent for one in hub.storage.requests] == [3000, len(LARGE) - 3000]


def test_a_file_of_another_commit_is_refused(hub, cache):
    def other(request):
        if "resolve" in request.path:
            return Reply(b"{}", headers={"X-Repo-Commit": "f" * 40, "ETag": '"1"'})

    hub.before = other
    with pytest.raises(DigestMismatch, match=f"sent a file of another commit than {hub.commit}"):
        open_snapshot(NAME, cache).fetch("config.json")


def test_threads_share_one_download(hub, cache):
    found = []

    def run():
        found.append(fetch_files(open_snapshot(NAME, cache)))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(found) == 8
    assert all(paths == found[0] for paths in found)
    assert len(hub.storage.bodies) == 1
    assert sum(one.status == 200 for one in hub.requests if "resolve" in one.path) == 2


# Where the token goes


def test_the_token_goes_to_the_hub_and_never_to_its_storage(hub, cache):
    hub.model.is_private = True
    fetch_files(open_snapshot(NAME, cache, DownloadOptions(token=TOKEN)))

    assert {one.headers.get("authorization") for one in hub.requests} == {f"Bearer {TOKEN}"}
    assert {one.headers.get("authorization") for one in hub.storage.requests} == {None}


def test_no_token_goes_to_the_hub_if_none_may(hub, cache, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch_files(open_snapshot(NAME, cache, DownloadOptions(token=False)))

    assert {one.headers.get("authorization") for one in hub.requests} == {None}


def test_a_repository_that_was_renamed_is_found_by_its_old_name(hub, cache):
    hub.renamed["old/name"] = NAME

    assert read(open_snapshot("old/name", cache), *FILES) == list(FILES.values())
    record = json.loads(next(iter(cache.glob("*.json"))).read_text())
    assert "old/name" in record["url"]
    paths = [path for path in cache.glob("*.json") if '"sha256"' in path.read_text()]
    assert {json.loads(path.read_text())["verified"] for path in paths} >= {"git", "sha256"}


def test_requests_go_through_the_given_proxy(hub, cache):
    with FaultServer() as proxy:
        proxy.replies = lambda request: hub.server.replies(
            type(request)(
                request.method, request.path.removeprefix(hub.address), request.headers, 0
            )
        )
        options = DownloadOptions(proxies={"http": proxy.address})
        assert read(open_snapshot(NAME, cache, options), "config.json") == [FILES["config.json"]]
        assert len(proxy.requests) == 2
    assert hub.requests == []
    assert options.proxies == {"http": proxy.address}


# What cannot be had


def test_an_unknown_repository_may_be_misspelt_or_private(hub, cache):
    with pytest.raises(RepositoryNotFound) as caught:
        open_snapshot("user/none", cache)
    assert str(caught.value) == (
        "'user/none' is neither a known checkpoint nor an existing file or folder (looked in "
        f"{os.getcwd()!r}), and the Hugging Face Hub shows no repository of that name without a "
        "token - check the spelling. If it is private, give a token (token=…, or HF_TOKEN)"
    )
    assert isinstance(caught.value, UnknownName)
    with pytest.raises(RepositoryNotFound, match=r"to the account of the token - check the spell"):
        open_snapshot("user/none", cache, DownloadOptions(token=TOKEN))
    with pytest.raises(RepositoryNotFound, match=r"did you mean 'bert-base-uncased'\? If it is"):
        open_snapshot("google-bert/bert-base-uncase", cache)


def test_a_private_repository_is_like_none_without_a_token(hub, cache):
    hub.model.is_private = True
    with pytest.raises(RepositoryNotFound, match="If it is private, give a token"):
        open_snapshot(NAME, cache)


def test_a_token_that_is_not_accepted_is_named(hub, cache):
    with pytest.raises(AccessDenied, match="does not accept the token that was sent for") as caught:
        open_snapshot(NAME, cache, DownloadOptions(token="hf_wrong"))
    assert "pass token=False to send none" in str(caught.value)
    assert "hf_wrong" not in str(caught.value)


@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_gated_repository_says_where_to_ask(hub, cache, token):
    hub.model.is_gated = True
    snapshot = open_snapshot(NAME, cache, DownloadOptions(token=token))

    who = "with the account" if token else "and give the token of that account"
    with pytest.raises(
        GatedRepository,
        match=f"'user/model' is gated.* ask for access at https://huggingface.co/user/model {who}",
    ):
        snapshot.fetch("config.json")


def test_an_unknown_revision_is_named(hub, cache):
    for revision in ("v2.0", "f" * 40):
        options = DownloadOptions(revision=revision)
        with pytest.raises(RevisionNotFound) as caught:
            open_snapshot(NAME, cache, options).fetch("config.json")
        assert str(caught.value) == (
            f"'user/model' has no branch, tag or commit {revision!r} - its branches and tags are "
            "listed at https://huggingface.co/user/model/tree/main"
        )


def test_another_refusal_says_its_status(hub, cache):
    hub.before = lambda request: Reply(status=403)
    with pytest.raises(
        AccessDenied, match=r"refuses to give 'user/model' \(status 403\) - see htt"
    ):
        open_snapshot(NAME, cache)


def test_a_hub_without_a_scheme_is_no_address(cache, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "hub.local")
    with pytest.raises(BadSource, match=r"'hub.local/api/models/.*' is not a valid address - "):
        open_snapshot(NAME, cache)


def test_a_hub_that_cannot_be_reached_says_that_the_name_is_no_path(cache, elsewhere):
    elsewhere()
    with pytest.raises(NetworkError, match=r"'user/model' is neither a known .* and on the Hub: "):
        open_snapshot(NAME, cache)


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"[]",
            b"{}",
            b"x",
            b'{"sha": 3}',
            b'{"sha": "../../etc"}',
            b'{"sha": "' + b"0" * 39,
        ),
        *(b'{"sha": "' + b"0" * 40 + b'", "siblings": [3]}', b"\xff", b"[" * 100_000),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_and_forgotten(hub, cache, body):
    hub.before = lambda request: Reply(body, headers={"ETag": '"1"'})
    with pytest.raises(BadContent, match="is no description of a repository - check HF_ENDPOINT"):
        open_snapshot(NAME, cache)

    hub.before = lambda request: None
    assert open_snapshot(NAME, cache).commit == hub.commit


def test_a_list_of_another_commit_is_not_believed(hub, cache):
    hub.model.push({"config.json": b"new"})
    listing = json.dumps({"sha": hub.model.refs["main"], "siblings": []}).encode()
    hub.before = lambda request: Reply(listing) if "api" in request.path else None

    snapshot = open_snapshot(NAME, cache, DownloadOptions(revision=hub.commit))

    assert snapshot.files is None
    assert read(snapshot, "vocab.txt", "x.txt") == [FILES["vocab.txt"], None]
    hub.before = lambda request: None
    snapshot = open_snapshot(NAME, cache, DownloadOptions(revision=hub.commit))
    assert snapshot.files == {*FILES}


@pytest.mark.parametrize("more", ["", ', "siblings": null'])
def test_where_the_hub_does_not_say_which_files_there_are_each_is_asked_for(hub, cache, more):
    body = f'{{"sha": "{hub.commit}"{more}}}'.encode()
    hub.before = lambda request: Reply(body) if "api" in request.path else None

    snapshot = open_snapshot(NAME, cache)

    assert snapshot.files is None
    assert {path.name for path in fetch_files(snapshot)} == {*FILES}


@pytest.mark.parametrize("name", ["", "model", "../x", "a/b/c", "user/model?x", "user/m.bin"])
def test_only_names_of_repositories_are_asked_for(hub, cache, name):
    with pytest.raises(BadSource, match=r"is not the name of a repository .* - write it as owner"):
        open_snapshot(name, cache)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\0", ".git"])
def test_no_name_leads_out_of_the_folder(hub, cache, name):
    with pytest.raises(BadSource, match="is not a name that a file of a model has"):
        open_snapshot(NAME, cache).fetch(name)
    assert not [path for path in hub.asked() if "resolve" in path]


# Weights


def indexed(names):
    weight_map = {f"layer.{number}": name for number, name in enumerate(names)}
    return json.dumps({"metadata": {}, "weight_map": weight_map}).encode()


def test_weights_in_several_files_are_fetched_together(hub, cache):
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = indexed([*names, names[0]])
    hub.create(
        "user/large", {"model.safetensors.index.json": index, names[0]: b"1", names[1]: b"2"}
    )

    weights = fetch_weights(open_snapshot("user/large", cache))

    assert weights.name == "model.safetensors.index.json"
    assert [weights.with_name(name).read_bytes() for name in names] == [b"1", b"2"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "", ".", 3, None, "x.index.json"])
def test_an_index_that_names_something_else_is_refused(hub, cache, name):
    hub.create("user/large", {"pytorch_model.bin.index.json": indexed([name])})

    with pytest.raises(BadContent, match="has no 'weight_map' from weights to plain names of fil"):
        fetch_weights(open_snapshot("user/large", cache))
    assert not [path for path in hub.asked() if "resolve" in path and "index" not in path]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_an_index_that_is_not_json_is_named(hub, cache, content):
    hub.create("user/large", {"pytorch_model.bin.index.json": content})

    with pytest.raises(BadContent, match=r"pytorch_model.bin.index.json' is no index of weights: "):
        fetch_weights(open_snapshot("user/large", cache))


def test_a_missing_part_is_named(hub, cache):
    hub.create("user/large", {"pytorch_model.bin.index.json": indexed(["part.bin"])})

    with pytest.raises(
        NotFound, match=r"\(commit .*\) has no file 'part.bin', which its pytorch_m"
    ):
        fetch_weights(open_snapshot("user/large", cache))


def test_numbers_alone_are_preferred_to_pickles_where_they_can_be_read(hub, cache, monkeypatch):
    hub.create("user/both", {"pytorch_model.bin": b"\x80pickle", "model.safetensors": LARGE})
    for is_there, name in ((True, "model.safetensors"), (False, "pytorch_model.bin")):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, there=is_there: there or None)
        assert fetch_weights(open_snapshot("user/both", cache)).name == name


def test_weights_that_are_there_are_used_without_the_network(hub, cache, monkeypatch):
    """For example pickles, fetched where safetensors is not installed."""
    hub.create("user/both", {"pytorch_model.bin": b"\x80pickle", "model.safetensors": LARGE})
    offline = DownloadOptions(local_files_only=True)
    open_snapshot("user/both", cache)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    with pytest.raises(OfflineMiss, match=r"model.safetensors is not in the cache"):
        fetch_weights(open_snapshot("user/both", cache, offline))
    with monkeypatch.context() as bare:
        bare.setattr("importlib.util.find_spec", lambda name: None)
        fetch_weights(open_snapshot("user/both", cache))

    found = fetch_weights(open_snapshot("user/both", cache, offline))

    assert found.name == "pytorch_model.bin"


def test_a_repository_without_weights_says_what_it_has(hub, cache):
    hub.create("user/onnx", {"config.json": b"{}", "onnx/model.onnx": b"x", "tf_model.h5": b"x"})

    with pytest.raises(NotFound) as caught:
        fetch_files(open_snapshot("user/onnx", cache))
    assert (
        "has none of model.safetensors, model.safetensors.index.json, pytorch_model.bin, "
        "pytorch_model.bin.index.json; it has weights for other libraries: Keras (tf_model.h5), "
        "ONNX (onnx/model.onnx) - take another repository or revision"
    ) in str(caught.value)
    assert not [path for path in hub.asked() if "resolve" in path and "config" not in path]


# Mirrors


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


# Folders


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


# The cache of the Hugging Face client


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


# The address of a file


def test_an_address_of_a_file_of_a_commit_is_that_file(hub, cache):
    path = open_snapshot(NAME, cache).fetch("config.json")
    hub.forget()
    address = f"https://huggingface.co/{NAME}/resolve/{hub.commit}/config.json"

    assert Path(get_from_cache(address, cache)) == path.resolve()
    assert hub.requests == []
