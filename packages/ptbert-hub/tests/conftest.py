import http.server
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, download, get_from_cache, upkeep

sys.path.insert(0, str(Path(__file__).parent))

from faultserver import FaultServer, closed_port
from hubserver import FILES, NAME, HubServer

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job in the background of a script
    signal.signal(signal.SIGINT, signal.default_int_handler)

PUBLISHED = CATALOG["bert-base-cased"].vocabulary
OURS = ("PTBERT_HUB_", "PYTORCH_PRETRAINED_BERT_", "HF_", "TRANSFORMERS_", "AWS_", "TQDM_")
OTHERS = ("TORCH_HOME", "XDG_CACHE_HOME", "_PROXY", "_CA_BUNDLE", "SSL_CERT_FILE", "RANK")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """A home folder and an environment without anything of the user's."""
    for name in os.environ:
        if (name != "PTBERT_HUB_FIGURES" and name.startswith(OURS)) or name.upper().endswith(
            OTHERS
        ):
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
    """A server with faults on demand; its file is three megabytes that are no model."""
    with FaultServer(random.Random(1).randbytes(3_000_000)) as server:
        yield server


@pytest.fixture
def elsewhere(monkeypatch):
    """Take the network away: nobody listens where the Hub should be."""
    return lambda: monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")


@pytest.fixture
def hub(monkeypatch):
    """A server that plays the Hugging Face Hub, with the model ``user/model``."""
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.model = server.create(NAME, FILES)
        server.commit = server.model.refs["main"]
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


NGINX = """
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  types {{ text/plain txt; }}
  server {{
    listen 127.0.0.1:{port}; root {folder}/www;
    location /nohead/ {{ if ($request_method = HEAD) {{ return 405; }} alias {folder}/www/; }}
    location /noranges/ {{ max_ranges 0; alias {folder}/www/; }}
    location /notags/ {{ etag off; alias {folder}/www/; }}
    location /zipped/ {{ gzip on; gzip_types text/plain; alias {folder}/www/; }}
    location /moved/ {{ return 302 /nohead/model.txt; }}
    location /slow/ {{ limit_rate 1m; alias {folder}/www/; }}
    location /slow-noranges/ {{ limit_rate 3m; max_ranges 0; alias {folder}/www/; }}
    location /busy/ {{ return 429; }}
    location /broken/ {{ return 503; }}
    location /dropped/ {{ return 444; }}
  }}
}}
"""


class Nginx:
    """A running nginx: its address, the folder it serves, and its access log."""

    def __init__(self, port, folder):
        self.address = f"http://127.0.0.1:{port}"
        self.folder, self._log = folder / "www", folder / "access.log"

    def logged(self, text):
        """The lines of the access log, once one has ``text``; it is written after the answer."""
        for _ in range(100):
            lines = self._log.read_text().splitlines()
            if any(text in line for line in lines):
                break
            time.sleep(0.02)
        return lines


@pytest.fixture
def nginx(tmp_path, which):
    program = which("nginx")
    folder = tmp_path / "nginx"
    (folder / "www").mkdir(parents=True)
    user = "user root;" if os.geteuid() == 0 else ""  # others cannot enter pytest's folders
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "nginx.conf").write_text(NGINX.format(user=user, folder=folder, port=port))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            for _ in range(200):
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.02)
            else:
                pytest.skip("nginx does not start here")
            yield Nginx(port, folder)
        finally:
            process.terminate()


@pytest.fixture
def filled(served, cache, monkeypatch):
    """A cache with two versions of one file, a published one, and every kind of leftover."""
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    old = Path(get_from_cache(served.url(), cache))
    os.utime(old, (time.time() - 3 * upkeep.DAY,) * 2)
    served.become(b"new" * 100)
    get_from_cache(served.url(), cache)
    served.become(b"[PAD]\n[UNK]\n")
    get_from_cache(PUBLISHED, cache)
    partial = cache / ".ptbert-hub/partial" / f"{'a' * 64}.{'0' * 16}-1-1-{'0' * 16}.part"
    partial.write_bytes(b"half")
    os.utime(partial, (time.time() - 2 * upkeep.DAY,) * 2)
    aside = cache / ".ptbert-hub/quarantine"
    aside.mkdir()
    (aside / "bad.1").write_bytes(b"page")
    (cache / f"{'b' * 64}.json").write_text("{}")
    return cache
