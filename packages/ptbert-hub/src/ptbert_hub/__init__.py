"""Download, verify and cache published model files, also with many processes at the same time."""

from typing import TYPE_CHECKING, Any

from ptbert_hub.addresses import split_s3_path
from ptbert_hub.archives import extract_archive
from ptbert_hub.cache import cached_path, get_from_cache
from ptbert_hub.catalog import (
    CATALOG,
    CONFIG_NAME,
    EMBEDDED,
    WEIGHTS_NAME,
    Checkpoint,
    archive_map,
    closest_name,
    length_map,
    name_of_address,
)
from ptbert_hub.command_line import add_version, run_command
from ptbert_hub.embedded import embedded_folder
from ptbert_hub.entry_names import url_to_filename
from ptbert_hub.errors import (
    AccessDenied,
    BadContent,
    BadSource,
    CacheError,
    CacheReadOnly,
    CacheWriteError,
    CorruptCache,
    DigestMismatch,
    DiskFull,
    GatedRepository,
    HubError,
    IntegrityError,
    NetworkError,
    NotAModelFile,
    NotFound,
    OfflineMiss,
    ProxyError,
    RateLimited,
    RepositoryNotFound,
    RevisionNotFound,
    SizeMismatch,
    SourcesExhausted,
    Timeout,
    TLSError,
    UnknownName,
    UnsafeArchive,
    Unverifiable,
    WrongFamily,
)
from ptbert_hub.files import atomic_write, get_file_extension, read_set_from_file
from ptbert_hub.locating import Place, locate
from ptbert_hub.options import DownloadOptions
from ptbert_hub.readers.members import is_archive
from ptbert_hub.records import filename_to_url
from ptbert_hub.settings import default_cache
from ptbert_hub.snapshots import Snapshot, open_snapshot, pinned
from ptbert_hub.transport import http_get

if TYPE_CHECKING:
    from pathlib import Path

    PYTORCH_PRETRAINED_BERT_CACHE: Path

__all__ = [
    "CATALOG",
    "CONFIG_NAME",
    "EMBEDDED",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "WEIGHTS_NAME",
    "AccessDenied",
    "BadContent",
    "BadSource",
    "CacheError",
    "CacheReadOnly",
    "CacheWriteError",
    "Checkpoint",
    "CorruptCache",
    "DigestMismatch",
    "DiskFull",
    "DownloadOptions",
    "GatedRepository",
    "HubError",
    "IntegrityError",
    "NetworkError",
    "NotAModelFile",
    "NotFound",
    "OfflineMiss",
    "Place",
    "ProxyError",
    "RateLimited",
    "RepositoryNotFound",
    "RevisionNotFound",
    "SizeMismatch",
    "Snapshot",
    "SourcesExhausted",
    "TLSError",
    "Timeout",
    "UnknownName",
    "UnsafeArchive",
    "Unverifiable",
    "WrongFamily",
    "__version__",
    "add_version",
    "archive_map",
    "atomic_write",
    "cached_path",
    "closest_name",
    "default_cache",
    "embedded_folder",
    "extract_archive",
    "filename_to_url",
    "get_file_extension",
    "get_from_cache",
    "http_get",
    "is_archive",
    "length_map",
    "locate",
    "name_of_address",
    "open_snapshot",
    "pinned",
    "read_set_from_file",
    "run_command",
    "split_s3_path",
    "url_to_filename",
]


def __getattr__(name: str) -> Any:
    if name == "PYTORCH_PRETRAINED_BERT_CACHE":  # the folder as the environment says now
        return default_cache()
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-hub")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
