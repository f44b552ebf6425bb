"""A process that reads damaged files with one reader: ``reader.py READER SEED COUNT FOLDER``.

Every error must be of the types that the reader may raise. The process may use 512 MB more memory
than after importing, and ten seconds for a file. The last line printed is a JSON object: how many
files were read, how many refused, and the first files that ended otherwise.
"""

from __future__ import annotations

import collections
import gzip
import io
import json
import pickle
import random
import resource
import shutil
import signal
import struct
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save

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
from ptbert_tokenizers.files.ids import read_ids

ROOM = 512 << 20
SECONDS = 10
TENSORFLOW = Path(__file__).parents[3] / "ptbert-models/tests/data/tensorflow/format"
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


def of_partitioned(suffix: str) -> bytes:
    return (TENSORFLOW / f"partitioned{suffix}").read_bytes()


_DATA = "partitioned.data-00000-of-00001"
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
    "TensorFlow V2": Reader(
        "partitioned.index",
        lambda: [of_partitioned(".index")],
        read_all,
        (CheckpointError,),
        lambda: {_DATA: of_partitioned(f".{_DATA.partition('.')[2]}")},
    ),
    "TensorFlow V2, data": Reader(
        _DATA,
        lambda: [of_partitioned(f".{_DATA.partition('.')[2]}")],
        lambda path: read_all(path.with_name("partitioned.index")),
        (CheckpointError,),
        lambda: {"partitioned.index": of_partitioned(".index")},
    ),
    "TensorFlow V1": Reader(
        "v1_slices",
        lambda: [(TENSORFLOW / "v1_slices").read_bytes()],
        read_all,
        (CheckpointError,),
    ),
}

NUMBERS = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, 1 << 63]


def damaged(samples: list[bytes]) -> bytes:
    """A sample after some changes of kinds that readers meet, by accident or on purpose."""
    content = bytearray(random.choice(samples))
    for _ in range(random.choice([1, 1, 1, 2, 4, 10])):
        at = random.randrange(len(content) + 1)
        kind = random.randrange(9)
        if kind == 0 and content:
            content[at % len(content)] ^= 1 << random.randrange(8)
        elif kind == 1 and content:
            content[at % len(content)] = random.randrange(256)
        elif kind == 2:
            content[at:at] = random.randbytes(random.randrange(1, 9))
        elif kind == 3:
            del content[at : at + random.choice([1, 4, 50])]
        elif kind == 4:
            del content[at:]
        elif kind == 5:
            other = random.choice(samples)
            start = random.randrange(len(other))
            piece = other[start : start + random.choice([1, 8, 100])]
            content[at : at + random.choice([0, len(piece)])] = piece
        elif kind == 6:
            form = random.choice(["<B", "<H", "<I", "<Q", ">I", ">Q"])
            size = struct.calcsize(form)
            number = random.choice(NUMBERS) & (1 << 8 * size) - 1
            content[at : at + size] = struct.pack(form, number)
        elif kind == 7:
            content[at:at] = content[at : at + 40] * random.choice([2, 30])
        else:
            content[at:at] = random.choice(
                [b"(", b")", b"\x85", b"R", b"b", b"0", b"[", b"{", b'"']
            )
    return bytes(content)


def unchecked(content: bytes) -> bytes:
    """The same archive without checksums, so that a reader looks further."""
    whole = bytearray(content)
    at = -1
    while (at := whole.find(b"PK\x01\x02", at + 1)) >= 0:
        whole[at + 16 : at + 20] = bytes(4)
    return bytes(whole)


def with_damaged_pickle(sample: bytes) -> bytes:
    """An archive of ``torch.save`` with a damaged pickle in it, whose checksum fits."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, damaged([data]) if name.endswith("data.pkl") else data)
    return buffer.getvalue()


def case(samples: list[bytes]) -> bytes:
    sample = random.choice(samples)
    if sample.startswith(b"PK\x03\x04") and random.random() < 0.7:
        return (
            with_damaged_pickle(sample) if random.random() < 0.7 else unchecked(damaged([sample]))
        )
    if sample.startswith(b"\x1f\x8b") and random.random() < 0.7:
        return gzip.compress(damaged([gzip.decompress(sample)]), 1)
    return damaged(samples)


class TooSlow(BaseException):
    """More than ten seconds."""


def stop(*_: Any) -> None:
    raise TooSlow


def allowed(error: BaseException, types: tuple[type[Exception], ...]) -> bool:
    ours = type(error).__module__.startswith("ptbert")
    return type(error) in types or (ours and isinstance(error, types))


def main() -> None:
    name, seed, count, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    reader = READERS[name]
    random.seed(f"{name} {seed}")
    samples = reader.samples()
    for beside, content in reader.beside().items():
        (folder / beside).write_bytes(content)
    path = folder / reader.name
    for sample in samples:
        path.write_bytes(sample)
        reader.read(path)  # a sample that is refused would show nothing
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, stop)
    result: dict[str, Any] = {"read": 0, "refused": 0, "slowest": 0.0, "wrong": []}
    for number in range(count):
        content = case(samples)
        path.write_bytes(content)
        start = time.monotonic()
        signal.alarm(SECONDS)
        try:
            reader.read(path)
            result["read"] += 1
        except BaseException as error:
            signal.alarm(0)
            if not allowed(error, reader.errors):
                kept = folder / f"wrong-{number}"
                kept.write_bytes(content)
                result["wrong"].append(f"{type(error).__name__}: {str(error)[:200]} ({kept})")
            result["refused"] += 1
        signal.alarm(0)
        result["slowest"] = max(result["slowest"], time.monotonic() - start)
        if len(result["wrong"]) >= 5:
            break
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
