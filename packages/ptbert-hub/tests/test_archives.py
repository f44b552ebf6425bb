"""Group G: archives are unpacked completely, once, and never outside their folder."""

import io
import os
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from ptbert_hub import archives, cached_path, extract_archive, is_archive
from ptbert_hub.errors import CacheReadOnly, DiskFull, NotFound, UnsafeArchive
from ptbert_hub.writers import claim


def member(name, content=b"x", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def tar(path, members, mode="w:gz", **options):
    with tarfile.open(path, mode, **options) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


MODEL = [member("config.json", b"{}"), member("./sub/pytorch_model.bin", b"weights")]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_under_its_digest(tmp_path, cache, mode):
    path = tar(tmp_path / "m.tar", MODEL, mode)

    folder = extract_archive(path, cache)

    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "sub/pytorch_model.bin").read_bytes() == b"weights"
    assert extract_archive(path, cache) == folder
    assert [item.name for item in folder.parent.iterdir()] == [folder.name]


def test_a_zip_is_unpacked(tmp_path, cache):
    files = [("a/", b"", 0), ("a/config.json", b"{}", 0), ("vocab.txt", b"", 0)]
    path = zipped(tmp_path / "m.zip", files)

    assert (extract_archive(path, cache) / "a/config.json").read_bytes() == b"{}"


def test_the_single_folder_of_an_archive_is_stepped_into(tmp_path, cache):
    """Archives are made of a folder's files, or of the folder."""
    of_a_folder = tar(tmp_path / "m.tar.gz", [member("bert/config.json", b"{}")])
    of_a_file = tar(tmp_path / "n.tar.gz", [member("config.json", b"{}")])

    for path in (of_a_folder, of_a_file):
        folder = extract_archive(path, cache)
        assert [file.name for file in folder.iterdir()] == ["config.json"]
        assert extract_archive(path, cache) == folder


def test_the_copies_of_names_that_a_mac_adds_do_not_count(tmp_path, cache):
    names = ("model/config.json", "._model", "__MACOSX/model/._config.json")
    path = tar(tmp_path / "mac.tar.gz", [member(name, b"{}") for name in names])
    assert [file.name for file in extract_archive(path, cache).iterdir()] == ["config.json"]


def hardlink(target):
    return member("link", b"", type=tarfile.LNKTYPE, linkname=target)


def symlink(name, target):
    return member(name, b"", type=tarfile.SYMTYPE, linkname=target)


