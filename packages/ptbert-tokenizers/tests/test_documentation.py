"""The examples in the docstrings run, and so does each in an empty folder."""

import doctest
import importlib
import pkgutil

import pytest

import ptbert_tokenizers

PACKAGE = ptbert_tokenizers
MODULES = [each.name for each in pkgutil.walk_packages(PACKAGE.__path__, f"{PACKAGE.__name__}.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_docstring_examples_hold(name: str) -> None:
    module = importlib.import_module(name)

    failures, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)

    assert failures == 0
