"""Group F: where bytes may come from, in which order, and under which name they are kept."""

import hashlib
import itertools
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply

from ptbert_hub import CATALOG, cached_path, download, get_from_cache, url_to_filename
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import BadSource, SourcesExhausted
from ptbert_hub.sources import RemoteFile, file_with_sources, s3_address

ROW = CATALOG["bert-base-uncased"]
HUB = "https://huggingface.co/google-bert/bert-base-uncased/resolve/" + ROW.revision


def test_the_hub_comes_first_and_the_address_of_2019_second():
    assert file_with_sources(ROW.vocabulary).sources == (f"{HUB}/vocab.txt", ROW.vocabulary)
    assert file_with_sources("https://example.org/x").sources == ("https://example.org/x",)


def test_a_pickle_without_a_pin_is_not_taken_from_an_abandoned_bucket():
    assert file_with_sources(ROW.weights).sources == (f"{HUB}/pytorch_model.bin", ROW.weights)
    unpinned = CATALOG["bert-base-cased"]
    assert file_with_sources(unpinned.weights).pin is None
    assert unpinned.weights not in file_with_sources(unpinned.weights).sources
    assert unpinned.config in file_with_sources(unpinned.config).sources


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("https://m.org/files", "https://m.org/files/bert-base-uncased-vocab.txt"),
        ("https://m.org/{filename}", "https://m.org/bert-base-uncased-vocab.txt"),
        (
            "https://m.org/{repo}/resolve/{revision}/{path}",
            f"https://m.org/google-bert/bert-base-uncased/resolve/{ROW.revision}/vocab.txt",
        ),
        ("file:///mnt/models", "file:///mnt/models/bert-base-uncased-vocab.txt"),
    ],
)
def test_mirrors_come_before_all(monkeypatch, template, address):
    monkeypatch.setenv("PTBERT_HUB_MIRROR", template)

    assert file_with_sources(ROW.vocabulary).sources == (
        address,
        f"{HUB}/vocab.txt",
        ROW.vocabulary,
    )
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")
    assert file_with_sources(ROW.vocabulary).sources == (address,)


