"""``generate`` writes the tokens that transformers writes, on the same models, with any options."""

import io
import random
import re
from pathlib import Path

import pytest
import torch
import transformers

import ptbert
from ptbert_models import generate, generate_scored, generate_stream
from ptbert_tokenizers import TextStreamer
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges

VOCABULARY = 12
PAD = 5
LETTERS = "abcdefghij"
SIZES = {
    "vocab_size": VOCABULARY,
    "n_positions": 40,
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 2,
    "initializer_range": 0.5,
}
FAMILIES = {"gpt2": "GPT2LMHeadModel", "gpt": "OpenAIGPTLMHeadModel"}


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request, tmp_path_factory):
    """A model of ours, and the model of transformers that its folder makes."""
    torch.manual_seed(0)
    model_class = getattr(transformers, FAMILIES[request.param])
    theirs = model_class(model_class.config_class(**SIZES, bos_token_id=0, eos_token_id=None))
    folder = tmp_path_factory.mktemp("model")
    theirs.save_pretrained(folder)
    return getattr(ptbert, FAMILIES[request.param]).from_pretrained(folder).eval(), theirs.eval()


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """Tokenizers of both libraries, for ten letters and two pieces of two."""
    folder = tmp_path_factory.mktemp("tokenizer")
    pieces = [*LETTERS, "ab", "cd"]
    write_json_vocabulary(folder / "vocab.json", {piece: i for i, piece in enumerate(pieces)})
    write_merges(folder / "merges.txt", [("a", "b"), ("c", "d")])
    files = [str(folder / name) for name in ("vocab.json", "merges.txt")]
    theirs = transformers.GPT2Tokenizer(*files, unk_token="a", bos_token="a", eos_token="a")
    return ptbert.GPT2Tokenizer(*files), theirs


def settings(seed):
    """Prompt, number of tokens, and the options of one random setting, ours and theirs."""
    chance = random.Random(seed)
    prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 5))]
    new = chance.randint(1, 12)
    same, ours, theirs = {}, {"pad_id": PAD}, {"pad_token_id": PAD, "do_sample": False}
    if chance.random() < 0.5:
        same["repetition_penalty"] = chance.choice([0.7, 1.2, 2.0])
    if chance.random() < 0.5:
        same["no_repeat_ngram_size"] = chance.choice([2, 3])
    if chance.random() < 0.6:
        ours["stop_ids"] = theirs["eos_token_id"] = chance.sample(
            range(VOCABULARY), chance.choice([1, 2])
        )
        if chance.random() < 0.5:
            same["min_new_tokens"] = chance.randint(0, new)
    if chance.random() < 0.4:
        same["stop_strings"] = [
            "".join(chance.choices(LETTERS, k=chance.randint(1, 2)))
            for _ in range(chance.randint(1, 2))
        ]
    if chance.random() < 0.6:
        same["num_beams"] = beams = chance.randint(2, 5)
        same["length_penalty"] = chance.choice([-1.0, 0.0, 0.5, 1.0, 2.0])
        same["early_stopping"] = chance.choice([True, False, "never"])
        same["num_return_sequences"] = chance.randint(1, beams)
    else:
        ours["temperature"] = 0
    return prompt, new, ours | same, theirs | same


def written_by_both(pair, tokenizers, seed):
    model, other = pair
    prompt, new, ours, theirs = settings(seed)
    ids = torch.tensor([prompt])
    names = tokenizers if "stop_strings" in ours else (None, None)
    got = generate(model, ids, new, tokenizer=names[0], **ours)
    want = other.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new,
        tokenizer=names[1],
        **theirs,
    )
    # What follows a beam that a string has ended is -1 there, if there is no token that ends texts.
    return got.tolist(), want.where(want >= 0, PAD).tolist()


@pytest.mark.parametrize("seed", range(25))
def test_the_same_tokens_are_written(pair, tokenizers, seed):
    got, want = written_by_both(pair, tokenizers, seed)
    assert got == want


@pytest.mark.slow
def test_the_same_tokens_are_written_with_many_settings(pair, tokenizers):
    for seed in range(25, 425):
        got, want = written_by_both(pair, tokenizers, seed)
        assert got == want, settings(seed)


def test_log_probabilities_are_theirs(pair):
    model, other = pair
    ids = torch.tensor([[3, 4], [7, 1]])
    found = generate_scored(model, ids, 8, temperature=0, repetition_penalty=1.5)
    output = other.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=8,
        do_sample=False,
        repetition_penalty=1.5,
        pad_token_id=PAD,
        output_logits=True,
        return_dict_in_generate=True,
    )
    theirs = other.compute_transition_scores(output.sequences, output.logits, normalize_logits=True)
    assert found.ids.tolist() == output.sequences.tolist()
    assert torch.allclose(found.log_probabilities, theirs, atol=1e-5)


def test_padding_on_the_left_gives_what_they_give_without_it(pair):
    """They count padding as text where repetitions matter, so each text is compared alone."""
    model, other = pair
    padded = torch.tensor([[0, 0, 8, 9], [3, 4, 5, 6], [0, 0, 0, 2]])
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]])
    options = {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2}

    together = generate(model, padded, 9, attention_mask=mask, temperature=0, **options)

    for row, start in zip(range(3), [2, 0, 3], strict=True):
        alone = padded[row : row + 1, start:]
        want = other.generate(
            alone,
            attention_mask=torch.ones_like(alone),
            max_new_tokens=9,
            do_sample=False,
            pad_token_id=PAD,
            **options,
        )
        assert together[row, start:].tolist() == want[0].tolist()


def test_streamers_of_both_print_the_same(pair, tokenizers, capsys):
    model, other = pair
    ours, theirs = tokenizers
    ids = torch.tensor([[3, 10]])
    options = {"clean_up_tokenization_spaces": False}
    file = io.StringIO()

    text = ours.decode(generate(model, ids, 9, temperature=0)[0].tolist(), **options)
    generate(model, ids, 9, temperature=0, streamer=transformers.TextStreamer(theirs, **options))
    other.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=9,
        do_sample=False,
        pad_token_id=PAD,
        streamer=TextStreamer(ours, file=file, **options),
    )

    assert capsys.readouterr().out == file.getvalue() == f"{text}\n"


def test_the_example_of_the_models_readme_runs(pair, tokenizers, monkeypatch, capsys):
    path = Path(__file__).parents[1] / "packages" / "ptbert-models" / "README.md"
    readme = path.read_text(encoding="utf-8")
    (example,) = (
        code
        for code in re.findall(r"```python\n(.*?)```", readme, re.S)
        if "generate_stream" in code
    )
    texts = {"Once upon a time": "abc", "It was": "d"}
    example = example.replace("stop_ids=[0]", "stop_ids=[11]").replace("20", "9")
    for text, short in texts.items():
        example = example.replace(text, short)
    monkeypatch.setattr(ptbert.GPT2LMHeadModel, "from_pretrained", lambda name: pair[0])
    monkeypatch.setattr(ptbert.GPT2Tokenizer, "from_pretrained", lambda name: tokenizers[0])
    names = {}

    exec(example, names)

    assert capsys.readouterr().out.startswith("d")
    assert names["log_probabilities"].shape == (2, 9)
    assert list(generate_stream(pair[0], torch.tensor([[3]]), 2))
