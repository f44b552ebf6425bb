"""Group H: caches of 2019, in both directions, and folders that cannot be written."""

import fnmatch
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, entry_names, get_from_cache, records, url_to_filename
from ptbert_hub.errors import CacheReadOnly, CorruptCache, OfflineMiss

RECORDED = Path(__file__).parent / "data" / "cache-2019"
VOCAB = CATALOG["bert-base-cased"].vocabulary
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount or change user"
)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")


@pytest.fixture
def recorded(tmp_path):
    def copied(case):
        return Path(shutil.copytree(RECORDED / case, tmp_path / case))

    return copied


# H1: caches of the released downloader of 2019, recorded by tests/data/make_cache_2019.py


def test_a_cache_of_2019_is_used_as_it_is(recorded, offline):
    cache = recorded("good")

    path = Path(get_from_cache(VOCAB, cache))

    assert path.read_bytes() == b"[PAD]\n[UNK]\nhello\n"
    assert path.parent == cache
    assert records.read_record(path)["verified"] == "md5"


@pytest.mark.parametrize("case", ["page-404", "get-503", "head-403", "cut-copy"])
def test_damaged_files_in_a_cache_of_2019_are_moved_aside(recorded, offline, case):
    cache = recorded(case)
    before = {path.name for path in cache.iterdir()}

    with pytest.raises(CorruptCache, match="is damaged, and the network is not used"):
        get_from_cache(VOCAB, cache)
    aside = {path.name[:64] for path in (cache / ".ptbert-hub/quarantine").iterdir()}
    assert aside == {name[:64] for name in before}
    with pytest.raises(OfflineMiss):
        get_from_cache(VOCAB, cache)


@pytest.mark.parametrize("case", ["page-404", "get-503", "head-403", "cut-copy"])
def test_online_damaged_files_are_downloaded_again(recorded, served, monkeypatch, case):
    served.become(b"[PAD]\n[UNK]\nhello\n")
    monkeypatch.setenv("HF_ENDPOINT", served.address)

    assert Path(get_from_cache(VOCAB, recorded(case))).read_bytes() == served.content


@pytest.mark.parametrize(
    "folder",
    [
        ".pytorch_pretrained_bert",
        ".cache/torch/pytorch_pretrained_bert",
        ".cache/torch/pytorch_transformers",
        ".cache/torch/transformers",
    ],
)
def test_all_default_folders_of_2019_are_searched(own_home, offline, folder):
    shutil.copytree(RECORDED / "good", own_home / folder)

    assert Path(get_from_cache(VOCAB)).parent == own_home / folder


def test_programs_of_2019_find_our_files(served, cache, monkeypatch):
    """Online they look for one name, offline for the last one that matches a pattern."""
    served.become(b"[PAD]\n")
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    path = Path(get_from_cache(VOCAB, cache))

    online = cache / url_to_filename(VOCAB, served.etag)
    names = fnmatch.filter(os.listdir(cache), url_to_filename(VOCAB) + ".*")
    offline = [name for name in names if not name.endswith(".json")][-1]

    assert online == path
    assert cache / offline == path
    assert json.loads(records.record_path(path).read_text())["url"] == VOCAB


def test_nothing_of_ours_is_taken_for_data(served, cache):
    served.replies = lambda request: None
    get_from_cache(served.url(), cache)
    served.become(b"new")
    get_from_cache(served.url(), cache)

    names = {name for name in os.listdir(cache) if name != ".ptbert-hub"}
    assert len(names) == 4
    for name in names:
        assert entry_names.ENTRY_NAME.fullmatch(name.removesuffix(".json"))


def test_an_archive_of_early_2019_stands_for_weights_and_configuration(tmp_path, offline):
    row = CATALOG["bert-base-cased"]
    cache = tmp_path / "cache"
    cache.mkdir()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in (("bert_config.json", b"{}"), ("pytorch_model.bin", b"\x80weights")):
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    entry = cache / url_to_filename(row.archive, '"x-2"')
    entry.write_bytes(data.getvalue())
    records.record_path(entry).write_text(json.dumps({"url": row.archive, "etag": '"x-2"'}))

    assert Path(get_from_cache(row.weights, cache)).read_bytes() == b"\x80weights"
    assert Path(get_from_cache(row.config, cache)).read_bytes() == b"{}"
    with pytest.raises(OfflineMiss):
        get_from_cache(row.vocabulary, cache)


# H2: folders that cannot be written


@pytest.fixture
def mounted(tmp_path):
    """Bind a folder to itself, read-only, until the test ends."""
    done = []

    def read_only(folder):
        for options in (["--bind", str(folder), str(folder)], ["-o", "remount,ro,bind", folder]):
            if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
                pytest.skip("mounting is not allowed here")
            done.append(folder)
        return folder

    yield read_only
    if done:
        subprocess.run(["umount", str(done[0])], check=True)


@root_only
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bind mounts are Linux only")
def test_a_read_only_cache_is_read_and_never_opened_for_writing(served, cache, mounted, which):
    strace = which("strace")
    path = get_from_cache(served.url(), cache)
    mounted(cache)
    code = (
        "import sys; from ptbert_hub import get_from_cache;"
        "print(get_from_cache(*sys.argv[1:], revalidate='never'))"
    )

    done = subprocess.run(
        [
            *(strace, "-f", "-e", "trace=openat,mkdir,rename,unlink"),
            *(sys.executable, "-c", code, served.url(), str(cache)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.strip() == path
    touched = [line for line in done.stderr.splitlines() if str(cache) in line]
    assert touched
    assert not [line for line in touched if "O_WRONLY" in line or "O_RDWR" in line]
    assert not [line for line in touched if line.startswith(("mkdir", "rename", "unlink"))]
    with pytest.raises(CacheReadOnly, match="name a folder of your own in PYTORCH_PRETRAINED"):
        get_from_cache(served.url("other.dat"), cache)


@root_only
def test_a_read_only_cache_of_2019_is_verified_and_used(recorded, offline, mounted):
    cache = mounted(recorded("good"))

    assert Path(get_from_cache(VOCAB, cache)).read_bytes() == b"[PAD]\n[UNK]\nhello\n"


@root_only
def test_damaged_files_in_a_read_only_cache_are_not_used(
    recorded, served, mounted, monkeypatch, tmp_path
):
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", str(mounted(recorded("page-404"))))
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    served.become(b"[PAD]\n[UNK]\nhello\n")

    path = Path(get_from_cache(VOCAB))

    assert path.parent == tmp_path / "own"
    assert path.read_bytes() == served.content


def test_read_only_caches_save_a_download(served, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    path = get_from_cache(served.url(), shared)
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", str(shared))
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "own"))

    assert get_from_cache(served.url(), revalidate="never") == path
    assert len(served.requests) == 1
    assert not (tmp_path / "own").exists()
