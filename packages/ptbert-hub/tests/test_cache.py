import pathlib

import pytest

from ptbert_hub import cached_path, filename_to_url, get_from_cache
from ptbert_hub.errors import BadSource, NotFound, OfflineMiss


def test_a_local_path_is_returned(tmp_path):
    (tmp_path / "file").touch()

    assert cached_path(tmp_path / "file") == str(tmp_path / "file")
    assert cached_path(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize("name", ["missing.txt", "C:\\missing\\model", "./x/y"])
def test_a_missing_path_is_not_found(name):
    with pytest.raises(EnvironmentError, match="not found - check the spelling") as caught:
        cached_path(name)
    assert isinstance(caught.value, NotFound)


def test_an_unknown_kind_of_address_is_a_value_error():
    with pytest.raises(ValueError, match="unable to read 'gopher://x/y'") as caught:
        cached_path("gopher://x/y")
    assert isinstance(caught.value, BadSource)


def test_a_download_gets_the_name_of_2019(file_server, cache):
    address, folder = file_server
    (folder / "vocab.txt").write_bytes(b"[PAD]\n")

    path = pathlib.Path(get_from_cache(f"{address}/vocab.txt", cache))

    assert path.parent == cache
    assert path.read_bytes() == b"[PAD]\n"
    assert filename_to_url(path.name, cache) == (f"{address}/vocab.txt", None)


def test_an_error_page_is_never_stored(file_server, cache):
    address, _ = file_server

    with pytest.raises(NotFound, match="answered with status 404"):
        cached_path(f"{address}/missing.txt", cache)
    assert [path for path in cache.iterdir() if path.name != ".ptbert-hub"] == []


def test_offline_says_where_it_looked(cache, monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")

    with pytest.raises(OfflineMiss, match=f"is not used; looked for [0-9a-f]+ in {cache}"):
        cached_path("http://127.0.0.1:9/x", cache)
