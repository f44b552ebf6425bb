"""A real web server: ranges, tags, compression, refused methods."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ptbert_hub import get_from_cache
from ptbert_hub.errors import NetworkError, RateLimited

FETCH = "import sys; from ptbert_hub import get_from_cache; get_from_cache(*sys.argv[1:])"


@pytest.fixture
def model(nginx):
    path = nginx.folder / "model.txt"
    path.write_bytes(b"one word a line\n" * 200_000)
    return path


@pytest.mark.parametrize("place", ["", "nohead/", "noranges/", "notags/", "zipped/", "moved/"])
def test_a_file_is_downloaded_and_kept(nginx, model, cache, place):
    url = f"{nginx.address}/{place}model.txt"

    first = get_from_cache(url, cache)

    assert Path(first).read_bytes() == model.read_bytes()
    assert get_from_cache(url, cache) == first
    lines = nginx.logged(" 304 ")
    assert not any("HEAD" in line for line in lines)
    assert sum(" 304 " in line for line in lines) == 1


@pytest.mark.parametrize("place", ["slow/", "slow-noranges/"])
def test_a_killed_download_is_resumed_if_the_server_can(nginx, model, cache, place):
    url = f"{nginx.address}/{place}model.txt"
    process = subprocess.Popen([sys.executable, "-c", FETCH, url, str(cache)])
    partial = cache / ".ptbert-hub/partial"
    for _ in range(500):
        if any(path.stat().st_size > 100_000 for path in partial.glob("*.part")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert Path(get_from_cache(url, cache)).read_bytes() == model.read_bytes()
    lines = nginx.logged(" 206 " if place == "slow/" else "model.txt")
    assert any(" 206 " in line for line in lines) == (place == "slow/")


@pytest.mark.parametrize(
    ("place", "error", "text"),
    [
        ("busy/", RateLimited, "status 429"),
        ("broken/", NetworkError, "status 503"),
        ("dropped/", NetworkError, "could not be read"),
    ],
)
def test_each_refusal_has_its_error(nginx, cache, place, error, text):
    with pytest.raises(error, match=text):
        get_from_cache(f"{nginx.address}/{place}model.txt", cache)


def test_a_new_version_is_seen(nginx, model, cache):
    old = get_from_cache(f"{nginx.address}/model.txt", cache)
    model.write_bytes(b"new\n")

    new = get_from_cache(f"{nginx.address}/model.txt", cache)

    assert Path(new).read_bytes() == b"new\n"
    assert Path(old).exists()
