"""Tiny models under published names, and a server that plays the bucket of 2019."""

import functools
import http.server
import json
import threading
from contextlib import contextmanager
from pathlib import Path

import torch

from ptbert import (
    BertConfig,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLTokenizer,
)
from ptbert.tokenization_gpt2 import bytes_to_unicode

TEXT = "Who was Jim Henson ? Jim Henson was a puppeteer"
_GPT_SIZES = {"n_positions": 32, "n_ctx": 32, "n_embd": 16, "n_layer": 2, "n_head": 2}


def fill_bucket(folder: Path, longest: int = 32) -> None:
    """Write the files of four published checkpoints, small ones, under their names there.

    ``longest`` is the largest number of tokens that BERT and GPT-2 take.
    """
    torch.manual_seed(0)
    _write_bert(folder, longest)
    _write_gpt(folder)
    _write_gpt2(folder, longest)
    _write_transfo_xl(folder)


def _save(folder, name, model):
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    torch.save(model.state_dict(), folder / f"{name}-pytorch_model.bin")
    model.config.to_json_file(folder / f"{name}-config.json")


def _write_bert(folder, longest):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "puppet", "##eer", *TEXT.lower().split()]
    words = list(dict.fromkeys(words[:-1]))
    config = BertConfig(
        len(words),
        hidden_size=16,
        num_hidden_layers=12,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=longest,
    )
    _save(folder, "bert-base-uncased", BertForPreTraining(config))
    (folder / "bert-base-uncased-vocab.txt").write_text("".join(f"{word}\n" for word in words))


def _write_bpe(folder, name, pieces):
    (folder / f"{name}-vocab.json").write_text(json.dumps({p: i for i, p in enumerate(pieces)}))
    (folder / f"{name}-merges.txt").write_text("#version: 0.2\n")


def _write_gpt(folder):
    letters = sorted({*TEXT.lower(), *"abcdefghijklmnopqrstuvwxyz"} - {" "})
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<unk>"]
    _write_bpe(folder, "openai-gpt", pieces)
    config = OpenAIGPTConfig(len(pieces), **_GPT_SIZES | {"n_positions": 64, "n_ctx": 64})
    _save(folder, "openai-gpt", OpenAIGPTLMHeadModel(config))


def _write_gpt2(folder, longest):
    pieces = [*bytes_to_unicode().values()]
    sizes = _GPT_SIZES | {"n_positions": longest, "n_ctx": longest}
    _write_bpe(folder, "gpt2", pieces)
    _save(folder, "gpt2", GPT2LMHeadModel(GPT2Config(len(pieces), **sizes)))


def _write_transfo_xl(folder):
    tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    tokenizer.count_sents([TEXT.split()])
    tokenizer.build_vocab()
    state = {k: v for k, v in vars(tokenizer).items() if not k.startswith("_")}
    torch.save(state, folder / "transfo-xl-wt103-vocab.bin")
    config = TransfoXLConfig(
        len(tokenizer),
        cutoffs=[3, 6],
        d_model=16,
        d_embed=16,
        n_head=2,
        d_head=8,
        d_inner=16,
        div_val=2,
        n_layer=3,
        tgt_len=8,
        mem_len=16,
    )
    _save(folder, "transfo-xl-wt103", TransfoXLLMHeadModel(config))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder: Path):
    """Serve a folder on this machine; give the address, which all downloads go to meanwhile."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
