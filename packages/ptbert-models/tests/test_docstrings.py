import doctest
import importlib
import pkgutil

import pytest

import ptbert_models

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ptbert_models.__path__, "ptbert_models.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    found = [doctest.DocTestFinder().find(importlib.import_module(name)) for name in MODULES]
    assert sum(bool(test.examples) for tests in found for test in tests) > 15
