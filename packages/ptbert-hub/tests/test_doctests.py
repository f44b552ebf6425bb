import doctest
import importlib
import pkgutil

import pytest

import ptbert_hub

MODULES = [module.name for module in pkgutil.iter_modules(ptbert_hub.__path__)]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__main__"])
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert doctest.testmod(importlib.import_module(f"ptbert_hub.{name}")).failed == 0
