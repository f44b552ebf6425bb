"""A server for tests that load from addresses, and some tensors."""

import http.server
import threading

import pytest
import torch


@pytest.fixture
def tensors():
    """Some tensors of several types."""
    torch.manual_seed(0)
    return {"a.weight": torch.randn(300, 40), "b": torch.arange(5), "half": torch.ones(2).half()}


@pytest.fixture
def server(tmp_path):
    """The address of a loopback server of the temporary folder, and the paths it was asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_request(self, code="-", size="-"):
            asked.append(self.path)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()
