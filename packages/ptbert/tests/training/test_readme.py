"""The README.md of a result, and tables in it."""

import hashlib
import json
import re

import pytest

from ptbert.training import train
from ptbert.training.tables import cell, code, table


@pytest.fixture
def readme(settings, tmp_path):
    train(settings.replaced(checkpoint_minutes=10.0))
    return (tmp_path / "out" / "README.md").read_text()


def test_it_says_what_was_trained_on_what_and_how_well(readme, settings, data, tmp_path):
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    made = f"that `ptbert train classify` made of `{settings.model}`, from 24 examples of `{data}`"
    assert f"{made}, in 9 steps (3 epochs), with the seed 0." in readme
    assert f"* training: `{data}`, 24 examples, SHA-256 `{digest}`" in readme
    assert f"* validation: `{data}`, 24 examples, SHA-256 `{digest}`" in readme
    assert "* labels: `animal`, `thing`" in readme
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    (best,) = [line for line in readme.splitlines() if "(this one)" in line]
    shown = [each.strip() for each in best.strip("|").split("|")]
    assert shown[1] == str(result["step"])
    assert shown[3:] == [f"{value:.4f}" for key, value in result.items() if key != "step"]
    assert len(re.findall(r"^\| \d", readme, re.MULTILINE)) == 3  # a row for each epoch
    assert "| label \\ predicted | animal | thing |" in readme
    assert "![loss, learning rate and metric by step](training.svg)" in readme
    assert (tmp_path / "out" / "training.svg").read_text().startswith("<svg ")


def run_snippets(readme, folder):
    snippets = re.findall("```python\n(.+?)```", readme, re.DOTALL)
    assert len(snippets) == 2
    names = {}
    for snippet in snippets:
        exec(snippet.replace("FOLDER", str(folder)), names)
    return names


def test_its_code_runs(readme, tmp_path, capsys):
    names = run_snippets(readme, tmp_path / "out")
    assert names["model"].config.id2label == {"0": "animal", "1": "thing"}
    assert names["tokenizer"].tokenize("the cat") == ["the", "cat"]
    assert re.search("label='(animal|thing)'", capsys.readouterr().out)


def test_its_code_runs_for_pairs(settings, tmp_path, capsys):
    path = tmp_path / "pairs.csv"
    path.write_text("text,pair,label\nwhere ?,the cat,1\nwhere ?,the key,0\n")
    train(settings.replaced(data=str(path), validation="", pair="pair", epochs=1))
    readme = (tmp_path / "out" / "README.md").read_text()
    assert 'ptbert predict FOLDER "a text" --pair "another"' in readme
    assert "There were no validation data" in readme
    run_snippets(readme, tmp_path / "out")


def test_its_code_runs_for_tags(settings, tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("the O\ncat B-X|Y\n\na O\nkey B-`Z\n\n")
    train(settings.replaced(task="tag", data=str(path), validation=str(path), epochs=1))
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "2 examples" in readme
    assert "* labels: `O`, `B-X|Y`, ``B-`Z``" in readme
    assert "| X\\|Y | " in readme
    assert "| \\`Z | " in readme
    run_snippets(readme, tmp_path / "out")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a|b", "a\\|b"),
        ("a\\|b", "a\\\\\\|b"),
        ("a \\ b", "a \\ b"),
        ("a\nb", "a?b"),
        ("\x1b[2J", "?\\[2J"),
        ("<script>", "\\<script>"),
        ("\ud83d", "?"),
        ("a" * 100, "a" * 79 + "…"),
        (0.5, "0.5000"),
        (12, "12"),
        ("", ""),
    ],
)
def test_a_cell_is_on_one_line_and_means_nothing(value, text):
    assert cell(value) == text


def test_a_row_has_as_many_cells_as_the_head_whatever_they_hold():
    names = ["a|b", "|", "\\", "\\|", "`|`"]
    for line in table(names, [names]):
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == len(names) + 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("``a`b", "``` ``a`b ```"), ("`", "`` ` ``")],
)
def test_code_may_have_backticks(text, shown):
    assert code(text) == shown
