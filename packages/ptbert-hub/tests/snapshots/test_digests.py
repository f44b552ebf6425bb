"""What a repository sends is compared with the digests of the Hub; where the token goes."""

import hashlib
import json
import threading
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply
from hubserver import FILES, LARGE, NAME, TOKEN, read

from ptbert_hub import (
    DigestMismatch,
    DownloadOptions,
    open_snapshot,
)
from ptbert_hub.model_files import fetch_files


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
