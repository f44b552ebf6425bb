"""Convert the corpora that the TensorFlow code of Transformer-XL's authors saved.

Such a file is a pickle of two classes of that code, ``data_utils.Corpus`` and
``vocabulary.Vocab``, usually written by Python 2. A pickle can name any function and have it
called. The reader here allows these two classes, which become plain records, and the parts of
arrays and dictionaries, and refuses everything else.

Source:
    github.com/kimiyoung/transformer-xl: tf/data_utils.py, tf/vocabulary.py.
"""

from __future__ import annotations

import collections
import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ptbert.corpora.corpus import CORPUS_NAME, SPLITS
from ptbert_hub import atomic_write
from ptbert_models.convert import (
    convert_transfo_xl_checkpoint_to_pytorch as convert_transfo_xl_weights,
)
from ptbert_tokenizers.transfo_xl import TORCH_VOCAB_NAME


def _bytes(text: str, encoding: str) -> bytes:
    """Do what ``_codecs.encode`` does in pickles that Python 3 writes for Python 2."""
    return text.encode(encoding)


_RECORDS = {("data_utils", "Corpus"), ("vocabulary", "Vocab")}
_ALLOWED = {
    ("collections", "Counter"): collections.Counter,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("_codecs", "encode"): _bytes,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
}


class _CorpusUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _RECORDS:
            return type(name, (SimpleNamespace,), {})
        if module in {"numpy.core.multiarray", "numpy._core.multiarray"} and name == "_reconstruct":
            return np.ndarray.__reduce__(np.empty(0))[0]  # wherever numpy keeps it now
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


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
    splits = {name: _tensors(value) for name, value in corpus.items() if name in SPLITS}
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
    try:
        with open(path, "rb") as file:
            corpus = _CorpusUnpickler(file, encoding="latin1").load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
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


def _tensors(value: Any) -> Any:
    """Arrays of token ids as tensors, in lists as deep as they were."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return torch.from_numpy(value.astype(np.int64))
    return [_tensors(each) for each in value] if isinstance(value, (list, np.ndarray)) else value


def _save(value: dict[str, Any], path: Path) -> None:
    with atomic_write(path) as file:
        torch.save(value, file)
