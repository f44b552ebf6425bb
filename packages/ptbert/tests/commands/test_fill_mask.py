import pytest
import torch

from ptbert import BertForMaskedLM, BertModel
from ptbert.__main__ import main


@pytest.fixture
def masked_lm_folder(model_folder):
    """A model that answers "cat" everywhere."""
    model = BertForMaskedLM.from_pretrained(model_folder)
    with torch.no_grad():
        model.cls.predictions.bias.zero_()[11] = 50
    (model_folder / "pytorch_model.bin").unlink()
    model.save_pretrained(model_folder)
    return model_folder


def test_the_likeliest_words_are_printed(masked_lm_folder, capsys):
    assert main(["fill-mask", str(masked_lm_folder), "a [MASK] sleeps.", "--top", "2"]) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first == "1.000  cat"
    assert second.startswith("0.000  ")


def test_each_mask_has_its_words_wherever_it_stands(masked_lm_folder, capsys):
    main(["fill-mask", str(masked_lm_folder), "[MASK]?the[MASK].", "--top", "1"])
    assert capsys.readouterr().out.splitlines() == ["1.000  cat", "", "1.000  cat"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no mask"], "there is no [MASK] in 'no mask'; put one where BERT should predict a word"),
        (["[MASK]", "--top", "0"], "--top 0 must be at least 1"),
        (["[MASK] " * 20], "the text has 22 tokens and the model takes 12; shorten it"),
    ],
)
def test_bad_input_takes_one_line(masked_lm_folder, capsys, words, message):
    assert main(["fill-mask", str(masked_lm_folder), *words]) == 1
    assert capsys.readouterr().err == f"ptbert fill-mask: {message}\n"


def test_a_model_without_the_head_is_refused(model_folder, capsys):
    assert BertModel.from_pretrained(model_folder)
    assert main(["fill-mask", str(model_folder), "[MASK]"]) == 1
    assert "has no head that predicts words; give a checkpoint with one" in capsys.readouterr().err


def test_the_mask_is_the_one_of_the_tokenizer(masked_lm_folder, capsys):
    vocabulary = masked_lm_folder / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text().replace("[MASK]", "<mask>"))
    (masked_lm_folder / "tokenizer_config.json").write_text('{"mask_token": "<mask>"}')

    assert main(["fill-mask", str(masked_lm_folder), "a <mask> sleeps.", "--top", "1"]) == 0
    assert capsys.readouterr().out == "1.000  cat\n"

    assert main(["fill-mask", str(masked_lm_folder), "a [MASK] sleeps."]) == 1
    assert "there is no <mask> in 'a [MASK] sleeps.'" in capsys.readouterr().err
