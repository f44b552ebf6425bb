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

if TYPE_CHECKING:
    PYTORCH_PRETRAINED_BERT_CACHE: Path


logger = logging.getLogger("ptbert_hub")

__all__ = [
    "CONFIG_NAME",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "WEIGHTS_NAME",
    "Path",
    "cached_path",
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
    "tqdm",
    "url_to_filename",
    "urlparse",
    "wraps",
]


def __getattr__(name: str) -> Path:
    if name == "PYTORCH_PRETRAINED_BERT_CACHE":  # the folder as the environment says now
        return default_cache()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
