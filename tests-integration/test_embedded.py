"""Models that come with the packages: the numbers of transformers, and what the packages hold."""

import os
import stat
import subprocess
import sys
from importlib.metadata import files

import pytest
import torch

from ptbert import BertForPreTraining, BertTokenizer, GPT2LMHeadModel, GPT2Tokenizer
from ptbert_hub import EMBEDDED, embedded_folder
from ptbert_hub.model_files import embedded_files

transformers = pytest.importorskip("transformers")

BERT, GPT2 = "ptbert-tiny-bert", "ptbert-tiny-gpt2"
TEXTS = [
    "In the beginning God created the heaven and the earth.",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune",
    "naïve café 42 <unk> [MASK]",
]


@pytest.fixture
def whole(tmp_path):
    """Return a folder with all files of a model, as other libraries want them."""

    def copied(name):
        for path in embedded_files(name):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        return tmp_path

    return copied


def test_the_bert_gives_the_numbers_of_transformers(whole):
    folder = whole(BERT)
    theirs = transformers.BertForPreTraining.from_pretrained(folder, dtype=torch.float32).eval()
    ours, tokenizer = BertForPreTraining.from_pretrained(BERT), BertTokenizer.from_pretrained(BERT)
    batch = tokenizer.encode_batch(TEXTS[:2], TEXTS[1:]).inputs(torch.from_numpy)
    with torch.no_grad():
        words, follows = ours.eval()(**batch)
        expected = theirs(**batch)
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(words[real], expected.prediction_logits[real], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(follows, expected.seq_relationship_logits, rtol=1e-4, atol=1e-4)


def test_the_gpt2_gives_the_numbers_of_transformers(whole):
    folder = whole(GPT2)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    ours = GPT2LMHeadModel.from_pretrained(GPT2).eval()
    tokenizer = GPT2Tokenizer.from_pretrained(GPT2)
    for text in TEXTS:
        ids = torch.tensor([tokenizer.encode(text)])
        with torch.no_grad():
            torch.testing.assert_close(ours(ids)[0], theirs(ids).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [BERT, GPT2])
def test_tokens_are_those_of_transformers(whole, name):
    theirs = transformers.AutoTokenizer.from_pretrained(whole(name))
    ours = (BertTokenizer if name == BERT else GPT2Tokenizer).from_pretrained(name)
    for text in TEXTS:
        assert ours.encode(text) == theirs(text)["input_ids"]
    assert theirs.model_max_length == ours.max_len


@pytest.mark.parametrize(
    ("package", "part", "wanted"),
    [
        ("ptbert-models", "model", ("README.md", "config.json", "model.safetensors")),
        ("ptbert-tokenizers", "tokenizer", ("tokenizer_config.json", "vocab.txt")),
    ],
)
def test_the_installed_packages_hold_the_files(package, part, wanted):
    recorded = {str(path) for path in files(package) or ()}
    module = package.replace("-", "_")
    if f"{module}/__init__.py" not in recorded:
        pytest.skip("installed from the working tree")
    for name in wanted:
        assert f"{module}/embedded/{BERT}/{name}" in recorded
    assert embedded_folder(BERT, part).is_dir()


def test_a_model_with_its_vocabulary_has_at_most_4_megabytes():
    for name in EMBEDDED:
        folders = (embedded_folder(name, part) for part in ("model", "tokenizer"))
        files_of = [path for folder in folders for path in folder.iterdir()]
        assert sum(path.stat().st_size for path in files_of) <= 4_000_000


@pytest.mark.skipif(os.name == "nt", reason="folders are made read-only in another way there")
def test_nothing_is_written_beside_the_files():
    before = {
        path: (stat.S_IMODE(path.stat().st_mode), path.stat().st_mtime_ns)
        for part in ("model", "tokenizer")
        for path in (embedded_folder(BERT, part), *embedded_folder(BERT, part).iterdir())
    }
    code = (
        "from ptbert import FillMask;"
        f"print(FillMask.from_pretrained({BERT!r})('a [MASK].', top_k=1)[0][0].token)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert found.stdout.strip()
    assert before == {
        path: (stat.S_IMODE(path.stat().st_mode), path.stat().st_mtime_ns) for path in before
    }