HOSTILE_TARS = {
    "parent": [member("../evil")],
    "deep parent": [member("a/b/../../../evil")],
    "absolute": [member("/tmp/evil")],
    "double slash": [member("//tmp/evil")],
    "dots inside": [member("a/../../evil")],
    "sibling prefix": [member("../" + "0" * 64 + "-evil/x")],
    "backslash": [member("a\\..\\..\\evil")],
    "drive": [member("C:evil")],
    "drive path": [member("c:/evil")],
    "symlink": [symlink("link", "/etc/passwd")],
    "relative symlink": [symlink("link", "../../..")],
    "inner symlink": [member("a"), symlink("link", "a")],
    "write through symlink": [symlink("dir", "/tmp"), member("dir/evil")],
    "replace file by symlink": [member("a"), symlink("a", "/tmp/evil"), member("a")],
    "hard link": [hardlink("/etc/passwd")],
    "hard link out": [hardlink("../../evil")],
    "hard link to member": [member("a"), hardlink("a")],
    "fifo": [member("pipe", b"", type=tarfile.FIFOTYPE)],
    "character device": [member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "block device": [member("disk", b"", type=tarfile.BLKTYPE, devmajor=8)],
    "sparse": [member("sparse", b"x" * 512, type=tarfile.GNUTYPE_SPARSE)],
    "unknown type": [member("odd", b"", type=b"Z"), symlink("b", "c")],
    "duplicate": [member("a"), member("a")],
    "case": [member("config.json"), member("CONFIG.json")],
    "unicode forms": [member("\u00e9"), member("e\u0301")],
    "file as folder": [member("a"), member("a/b")],
    "folder as file": [member("a/b"), member("a")],
    "folder then file": [member("a", b"", type=tarfile.DIRTYPE), member("a")],
    "deep": [member("a/" * 40 + "x")],
    "long name": [member("n" * 300)],
    "parent folder": [member("../evil", b"", type=tarfile.DIRTYPE)],
    "pax name": [member("fine", pax_headers={"path": "../evil"})],
    "pax absolute": [member("fine", pax_headers={"path": "/tmp/evil"})],
    "pax link": [member("fine", b"", type=tarfile.SYMTYPE, pax_headers={"linkpath": "/etc"})],
    "many": [member(f"f{n}", b"") for n in range(101)],
}
HOSTILE_ZIPS = {
    "zip parent": [("../evil", b"x", 0)],
    "zip absolute": [("/tmp/evil", b"x", 0)],
    "zip backslash": [("..\\evil", b"x", 0)],
    "zip drive": [("C:\\evil", b"x", 0)],
    "zip nul": [("a\0../../evil", b"x", 0)],
    "zip symlink": [("link", b"/etc/passwd", stat.S_IFLNK | 0o777)],
    "zip fifo": [("pipe", b"", stat.S_IFIFO)],
    "zip device": [("null", b"", stat.S_IFCHR)],
    "zip duplicate": [("a", b"x", 0), ("a", b"y", 0)],
    "zip case": [("a", b"x", 0), ("A", b"y", 0)],
}


def snapshot(folder, but):
    """Everything outside the cache: path, inode, size and time."""
    return {
        (str(path), path.lstat().st_ino, path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if but not in path.parents and path != but
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [*HOSTILE_TARS, *HOSTILE_ZIPS])
def test_a_malicious_archive_changes_nothing(tmp_path, cache, name, monkeypatch):
    assert archives.MAX_MEMBERS == 10_000
    monkeypatch.setattr(archives, "MAX_MEMBERS", 100)
    if name in HOSTILE_TARS:
        path = tar(tmp_path / "m", HOSTILE_TARS[name], "w:gz", format=tarfile.PAX_FORMAT)
    else:
        path = zipped(tmp_path / "m", HOSTILE_ZIPS[name])
    cache.mkdir()
    before = snapshot(tmp_path, cache)
    tmp = set(os.listdir("/tmp"))

    with pytest.raises(UnsafeArchive, match="do not trust this archive"):
        extract_archive(path, cache)
    assert snapshot(tmp_path, cache) == before
    assert "evil" not in set(os.listdir("/tmp")) - tmp
    assert list((cache / ".ptbert-hub/extracted").iterdir()) == []


def test_there_are_forty_malicious_archives():
    assert len(HOSTILE_TARS) + len(HOSTILE_ZIPS) >= 40


@pytest.mark.parametrize("kind", ["gz", "zip", "pax"])
def test_an_archive_that_unpacks_to_far_too_much_is_stopped(tmp_path, cache, kind, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM", 4 << 20)
    zeros = bytes(32 << 20)
    if kind == "zip":
        path = zipped(tmp_path / "bomb", [("zeros", zeros, 0)])
    elif kind == "gz":
        path = tar(tmp_path / "bomb", [member("zeros", zeros)])
    else:
        headers = {"comment": "0" * (32 << 20)}
        path = tar(tmp_path / "bomb", [member("a", pax_headers=headers)], format=tarfile.PAX_FORMAT)
    limit = max(4 << 20, path.stat().st_size * archives.MAX_RATIO)
    del zeros
    written = []
    real = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: (written.append(len(data)), real(fd, data))[1]
    )
    tracemalloc.start()

    with pytest.raises(UnsafeArchive, match="unpacks to far more than its size"):
        extract_archive(path, cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(written) <= limit + archives.BLOCK
    assert peak < 3 * limit
    assert list((cache / ".ptbert-hub/extracted").iterdir()) == []


def test_an_archive_for_which_there_is_no_room_is_stopped(tmp_path, cache, monkeypatch):
    path = tar(tmp_path / "m", [member("big", random.Random(0).randbytes(3 << 20))])
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: type("U", (), {"free": 1 << 20}))

    with pytest.raises(UnsafeArchive, match="than there is room for"):
        extract_archive(path, cache)


def test_a_zip_with_wrong_sizes_is_refused(tmp_path, cache):
    path = zipped(tmp_path / "m.zip", [("a", b"x" * 1000, 0)])
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)  # uncompressed size in the directory
    path.write_bytes(data)

    with pytest.raises(UnsafeArchive, match="no readable archive"):
        extract_archive(path, cache)


@pytest.mark.parametrize("kind", ["gz", "plain", "zip"])
def test_a_truncated_archive_is_refused_and_leaves_nothing(tmp_path, cache, kind):
    content = random.Random(0).randbytes(50_000)
    if kind == "zip":
        path = zipped(tmp_path / "m", [("a", content, 0)])
    else:
        path = tar(tmp_path / "m", [member("a", content)], "w:gz" if kind == "gz" else "w")
    os.truncate(path, 30_000)

    with pytest.raises(UnsafeArchive, match="is no readable archive"):
        extract_archive(path, cache)
    assert list((cache / ".ptbert-hub/extracted").iterdir()) == []


def test_damaged_archives_raise_one_error_only(tmp_path, cache):
    """A hundred here, five hundred in tests/faults."""
    check_mutations(tmp_path, cache, range(100))


def check_mutations(tmp_path, cache, seeds):
    whole = [
        tar(tmp_path / "t", MODEL).read_bytes(),
        tar(tmp_path / "u", MODEL, "w").read_bytes(),
        zipped(tmp_path / "z", [("a", b"x" * 500, 0), ("b/c", b"y", 0)]).read_bytes(),
    ]
    before = None
    for seed in seeds:
        chance = random.Random(seed)
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / "mutated"
        path.write_bytes(data)
        before = before or {p for p in tmp_path.rglob("*") if cache not in p.parents}
        with suppress(UnsafeArchive):
            extract_archive(path, cache)
        after = {p for p in tmp_path.rglob("*") if cache not in p.parents}
        assert after | {cache} == before | {cache}


def test_a_file_that_is_no_archive_is_an_error(tmp_path, cache):
    (tmp_path / "m.tar").write_bytes(b"hello")
    with pytest.raises(UnsafeArchive, match="no readable archive"):
        extract_archive(tmp_path / "m.tar", cache)
    with pytest.raises(NotFound, match="no archive at"):
        extract_archive(tmp_path / "none.tar", cache)


def test_weights_in_torchs_zip_format_are_not_taken_for_a_model_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    (tmp_path / "m.tar").write_bytes(b"hello")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04broken")

    assert not is_archive(tmp_path / "pytorch_model.bin")
    assert not is_archive(tmp_path / "m.tar")
    assert not is_archive(tmp_path / "broken.zip")
    assert is_archive(tar(tmp_path / "m.tar.gz", MODEL))


def test_what_a_killed_process_left_is_removed(tmp_path, cache):
    path = tar(tmp_path / "m", MODEL)
    folder = extract_archive(path, cache)
    with claim() as tag:
        dead = folder.with_name(f"{folder.name}.{tag}.part")
    dead.mkdir()
    (dead / "half").touch()
    for item in sorted(folder.rglob("*"), reverse=True):
        item.rmdir() if item.is_dir() else item.unlink()
    folder.rmdir()

    assert (extract_archive(path, cache) / "config.json").exists()
    assert not dead.exists()


def test_a_full_disk_has_its_own_error_and_leaves_nothing(tmp_path, cache, monkeypatch):
    path = tar(tmp_path / "m", MODEL)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(DiskFull):
            extract_archive(path, cache)
    assert list((cache / ".ptbert-hub/extracted").iterdir()) == []


def test_a_read_only_cache_has_its_own_error(tmp_path, cache, monkeypatch):
    path = tar(tmp_path / "m", MODEL)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "ro")))

    with pytest.raises(CacheReadOnly, match="PYTORCH_PRETRAINED_BERT_CACHE"):
        extract_archive(path, cache)


def test_a_downloaded_archive_is_hashed_once(served, tmp_path, cache, monkeypatch):
    served.content = tar(tmp_path / "m", MODEL).read_bytes()
    path = cached_path(served.url("m.tar.gz"), cache)
    monkeypatch.setattr(archives, "hash_file", lambda _: pytest.fail("hashed again"))

    assert (extract_archive(path, cache) / "config.json").exists()


def test_files_of_an_archive_follow_the_umask(tmp_path, cache):
    path = tar(tmp_path / "m", [member("a", mode=0o4777)])
    before = os.umask(0o022)
    try:
        folder = extract_archive(path, cache)
    finally:
        os.umask(before)

    assert (folder / "a").stat().st_mode & 0o7777 == 0o644
