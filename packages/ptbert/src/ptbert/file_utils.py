"""Downloads and the cache, under the names of 2019, and all that ``import *`` gave."""

import fnmatch
import json
import logging
import os
import shutil
import sys
import tempfile
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from tqdm import tqdm

from ptbert_hub import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    cached_path,
    default_cache,
    filename_to_url,
    get_file_extension,
    get_from_cache,
    http_get,
    read_set_from_file,
    split_s3_path,
    url_to_filename,
)
from ptbert_hub.settings import torch_home

if TYPE_CHECKING:
    PYTORCH_PRETRAINED_BERT_CACHE: Path
    torch_cache_home: str
    default_cache_path: str


logger = logging.getLogger("ptbert_hub")

__all__ = [
    "CONFIG_NAME",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "WEIGHTS_NAME",
    "Path",
    "cached_path",
    "default_cache_path",
    "filename_to_url",
    "fnmatch",
    "get_file_extension",
    "get_from_cache",
    "http_get",
    "json",
    "logger",
    "logging",
    "os",
    "read_set_from_file",
    "sha256",
    "shutil",
    "split_s3_path",
    "sys",
    "tempfile",
    "torch_cache_home",
    "tqdm",
    "url_to_filename",
    "urlparse",
    "wraps",
]


def _get_torch_home() -> str:  # June's name; it came from torch.hub
    return str(torch_home())


def __getattr__(name: str) -> Path | str:  # the folders as the environment says now
    if name == "PYTORCH_PRETRAINED_BERT_CACHE":
        return default_cache()
    if name == "torch_cache_home":
        return _get_torch_home()
    if name == "default_cache_path":  # where files are if nothing else was chosen
        return str(torch_home() / "pytorch_pretrained_bert")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
