"""What blocks of the pages need before they run; a page names it: ``<!-- given: NAME -->``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from given_data import (
    endings,
    names,
    notes,
    pairs,
    questions,
    reviews,
    squad,
    swag,
    texts,
    unlabelled,
)

import ptbert

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROOT = Path(__file__).parents[4]
sys.path.insert(0, str(ROOT / "tests-integration"))  # the server that plays the bucket of 2019
sys.path.insert(0, str(ROOT / "packages" / "ptbert-hub" / "tests"))  # ... and the Hub


def old_program(folder: Path) -> None:
    """A program of 2019 that prints which release it runs on."""
    (folder / "old_program.py").write_text(
        "import torch\n"
        "from pytorch_pretrained_bert import OpenAIGPTConfig, OpenAIGPTModel\n\n"
        "config = OpenAIGPTConfig(100, n_positions=8, n_ctx=8, n_embd=8, n_layer=2, n_head=2)\n"
        "output = OpenAIGPTModel(config)(torch.tensor([[1, 2, 3]]))\n"
        'print("tensor" if torch.is_tensor(output) else f"list of {len(output)}")\n',
        encoding="utf-8",
    )


def program_to_change(folder: Path) -> None:
    """A program of 2019 with a line that has to be changed."""
    (folder / "train.py").write_text(
        "import numpy as np\n"
        "from pytorch_pretrained_bert import BertAdam, BertModel\n"
        "from pytorch_pretrained_bert.optimization import warmup_linear\n\n"
        'model = BertModel.from_pretrained("bert-base-uncased")\n'
        "labels = np.zeros(4, dtype=np.int)\n",
        encoding="utf-8",
    )


def renamed_copy(folder: Path) -> None:
    """A program with a copy of the library under another name, and a second, changed copy."""
    classes = ["BertConfig", "BertModel", "BertPreTrainedModel", "BertForMaskedLM"]
    for name, added in (("my_bert", []), ("changed_bert", ["BertForTwoScores"])):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("", encoding="utf-8")
        lines = [f"class {each}: ...\n" for each in [*classes, *added]]
        (folder / name / "modeling.py").write_text("".join(lines), encoding="utf-8")
    (folder / "train.py").write_text(
        "from my_bert.modeling import BertModel\n\nprint(BertModel.__module__)\n",
        encoding="utf-8",
    )


def model_folder(folder: Path) -> None:
    """A saved model, with its weights in a file of torch.save."""
    ptbert.BertModel.from_pretrained("ptbert-tiny-bert").save_pretrained(folder / "my_model")


def transfo_xl(folder: Path) -> dict[str, Any]:
    """A small Transformer-XL with three clusters, and a text."""
    config = ptbert.TransfoXLConfig(
        50,
        cutoffs=[10, 30],
        d_model=8,
        d_embed=8,
        n_head=2,
        d_head=4,
        d_inner=16,
        div_val=2,
        n_layer=2,
        mem_len=4,
    )
    ids = torch.tensor([[1, 20, 40, 2]])
    return {"transfo_xl": ptbert.TransfoXLLMHeadModel(config).eval(), "ids": ids}


def distributed_program(folder: Path) -> None:
    """An old program that several processes run, and the line that starts it."""
    (folder / "train.sh").write_text(
        '#!/bin/sh\nexec ptbert run run_old.py --local_rank "$LOCAL_RANK" "$@"\n', encoding="utf-8"
    )
    (folder / "run_old.py").write_text(
        "import argparse\n\nimport torch.distributed as dist\n"
        "from pytorch_pretrained_bert import BertModel\n\n"
        "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--local_rank", type=int, default=-1)\n'
        "args = parser.parse_args()\n"
        'dist.init_process_group("gloo")\n'
        'print(f"rank {dist.get_rank()} of {dist.get_world_size()}: {BertModel.__name__}")\n'
        "dist.destroy_process_group()\n",
        encoding="utf-8",
    )


def tensorflow_folder(folder: Path) -> None:
    """A small checkpoint that TensorFlow wrote, with the names of Google's folders."""
    source = ROOT / "packages/ptbert-models/tests/data/tensorflow/bert_classifier/open"
    target = folder / "uncased_small"
    target.mkdir()
    shutil.copy(source / "bert_config.json", target)
    for path in source.glob("model.ckpt-7.*"):
        name = path.name.replace("model.ckpt-7", "bert_model.ckpt")
        shutil.copy(path, target / name)
    size = json.loads((target / "bert_config.json").read_text())["vocab_size"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat"]
    words += [f"[unused{number}]" for number in range(size - len(words))]
    (target / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


@contextmanager
def published_names(folder: Path) -> Iterator[None]:
    """Small models under published names, on a server of this machine."""
    from bucket import fill_bucket, served

    source = folder.parent / "bucket"
    source.mkdir()
    fill_bucket(source, longest=128)
    for path in list(source.glob("bert-base-uncased-*")):
        shutil.copy(path, source / path.name.replace("uncased", "cased"))
    with served(source) as address:
        settings = {
            "PTBERT_HUB_OFFLINE": "0",
            "PTBERT_HUB_MIRROR": address,
            "PTBERT_HUB_MIRROR_ONLY": "1",
        }
        # The digests of the catalog are those of the true files, which are larger.
        with mock.patch.dict(os.environ, settings), mock.patch("ptbert_hub.sources.PINS", {}):
            yield


@contextmanager
def other_machine(folder: Path) -> Iterator[None]:
    """An empty cache."""
    cache = str(folder.parent / "other-cache")
    with mock.patch.dict(os.environ, {"PYTORCH_PRETRAINED_BERT_CACHE": cache}):
        yield


def task_folders(folder: Path) -> None:
    """Models with the heads of three tasks, and their vocabulary."""
    kinds = {
        "my-classifier": ptbert.BertForSequenceClassification,
        "my-tagger": ptbert.BertForTokenClassification,
        "my-answerer": ptbert.BertForQuestionAnswering,
    }
    tokenizer = ptbert.BertTokenizer.from_pretrained("ptbert-tiny-bert")
    for name, kind in kinds.items():
        kind.from_pretrained("ptbert-tiny-bert").save_pretrained(folder / name)
        tokenizer.save_vocabulary(f"{folder / name}/")


def old_programs(folder: Path) -> None:
    """Programs that import the library of 2019; one is a module of a package."""
    text = "from pytorch_pretrained_bert import GPT2Config\n"
    for name in ("run_classifier.py", "run_gpt2.py", "train.py", "my_package/train.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def my_model(folder: Path) -> None:
    """A folder with a vocabulary and a configuration, and without weights."""
    ptbert.GPT2Tokenizer.from_pretrained("ptbert-tiny-gpt2").save_vocabulary(
        f"{folder / 'my_model'}/"
    )
    config = ptbert.GPT2Config(8000, n_positions=32, n_ctx=32, n_embd=16, n_layer=1, n_head=2)
    config.save_pretrained(folder / "my_model")


def google_folder(folder: Path) -> None:
    """A checkpoint of TensorFlow in a folder with Google's name."""
    tensorflow_folder(folder)
    (folder / "uncased_small").rename(folder / "uncased_L-12_H-768_A-12")


def wikitext(folder: Path) -> dict[str, Any]:
    """A corpus in the files of WikiText-103, and a model for its vocabulary."""
    (folder / "wikitext-103").mkdir()
    for split in ("train", "valid", "test"):
        text = " the key is in the drawer \n a cat sleeps on the mat \n" * 800
        (folder / "wikitext-103" / f"{split}.txt").write_text(text, encoding="utf-8")
    return {"model": transfo_xl(folder)["transfo_xl"]}


def corpus(folder: Path) -> None:
    """A text of many sentences: corpus.txt."""
    texts(folder)
    (folder / "corpus.txt").write_text((folder / "text.txt").read_text() * 3, encoding="utf-8")


def parts(folder: Path) -> dict[str, Any]:
    """Two parts of a corpus."""
    corpus(folder)
    for name in ("part1.txt", "part2.txt"):
        shutil.copy(folder / "corpus.txt", folder / name)
    return {"texts_of_part1": (folder / "part1.txt").read_text().splitlines()}


def shard(folder: Path) -> None:
    """One part of a corpus, compressed."""
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    data = b'{"text": "He rose early."}\n' * 10
    (folder / "in" / "0007.jsonl.zst").write_bytes(zstd.compress(data))


@contextmanager
def hub_repository(folder: Path) -> Iterator[None]:
    """A server that plays the Hugging Face Hub, with ``user/model`` and its tag v1.0."""
    from hubserver import HubServer, Repository

    with HubServer() as server:
        server.repositories["user/model"] = repository = Repository()
        repository.push({"config.json": b"{}"}, "v1.0")
        settings = {
            "HF_ENDPOINT": server.address,
            "PTBERT_HUB_OFFLINE": "0",
            "PTBERT_HUB_MIRROR": "",
            "PTBERT_HUB_MIRROR_ONLY": "0",
        }
        with mock.patch.dict(os.environ, settings):
            yield


MAKERS: dict[str, Callable[[Path], Any]] = {
    each.__name__: each
    for each in (
        reviews,
        pairs,
        names,
        questions,
        endings,
        texts,
        old_program,
        program_to_change,
        renamed_copy,
        model_folder,
        transfo_xl,
        distributed_program,
        tensorflow_folder,
        task_folders,
        old_programs,
        unlabelled,
        squad,
        swag,
        my_model,
        notes,
        google_folder,
        wikitext,
        corpus,
        parts,
        shard,
        published_names,
        hub_repository,
        other_machine,
    )
}
