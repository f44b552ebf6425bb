"""Every block of code of every page and README runs, and prints what the page says."""

import copy
import logging
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from blocks import Page, blocks_of
from given import MAKERS

import ptbert
from ptbert_hub.release import set_release

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parents[2]
RUN = {"python", "console", "bash"}
REPOSITORY = "https://github.com/ptbert/ptbert/"
LOGGERS = ("ptbert", "ptbert_hub", "ptbert_models", "ptbert_tokenizers")
REASONS = {
    "it installs",
    "it downloads",
    "it needs several machines",
    "it needs another user",
    "it takes an hour",
    "it tests",
}
READMES = sorted(ROOT.glob("packages/*/README.md"))
PAGES = [
    path
    for path in (*sorted(DOCS.rglob("*.md")), *ROOT.glob("README.md"), *READMES)
    if any(block.language in RUN for block in blocks_of(path))
]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page to run blocks on, in a folder of its own; afterwards all is as it was."""
    for name in [name for name in os.environ if name.startswith(("HF_", "PTBERT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(torch, "load", torch.load)
    modules, safe = copy.copy(sys.modules), torch.serialization.get_safe_globals()
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    torch.manual_seed(0)
    torch.set_num_threads(1)
    page = Page(folder, MAKERS)
    yield page
    page.close()
    set_release("june")
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(safe)
    for name in sys.modules.keys() - modules.keys():
        if name.partition(".")[0] in {"pytorch_pretrained_bert", "my_bert"}:
            del sys.modules[name]
    vars(ptbert).pop("__version__", None)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(path, page):
    for block in blocks_of(path):
        page.run(block)


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("*.md"), *READMES, *DOCS.rglob("*.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_lead_to_files_that_are_there(path):
    """Links within the repository; Sphinx checks those between pages."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    there = [target.removeprefix("source:") for target in targets if target.startswith("source:")]
    if path.parent == ROOT:
        there += [each for each in targets if not each.startswith(("https://", "#"))]
    there += [
        found[1]
        for target in targets
        if (found := re.match(rf"{re.escape(REPOSITORY)}\w+/main/(.+)", target))
    ]
    assert [each for each in there if not (ROOT / each.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_readme_work_on_a_package_index(path):
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert [each for each in targets if not each.startswith(("https://", "#"))] == []


def test_the_page_of_the_repository_leads_to_its_own_files_wherever_it_is():
    assert "github.com/ptbert" not in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_packages_name_one_repository():
    urls = [
        tomllib.loads((path.parent / "pyproject.toml").read_text())["project"]["urls"]
        for path in READMES
    ]
    assert {each["Repository"] for each in urls} == {REPOSITORY.rstrip("/")}
    assert all(each["Changelog"].startswith(REPOSITORY) for each in urls)


def test_all_pages_that_say_how_to_install_agree_on_what_is_published():
    pages = [ROOT / "README.md", DOCS / "start.md", *READMES]
    assert all("pip install" in path.read_text(encoding="utf-8") for path in pages)
    assert len({"not published yet" in path.read_text(encoding="utf-8") for path in pages}) == 1


# What looks like a file or folder of the repository, in the words of a code span.
PATH = re.compile(
    r"(?:packages|tests|tests-integration|benchmarks|docs|reading|src|ptbert_\w+)/[\w./-]+"
    r"|\w+/[\w/]+\.py|test_\w+\.py"
)
OF_READERS = {"my_bert/modeling.py"}  # in a program that is spoken of


@pytest.fixture(scope="module")
def ends_of_paths():
    """Each file and folder of the source, from any of its folders on."""
    tops = [ROOT / name for name in ("packages", "tests-integration", "reading")]
    found = [each.relative_to(ROOT).parts for top in tops for each in (top, *top.rglob("*"))]
    return {"/".join(parts[start:]) for parts in found for start in range(len(parts))}


@pytest.mark.parametrize(
    "path", [*ROOT.glob("*.md"), *READMES, *DOCS.rglob("*.md")], ids=lambda path: path.stem
)
def test_files_that_a_page_names_are_there(path, ends_of_paths):
    text = re.sub(r"^```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    words = {word for span in re.findall(r"`([^`\n]+)`", text) for word in span.split()}
    named = {word.rstrip("/") for word in words if PATH.fullmatch(word)} - OF_READERS
    assert named - ends_of_paths == set()


def test_a_block_is_left_out_for_a_known_reason_only():
    given = {block.left_out for path in PAGES for block in blocks_of(path)} - {""}
    assert given <= REASONS
