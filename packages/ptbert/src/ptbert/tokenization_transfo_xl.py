"""The Transformer-XL tokenizer and its corpora under the names of 2019.

``import *`` gives the same names as then. The corpora need torch, which is imported when one of
their names is first used.
"""

import glob
import logging
import os
import pickle
import sys
import unicodedata
from collections import Counter, OrderedDict
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ptbert_hub import archive_map, cached_path
from ptbert_tokenizers import TransfoXLTokenizer
from ptbert_tokenizers.transfo_xl import TORCH_VOCAB_NAME as VOCAB_NAME

if TYPE_CHECKING:  # the same names for type checkers and editors
    from ptbert.corpora.corpus import CORPUS_NAME, TransfoXLCorpus, get_lm_corpus
    from ptbert.corpora.lm_batches import LMMultiFileIterator, LMOrderedIterator, LMShuffledIterator

PRETRAINED_VOCAB_ARCHIVE_MAP = archive_map("transfo_xl", "vocabulary")
PRETRAINED_CORPUS_ARCHIVE_MAP = archive_map("transfo_xl", "corpus")

_HOMES = {
    "CORPUS_NAME": "ptbert.corpora.corpus",
    "LMMultiFileIterator": "ptbert.corpora.lm_batches",
    "LMOrderedIterator": "ptbert.corpora.lm_batches",
    "LMShuffledIterator": "ptbert.corpora.lm_batches",
    "TransfoXLCorpus": "ptbert.corpora.corpus",
    "get_lm_corpus": "ptbert.corpora.corpus",
}

logger = logging.getLogger("ptbert_tokenizers")

__all__ = [
    "CORPUS_NAME",
    "PRETRAINED_CORPUS_ARCHIVE_MAP",
    "PRETRAINED_VOCAB_ARCHIVE_MAP",
    "VOCAB_NAME",
    "Counter",
    "LMMultiFileIterator",
    "LMOrderedIterator",
    "LMShuffledIterator",
    "OrderedDict",
    "TransfoXLCorpus",
    "TransfoXLTokenizer",
    "cached_path",
    "get_lm_corpus",
    "glob",
    "logger",
    "logging",
    "os",
    "pickle",
    "sys",
    "unicodedata",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
