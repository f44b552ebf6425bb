"""Programs of 2019, run with ptbert in both ways, and the bucket that they download from."""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import ptbert
from ptbert_hub.release import set_release

sys.path.insert(0, str(Path(__file__).parent))

from bucket import fill_bucket, served

OLD_NAME = "pytorch_pretrained_bert"


@pytest.fixture(scope="session")
def bucket(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bucket")
    fill_bucket(folder)
    with served(folder) as address:
        yield address


@pytest.fixture
def _downloads(bucket, tmp_path, monkeypatch):
    """Downloads come from the bucket and go to a cache of the test's own."""
    monkeypatch.setenv("PTBERT_HUB_MIRROR", bucket)
    monkeypatch.setenv("PTBERT_HUB_MIRROR_ONLY", "1")
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("ptbert_hub.sources.PINS", {})  # the true files are larger


@pytest.fixture
def install(monkeypatch):
    """Return a function that turns drop-in mode on; it is off again after the test."""
    safe_globals = torch.serialization.get_safe_globals()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(torch, "load", torch.load)

    def install_release(release="april"):
        ptbert.install_as(OLD_NAME, release=release)
        import_module(OLD_NAME)

    yield install_release
    vars(ptbert).pop("__version__", None)
    set_release("june")
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(safe_globals)
    for name in [name for name in sys.modules if name.partition(".")[0] == OLD_NAME]:
        del sys.modules[name]


@pytest.fixture(params=["ptbert", OLD_NAME])
def run(request, install, tmp_path, monkeypatch, _downloads):
    """Return a function that runs a program of 2019 and gives its names.

    ``NAME`` in the program is ``ptbert``, or the old name in drop-in mode; models come from the
    bucket.
    """
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    if request.param == OLD_NAME:
        install()

    def run_program(*parts, **names):
        args = SimpleNamespace(do_lower_case=True)
        namespace = {"torch": torch, "os": os, "args": args, **names}
        exec("".join(parts).replace("NAME import", f"{request.param} import"), namespace)
        return namespace

    return run_program
