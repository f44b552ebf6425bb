import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ptbert_hub

PUBLIC = [
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


def test_the_public_names_are_these():
    assert ptbert_hub.__all__ == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(ptbert_hub, name) is not None


def test_type_checkers_see_the_objects_that_programs_get():
    tree = ast.parse(Path(ptbert_hub.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: getattr(importlib.import_module(statement.module), alias.name)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module.startswith("ptbert_hub.")
        for alias in statement.names
    }
    others = {"PYTORCH_PRETRAINED_BERT_CACHE", "__version__"}
    assert seen == {name: getattr(ptbert_hub, name) for name in set(PUBLIC) - others}


def test_every_name_is_listed_before_it_is_used():
    code = "import json, ptbert_hub; print(json.dumps(dir(ptbert_hub)))"
    assert set(json.loads(run_python(code))) >= set(PUBLIC)


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_a_name_imports_its_own_module_only():
    code = (
        "import sys; from ptbert_hub import CONFIG_NAME, DownloadOptions, cached_path, locate; "
        "print(sorted({'ssl', 'http.client', 'ptbert_hub.download', 'requests'} & {*sys.modules}))"
    )
    assert run_python(code) == "[]\n"


def test_a_module_is_an_attribute_before_it_is_imported():
    code = "import ptbert_hub; print(ptbert_hub.locating.locate is ptbert_hub.locate)"
    assert run_python(code) == "True\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'ptbert_hub' has no attribute 'cache_path'"):
        _ = ptbert_hub.cache_path


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / name))
        assert tmp_path / name == ptbert_hub.PYTORCH_PRETRAINED_BERT_CACHE
