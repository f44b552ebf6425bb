"""What users read and catch is there: the imports of the READMEs, star imports, all errors."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["ptbert", "ptbert_hub", "ptbert_models", "ptbert_optim", "ptbert_tokenizers"]
TEXTS = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("packages/*/*.md"),
        *ROOT.glob("packages/*/docs/*.md"),
    )
)


def imports_of(path):
    """The names that the programs of a text import from the five packages, with their homes."""
    text = path.read_text(encoding="utf-8")
    for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for statement in ast.walk(ast.parse(program)):
            if isinstance(statement, ast.ImportFrom):
                home = str(statement.module)
                if home.partition(".")[0] in PACKAGES:
                    yield from ((home, alias.name) for alias in statement.names)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_imports_of_a_text_work(path):
    missing = [
        (home, name)
        for home, name in imports_of(path)
        if not hasattr(importlib.import_module(home), name)
    ]
    assert missing == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_readme_shows_an_import(package):
    assert list(imports_of(ROOT / "packages" / package.replace("_", "-") / "README.md"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_star_import_brings_the_public_names(package):
    code = f"before = {{*dir()}}; from {package} import *; print(sorted({{*dir()}} - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    public = importlib.import_module(package).__all__
    assert set(ast.literal_eval(done.stdout)) - {"before"} == set(public)


@pytest.mark.parametrize("package", PACKAGES)
def test_public_classes_and_functions_are_explained(package):
    module = importlib.import_module(package)
    things = {name: getattr(module, name) for name in module.__all__}
    unexplained = [
        name
        for name, thing in things.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and not thing.__doc__
    ]
    assert unexplained == []


@pytest.mark.parametrize("package", ["ptbert_hub", "ptbert_models", "ptbert_tokenizers"])
def test_every_error_of_a_package_can_be_caught_by_its_public_name(package):
    module = importlib.import_module(package)
    errors = {
        name
        for name, thing in vars(importlib.import_module(f"{package}.errors")).items()
        if inspect.isclass(thing)
        and issubclass(thing, Exception)
        and thing.__module__ == f"{package}.errors"
        and not name.startswith("_")
    }
    assert errors
    assert errors <= set(module.__all__)
