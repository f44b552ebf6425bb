"""What cannot be had from a repository is refused with one line that says why."""

import json
import os

import pytest
from faultserver import Reply
from hubserver import FILES, NAME, TOKEN, read

from ptbert_hub import (
    AccessDenied,
    BadContent,
    BadSource,
    DownloadOptions,
    GatedRepository,
    NetworkError,
    RepositoryNotFound,
    RevisionNotFound,
    UnknownName,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_files


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
