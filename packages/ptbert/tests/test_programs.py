"""Small programs in the style of 2019 do what they did then.

They stand in ``programs``; each loads a model folder and writes ``results.json``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"


def run_program(name, tmp_path, *words):
    output = tmp_path / "output"
    output.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "ptbert", "run", PROGRAMS / name, *words],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((output / "results.json").read_text())


def test_a_classifier_learns_and_is_loaded_again(model_folder, tmp_path):
    output = tmp_path / "output"
    options = {"bert_model": model_folder, "output_dir": output, "num_train_epochs": 30}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]

    results = run_program("classify.py", tmp_path, *words, "--learning_rate", "0.005")

    assert results["accuracy"] == 1
    assert results["losses"][-1] < 0.3 < results["losses"][0]
    assert results["rates"] == pytest.approx(results["planned"])
    assert max(results["planned"]) == pytest.approx(0.005)


def test_answers_are_found(model_folder, tmp_path):
    results = run_program("find_span.py", tmp_path, model_folder, tmp_path / "output")
    assert results["answers"] == ["a drawer", "the mat", "a mat"]


def test_the_right_reply_is_chosen(gpt_folder, tmp_path):
    results = run_program("converse.py", tmp_path, gpt_folder, tmp_path / "output")

    assert results["chosen"] == [1, 1]
    assert results["vocabulary"] == results["tokens"] == 31 + 5
    assert results["losses"][-1] < results["losses"][0] / 2


def test_memories_make_the_cut_into_segments_invisible(transfo_xl_folder, tmp_path):
    results = run_program("evaluate_lm.py", tmp_path, transfo_xl_folder, tmp_path / "output")

    assert {each["tokens"] for each in results.values()} == {19}
    assert results["2"]["loss"] == pytest.approx(results["32"]["loss"], rel=1e-5)
    assert results["5"]["loss"] == pytest.approx(results["32"]["loss"], rel=1e-5)


def test_the_past_does_not_change_what_is_sampled(gpt2_folder, tmp_path):
    results = run_program("sample.py", tmp_path, gpt2_folder, tmp_path / "output")

    assert results["with_past"] == results["without"]
    assert results["with_past"][: len(results["context"])] == results["context"]
    assert len(results["with_past"]) == len(results["context"]) + 20
    assert results["text"].startswith("The key")
