"""Download, verify and cache published model files, also with many processes at the same time.

Names are imported when they are first used, so ``import ptbert_hub`` takes little time.
"""

from typing import TYPE_CHECKING

from ptbert_hub.on_demand import homes_of, names_on_demand

if TYPE_CHECKING:  # the same names for type checkers and editors
    from pathlib import Path

    from ptbert_hub.addresses import split_s3_path as split_s3_path
    from ptbert_hub.archives import extract_archive as extract_archive
    from ptbert_hub.cache import cached_path as cached_path
    from ptbert_hub.cache import get_from_cache as get_from_cache
    from ptbert_hub.catalog import CATALOG as CATALOG
    from ptbert_hub.catalog import CONFIG_NAME as CONFIG_NAME
    from ptbert_hub.catalog import EMBEDDED as EMBEDDED
    from ptbert_hub.catalog import WEIGHTS_NAME as WEIGHTS_NAME
    from ptbert_hub.catalog import Checkpoint as Checkpoint
    from ptbert_hub.catalog import archive_map as archive_map
    from ptbert_hub.catalog import closest_name as closest_name
    from ptbert_hub.catalog import length_map as length_map
    from ptbert_hub.catalog import name_of_address as name_of_address
    from ptbert_hub.command_line import add_version as add_version
    from ptbert_hub.command_line import run_command as run_command
    from ptbert_hub.embedded import embedded_folder as embedded_folder
    from ptbert_hub.entry_names import url_to_filename as url_to_filename
    from ptbert_hub.errors import AccessDenied as AccessDenied
    from ptbert_hub.errors import BadContent as BadContent
    from ptbert_hub.errors import BadSource as BadSource
    from ptbert_hub.errors import CacheError as CacheError
    from ptbert_hub.errors import CacheReadOnly as CacheReadOnly
    from ptbert_hub.errors import CacheWriteError as CacheWriteError
    from ptbert_hub.errors import CorruptCache as CorruptCache
    from ptbert_hub.errors import DigestMismatch as DigestMismatch
    from ptbert_hub.errors import DiskFull as DiskFull
    from ptbert_hub.errors import GatedRepository as GatedRepository
    from ptbert_hub.errors import HubError as HubError
    from ptbert_hub.errors import IntegrityError as IntegrityError
    from ptbert_hub.errors import NetworkError as NetworkError
    from ptbert_hub.errors import NotAModelFile as NotAModelFile
    from ptbert_hub.errors import NotFound as NotFound
    from ptbert_hub.errors import OfflineMiss as OfflineMiss
    from ptbert_hub.errors import ProxyError as ProxyError
    from ptbert_hub.errors import RateLimited as RateLimited
    from ptbert_hub.errors import RepositoryNotFound as RepositoryNotFound
    from ptbert_hub.errors import RevisionNotFound as RevisionNotFound
    from ptbert_hub.errors import SizeMismatch as SizeMismatch
    from ptbert_hub.errors import SourcesExhausted as SourcesExhausted
    from ptbert_hub.errors import Timeout as Timeout
    from ptbert_hub.errors import TLSError as TLSError
    from ptbert_hub.errors import UnknownName as UnknownName
    from ptbert_hub.errors import UnsafeArchive as UnsafeArchive
    from ptbert_hub.errors import Unverifiable as Unverifiable
    from ptbert_hub.errors import WrongFamily as WrongFamily
    from ptbert_hub.files import atomic_write as atomic_write
    from ptbert_hub.files import get_file_extension as get_file_extension
    from ptbert_hub.files import read_set_from_file as read_set_from_file
    from ptbert_hub.locating import Place as Place
    from ptbert_hub.locating import locate as locate
    from ptbert_hub.options import DownloadOptions as DownloadOptions
    from ptbert_hub.readers.members import is_archive as is_archive
    from ptbert_hub.records import filename_to_url as filename_to_url
    from ptbert_hub.settings import default_cache as default_cache
    from ptbert_hub.snapshots import Snapshot as Snapshot
    from ptbert_hub.snapshots import open_snapshot as open_snapshot
    from ptbert_hub.snapshots import pinned as pinned
    from ptbert_hub.transport import http_get as http_get

    PYTORCH_PRETRAINED_BERT_CACHE: Path
    __version__: str

_NAMES = {
    "ptbert_hub.addresses": ("split_s3_path",),
    "ptbert_hub.archives": ("extract_archive",),
    "ptbert_hub.cache": (
        "cached_path",
        "get_from_cache",
    ),
    "ptbert_hub.catalog": (
        "CATALOG",
        "CONFIG_NAME",
        "EMBEDDED",
        "WEIGHTS_NAME",
        "Checkpoint",
        "archive_map",
        "closest_name",
        "length_map",
        "name_of_address",
    ),
    "ptbert_hub.command_line": (
        "add_version",
        "run_command",
    ),
    "ptbert_hub.embedded": ("embedded_folder",),
    "ptbert_hub.entry_names": ("url_to_filename",),
    "ptbert_hub.errors": (
        "AccessDenied",
        "BadContent",
        "BadSource",
        "CacheError",
        "CacheReadOnly",
        "CacheWriteError",
        "CorruptCache",
        "DigestMismatch",
        "DiskFull",
        "GatedRepository",
        "HubError",
        "IntegrityError",
        "NetworkError",
        "NotAModelFile",
        "NotFound",
        "OfflineMiss",
        "ProxyError",
        "RateLimited",
        "RepositoryNotFound",
        "RevisionNotFound",
        "SizeMismatch",
        "SourcesExhausted",
        "TLSError",
        "Timeout",
        "UnknownName",
        "UnsafeArchive",
        "Unverifiable",
        "WrongFamily",
    ),
    "ptbert_hub.files": (
        "atomic_write",
        "get_file_extension",
        "read_set_from_file",
    ),
    "ptbert_hub.locating": (
        "Place",
        "locate",
    ),
    "ptbert_hub.options": ("DownloadOptions",),
    "ptbert_hub.readers.members": ("is_archive",),
    "ptbert_hub.records": ("filename_to_url",),
    "ptbert_hub.settings": ("default_cache",),
    "ptbert_hub.snapshots": (
        "Snapshot",
        "open_snapshot",
        "pinned",
    ),
    "ptbert_hub.transport": ("http_get",),
}
_HOMES = homes_of(_NAMES)


def _cache_folder() -> "Path":
    from ptbert_hub.settings import default_cache

    return default_cache()


_COMPUTED = {"PYTORCH_PRETRAINED_BERT_CACHE": _cache_folder}  # as the environment says now

__all__ = sorted(["__version__", *_HOMES, *_COMPUTED])  # noqa: PLE0605  # the values are strings

if not TYPE_CHECKING:
    __getattr__, __dir__ = names_on_demand(__name__, _HOMES, _COMPUTED)
