"""Folders with the names of the models that come with the package, until these names work."""

import json
import re
from pathlib import Path

import torch

from ptbert import BertConfig, BertForPreTraining, GPT2Config, GPT2LMHeadModel
from ptbert.tokenization_gpt2 import bytes_to_unicode

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}


def stub(folder: Path) -> None:
    """Write both folders, with new weights and the words of the pages."""
    docs = Path(__file__).parents[1]
    text = " ".join(path.read_text() for path in [*docs.rglob("*.md"), docs / "tests/given.py"])
    words = [*SPECIAL, *sorted(set(re.findall(r"[a-z]+|[^\sa-z]", text.lower())))][:7900]
    words += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    words += [f"[unused{number}]" for number in range(8000 - len(words))]
    torch.manual_seed(0)
    bert, gpt2 = folder / "ptbert-tiny-bert", folder / "ptbert-tiny-gpt2"
    config = BertConfig(8000, hidden_size=128, max_position_embeddings=128, **SIZES)
    BertForPreTraining(config).save_pretrained(bert)
    (bert / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    pieces = [*bytes_to_unicode().values(), "<|endoftext|>"]
    config = GPT2Config(len(pieces), n_positions=128, n_ctx=128, n_embd=128, n_layer=2, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(gpt2)
    (gpt2 / "vocab.json").write_text(json.dumps({piece: n for n, piece in enumerate(pieces)}))
    (gpt2 / "merges.txt").write_text("#version: 0.2\n")
