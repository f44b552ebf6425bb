"""The BERT tokenizer under the names of 2019, and all that ``import *`` gave."""

import collections
import logging
import os
import unicodedata

from ptbert_hub import archive_map, cached_path, length_map
from ptbert_tokenizers import (
    BasicTokenizer,
    BertTokenizer,
    WordpieceTokenizer,
    load_vocab,
    whitespace_tokenize,
)
from ptbert_tokenizers.plain.unicode import is_control as _is_control
from ptbert_tokenizers.plain.unicode import is_punctuation as _is_punctuation
from ptbert_tokenizers.plain.unicode import is_whitespace as _is_whitespace
from ptbert_tokenizers.vocabularies.wordpiece import VOCAB_NAME

PRETRAINED_VOCAB_ARCHIVE_MAP = archive_map("bert", "vocabulary")
PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP = length_map("bert")

logger = logging.getLogger("ptbert_tokenizers")

__all__ = [
    "PRETRAINED_VOCAB_ARCHIVE_MAP",
    "PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP",
    "VOCAB_NAME",
    "BasicTokenizer",
    "BertTokenizer",
    "WordpieceTokenizer",
    "_is_control",
    "_is_punctuation",
    "_is_whitespace",
    "cached_path",
    "collections",
    "load_vocab",
    "logger",
    "logging",
    "os",
    "unicodedata",
    "whitespace_tokenize",
]
