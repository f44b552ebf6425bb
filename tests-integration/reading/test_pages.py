"""Each page is short, stands alone and has examples that run."""

import ast
import doctest
import importlib
import re
import sys
from pathlib import Path

import pytest

import ptbert_models
import ptbert_models.transfo_xl
import ptbert_tokenizers

FOLDER = Path(__file__).parents[2] / "reading"
PAGES = sorted(FOLDER.glob("*.py"))
README = FOLDER / "README.md"
PACKAGES = (ptbert_models, ptbert_models.transfo_xl, ptbert_tokenizers)


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request):
    return request.param


def test_there_are_five_pages_and_the_readme_links_to_each():
    linked = re.findall(r"^\| \d \| \[(\w+\.py)\]\(\1\)", README.read_text("utf-8"), re.MULTILINE)
    assert len(linked) == 5
    assert sorted(linked) == [path.name for path in PAGES]


def test_a_page_has_80_to_150_lines(page):
    assert 80 <= len(page.read_text("utf-8").splitlines()) <= 150


def test_a_page_imports_only_torch_regex_and_the_standard_library(page):
    imported = set()
    for node in ast.walk(ast.parse(page.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names <= {"torch", "regex"}


def test_the_examples_of_a_page_run(page):
    found = doctest.testmod(importlib.import_module(page.stem))
    assert found.attempted > 0
    assert found.failed == 0


def test_the_examples_of_the_readme_run():
    found = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert found.attempted > 10
    assert found.failed == 0


def test_the_last_lines_of_a_page_name_what_there_is_in_the_packages(page):
    _, last_lines = page.read_text("utf-8").split("\n# Beyond this page")
    names = re.findall(r"`(\w+)`", last_lines)
    assert names
    for name in names:
        assert any(hasattr(package, name) for package in PACKAGES), name
