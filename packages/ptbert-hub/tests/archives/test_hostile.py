"""Archives from strangers change nothing outside of their folder."""

import os
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
from archive_builder import member, tar, zipped
from archive_damage import check_mutations

from ptbert_hub import (
    archives,
    extract_archive,
)
from ptbert_hub.errors import UnsafeArchive
from ptbert_hub.readers import decompressing, members
from ptbert_hub.readers.decompressing import BLOCK


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
