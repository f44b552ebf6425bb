"""What reading an archive may cost: memory, members, time."""

import gzip
import os
import random
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
from archive_builder import MODEL, member, tar

from ptbert_hub import (
    extract_archive,
    is_archive,
)
from ptbert_hub.errors import UnsafeArchive
from ptbert_hub.readers import members


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
