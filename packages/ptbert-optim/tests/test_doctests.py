import doctest
import importlib
import pkgutil

import pytest

import ptbert_optim

MODULES = [module.name for module in pkgutil.iter_modules(ptbert_optim.__path__)]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__main__"])
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"ptbert_optim.{name}")).failed == 0
