"""A process that reads damaged files with one reader: ``reader.py READER SEED COUNT FOLDER``.

For ``all`` readers, the files are whole, but for a value in each that has very many
characters, and some that change a terminal.

Every error must be of the types that the reader may raise. The process may use 512 MB more memory
than after importing, and ten seconds of the processor for a file. The last line printed is a JSON
object: how many files were read, how many refused, and the first files that ended otherwise. A
message that repeats so much of a file that it fills a screen or more is wrong too, also one in the
log.
"""

from __future__ import annotations

import collections
import gzip
import io
import json
import logging
import pickle
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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
from ptbert_models.tensorflow.crc32c import masked_crc32c
from ptbert_models.tensorflow.dtypes import STRING
from ptbert_models.tensorflow.protobuf import number_of, read_message, read_varint
from ptbert_models.tensorflow.table import MAGIC, read_table
from ptbert_tokenizers import BadVocabulary, UnknownToken
from ptbert_tokenizers.token_files.formats import read_ids

ROOM = 512 << 20
SECONDS = 10
LONGEST_MESSAGE = 2500
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


def varint(number: int) -> bytes:
    rest, low = divmod(number, 128)
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def entries_of(table: bytes) -> list[tuple[bytes, bytes]]:
    found = read_table(Path("a table"), memoryview(table))
    return [(key, bytes(value)) for key, value in found]


def block_of(entries: list[tuple[bytes, bytes]]) -> bytes:
    rows = [varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in entries]
    return b"".join(rows) + bytes(4) + b"\1\0\0\0"


def with_checksum(block: bytes) -> bytes:
    return block + b"\0" + masked_crc32c(block + b"\0").to_bytes(4, "little")


def table_of(block: bytes, damage: Callable[[bytes], bytes] = bytes) -> bytes:
    """A table of one block, in LevelDB's format."""
    handle = varint(0) + varint(len(block))
    index = damage(block_of([(b"z", handle)]))
    footer = varint(0) + varint(0) + varint(len(block) + 5) + varint(len(index))
    return with_checksum(block) + with_checksum(index) + footer.ljust(40, b"\0") + MAGIC


def damaged_inside(table: bytes) -> bytes:
    """A table with a damaged key, value, block or list of blocks, whose checksums fit."""
    entries = entries_of(table)
    kind = random.randrange(8)
    if kind < 5:
        at = random.randrange(len(entries))
        key, value = entries[at]
        entries[at] = (damaged([key]), value) if kind == 0 else (key, damaged([value]))
    block = block_of(entries)
    if kind == 5:
        return table_of(block, lambda index: damaged([index]))
    return table_of(damaged([block]) if kind == 6 else block)


def small_v1() -> bytes:
    """The older format without its large variable."""
    entries = dict(entries_of((TENSORFLOW / "v1_slices").read_bytes()))
    contents = entries[b""]
    at = contents.index(b"\n\3big") - 2  # the row of that variable: a tag, a length, the rest
    rows = contents[3:at] + contents[at + 2 + contents[at + 1] :]
    entries[b""] = contents[:1] + varint(len(rows)) + rows
    return table_of(block_of([(k, v) for k, v in entries.items() if not k.startswith(b"\0big")]))


def mended(table: bytes, data: bytes) -> bytes:
    """An index whose entries have the checksums of what is in the data file."""
    entries = []
    for key, value in entries_of(table):
        with suppress(ValueError, IndexError, OverflowError):
            fields = read_message(memoryview(value))
            start, size = number_of(fields, 4), number_of(fields, 5)
            old = b"\x35" + number_of(fields, 6).to_bytes(4, "little")
            stored = data[start : start + size]
            if number_of(fields, 1) == STRING:  # its length counts with four bytes
                length, at = read_varint(memoryview(stored), 0)
                stored = length.to_bytes(4, "little") + stored[at:]
            new = b"\x35" + masked_crc32c(stored).to_bytes(4, "little")
            value = value.replace(old, new)  # noqa: PLW2901 - the same entry
        entries.append((key, value))
    return table_of(block_of(entries))


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
    "TensorFlow V1": Reader("v1_slices", lambda: [small_v1()], read_all, (CheckpointError,)),
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
            start = random.randrange(len(other) or 1)
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


