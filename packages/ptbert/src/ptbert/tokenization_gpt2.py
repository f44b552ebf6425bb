"""The GPT-2 tokenizer under the names of 2019, and all that ``import *`` gave."""

import json
import logging
import os
import re
import sys
from functools import lru_cache

from ptbert_hub import archive_map, cached_path, length_map
from ptbert_tokenizers import GPT2Tokenizer
from ptbert_tokenizers.files.vocabulary import SPECIAL_TOKENS_NAME
from ptbert_tokenizers.plain.bpe import bytes_to_unicode, get_pairs
from ptbert_tokenizers.vocabularies.bpe import MERGES_NAME, VOCAB_NAME

PRETRAINED_VOCAB_ARCHIVE_MAP = archive_map("gpt2", "vocabulary")
PRETRAINED_MERGES_ARCHIVE_MAP = archive_map("gpt2", "merges")
PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP = length_map("gpt2")

logger = logging.getLogger("ptbert_tokenizers")

__all__ = [
    "MERGES_NAME",
    "PRETRAINED_MERGES_ARCHIVE_MAP",
    "PRETRAINED_VOCAB_ARCHIVE_MAP",
    "PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP",
    "SPECIAL_TOKENS_NAME",
    "VOCAB_NAME",
    "GPT2Tokenizer",
    "bytes_to_unicode",
    "cached_path",
    "get_pairs",
    "json",
    "logger",
    "logging",
    "lru_cache",
    "os",
    "re",
    "sys",
]
