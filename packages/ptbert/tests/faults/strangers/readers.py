"""Every reader of files from strangers: good files for it, and what it may raise."""

from __future__ import annotations

import collections
import io
import json
import pickle
import random
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save
from tables import TENSORFLOW, mended

from ptbert import (
    BertConfig,
    BertModel,
    BertTokenizer,
    GPT2Tokenizer,
    TransfoXLCorpus,
    TransfoXLTokenizer,
)
from ptbert.corpora.authors_corpus import convert_corpus
from ptbert_hub import HubError, extract_archive
from ptbert_models.errors import CheckpointError
from ptbert_models.files.weights import read_weights
from ptbert_models.gpt.authors import read_openai_shards
from ptbert_models.tensorflow import open_checkpoint
from ptbert_tokenizers import BadVocabulary, UnknownToken
from ptbert_tokenizers.token_files.formats import read_ids

TINY = {
    "vocab_size": 9,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 8,
}


class Reader(NamedTuple):
    """How a kind of file is tried.

    Args:
        name: of the file.
        samples: good files of this kind.
        read: given the path of a file.
        errors: what it may raise, exactly these types or types of ptbert below them.
        beside: further files that belong to it.
    """

    name: str
    samples: Callable[[], list[bytes]]
    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...]
    beside: Callable[[], dict[str, bytes]] = dict


def torch_files(value: Any) -> list[bytes]:
    found = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
        found.append(buffer.getvalue())
    return found


def state() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.ones(3, 2), "half": torch.ones(2).half(), "ids": torch.arange(3)}


def vocabulary() -> dict[str, Any]:
    symbols = ["<eos>", "<unk>", "the", "é"]
    return {
        "counter": collections.Counter(the=2),
        "special": ["<eos>"],
        "min_freq": 0,
        "max_size": None,
        "lower_case": True,
        "delimiter": None,
        "vocab_file": None,
        "never_split": ("<unk>",),
        "idx2sym": symbols,
        "sym2idx": collections.OrderedDict((s, i) for i, s in enumerate(symbols)),
        "unk_idx": 1,
    }


def authors_files() -> list[bytes]:
    """Corpora as objects of the authors' classes, which are at hand only here."""
    found = []
    corpus, vocab = type("Corpus", (), {}), type("Vocab", (), {})
    modules = {"data_utils": corpus, "vocabulary": vocab}
    for module, cls in modules.items():
        cls.__module__ = module
        sys.modules[module] = type(sys)(module)
        setattr(sys.modules[module], cls.__name__, cls)
    one = corpus()
    one.vocab = vocab()
    vars(one.vocab).update(vocabulary())
    vars(one).update(dataset="wt103", train=np.arange(4), valid=np.arange(2), test=np.arange(1))
    for protocol in range(5):
        found.append(pickle.dumps(one, protocol))
    for module in modules:
        del sys.modules[module]
    return found


def archives() -> list[bytes]:
    found = []
    files = {"config.json": b"{}", "pytorch_model.bin": bytes(300), "sub/vocab.txt": b"a\nb\n"}
    for mode in ("w:gz", "w", "w:bz2", "w:xz"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        found.append(buffer.getvalue())
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        found.append(buffer.getvalue())
    return found


def unpack(path: Path) -> None:
    cache = path.with_name("cache")
    try:
        extract_archive(path, cache)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def arrays() -> list[bytes]:
    found = []
    for array in (np.arange(5, dtype=np.int32), np.arange(5)):
        buffer = io.BytesIO()
        np.save(buffer, array)
        found.append(buffer.getvalue())
    return found


def shard() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(17, np.float32))
    return buffer.getvalue()


def tokenizers() -> list[bytes]:
    special = [{"id": 1, "content": "[CLS]", "special": True, "lstrip": False}]
    frame = {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]}
    vocabulary = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4}
    whole = {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": frame,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": vocabulary},
    }
    return json_texts(whole, {"model": whole["model"]})()


def bounds() -> dict[str, bytes]:
    buffer = io.BytesIO()
    np.save(buffer, np.array([0, 2, 5]))
    return {"ids.bounds.npy": buffer.getvalue()}


def build(path: Path) -> None:
    with torch.device("meta"):  # a model without memory, because sizes may be anything
        BertModel(BertConfig.from_json_file(path))


def json_texts(*values: Any) -> Callable[[], list[bytes]]:
    return lambda: [json.dumps(value, indent=1).encode() for value in values]


def read_all(path: Path) -> None:
    checkpoint = open_checkpoint(path)
    for name in checkpoint:
        checkpoint[name]


def read_bundle(path: Path) -> None:
    """Read an index and its data; where the index can be read at all, mostly after mending."""
    index = path.with_suffix(".index")
    data = path.with_name(f"{path.stem}.data-00000-of-00001")
    if random.random() < 0.8:
        with suppress(CheckpointError):
            index.write_bytes(mended(index.read_bytes(), data.read_bytes()))
    read_all(index)


def in_files(name: str) -> dict[str, bytes]:
    """The two files of a checkpoint."""
    names = (f"{name}.index", f"{name}.data-00000-of-00001")
    return {each: (TENSORFLOW / each).read_bytes() for each in names}