def damaged_zip(sample: bytes) -> bytes:
    """An archive with a damaged pickle or a damaged name in it, whose checksums fit."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample)) as old, zipfile.ZipFile(buffer, "w") as new:
        members = [(info.filename, old.read(info), info.compress_type) for info in old.infolist()]
        is_torch = any(name.endswith("data.pkl") for name, _, _ in members)
        for name, data, method in members:
            if name.endswith("data.pkl"):
                data = damaged([data])  # noqa: PLW2901 - written in its place
            info = zipfile.ZipInfo(name)
            if not is_torch:
                info.filename = damaged([name.encode()]).decode("latin1")
                info.external_attr = random.choice([0, random.randrange(1 << 32)])
            new.writestr(info, data, method)
    return buffer.getvalue()


def damaged_tar(sample: bytes) -> bytes:
    """A tar that is damaged, mostly with the right checksums in its headers."""
    content = bytearray(damaged([sample]))
    for at in range(0, len(content) - 511, 512):
        if content[at + 257 : at + 262] == b"ustar" and random.random() < 0.8:
            content[at + 148 : at + 156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + 512])
    return bytes(content)


def case(samples: list[bytes]) -> bytes:
    sample = random.choice(samples)
    if sample.startswith(b"PK\x03\x04") and random.random() < 0.7:
        return damaged_zip(sample) if random.random() < 0.7 else unchecked(damaged([sample]))
    if sample.startswith(b"\x1f\x8b") and random.random() < 0.7:
        return gzip.compress(damaged_tar(gzip.decompress(sample)), 1)
    if sample[257:262] == b"ustar" and random.random() < 0.7:
        return damaged_tar(sample)
    if sample.endswith(MAGIC) and random.random() < 0.8:
        return damaged_inside(sample)
    return damaged(samples)


LONG = "\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}\N{LATIN SMALL LETTER E WITH ACUTE}" * 20_000


def with_long_values(value: Any) -> Iterator[Any]:
    """Copies of a value of JSON, each with one very long text, list or object in it."""
    yield from (LONG, [0] * 20_000, {LONG: LONG})
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield from ({**rest, LONG: inner}, {**value, LONG: inner})
            yield from ({**value, key: changed} for changed in with_long_values(inner))
    elif isinstance(value, list) and value:
        yield from ([changed, *value[1:]] for changed in with_long_values(value[0]))


def with_long_texts(pickled: bytes) -> Iterator[bytes]:
    """Copies of a pickle, each with one very long text, number or name in it."""
    text = LONG.encode()
    for found in re.finditer(rb"X(.)\0\0\0", pickled, re.DOTALL):
        end = found.end() + found[1][0]
        yield pickled[: found.start()] + b"X" + struct.pack("<I", len(text)) + text + pickled[end:]
    for found in re.finditer(rb"c[a-z._]+\n[A-Za-z_]+\n", pickled):
        for long in (LONG.encode(), b"a" * 250):
            yield pickled[: found.start()] + b"cx\n" + long + b"\n" + pickled[found.end() :]


def with_other_pickle(archive: bytes) -> Iterator[bytes]:
    """Copies of a file of ``torch.save``, each with something very long in its pickle."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    for changed in with_long_texts(members[name]):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as new:
            for each, data in members.items():
                new.writestr(each, changed if each == name else data)
        yield buffer.getvalue()


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def long_files(name: str, samples: list[bytes]) -> Iterator[bytes]:
    """Files that are as they should be but for a very long value, name or list in each."""
    for sample in samples:
        if name.endswith(".json"):
            for value in with_long_values(json.loads(sample)):
                yield json.dumps(value).encode()
        elif name.endswith(".safetensors"):
            size = int.from_bytes(sample[:8], "little")
            for value in with_long_values(json.loads(sample[8 : 8 + size])):
                header = json.dumps(value).encode()
                yield struct.pack("<Q", len(header)) + header + sample[8 + size :]
        elif name.endswith(".npy"):
            for long in (f"{{'descr': '{LONG}'}}", "[" * 9000, f"{{'{'a' * 9000}': 1}}"):
                header = long.encode("latin1", "replace")
                yield b"\x93NUMPY\2\0" + struct.pack("<I", len(header)) + header
        elif name.endswith(".txt"):
            yield from (sample + LONG.encode(), LONG.encode() + b"\n" + sample)
            yield sample + LONG.encode() + b" b c\n"
        elif sample.endswith(MAGIC):
            entries = entries_of(sample)
            for at, (key, value) in enumerate(entries):
                for other in ((LONG.encode(), value), (key + LONG.encode(), b"\x0a"), (key, b"")):
                    yield table_of(block_of([*entries[:at], other, *entries[at + 1 :]]))
            variable = field(1, field(1, LONG.encode()) + field(2, b"") + b"\x18\1")
            yield table_of(block_of([(b"", field(1, variable))]))
        elif sample.startswith(b"PK\3\4") and b"data.pkl" in sample:
            yield from with_other_pickle(sample)
        elif sample.startswith(b"PK\3\4"):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("/" + "a" * 60_000, b"")
            yield buffer.getvalue()
        elif name.endswith(".gz"):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
                archive.addfile(tarfile.TarInfo("/" + "a" * 1_000_000))
            yield buffer.getvalue()
        else:
            yield from with_long_texts(sample)


