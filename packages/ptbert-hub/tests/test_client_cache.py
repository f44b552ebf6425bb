"""The cache of the Hugging Face client is read where it has the file, and never believed."""

import hashlib
import os
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, get_from_cache
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import OfflineMiss

ROW = CATALOG["bert-base-cased"]  # without a digest in the catalog, at the head of "main"
PINNED = CATALOG["gpt2"]
CONTENT = b"[PAD]\n[UNK]\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def client(own_home):
    """Store a file as the client does: a blob, a link to it, and a reference."""
    folder = own_home / ".cache/huggingface/hub"

    def store(
        content, repository=ROW.repository, name="vocab.txt", revision=COMMIT, blob=None, ref=True
    ):
        place = folder / f"models--{repository.replace('/', '--')}"
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        stored = place / "blobs" / (blob or git)
        link = place / "snapshots" / revision / name
        for one in (stored, link, place / "refs/main"):
            one.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(content)
        link.symlink_to(os.path.relpath(stored, link.parent))
        if ref:
            (place / "refs/main").write_text(revision)
        return link

    store.folder = folder
    return store


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("repository", [ROW.repository, ROW.name])
def test_a_file_that_the_client_has_is_used_where_it_is(client, cache, repository):
    link = client(CONTENT, repository)

    assert get_from_cache(ROW.vocabulary, cache) == str(link)
    assert not cache.exists()


def test_a_large_file_is_named_by_its_sha256(client, cache):
    link = client(CONTENT, blob=hashlib.sha256(CONTENT).hexdigest())

    assert get_from_cache(ROW.vocabulary, cache) == str(link)


@pytest.mark.parametrize(
    "where", ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"]
)
def test_the_variables_of_the_client_say_where_its_cache_is(
    client, cache, tmp_path, where, monkeypatch
):
    client(CONTENT)
    moved = tmp_path / "moved"
    below = {"HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}.get(where, "")
    (moved / below).parent.mkdir(parents=True, exist_ok=True)
    client.folder.rename(moved / below)
    monkeypatch.setenv(where, str(moved))

    assert Path(get_from_cache(ROW.vocabulary, cache)).is_relative_to(moved / below)


def test_the_commit_of_the_catalog_is_looked_for_first(client, cache):
    config = CATALOG["bert-base-uncased"]
    client(b"{}", config.repository, "config.json")
    link = client(b'{"a": 1}', config.repository, "config.json", config.revision, ref=False)

    assert get_from_cache(config.config, cache) == str(link)


def test_other_bytes_than_the_name_of_the_blob_says_are_not_used(client, cache):
    client(CONTENT).resolve().write_bytes(b"[PAD]\n[EVIL]\n")

    with pytest.raises(OfflineMiss):
        get_from_cache(ROW.vocabulary, cache)


def test_other_bytes_than_the_pin_are_not_used(client, cache, monkeypatch):
    client(CONTENT)
    right = Pin(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    for pin, is_found in ((Pin("0" * 64, len(CONTENT)), False), (right, True)):
        monkeypatch.setattr("ptbert_hub.sources.PINS", {(ROW.name, "vocabulary"): pin})
        if is_found:
            assert Path(get_from_cache(ROW.vocabulary, cache)).read_bytes() == CONTENT
        else:
            with pytest.raises(OfflineMiss):
                get_from_cache(ROW.vocabulary, cache)


@pytest.mark.parametrize("blob", ["x", "0" * 39, "..", "0" * 64])
def test_a_blob_without_the_name_of_its_digest_is_not_used(client, cache, blob):
    if blob == "..":
        link = client(CONTENT)
        data = link.resolve().read_bytes()
        link.unlink()
        link.write_bytes(data)  # a copy, as on systems without links
    else:
        client(CONTENT, blob=blob)

    with pytest.raises(OfflineMiss):
        get_from_cache(ROW.vocabulary, cache)


@pytest.mark.parametrize(
    "reference",
    ["", "main", "../../../../elsewhere", "/elsewhere", "0" * 41, "\xff", COMMIT + "/.."],
)
def test_a_reference_leads_nowhere_else(client, cache, tmp_path, reference):
    link = client(CONTENT)
    (link.parents[2] / "refs/main").write_bytes(reference.encode("latin-1"))
    for elsewhere in (tmp_path / "elsewhere", client.folder.parent / "elsewhere"):
        elsewhere.mkdir()
        (elsewhere / "vocab.txt").write_bytes(CONTENT)

    with pytest.raises(OfflineMiss):
        get_from_cache(ROW.vocabulary, cache)


def test_the_message_names_the_folder(client, cache):
    with pytest.raises(OfflineMiss, match=f"and in the Hugging Face cache {client.folder} - "):
        get_from_cache(ROW.vocabulary, cache)
    with pytest.raises(OfflineMiss) as caught:
        get_from_cache("https://example.org/x", cache)
    assert "Hugging Face" not in str(caught.value)


def test_the_own_cache_counts_first_and_force_downloads(client, cache, served, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    served.content = b"[PAD]\n"
    link = client(CONTENT)
    assert get_from_cache(ROW.vocabulary, cache) == str(link)
    assert served.requests == []

    path = get_from_cache(ROW.vocabulary, cache, force=True)
    assert Path(path).parent == cache
    assert get_from_cache(ROW.vocabulary, cache) == path


def test_a_link_to_itself_is_no_file(client, cache):
    link = client(CONTENT)
    link.unlink()
    link.symlink_to(link.name)

    with pytest.raises(OfflineMiss):
        get_from_cache(ROW.vocabulary, cache)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_file(client, cache):
    blob = client(CONTENT).resolve()
    blob.unlink()
    os.mkfifo(blob)

    with pytest.raises(OfflineMiss):
        get_from_cache(ROW.vocabulary, cache)