def test_another_hub_can_be_named(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.local/")

    assert file_with_sources(ROW.vocabulary).sources[0].startswith("https://hub.local/google-bert/")


@pytest.mark.parametrize(
    ("mirror", "text"),
    [
        ("m.org/files", "names 'm.org/files' - give addresses that begin"),
        ("https://m.org/{name}", "cannot be filled - use {filename}"),
        ("https://m.org/{", "cannot be filled"),
    ],
)
def test_a_wrong_mirror_is_an_error(monkeypatch, mirror, text):
    monkeypatch.setenv("PTBERT_HUB_MIRROR", mirror)

    with pytest.raises(BadSource, match=text):
        file_with_sources(ROW.vocabulary)


def test_with_mirrors_only_other_files_are_refused(monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")

    with pytest.raises(BadSource, match=r"no mirror in PTBERT_HUB_MIRROR offers https://e.org/x"):
        file_with_sources("https://e.org/x")


@pytest.mark.parametrize(
    "settings",
    [
        {"PTBERT_HUB_MIRROR_ONLY": "1"},
        {"PTBERT_HUB_MIRROR": "ftp://nowhere"},
        {"PTBERT_HUB_MIRROR": "https://host/{nothing}", "HF_ENDPOINT": "http://127.0.0.1:9"},
        {"HF_ENDPOINT": "http://[::1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_published", [True, False])
def test_wrong_settings_do_not_take_a_copy_away(served, cache, settings, is_published, monkeypatch):
    url = CATALOG["bert-base-cased"].vocabulary if is_published else served.url()
    served.content = b"[PAD]\n"
    with monkeypatch.context() as right:
        right.setenv("HF_ENDPOINT", served.address)
        path = get_from_cache(url, cache)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert get_from_cache(url, cache) == path
    assert get_from_cache(url, cache, revalidate="always") == path


# F1: the first healthy source wins

FAULTS = {
    "404": lambda s, r: Reply(b"", 404),
    "429": lambda s, r: Reply(b"", 429, {"Retry-After": "100000"}),
    "503": lambda s, r: Reply(b"", 503),
    "reset": lambda s, r: Reply(s.content, cut=0, reset=True),
    "wrong bytes": lambda s, r: Reply(b"x" + s.content[1:]),
    "wrong length": lambda s, r: Reply(s.content + b"x"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("health", list(itertools.product([True, False], repeat=3)))
def test_the_first_healthy_source_wins(cache, health, fault, monkeypatch):
    monkeypatch.setattr(download, "PACE", download.Pace(tries=2, base=0.001))
    content = b"the file" * 1000
    pin = Pin(hashlib.sha256(content).hexdigest(), len(content))
    (cache / ".ptbert-hub/partial").mkdir(parents=True)
    with (
        FaultServer(content, host="127.0.0.1") as a,
        FaultServer(content, host="127.0.0.2") as b,
        FaultServer(content, host="127.0.0.3") as c,
    ):
        servers = (a, b, c)
        for server, healthy in zip(servers, health, strict=True):
            if not healthy:
                server.replies = lambda request, server=server: FAULTS[fault](server, request)
        file = RemoteFile("http://identity/x.dat", pin, None, tuple(s.url() for s in servers))

        if any(health):
            assert download.Download(file, cache).run().read_bytes() == content
            winner = health.index(True)
            assert [len(s.requests) for s in servers[winner:]] == [1] + [0] * (2 - winner)
        else:
            with pytest.raises(SourcesExhausted) as caught:
                download.Download(file, cache).run()
            named = {text.partition(": ")[0] for text in caught.value.attempts}
            assert named == {server.url() for server in servers}


# F2, F3: any web server can be a mirror, and the name in the cache does not depend on it


@pytest.mark.parametrize("kind", ["flat", "hub", "file", "plain"])
def test_every_kind_of_mirror_fills_the_cache_under_the_name_of_2019(
    served, cache, tmp_path, monkeypatch, kind
):
    row = CATALOG["bert-base-cased"]
    content = b"[PAD]\n[UNK]\n"
    served.content = content
    (tmp_path / "bert-base-cased-vocab.txt").write_bytes(content)
    if kind == "plain":  # no entity tag, no length, no ranges
        served.replies = lambda request: Reply(content, chunked=True)
    mirror = {
        "hub": served.address + "/{repo}/resolve/{revision}/{path}",
        "file": tmp_path.as_uri(),
    }.get(kind, served.address)
    monkeypatch.setenv("PTBERT_HUB_MIRROR", mirror)
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")

    path = Path(cached_path(row.vocabulary, cache))

    assert path.read_bytes() == content
    assert path.name.startswith(url_to_filename(row.vocabulary))
    paths = {
        "hub": "/google-bert/bert-base-cased/resolve/main/vocab.txt",
        "flat": "/bert-base-cased-vocab.txt",
    }
    if kind in paths:
        assert served.requests[0].path == paths[kind]


def test_a_mirror_without_the_file_is_skipped(served, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_MIRROR", tmp_path.as_uri())
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    served.content = b"[PAD]\n"

    path = Path(get_from_cache(CATALOG["bert-base-cased"].vocabulary, cache))

    assert path.read_bytes() == b"[PAD]\n"
    assert len(served.requests) == 1


# F4: s3:// without credentials


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://models/bert/x.bin", "https://models.s3.amazonaws.com/bert/x.bin"),
        ("s3://models.org/x", "https://s3.amazonaws.com/models.org/x"),
    ],
)
def test_s3_addresses_are_read_over_https(url, address):
    assert s3_address(url) == address
    assert file_with_sources(url).sources == (address,)


def test_another_s3_server_can_be_named(served, cache, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", served.address)

    path = Path(cached_path("s3://bucket/a/x.dat", cache))

    assert path.read_bytes() == served.content
    assert path.name.startswith(url_to_filename("s3://bucket/a/x.dat"))
    assert served.requests[0].path == "/bucket/a/x.dat"
    with pytest.raises(ValueError, match="bad s3 path"):
        cached_path("s3://bucket", cache)
