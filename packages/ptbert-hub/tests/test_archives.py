"""Group G: archives are unpacked completely, once, and never outside their folder."""

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import stat
import struct
import subprocess
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from ptbert_hub import (
    CATALOG,
    archives,
    cached_path,
    extract_archive,
    get_from_cache,
    is_archive,
    records,
    url_to_filename,
)
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import CacheReadOnly, DiskFull, NotFound, OfflineMiss, UnsafeArchive
from ptbert_hub.readers import decompressing, members
from ptbert_hub.readers.decompressing import BLOCK
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


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_is_unpacked_whatever_its_usual_method(tmp_path, cache, method):
    content = random.Random(0).randbytes(3 << 20) + bytes(3 << 20)  # several blocks
    with zipfile.ZipFile(tmp_path / "m.zip", "w", method) as archive:
        archive.writestr("größe.bin", content)
        archive.comment = b"made by hand " * 5000  # a comment has at most 65,535 bytes

    folder = extract_archive(tmp_path / "m.zip", cache)
    assert (folder / "größe.bin").read_bytes() == content


def test_the_names_of_old_zips_are_those_of_dos(tmp_path, cache):
    path = zipped(tmp_path / "m.zip", [("gr_sse", b"x", 0)])
    path.write_bytes(path.read_bytes().replace(b"gr_sse", b"gr\x94sse"))

    assert [file.name for file in extract_archive(path, cache).iterdir()] == ["grösse"]


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
HOSTILE_TARS |= {
    "sparse by pax": [member("s", b"x" * 512, pax_headers={"GNU.sparse.major": "1"})],
    "many implied folders": [member("/".join(f"{n}{k}" for k in range(20))) for n in range(6)],
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
    assert members.MAX_MEMBERS == 10_000
    monkeypatch.setattr(members, "MAX_MEMBERS", 100)
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
    monkeypatch.setattr(decompressing, "RATIO_FROM", 4 << 20)
    zeros = bytes(32 << 20)
    if kind == "zip":
        path = zipped(tmp_path / "bomb", [("zeros", zeros, 0)])
    elif kind == "gz":
        path = tar(tmp_path / "bomb", [member("zeros", zeros)])
    else:
        headers = {"comment": "0" * (32 << 20)}
        path = tar(tmp_path / "bomb", [member("a", pax_headers=headers)], format=tarfile.PAX_FORMAT)
    limit = max(4 << 20, path.stat().st_size * decompressing.MAX_RATIO)
    del zeros
    written = []
    real = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: (written.append(len(data)), real(fd, data))[1]
    )
    tracemalloc.start()

    text = "has a header of" if kind == "pax" else "unpacks to far more than its size"
    with pytest.raises(UnsafeArchive, match=text):
        extract_archive(path, cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(written) <= limit + BLOCK
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


def changed(path, at, form, *values):
    """The zip with other numbers in the row of its first member, which begins ``PK 1 2``."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.find(b"PK\1\2") + at, *values)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("at", "form", "value", "text"),
    [
        (8, "<H", 1, "its member 'a' is encrypted, or packed in an unusual way"),
        (16, "<L", 5, "its member 'a' has another size or a wrong checksum"),
        (24, "<L", 99, "its member 'a' has another size or a wrong checksum"),
        (20, "<L", 1, "it ends too early"),
        (20, "<L", 1 << 30, "its members need more bytes than it has"),
        (42, "<L", 7, "a member is not where its list of members says"),
        (28, "<H", 60000, "its list of members is damaged"),
    ],
)
def test_a_zip_whose_list_is_wrong_is_refused(tmp_path, cache, at, form, value, text):
    path = zipped(tmp_path / "m.zip", [("a", b"xyz" * 100, 0)])
    changed(path, at, form, value)

    with pytest.raises(UnsafeArchive, match=f"is no readable archive: .*{text}.* - fetch it again"):
        extract_archive(path, cache)


def test_members_of_a_zip_in_one_place_are_refused(tmp_path, cache):
    """Bombs are made so, which unpack to far more than their ratio says."""
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(50):
            archive.writestr(f"{n}", bytes(1000) if n == 0 else b"")
    data = path.read_bytes()
    whole = data[data.find(b"PK\1\2") :][16:28]  # checksum and sizes of the first
    parts = data.split(b"PK\1\2")
    rows = [row[:12] + whole + row[24:38] + bytes(4) + row[42:] for row in parts[1:]]
    path.write_bytes(b"PK\1\2".join([parts[0], *rows]))

    with pytest.raises(UnsafeArchive, match="its members need more bytes than it has"):
        extract_archive(path, cache)


@pytest.mark.parametrize("header", [0, 20])
def test_members_that_lie_over_each_other_are_refused(tmp_path, cache, header):
    """In an archive with room enough for each of them elsewhere."""
    path = zipped(tmp_path / "m.zip", [("a", b"xyz" * 100, 0), ("b", b"xyz" * 100, 0)])
    data = path.read_bytes()
    at = data.rfind(b"PK\1\2") + 42
    path.write_bytes(data[:at] + header.to_bytes(4, "little") + data[at + 4 :])

    with pytest.raises(UnsafeArchive, match="its members lie over each other"):
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
    """Two hundred here, twenty thousand in tests/faults."""
    check_mutations(tmp_path, cache, range(200))


def mutated(data, chance):
    """The bytes with some replaced, left out or twice; often with the right checksum of a tar."""
    data = bytearray(data)
    for _ in range(chance.randint(0, 8)):
        data[chance.randrange(len(data))] = chance.choice((0, 255, 48, 57, chance.randrange(256)))
    at, size = chance.randrange(len(data)), chance.choice((1, 16, 512))
    match chance.randrange(5):
        case 0:
            del data[at : at + size]
        case 1:
            data[at:at] = data[at : at + size]
    if data[257:262] == b"ustar" and chance.randrange(2):
        data[148:156] = b" " * 8
        data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def check_mutations(tmp_path, cache, seeds):
    long = [member("n" * 90 + "/" + "n" * 90, b"x" * 600), *MODEL]
    whole = [
        *(tar(tmp_path / "t", MODEL, mode).read_bytes() for mode in ("w:gz", "w:bz2", "w:xz")),
        *[tar(tmp_path / "t", long, "w", format=form).read_bytes() for form in (0, 1, 2)] * 2,
        zipped(tmp_path / "z", [("a", b"x" * 500, 0), ("b/c", b"y", 0)]).read_bytes(),
    ]
    path = tmp_path / "mutated"
    path.touch()
    cache.mkdir()

    def around():
        return {
            place for folder in (tmp_path, tmp_path.parent, cache) for place in folder.iterdir()
        }

    before = around() | {cache / ".ptbert-hub"}
    for seed in seeds:
        chance = random.Random(seed)
        data = mutated(chance.choice(whole), chance)
        path.write_bytes(gzip.compress(data, 1) if chance.randrange(4) == 0 else data)
        is_archive(path)
        with suppress(UnsafeArchive):
            shutil.rmtree(extract_archive(path, cache))
        assert around() | {cache / ".ptbert-hub"} == before


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


# Budgets of memory, members and time


def packed(header, content=b"", kind=b"0", name="x", size=None):
    """A block of a tar and what follows it, also where the header is wrong about it."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size is None else size
    block = info.tobuf(tarfile.GNU_FORMAT)
    return header + block[-512:] + content + bytes(-len(content) % 512)


def bomb(path, header):
    """A header and then 80 MB of nothing, compressed to almost nothing."""
    with gzip.open(path, "wb", 1) as file:
        file.write(header)
        for _ in range(80):
            file.write(bytes(1 << 20))
    return path


BOMBS = {
    "pax": packed(b"", kind=tarfile.XHDTYPE, size=80 << 20),
    "global pax": packed(b"", kind=tarfile.XGLTYPE, size=80 << 20),
    "GNU long name": packed(b"", kind=tarfile.GNUTYPE_LONGNAME, size=80 << 20),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_that_asks_for_much_memory_is_refused_in_little(tmp_path, cache, name):
    path = bomb(tmp_path / "bomb.tar.gz", BOMBS[name])
    tracemalloc.start()

    assert is_archive(path)
    with pytest.raises(UnsafeArchive, match="has a header of 83886080 bytes"):
        extract_archive(path, cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_looking_whether_a_file_is_an_archive_reads_one_block(tmp_path):
    path = bomb(tmp_path / "bomb.gz", bytes(512))
    tracemalloc.start()

    assert not is_archive(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_zip_with_a_long_list_of_members_is_refused_before_it_is_read(tmp_path, cache):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(20):
            info = zipfile.ZipInfo(f"{n}")
            info.comment = b"x" * 60_000
            archive.writestr(info, b"")
    with path.open("r+b") as file:
        data = file.read()
        at = data.rfind(b"PK\5\6")
        file.seek(at + 12)
        file.write(struct.pack("<I", 5 << 20))

    assert not is_archive(path)
    with pytest.raises(
        UnsafeArchive, match="its list of members has 5242880 bytes; 4194304 are read"
    ):
        extract_archive(path, cache)


def test_a_zip_of_a_method_that_needs_much_memory_is_refused(tmp_path, cache):
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x" * 1000)

    with pytest.raises(
        UnsafeArchive, match="its member 'a' is encrypted, or packed in an unusual way"
    ):
        extract_archive(path, cache)


def test_an_xz_that_needs_much_memory_is_refused(tmp_path, cache, monkeypatch):
    path = tar(tmp_path / "m.tar.xz", MODEL, "w:xz")
    monkeypatch.setattr(members, "MAX_MEMORY", 1 << 20)

    with pytest.raises(UnsafeArchive, match=r"is no readable archive: Memory usage limit"):
        extract_archive(path, cache)


def test_a_cut_xz_is_refused(tmp_path, cache):
    path = tar(tmp_path / "m.tar.xz", [member("a", random.Random(0).randbytes(50_000))], "w:xz")
    os.truncate(path, 30_000)

    with pytest.raises(UnsafeArchive, match="it ends too early"):
        extract_archive(path, cache)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (b"abc path=x\n", "malformed|without"),
        (b"9999 path=x\n", "malformed"),
        (b"0 path=x\n", "malformed"),
        (b"11 pathequals", "malformed"),
        (b"19 size=9999999999\n", "ends too early"),
        (b"11 size=-1\n", "malformed"),
    ],
)
def test_a_malformed_header_is_an_error_or_ignored(tmp_path, cache, header, text):
    path = tmp_path / "m.tar"
    end = bytes(1024)
    path.write_bytes(packed(packed(b"", header, tarfile.XHDTYPE), b"x", name="a") + end)

    if header.startswith(b"abc"):
        assert [file.name for file in extract_archive(path, cache).iterdir()] == ["a"]
    else:
        with pytest.raises(UnsafeArchive, match=text):
            extract_archive(path, cache)


@pytest.mark.parametrize("size", [-1, -512, -(1 << 40)])
def test_a_negative_size_is_refused(tmp_path, cache, size):
    path = tmp_path / "m.tar"
    path.write_bytes(packed(b"", b"x", size=size) + bytes(1024))

    with pytest.raises(UnsafeArchive, match=r"negative|no readable archive"):
        extract_archive(path, cache)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_usual_tar_is_unpacked_as_the_standard_library_does(tmp_path, cache, form, mode):
    chance = random.Random(1)
    long = "folder/" + "n" * 90 if form == tarfile.USTAR_FORMAT else "n" * 200
    sizes = (0, 1, 511, 512, 513, (1 << 20) + 1)
    content = [member(f"{long}-{size}", (chance.randbytes(7) * size)[:size]) for size in sizes]
    content.insert(1, member("empty", b"", type=tarfile.DIRTYPE))
    path = tar(tmp_path / "m.tar", content, mode, format=form)

    folder = extract_archive(path, cache)

    with tarfile.open(path) as reference:
        for info in reference:
            if info.isfile():
                assert (folder / info.name).read_bytes() == reference.extractfile(info).read()
    found = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert found == sorted(info.name for info, _ in content if info.isfile())
    assert (folder / "empty").is_dir()


@pytest.mark.skipif(not shutil.which("tar"), reason="needs the program tar")
@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_archives_of_the_program_tar_are_unpacked(tmp_path, cache, form):
    source = tmp_path / "bert"
    (source / "sub").mkdir(parents=True)
    (source / "config.json").write_text("{}")
    (source / "sub" / ("n" * 60)).write_bytes(b"x" * 1000)
    path = tmp_path / "m.tar.gz"
    subprocess.run(["tar", f"--format={form}", "-czf", path, "-C", tmp_path, "bert"], check=True)

    folder = extract_archive(path, cache)

    assert (folder / "config.json").read_text() == "{}"
    assert (folder / "sub" / ("n" * 60)).read_bytes() == b"x" * 1000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_archive(tmp_path, cache):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="it is no plain file"):
        is_archive(tmp_path / "pipe")
    with pytest.raises(NotFound, match="no archive at"):
        extract_archive(tmp_path / "pipe", cache)


def test_an_archive_of_early_2019_that_is_unsafe_does_not_stop_the_download(
    served, cache, monkeypatch, tmp_path
):
    row = CATALOG["bert-base-cased"]
    cache.mkdir()
    entry = cache / url_to_filename(row.archive)
    tar(entry, HOSTILE_TARS["parent"])
    records.record_path(entry).write_text(json.dumps({"url": row.archive, "etag": None}))
    served.content = b"{}"
    monkeypatch.setenv("HF_ENDPOINT", served.address)

    assert Path(get_from_cache(row.config, cache)).read_bytes() == b"{}"


def test_a_pin_counts_more_than_an_archive_of_early_2019(cache, monkeypatch, caplog):
    row = CATALOG["bert-base-cased"]
    cache.mkdir()
    entry = cache / url_to_filename(row.archive)
    tar(entry, [member("pytorch_model.bin", b"\x80right"), member("config.json", b"{}")])
    records.record_path(entry).write_text(json.dumps({"url": row.archive, "etag": None}))
    monkeypatch.setenv("PTBERT_HUB_OFFLINE", "1")
    wrong, right = (
        Pin(hashlib.sha256(data).hexdigest(), 6) for data in (b"\x80wrong", b"\x80right")
    )

    monkeypatch.setattr("ptbert_hub.sources.PINS", {(row.name, "weights"): wrong})
    with pytest.raises(OfflineMiss):
        get_from_cache(row.weights, cache)
    assert "its pytorch_model.bin is not the one that the catalog knows" in caplog.text
    monkeypatch.setattr("ptbert_hub.sources.PINS", {(row.name, "weights"): right})
    assert Path(get_from_cache(row.weights, cache)).read_bytes() == b"\x80right"