def bundle(name: str, which: int) -> Reader:
    """One of the two files of a checkpoint is damaged."""
    files = in_files(name)
    names = list(files)
    return Reader(
        names[which],
        lambda: [files[names[which]]],
        read_bundle,
        (CheckpointError,),
        lambda: {names[1 - which]: files[names[1 - which]]},
    )


READERS = {
    "archive": Reader("model.tar.gz", archives, unpack, (HubError,)),
    "weights": Reader(
        "pytorch_model.bin",
        lambda: torch_files(state()),
        lambda path: read_weights(path, memory_map=False),
        (CheckpointError,),
    ),
    "mapped weights": Reader(
        "pytorch_model.bin",
        lambda: torch_files(state()),
        lambda path: read_weights(path, memory_map=True),
        (CheckpointError,),
    ),
    "safetensors": Reader(
        "model.safetensors",
        lambda: [save(state(), metadata={"format": "pt"})],
        lambda path: read_weights(path, memory_map=False),
        (CheckpointError,),
    ),
    "vocab.bin": Reader(
        "vocab.bin",
        lambda: torch_files(vocabulary()),
        lambda path: TransfoXLTokenizer.from_pretrained(path.parent),
        (BadVocabulary,),
    ),
    "corpus.bin": Reader(
        "corpus.bin",
        lambda: torch_files({"dataset": "wt103", "train": np.arange(4), "test": torch.arange(2)}),
        lambda path: TransfoXLCorpus.from_pretrained(path.parent),
        (ValueError,),
        lambda: {"vocab.txt": b"<eos>\n<unk>\nthe\n"},
    ),
    "cache.pkl": Reader(
        "cache.pkl",
        authors_files,
        lambda path: convert_corpus(path, path.with_name("out")),
        (ValueError,),
    ),
    "index.json": Reader(
        "model.safetensors.index.json",
        json_texts({"weight_map": {"a": "one.safetensors", "b": "one.safetensors"}}),
        lambda path: read_weights(path, memory_map=False),
        (CheckpointError, ValueError),
        lambda: {"one.safetensors": save({"a": torch.ones(2), "b": torch.ones(1)})},
    ),
    "config.json": Reader(
        "config.json",
        json_texts(TINY, {**TINY, "hidden_act": "relu", "initializer_range": 0.1}),
        build,
        (ValueError,),
    ),
    "tokenizer_config.json": Reader(
        "tokenizer_config.json",
        json_texts({"do_lower_case": True, "max_len": 512}, {"never_split": ["[SEP]"]}),
        lambda path: BertTokenizer.from_pretrained(path.parent),
        (BadVocabulary, ValueError),
        lambda: {"vocab.txt": b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"},
    ),
    "tokenizer.json": Reader(
        "tokenizer.json",
        tokenizers,
        lambda path: BertTokenizer.from_pretrained(path.parent).tokenize("a b"),
        (BadVocabulary,),
    ),
    "vocab.json": Reader(
        "vocab.json",
        json_texts({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}),
        lambda path: GPT2Tokenizer.from_pretrained(path.parent).tokenize("ab"),
        (BadVocabulary, UnknownToken),
        lambda: {"merges.txt": b"#version: 0.2\na b\n"},
    ),
    "vocab.txt": Reader(
        "vocab.txt",
        lambda: [b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"],
        lambda path: BertTokenizer.from_pretrained(path.parent).tokenize("ab"),
        (BadVocabulary, UnknownToken),
    ),
    "merges.txt": Reader(
        "merges.txt",
        lambda: [b"#version: 0.2\na b\nab c\n"],
        lambda path: GPT2Tokenizer.from_pretrained(path.parent).tokenize("abc"),
        (BadVocabulary, UnknownToken),
        lambda: {"vocab.json": b'{"a": 0, "b": 1, "ab": 2, "c": 3, "abc": 4}'},
    ),
    "params_shapes.json": Reader(
        "params_shapes.json",
        json_texts([[2, 1], [3, 1], *[[1]] * 12]),
        lambda path: read_openai_shards(path.parent),
        (CheckpointError,),
        lambda: {"params_0.npy": shard()},
    ),
    "params_0.npy": Reader(
        "params_0.npy",
        lambda: [shard()],
        lambda path: read_openai_shards(path.parent),
        (CheckpointError,),
        lambda: {"params_shapes.json": json_texts([[2, 1], [3, 1], *[[1]] * 12])()[0]},
    ),
    "npy": Reader("ids.npy", arrays, lambda path: list(read_ids(path)), (ValueError,), bounds),
    "TensorFlow V2": bundle("partitioned", 0),
    "TensorFlow V2, data": bundle("partitioned", 1),
    "TensorFlow V2, objects": bundle("object_based", 0),
    "TensorFlow V2, data of objects": bundle("object_based", 1),
    "TensorFlow V1": Reader(
        "v1_slices",
        lambda: [(TENSORFLOW / "v1_slices").read_bytes()],
        read_all,
        (CheckpointError,),
    ),
}
