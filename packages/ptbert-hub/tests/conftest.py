import http.server
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

CACHE_VARIABLES = (
    "PYTORCH_PRETRAINED_BERT_CACHE ENV_TORCH_HOME TORCH_HOME ENV_XDG_CACHE_HOME XDG_CACHE_HOME "
    "PTBERT_HUB_CACHE_RO PTBERT_HUB_OFFLINE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE HF_ENDPOINT "
    "HF_HOME HF_HUB_CACHE HF_TOKEN PTBERT_HUB_MIRROR PTBERT_HUB_MIRROR_ONLY "
    "http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY "
    "REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE"
).split()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """A home folder and an environment without anything of the user's."""
    for name in CACHE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
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
