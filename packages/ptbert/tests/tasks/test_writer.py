import re
from pathlib import Path

import pytest
import torch

from ptbert.tasks.writer import Writer, Written
from ptbert_models import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, generate
from ptbert_tokenizers import GPT2Tokenizer

FAMILIES = ["gpt", "gpt2", "transfo_xl"]
TEXTS = ["a cat", "key", "on a mat", "is in a key", "a", "mat"]


@pytest.fixture(params=FAMILIES)
def writer(request):
    return Writer.from_pretrained(request.getfixturevalue(f"{request.param}_folder"))


@pytest.fixture
def gpt2_writer(gpt2_folder):
    return Writer.from_pretrained(gpt2_folder)


def ids_of(writer, text):
    return torch.tensor([writer.tokenizer.encode(text)])


def test_a_text_is_what_generate_and_decode_make_of_it(writer):
    options = {"temperature": 0, "no_repeat_ngram_size": 2}
    for text in TEXTS:
        ids = generate(writer.model, ids_of(writer, text), 6, **options)[0].tolist()
        got = writer(text, 6, stop_ids=[], **options)
        exact = {"clean_up_tokenization_spaces": False} if writer.tokenizer.family == "gpt2" else {}
        assert got == writer.tokenizer.decode(ids, **exact)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_many_texts_are_continued_as_each_alone(writer, batch_size):
    options = {"temperature": 0, "repetition_penalty": 1.3, "stop_strings": ["at", "e"]}
    alone = [writer(text, 6, **options) for text in TEXTS]
    together = Writer(writer.model, writer.tokenizer, batch_size=batch_size)
    assert together(iter(TEXTS), 6, **options) == alone
    assert [each.text for each in together.results(TEXTS, 6, **options)] == alone


def test_results_have_ids_and_log_probabilities(writer):
    for result in writer.results(TEXTS, 4, temperature=0, stop_ids=[]):
        assert isinstance(result, Written)
        assert len(result.ids) == 4
        prompt = next(text for text in sorted(TEXTS, key=len, reverse=True) if text in result.text)
        ids = writer.tokenizer.encode(prompt)
        expected = 0.0
        for token in result.ids:
            with torch.no_grad():
                output = writer.model(torch.tensor([ids]))
            scores = output[0] if isinstance(output, tuple) else output
            expected += scores[0, -1].log_softmax(-1)[token].item()
            ids = [*ids, token]
        assert result.log_probability == pytest.approx(expected, abs=1e-4)
        assert result.text.endswith(result.new_text)


def test_several_continuations_follow_each_other(gpt2_writer):
    options = {"num_beams": 4, "num_return_sequences": 3}
    results = gpt2_writer.results(["ab", "c"], 5, **options)
    expected = [*gpt2_writer.results("ab", 5, **options), *gpt2_writer.results("c", 5, **options)]
    assert results == expected
    assert len(expected) == 6
    assert results[0].log_probability >= results[2].log_probability


def test_a_stream_is_the_text_in_pieces(writer):
    for seed in range(8):
        options = {"top_k": 20, "stop_strings": ["t", "ca"]}
        whole = writer("a mat", 9, generator=torch.Generator().manual_seed(seed), **options)
        pieces = [
            *writer.stream("a mat", 9, generator=torch.Generator().manual_seed(seed), **options)
        ]
        assert "".join(pieces) == whole
        assert "" not in pieces


class Saying:
    """A model that writes given tokens, whatever was before."""

    def __init__(self, *tokens):
        self.tokens = tokens

    def parameters(self):
        return iter(())

    def modules(self):
        return iter(())

    def start_decoding(self, capacity, attention_mask):
        self.left = iter(self.tokens)
        return self

    def feed(self, ids):
        return torch.nn.functional.one_hot(torch.tensor([next(self.left)] * len(ids)), 257) * 9.0


@pytest.fixture
def said(gpt2_folder):
    """A function: what a writer makes of a text whose continuation is known."""
    tokenizer = GPT2Tokenizer.from_pretrained(gpt2_folder)

    def make(prompt, continuation, **options):
        writer = Writer(Saying(*tokenizer.encode(continuation)), tokenizer)
        length = len(tokenizer.encode(continuation))
        (result,) = writer.results(prompt, length, temperature=0, **options)
        assert "".join(writer.stream(prompt, length, temperature=0, **options)) == result.text
        return result

    return make


