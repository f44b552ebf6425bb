"""The released downloader of 2019 itself, loaded without the library around it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, get_from_cache

URL = CATALOG["bert-base-cased"].vocabulary
AMAZON = "https://s3.amazonaws.com"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pytorch_pretrained_bert") is None
        or importlib.util.find_spec("boto3") is None,
        reason="pytorch-pretrained-bert==0.6.2 (--no-deps) and boto3 are not installed",
    ),
]


@pytest.fixture
def old(served, monkeypatch):
    import requests

    sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
    from make_cache_2019 import downloader

    for name in ("get", "head"):
        real = getattr(requests, name)

        def local(url, real=real, **options):
            return real(url.replace(AMAZON, served.address), **options)

        monkeypatch.setattr(requests, name, local)
    return downloader()


def test_it_finds_our_files(old, served, cache, monkeypatch):
    served.become(b"[PAD]\n[UNK]\n")
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    ours = get_from_cache(URL, cache)
    before = len(served.bodies)

    assert old.get_from_cache(URL, cache_dir=str(cache)) == ours
    assert len(served.bodies) == before
    assert old.filename_to_url(Path(ours).name, str(cache)) == (URL, served.etag)


def test_we_find_its_files(old, served, cache, monkeypatch):
    served.become(b"[PAD]\n[UNK]\n")
    theirs = old.get_from_cache(URL, cache_dir=str(cache))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")

    assert get_from_cache(URL, cache) == theirs
