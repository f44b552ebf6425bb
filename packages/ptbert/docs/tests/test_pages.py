"""Every block of code of every page and README runs, and prints what the page says."""

import copy
import logging
import os
import sys
from pathlib import Path

import pytest
import torch
from blocks import Page, blocks_of
from given import MAKERS
from stub import stub

import ptbert
from ptbert_hub.release import set_release

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parents[2]
RUN = {"python", "console", "bash"}
LOGGERS = ("ptbert", "ptbert_hub", "ptbert_models", "ptbert_tokenizers")
REASONS = {"it installs", "it downloads", "it needs several machines", "it needs a GPU"}
PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
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
    stub(folder)
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_the_blocks_of_a_page_run(path, page):
    for block in blocks_of(path):
        page.run(block)


def test_a_block_is_left_out_for_a_known_reason_only():
    given = {block.left_out for path in PAGES for block in blocks_of(path)} - {""}
    assert given <= REASONS