def test_gpt2_text_is_left_as_it_was_written(said):
    result = said("Is it so ?", " I do not know .")
    assert result.text == "Is it so ? I do not know ."
    assert result.new_text == " I do not know ."


def test_a_text_ends_with_its_stop_string(said):
    assert said("a\nb", "cd\ne", stop_strings=["\n"]).text == "a\nbcd\n"
    assert said("ab", "cabd", stop_strings=["bca", "d"]).new_text == "ca"
    assert said("ab", "cabd", stop_strings="abd").new_text == "cabd"


def test_a_text_ends_before_its_stop_token(gpt2_folder):
    tokenizer = GPT2Tokenizer.from_pretrained(gpt2_folder, special_tokens=["<|endoftext|>"])
    stop = tokenizer.special_tokens["<|endoftext|>"]
    writer = Writer(Saying(*tokenizer.encode("cd"), stop, *tokenizer.encode("e")), tokenizer)

    assert writer.stop_ids == [stop]
    (result,) = writer.results("ab", 4, temperature=0)
    assert (result.text, result.ids[2:]) == ("abcd", [stop])
    assert "".join(writer.stream("ab", 4, temperature=0)) == "abcd"


def test_a_character_of_several_tokens_comes_whole(said):
    assert said("price: ", "5 €, 日本").new_text == "5 €, 日本"


def test_the_model_stays_in_its_mode(gpt2_writer):
    gpt2_writer.model.train()
    gpt2_writer("ab", 2)
    assert gpt2_writer.model.training


def test_a_folder_opens_in_evaluation_mode(gpt2_writer):
    assert not gpt2_writer.model.training


def test_no_texts_give_no_results(gpt2_writer):
    assert gpt2_writer([], 3) == []
    assert gpt2_writer.results([], 3) == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda writer: writer(["a", ""]), ValueError, r"texts\[1\] has no tokens; give at least"),
        (lambda writer: writer(""), ValueError, "the prompt has no tokens; give at least one word"),
        (lambda writer: writer(["a", None]), TypeError, r"texts\[1\] is None"),
        (lambda writer: writer.stream(["a"]), TypeError, "text is of type list; give one string"),
        (
            lambda writer: writer("a", num_return_sequences=2),
            ValueError,
            r"a call gives one continuation of each text; use results\(...\) instead",
        ),
        (
            lambda writer: writer.stream("a", num_return_sequences=2),
            ValueError,
            "num_return_sequences=2, and a stream is one text; call stream several times",
        ),
        (
            lambda writer: writer.stream("a", num_beams=2),
            ValueError,
            "knows its tokens only at the",
        ),
        (lambda writer: writer("a", 99), ValueError, "a text would grow to 100 tokens"),
        (lambda writer: writer("a", 3, top_q=1), TypeError, "top_q"),
    ],
)
def test_impossible_calls_are_named(gpt2_writer, call, error, message):
    with pytest.raises(error, match=message):
        call(gpt2_writer)


def test_a_model_without_a_language_model_head_is_refused(gpt2_writer):
    config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    with pytest.raises(TypeError, match="Writer needs a model with a language-model head, such as"):
        Writer(BertModel(config), gpt2_writer.tokenizer)


def test_a_folder_of_bert_is_refused(model_folder):
    with pytest.raises(ValueError, match="is a BERT, which does not continue texts; see ptbert"):
        Writer.from_pretrained(model_folder)


def test_a_batch_has_at_least_one_text(gpt2_writer):
    model = GPT2LMHeadModel(GPT2Config(9, n_embd=8, n_layer=1, n_head=2))
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        Writer(model, gpt2_writer.tokenizer, batch_size=0)


def test_the_example_of_the_readme_runs(gpt2_folder, monkeypatch, capsys):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (example,) = (
        code
        for code in re.findall(r"```python\n(.*?)```", readme, re.S)
        if "texts = writer" in code
    )
    opened = Writer.from_pretrained(gpt2_folder)
    monkeypatch.setattr(Writer, "from_pretrained", lambda name: opened)
    monkeypatch.setattr(opened.model.transformer, "wpe", torch.nn.Embedding(99, 16))
    names = {}

    exec(example, names)

    assert names["text"].startswith("The meaning of life is")
    assert names["texts"][1].startswith("Once upon a time")
    assert capsys.readouterr().out.startswith("It was")
    assert len(names["best"]) == 2
