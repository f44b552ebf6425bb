"""Small programs in the style of 2019 do what they did then.

They stand in ``programs``; each loads a model folder and writes ``results.json``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ptbert import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLTokenizer,
)
from ptbert.tokenization_gpt2 import bytes_to_unicode

WORDS = "a cat sleeps on the mat . key is in drawer where ?"
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


def save(model, folder):
    folder.mkdir()
    torch.save(model.state_dict(), folder / WEIGHTS_NAME)
    model.config.to_json_file(folder / CONFIG_NAME)
    return folder


@pytest.fixture
def gpt_folder(tmp_path):
    torch.manual_seed(0)
    letters = "acedikmnoprstwy"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<unk>"]
    config = OpenAIGPTConfig(len(words), n_positions=20, n_ctx=20, n_embd=16, n_layer=1, n_head=2)
    folder = save(OpenAIGPTModel(config), tmp_path / "model")
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


@pytest.fixture
def gpt2_folder(tmp_path):
    torch.manual_seed(0)
    letters = [*bytes_to_unicode().values()]
    config = GPT2Config(len(letters), n_positions=32, n_ctx=32, n_embd=16, n_layer=2, n_head=2)
    model = GPT2LMHeadModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folder = save(model, tmp_path / "model")
    (folder / "vocab.json").write_text(json.dumps({each: i for i, each in enumerate(letters)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


@pytest.fixture
def transfo_xl_folder(tmp_path):
    torch.manual_seed(0)
    tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    tokenizer.count_sents([WORDS.split()])
    tokenizer.build_vocab()
    config = TransfoXLConfig(
        len(tokenizer),
        cutoffs=[4, 8],
        d_model=16,
        d_embed=16,
        n_head=2,
        d_head=8,
        d_inner=16,
        div_val=2,
        n_layer=2,
        tgt_len=8,
        mem_len=8,
        clamp_len=-1,
        same_length=True,
    )
    model = TransfoXLLMHeadModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folder = save(model, tmp_path / "model")
    tokenizer.save_vocabulary(str(folder))
    return folder


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
