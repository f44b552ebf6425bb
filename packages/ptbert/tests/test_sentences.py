import doctest

import pytest
import torch

from ptbert import BertModel, BertTokenizer, sentences
from ptbert.sentences import SentenceEncoder, split_sentences


@pytest.fixture
def encoder(model_folder):
    return SentenceEncoder(
        BertModel.from_pretrained(model_folder), BertTokenizer.from_pretrained(model_folder)
    )


def test_examples_run():
    result = doctest.testmod(sentences)
    assert result.attempted > 0
    assert result.failed == 0


def test_a_vector_is_the_mean_over_tokens(encoder):
    ids = torch.tensor([encoder.tokenizer.encode("a cat sleeps")])

    (vector,) = encoder.encode(["a cat sleeps"])

    with torch.no_grad():
        mean = encoder.model(ids, output_all_encoded_layers=False)[0].mean(1)
    torch.testing.assert_close(vector[None], mean / mean.norm())


def test_batches_and_order_do_not_matter(encoder):
    texts = ["the key is in a drawer.", "a cat", "", "where is the key?", "the mat"]
    alone = torch.cat([encoder.encode([text]) for text in texts])

    encoder.batch_size = 2

    torch.testing.assert_close(encoder.encode(texts), alone, atol=1e-6, rtol=1e-5)


def test_long_sentences_are_cut(encoder):
    long = "a cat " * 50
    torch.testing.assert_close(encoder.encode([long]), encoder.encode(["a cat " * 5]))


def test_a_progress_bar_is_for_long_input_only(encoder, capsys, monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0)
    encoder.batch_size = 1

    encoder.encode(["a cat"] * 3, progress=True)
    assert capsys.readouterr().err == ""

    encoder.encode(["a cat"] * 10, progress=True)
    shown = capsys.readouterr().err
    assert "encoding:" in shown
    assert "0/10" in shown
    encoder.encode(["a cat"] * 10)
    assert capsys.readouterr().err == ""


def test_no_bar_is_drawn_where_there_is_no_terminal(encoder, capsys, monkeypatch):
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0)
    encoder.batch_size = 1

    encoder.encode(["a cat"] * 10, progress=True)

    assert capsys.readouterr().err == ""


def test_a_batch_has_at_least_one_sentence(encoder):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        SentenceEncoder(encoder.model, encoder.tokenizer, batch_size=0)


def test_blank_text_has_no_sentences():
    assert split_sentences(" \n\n \t\n") == []


def test_one_string_and_strangers_in_a_list_are_refused(encoder):
    with pytest.raises(TypeError, match="sentences is one string; give a list of sentences"):
        encoder.encode("a cat")
    with pytest.raises(TypeError, match=r"sentences\[2\] is None, and not a string"):
        encoder.encode(["a cat", "the mat", None])


def test_no_sentences_give_no_vectors(encoder):
    assert encoder.encode(iter([])).shape == (0, 16)
