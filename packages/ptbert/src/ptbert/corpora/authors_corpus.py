"""Convert the corpora that the TensorFlow code of Transformer-XL's authors saved.

Such a file is a pickle of two classes of that code, ``data_utils.Corpus`` and
``vocabulary.Vocab``, usually written by Python 2. Nothing that a pickle names is imported or called
here: these two classes become plain records, and arrays of numbers are made from their bytes.

Source:
    github.com/kimiyoung/transformer-xl: tf/data_utils.py, tf/vocabulary.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from ptbert.corpora.corpus import CORPUS_NAME, SPLITS
from ptbert.corpora.saved import ARRAY_MAKERS, as_tensors, attributes
from ptbert_hub import atomic_write
from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import Call, Name, PickleReader, Record, make_values, plain_value
from ptbert_models.convert import (
    convert_transfo_xl_checkpoint_to_pytorch as convert_transfo_xl_weights,
)
from ptbert_tokenizers.transfo_xl import TORCH_VOCAB_NAME

_CLASSES = frozenset({"data_utils.Corpus", "vocabulary.Vocab"})
# What the older protocols of pickles call to make an object of a class.
_OBJECT = frozenset({"__builtin__.object", "builtins.object"})
_MAKERS_OF_OBJECTS = frozenset({"copy_reg._reconstructor", "copyreg._reconstructor"})


def convert_corpus(dataset_file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Write the vocabulary and the splits of a pickled corpus as ``vocab.bin`` and ``corpus.bin``.

    ``TransfoXLTokenizer`` and ``TransfoXLCorpus`` load them by ``from_pretrained(folder)``.

    Args:
        dataset_file: the pickle, called ``cache.pkl`` or ``corpus-info`` beside it.
        folder: where to write; it is created if it does not exist.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a corpus, or would run code.
    """
    corpus = _read(Path(dataset_file))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    splits = {name: as_tensors(value) for name, value in corpus.items() if name in SPLITS}
    _save(vars(corpus["vocab"]), target / TORCH_VOCAB_NAME)
    _save({"dataset": corpus.get("dataset")} | splits, target / CORPUS_NAME)


def convert_transfo_xl_checkpoint_to_pytorch(
    tf_checkpoint_path: str | os.PathLike[str],
    transfo_xl_config_file: str | os.PathLike[str],
    pytorch_dump_folder_path: str | os.PathLike[str],
    transfo_xl_dataset_file: str | os.PathLike[str] = "",
) -> None:
    """Convert a TensorFlow checkpoint of Transformer-XL, a pickled corpus, or both.

    Args:
        tf_checkpoint_path: see ``ptbert_models.convert``; none when empty.
        transfo_xl_config_file: the configuration; that of the published model when empty.
        pytorch_dump_folder_path: the folder to write into.
        transfo_xl_dataset_file: see ``convert_corpus``; none when empty.

    Raises:
        OSError: if a file is missing or damaged.
        ValueError: if configuration and checkpoint do not fit, or the file is not a corpus.
    """
    if os.fspath(transfo_xl_dataset_file):
        convert_corpus(transfo_xl_dataset_file, pytorch_dump_folder_path)
    if os.fspath(tf_checkpoint_path):
        convert_transfo_xl_weights(
            tf_checkpoint_path, transfo_xl_config_file, pytorch_dump_folder_path
        )


def _read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    try:
        corpus = make_values(PickleReader(data, encoding="latin1").read(), _make)
    except BadContent as error:
        raise ValueError(
            f"{str(path)!r} is not a corpus pickled by the authors' code ({error}); "
            "give its cache.pkl, or build the corpus anew with ptbert.corpora.get_lm_corpus"
        ) from error
    if not isinstance(getattr(corpus, "vocab", None), SimpleNamespace):
        raise ValueError(
            f"{str(path)!r} holds a {type(corpus).__name__} without a vocabulary; "
            "give the cache.pkl of the authors' code"
        )
    return dict(vars(corpus))


def _make(record: Record) -> Any:
    match record:
        case Call(name, (str(cls), *_), state) if name in _MAKERS_OF_OBJECTS and cls in _CLASSES:
            return attributes(Call(cls, (), state))
        case Call(name) if name in _CLASSES:
            return attributes(record)
        case Name(name) if name in _CLASSES or name in _OBJECT:
            return name
        case Name(name) | Call(name) if name in ARRAY_MAKERS:
            return ARRAY_MAKERS[name](record)
    return plain_value(record)


def _save(value: dict[str, Any], path: Path) -> None:
    with atomic_write(path) as file:
        torch.save(value, file)
