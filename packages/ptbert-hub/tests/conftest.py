import http.server
import os
import random
import shutil
import sys
import threading
from pathlib import Path

import pytest

from ptbert_hub import download

sys.path.insert(0, str(Path(__file__).parent))

from faultserver import FaultServer

OURS = ("PTBERT_HUB_", "PYTORCH_PRETRAINED_BERT_", "HF_", "TRANSFORMERS_", "AWS_", "TQDM_")
OTHERS = ("TORCH_HOME", "XDG_CACHE_HOME", "_PROXY", "_CA_BUNDLE", "SSL_CERT_FILE", "RANK")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """A home folder and an environment without anything of the user's."""
    for name in os.environ:
        if name.startswith(OURS) or name.upper().endswith(OTHERS):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def file_server(tmp_path):
    """A plain server on loopback: its address and the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()
        thread.join()


@pytest.fixture
def served():
    """A server that goes wrong on demand, with three megabytes that are no model."""
    with FaultServer(random.Random(1).randbytes(3_000_000)) as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses between tries a hundred times shorter."""
    monkeypatch.setattr(download, "PACE", download.Pace(base=0.005, cap=0.3))


@pytest.fixture
def stored():
    """What a cache folder shows to programs of 2019."""

    def names(cache):
        return {path.name for path in cache.glob("*") if path.name != ".ptbert-hub"}

    return names


@pytest.fixture
def which():
    """The path of a program; the test is skipped where it is not installed."""

    def path(name):
        return shutil.which(name) or pytest.skip(f"{name} is not installed")

    return path
