"""The examples in the docstrings run, and so does each in an empty folder."""

import doctest
import importlib
import pkgutil

import pytest

import ptbert_tokenizers

MODULES = [module.name for module in pkgutil.iter_modules(ptbert_tokenizers.__path__)]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__main__"])
def test_docstring_examples_hold(name: str) -> None:
    module = importlib.import_module(f"ptbert_tokenizers.{name}")

    failures, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)

    assert failures == 0
