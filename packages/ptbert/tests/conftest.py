"""Model folders small enough for every test."""

import json
import sys
from pathlib import Path

import pytest
import torch

import ptbert
from ptbert import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLTokenizer,
)
from ptbert.tokenization_gpt2 import bytes_to_unicode
from ptbert_hub.release import set_release

sys.path.insert(0, str(Path(__file__).parent))

OLD_NAME = "pytorch_pretrained_bert"
SENTENCE = "a cat sleeps on the mat . key is in drawer where ?"
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the key is in drawer a cat sleeps on mat where ? . ##s"


@pytest.fixture
def restored_safe_globals(monkeypatch):
    """What torch.load may name is afterwards what it was before."""
    before = torch.serialization.get_safe_globals()
    monkeypatch.setattr(torch, "load", torch.load)
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)


@pytest.fixture
def clean_imports(monkeypatch, restored_safe_globals):
    """Whatever a test installs in the place of the old library, and imports, is gone afterwards."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield
    vars(ptbert).pop("__version__", None)
    set_release("june")
    for name in [name for name in sys.modules if name.partition(".")[0] == OLD_NAME]:
        del sys.modules[name]


@pytest.fixture
def model_folder(tmp_path):
    """A folder with a tiny BERT and its vocabulary."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    folder = tmp_path / "model"
    folder.mkdir()
    words = WORDS.split()
    config = BertConfig(
        len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    torch.save(BertModel(config).state_dict(), folder / WEIGHTS_NAME)
    config.to_json_file(folder / CONFIG_NAME)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return folder


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
    tokenizer.count_sents([SENTENCE.split()])
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
