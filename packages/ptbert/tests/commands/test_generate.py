import pytest
import torch

import ptbert
from ptbert.__main__ import main
from ptbert_models import generate
from ptbert_tokenizers.families import load_tokenizer

MODELS = {
    "gpt": "OpenAIGPTLMHeadModel",
    "gpt2": "GPT2LMHeadModel",
    "transfo_xl": "TransfoXLLMHeadModel",
}


def generated(capsys, *words):
    assert main(["generate", *map(str, words)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("family", ["gpt", "gpt2", "transfo_xl"])
def test_every_family_continues_texts(family, request, capsys):
    folder = request.getfixturevalue(f"{family}_folder")

    prompt = "cat on a"  # none of the three models ends this text early

    text = generated(capsys, folder, prompt, "--length", 4, "--temperature", 0)

    model = getattr(ptbert, MODELS[family]).from_pretrained(folder)
    tokenizer = load_tokenizer(folder, family)
    ids = torch.tensor([tokenizer.encode(prompt)])
    expected = generate(model, ids, 4, temperature=0)[0].tolist()
    assert len(expected) == ids.size(1) + 4
    assert text == f"{tokenizer.decode(expected)}\n"
    assert text.startswith(prompt)


def test_a_seed_makes_the_same_texts_again(gpt2_folder, capsys):
    words = (gpt2_folder, "a", "--length", 8, "--samples", 2)

    first = generated(capsys, *words, "--seed", 1)

    assert "\n---\n" in first
    assert first.split("\n---\n")[0] != first.split("\n---\n")[1].rstrip("\n")
    assert first == generated(capsys, *words, "--seed", 1)
    assert first != generated(capsys, *words, "--seed", 2)


OPTIONS = {
    "": {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "num_beams": 1},
    "--temperature 0.5 --top-k 3 --top-p 0.9": {"temperature": 0.5, "top_k": 3, "top_p": 0.9},
    "--beams 2": {"num_beams": 2},
}


@pytest.mark.parametrize("words", OPTIONS)
def test_options_reach_the_search(gpt2_folder, capsys, monkeypatch, words):
    calls = []

    def answer(model, ids, length, **options):
        calls.append((length, options))
        return ids

    monkeypatch.setattr("ptbert_models.generate", answer)
    assert generated(capsys, gpt2_folder, "a", "--length", 3, *words.split()) == "a\n"

    ((length, options),) = calls
    assert length == 3
    assert options | OPTIONS[words] == options
    assert options["generator"] is None


def test_a_text_ends_where_the_model_ends_it(transfo_xl_folder, capsys, monkeypatch):
    ends = []

    def answer(model, ids, length, *, stop_ids, **kwargs):
        ends.extend(stop_ids)
        return ids.new_tensor([[*ids[0].tolist(), 2, stop_ids[0], 3]])

    monkeypatch.setattr("ptbert_models.generate", answer)
    whole = generated(capsys, transfo_xl_folder, "a")
    assert ends == [0]  # <eos>
    assert len(whole.split()) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["", "--length", "3"], "the prompt has no tokens; give at least one word"),
        (["a", "--samples", "0"], "--samples 0 must be at least 1"),
        (["a", "--beams", "2", "--top-k", "3"], "num_beams=2 is beam search, which samples"),
    ],
)
def test_bad_input_takes_one_line(gpt2_folder, capsys, words, message):
    assert main(["generate", str(gpt2_folder), *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"ptbert generate: {message}")
    assert error.count("\n") == 1


def test_bert_does_not_continue_texts(model_folder, capsys):
    assert main(["generate", str(model_folder), "a"]) == 1
    assert "is a BERT, which does not continue texts; see ptbert fill" in capsys.readouterr().err