class TooSlow(BaseException):
    """More than ten seconds of the processor, or ten times as long in all."""


def limit_time(seconds: int) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(10 * seconds)  # it may wait for something


def stop(*_: Any) -> None:
    raise TooSlow


def is_hard_to_read(text: str) -> bool:
    """Whether it fills a screen, or changes the terminal."""
    return len(text) > LONGEST_MESSAGE or not text.replace("\n", "").isprintable()


class LongMessages(logging.Handler):
    """Keeps what is logged and cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if is_hard_to_read(text := record.getMessage()):
            self.found.append(f"{record.pathname}, line {record.lineno}: {text[:100]!r}")


def allowed(error: BaseException, types: tuple[type[Exception], ...]) -> bool:
    if is_hard_to_read(str(error)):
        return False
    ours = type(error).__module__.startswith("ptbert")
    return type(error) in types or (ours and isinstance(error, types))


def read_files(reader: Reader, files: Iterable[bytes], folder: Path) -> dict[str, Any]:
    """Read files one after the other, and note what came of it."""
    result: dict[str, Any] = {"read": 0, "refused": 0, "slowest": 0.0, "wrong": []}
    path = folder / reader.name
    for number, content in enumerate(files):
        path.write_bytes(content)
        start = time.process_time()
        limit_time(SECONDS)
        try:
            reader.read(path)
            result["read"] += 1
        except BaseException as error:
            limit_time(0)
            if not allowed(error, reader.errors):
                kept = folder / f"wrong-{number}"
                kept.write_bytes(content)
                text = f"{len(str(error))} characters: {str(error)[:200]!r}"
                result["wrong"].append(f"{type(error).__name__}, {text} ({kept})")
            result["refused"] += 1
        limit_time(0)
        result["slowest"] = max(result["slowest"], time.process_time() - start)
        if len(result["wrong"]) >= 5:
            break
    return result


def prepared(reader: Reader, folder: Path) -> list[bytes]:
    """Good files of a kind, which the reader has read."""
    folder.mkdir(exist_ok=True)
    samples = reader.samples()
    for beside, content in reader.beside().items():
        (folder / beside).write_bytes(content)
    for sample in samples:
        (folder / reader.name).write_bytes(sample)
        reader.read(folder / reader.name)  # a sample that is refused would show nothing
    return samples


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    name, seed, count, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    random.seed(f"{name} {seed}")
    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGPROF, stop)
    logging.captureWarnings(True)
    logging.getLogger().addHandler(long_messages := LongMessages())
    found: Any
    if name == "all":
        folder.mkdir(exist_ok=True)
        samples = {each: prepared(reader, folder / each) for each, reader in READERS.items()}
        limit_memory()
        found = {
            each: read_files(reader, long_files(reader.name, samples[each]), folder / each)
            for each, reader in READERS.items()
        }
        found["log"] = {"wrong": long_messages.found}
    else:
        samples_of_one = prepared(READERS[name], folder)
        limit_memory()
        files = (case(samples_of_one) for _ in range(count))
        found = read_files(READERS[name], files, folder)
        found["wrong"] += long_messages.found[:5]
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
