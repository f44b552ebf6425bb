"""The OpenAI GPT tokenizer under the names of 2019, and all that ``import *`` gave."""

import json
import logging
import os
import re
import sys

from tqdm import tqdm

from ptbert_hub import archive_map, cached_path, length_map
from ptbert_tokenizers import BasicTokenizer, OpenAIGPTTokenizer
from ptbert_tokenizers.files.vocabulary import SPECIAL_TOKENS_NAME
from ptbert_tokenizers.openai import text_standardize
from ptbert_tokenizers.plain.bpe import get_pairs
from ptbert_tokenizers.vocabularies.bpe import MERGES_NAME, VOCAB_NAME

PRETRAINED_VOCAB_ARCHIVE_MAP = archive_map("gpt", "vocabulary")
PRETRAINED_MERGES_ARCHIVE_MAP = archive_map("gpt", "merges")
PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP = length_map("gpt")

logger = logging.getLogger("ptbert_tokenizers")

__all__ = [
    "MERGES_NAME",
    "PRETRAINED_MERGES_ARCHIVE_MAP",
    "PRETRAINED_VOCAB_ARCHIVE_MAP",
    "PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP",
    "SPECIAL_TOKENS_NAME",
    "VOCAB_NAME",
    "BasicTokenizer",
    "OpenAIGPTTokenizer",
    "cached_path",
    "get_pairs",
    "json",
    "logger",
    "logging",
    "os",
    "re",
    "sys",
    "text_standardize",
    "tqdm",
]
