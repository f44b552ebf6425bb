import pytest
import torch

import ptbert
from ptbert.__main__ import main
from ptbert.tasks.writer import Writer
from ptbert_models import Generated, generate
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
    "": {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "num_beams": 1, "num_return_sequences": 1},
    "--temperature 0.5 --top-k 3 --top-p 0.9": {"temperature": 0.5, "top_k": 3, "top_p": 0.9},
    "--beams 2": {"num_beams": 2},
    "--samples 3": {"num_return_sequences": 3},
    "--stop a --stop b": {"stop_strings": ["a", "b"]},
    "--min-length 2": {"min_new_tokens": 2},
    "--repetition-penalty 1.5": {"repetition_penalty": 1.5},
    "--no-repeat-ngrams 2": {"no_repeat_ngram_size": 2},
    "--beams 2 --length-penalty 0.5": {"length_penalty": 0.5},
    "--sliding-window 9": {"sliding_window": 9},
}


def generated_by(monkeypatch, answer):
    """Let the writer get its ids from a function."""

    def scored(model, ids, length, **options):
        texts = answer(ids, length, options)
        lengths = torch.full((len(texts),), texts.size(1) - ids.size(1))
        return Generated(texts, torch.zeros(len(texts), 1), lengths)

    monkeypatch.setattr("ptbert.tasks.writer.generate_scored", scored)


@pytest.mark.parametrize("words", OPTIONS)
def test_options_reach_the_search(gpt2_folder, capsys, monkeypatch, words):
    calls = []

    def answer(ids, length, options):
        calls.append((length, options))
        return torch.cat((ids, ids), dim=1)

    generated_by(monkeypatch, answer)
    assert generated(capsys, gpt2_folder, "a", "--length", 3, *words.split()) == "aa\n"

    ((length, options),) = calls
    assert length == 3
    assert options | OPTIONS[words] == options
    assert options["generator"] is None


def test_log_probabilities_are_printed_after_the_texts(gpt2_folder, capsys):
    words = (gpt2_folder, "ab", "--length", 3, "--beams", 2, "--samples", 2)
    texts = generated(capsys, *words).rstrip("\n").split("\n---\n")
    written = Writer.from_pretrained(gpt2_folder).results(
        "ab", 3, num_beams=2, num_return_sequences=2
    )

    told = generated(capsys, *words, "--log-probabilities").rstrip("\n").split("\n---\n")

    assert told == [
        f"{text}\nlog-probability: {each.log_probability:.4f}"
        for text, each in zip(texts, written, strict=True)
    ]
    assert all(each.log_probability < 0 for each in written)


def test_a_text_ends_where_the_model_ends_it(transfo_xl_folder, capsys, monkeypatch):
    ends = []

    def answer(ids, length, options):
        ends.extend(options["stop_ids"])
        return ids.new_tensor([[*ids[0].tolist(), 2, options["stop_ids"][0]]])

    generated_by(monkeypatch, answer)
    whole = generated(capsys, transfo_xl_folder, "a")
    assert ends == [0]  # <eos>
    assert len(whole.split()) == 2


def test_a_text_is_printed_while_it_is_written(gpt2_folder, capsys, monkeypatch):
    words = (gpt2_folder, "ab", "--length", 9, "--seed", 3)
    whole = generated(capsys, *words, "--no-stream")
    seen = []

    def stream(self, *arguments, **options):
        for piece in pieces(self, *arguments, **options):
            yield piece
            seen.append(capsys.readouterr().out)  # it was printed before the next one came

    pieces = Writer.stream
    monkeypatch.setattr(Writer, "stream", stream)
    assert main(["generate", *map(str, words), "--stream"]) == 0

    assert "".join(seen) + capsys.readouterr().out == whole
    assert len(seen) > 5
    assert all(seen)


def test_a_single_text_is_streamed_on_a_terminal(gpt2_folder, capsys, monkeypatch):
    streamed = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(
        "ptbert.commands.generate._print_pieces", lambda *arguments: streamed.append(arguments[1])
    )
    for words in (["ab"], ["b", "--no-stream"], ["c", "--samples", 2], ["d", "--beams", 2]):
        generated(capsys, gpt2_folder, *words, "--length", 2)
    assert streamed == ["ab"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["", "--length", "3"], "the prompt has no tokens; give at least one word"),
        (["a", "--samples", "0"], "--samples 0 must be at least 1"),
        (["a", "--beams", "2", "--top-k", "3"], "--beams 2 is beam search, which samples"),
        (["a", "--stop", ""], "--stop holds an empty string"),
        (["a", "--beams", "2", "--stream"], "--stream prints a single text; leave out --samples"),
        (["a", "--samples", "2", "--stream"], "--stream prints a single text; leave out"),
        (
            ["a", "--log-probabilities", "--stream"],
            "--stream prints the text alone; leave out --lo",
        ),
        (["a", "--samples", "3", "--beams", "2"], "--samples 3 asks for more texts"),
        (["a", "--repetition-penalty", "0"], "--repetition-penalty 0.0 must be a number above 0"),
        (["a", "--length", "0"], "--length 0 must be an integer above 0"),
        (
            ["a", "--length", "2", "--min-length", "3"],
            "--min-length 3 is above --length 2; ask for fewer, or allow more",
        ),
        (
            ["a", "--beams", "2", "--seed", "1"],
            "--beams 2 is beam search, which samples nothing; leave out temperature, --top-k, "
            "--top-p and --seed, or use --beams 1",
        ),
        (["a", "--temperature", "-1"], "--temperature -1.0 must be a number from 0 up"),
        (
            ["a", "--length-penalty", "1"],
            "--length-penalty 1.0 is for beam search; use --beams above 1, or leave it out",
        ),
        (["a", "--no-repeat-ngrams", "-1"], "--no-repeat-ngrams -1 "),
        (["a", "--sliding-window", "0"], "--sliding-window 0 must be an integer above 0"),
        (["a", "--length", "99"], "a text would grow to 100 tokens and n_positions=32; shorten"),
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


def test_a_model_of_8_bits_writes_too(capsys):
    words = ("ptbert-tiny-gpt2", "And it came", "--length", 12, "--temperature", 0)
    writer = Writer.from_pretrained("ptbert-tiny-gpt2")
    try:
        writer.model.quantize("int8")
    except RuntimeError as error:
        pytest.skip(str(error))
    (expected,) = writer.results("And it came", 12, temperature=0)

    text, measured = generated(capsys, *words, "--int8", "--log-probabilities").splitlines()

    assert text == expected.text
    assert measured == f"log-probability: {expected.log_probability:.4f}"
    assert measured not in generated(capsys, *words, "--log-probabilities")


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_a_seed_has_at_most_64_bits(capsys, seed):
    assert main(["generate", "ptbert-tiny-gpt2", "a", "--seed", str(seed)]) == 1
    told = f"--seed {seed} has too many digits; give one of at most 18"
    assert capsys.readouterr().err == f"ptbert generate: {told}\n"


@pytest.mark.parametrize("seed", [2**64 - 1, -(2**63), 10**18 - 1, 1 - 10**18])
def test_every_other_seed_is_taken(capsys, seed):
    assert generated(capsys, "ptbert-tiny-gpt2", "a", "--length", 1, "--seed", seed)
