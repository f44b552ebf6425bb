import doctest
import importlib
import pkgutil

import pytest

import ptbert.training

MODULES = ["ptbert.training", *(
    f"ptbert.training.{module.name}" for module in pkgutil.iter_modules(ptbert.training.__path__)
)]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_all_names_can_be_imported():
    for name in ptbert.training.__all__:
        assert getattr(ptbert.training, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Trainer'"):
        ptbert.training.Trainer  # noqa: B018
