"""Files of ``torch.save``, written here byte by byte, because this package has no torch."""

import io
import os
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import ForeignName, PickleReader, Reference
from ptbert_hub.readers.torch_files import begins_like_torch, read_torch_file

MAGIC = 0x1950A86A20F9469CFC6C
FLOATS = struct.pack("<3f", 1.5, 2.5, 3.5)


class Stored:
    """Pickles as the reference to a storage."""

    def __init__(self, *to):
        self.to = to


class Kind:
    """Pickles as the name of a class of torch."""

    def __init__(self, name):
        self.name = name


class Pickler(pickle._Pickler):  # noqa: SLF001 - the one in C does not let a name be written
    def persistent_id(self, thing):
        return thing.to if isinstance(thing, Stored) else None

    def save(self, thing, save_persistent_id=True):
        if isinstance(thing, Kind):
            self.write(f"ctorch\n{thing.name}\n".encode())
        else:
            super().save(thing, save_persistent_id)


MANY = []  # a short pickle, whose text would never end
for _ in range(100):
    MANY = [MANY, MANY]


def pickled(value, protocol=2):
    buffer = io.BytesIO()
    Pickler(buffer, protocol).dump(value)
    return buffer.getvalue()


def storage(key="0", kind="FloatStorage", count=3, *view):
    return Stored("storage", Kind(kind), key, "cpu", count, *view)


def archive(value=None, *, compression=zipfile.ZIP_STORED, pickle_name="data.pkl", **records):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr(f"a/{pickle_name}", pickled(value))
        for name, content in records.items():
            file.writestr(f"a/{name}", content)
    return buffer.getvalue()


def row(value, keys=None, behind=b"", magic=MAGIC):
    parts = [magic, 1001, {"little_endian": True}, value]
    return b"".join(map(pickled, parts + ([] if keys is None else [keys]))) + behind


def read(content):
    path = Path("file.bin")
    path.write_bytes(content)
    with open(path, "rb") as file:
        return read_torch_file(file)


def stored_bytes(content, found):
    """The bytes of all storages of a file, in the order of its references."""
    return [content[each.start : each.start + each.size] for each in found.storages.values()]


def test_an_archive_is_read_and_its_storages_are_found():
    content = archive({"x": storage()}, **{"data/0": FLOATS, "byteorder": sys.byteorder})

    found = read(content)

    (reference,) = found.storages
    assert found.value == {"x": reference}
    assert isinstance(reference, Reference)
    assert stored_bytes(content, found) == [FLOATS]
    (place,) = found.storages.values()
    assert (place.key, place.kind, place.count) == ("a/data/0", "Float", 3)
    assert place.checksum == zlib.crc32(FLOATS)
    assert not found.swapped


def test_a_row_of_pickles_is_read_and_its_storages_are_found():
    behind = struct.pack("<q", 1) + b"\7" + struct.pack("<q", 3) + FLOATS
    content = row([storage("10"), storage("9", "ByteStorage", 1)], ["9", "10"], behind)

    found = read(content)

    assert stored_bytes(content, found) == [FLOATS, b"\7"]
    assert [place.checksum for place in found.storages.values()] == [None, None]


def test_a_part_of_a_storage_is_found():
    """Torch before 0.4 wrote tensors that are parts of others so."""
    whole, part = (
        storage("1", "FloatStorage", 3, None),
        storage("1", "FloatStorage", 3, ("2", 1, 2)),
    )
    content = row([whole, part], ["1"], struct.pack("<q", 3) + FLOATS)

    assert stored_bytes(content, read(content)) == [FLOATS, FLOATS[4:]]


def test_pickles_longer_than_a_block_are_read(monkeypatch):
    monkeypatch.setattr("ptbert_hub.readers.torch_files._FIRST_BLOCK", 16)
    words = [f"word {i}" for i in range(3000)]
    assert read(row(words)).value == words


def test_only_pickles_without_an_end_are_read_again(monkeypatch):
    """Else a harmful file could take its time more than once."""
    begun = []

    def begin(data):
        begun.append(len(data))
        return PickleReader(data)

    monkeypatch.setattr("ptbert_hub.readers.torch_files.PickleReader", begin)
    monkeypatch.setattr("ptbert_hub.readers.torch_files._FIRST_BLOCK", 64)
    start = pickled(MAGIC) + pickled(1001) + pickled({})
    with pytest.raises(BadContent, match="it has a step of the unknown kind 0x82"):
        read(start + b"(" + b"N" * 100 + b"\x82" + b"N" * 100_000)
    assert begun == [64, 1024]


def test_the_other_order_of_bytes_is_noticed():
    other = {"little": "big", "big": "little"}[sys.byteorder]
    assert read(archive([], byteorder=other)).swapped


def test_an_archive_without_checksums_has_none():
    content = bytearray(archive([storage()], **{"data/0": FLOATS}))
    at = 0
    while (at := content.find(b"PK\x01\x02", at + 1)) > 0:
        content[at + 16 : at + 20] = bytes(4)
    (place,) = read(bytes(content)).storages.values()
    assert place.checksum is None


def overlapping():
    """The first of four members of a hundred bytes in the places of all, which are cut out."""
    content = archive([], **{f"data/{i}": bytes(500) for i in range(4)})
    first = content.index(b"PK\x03\x04", 4)
    directory = content.index(b"PK\x01\x02")
    middle = content[directory:-22]
    entries = [each for each in middle.split(b"PK\x01\x02") if each]
    moved = b"".join(
        b"PK\x01\x02" + (each if i == 0 else each[:38] + struct.pack("<L", first) + each[42:])
        for i, each in enumerate(entries)
    )
    kept = content[: first + 600]
    end = bytearray(content[-22:])
    end[16:20] = struct.pack("<L", len(kept))
    return kept + moved + bytes(end)


BROKEN = {
    "nothing": (b"", "torch.save did not write it"),
    "a web page": (b"<html>", "torch.save did not write it"),
    "another number": (row([], magic=5), "it does not begin with torch's number"),
    "only the start of an archive": (b"PK\x03\x04", "its end is missing"),
    "a comment that is not as long as it should be": (
        archive([])[:-2] + b"\x02\x00!",
        "its end is missing",
    ),
    "no pickle": (archive([], pickle_name="x.pkl"), "it has 0 members called data.pkl instead of"),
    "two pickles": (archive([], **{"b/data.pkl": b""}), "it has 2 members called data.pkl"),
    "a pickle twice": (
        archive(["abc"], **{"data.pkk": pickled(["abc"])}).replace(b"data.pkk", b"data.pkl"),
        "it has two members of the same name",
    ),
    "compressed": (
        archive([], compression=zipfile.ZIP_DEFLATED),
        "its member 'a/data.pkl' is compressed or encrypted",
    ),
    "no record": (archive([storage()]), "it has no record 'a/data/0', which a tensor needs"),
    "a short record": (
        archive([storage()], **{"data/0": FLOATS[1:]}),
        "record 'a/data/0' has 11 bytes instead of 12",
    ),
    "a damaged pickle": (
        archive(["abc"]).replace(b"abc", b"abd"),
        "record 'a/data.pkl' has a wrong checksum",
    ),
    "members in one place": (overlapping(), "its members need more bytes than it has"),
    "a path as key": (archive([storage("../x")]), "it refers to something that is no storage"),
    "a count below 0": (archive([storage(count=-1)]), "refers to something that is no storage"),
    "a reference to a list": (archive([Stored([1])]), "it refers to something that is no storage"),
    "keys that nothing refers to": (
        row([storage()], ["0", "1"]),
        "its list of storages is not that of its tensors",
    ),
    "keys in many lists": (
        row([storage()], [MANY]),
        "its list of storages is not that of its tens",
    ),
    "a key twice": (row([storage()], ["0", "0"]), "its list of storages is not that of its tens"),
    "another count": (
        row([storage()], ["0"], struct.pack("<q", 4) + FLOATS),
        "its storages are not as large as its tensors say",
    ),
    "a storage that is cut off": (
        row([storage()], ["0"], struct.pack("<q", 3) + FLOATS[1:]),
        "its storages are not as large as its tensors say",
    ),
    "two kinds of one storage": (
        row([storage(), storage(kind="IntStorage")], ["0"], struct.pack("<q", 3) + FLOATS),
        "it says two different things about the storage 0",
    ),
    "a part beyond the end": (
        row([storage("0", "FloatStorage", 3, ("1", 2, 2))], ["0"], struct.pack("<q", 3) + FLOATS),
        "it has a wrong part of the storage 0",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_refused_with_the_reason(what):
    content, message = BROKEN[what]
    with pytest.raises(BadContent, match=message.replace(".", r"\.")):
        read(content)


def test_storages_of_unknown_numbers_are_named():
    with pytest.raises(ForeignName, match=r"it asks for torch\.QInt8Storage"):
        read(archive([storage(kind="QInt8Storage")], **{"data/0": FLOATS}))


def test_a_call_in_place_of_the_first_number_is_named():
    with pytest.raises(ForeignName, match=r"it asks for os\.system"):
        read(b"\x80\x02cos\nsystem\n(U\x02idtR.")


WHOLE = {
    "archive": archive({"x": storage()}, **{"data/0": FLOATS, "byteorder": "little"}),
    "row": row({"x": storage()}, ["0"], struct.pack("<q", 3) + FLOATS),
}


@pytest.mark.parametrize("form", WHOLE)
def test_a_file_that_is_cut_anywhere_is_refused(form):
    for length in range(len(WHOLE[form])):
        with pytest.raises(BadContent):
            read(WHOLE[form][:length])


@pytest.mark.parametrize("form", WHOLE)
def test_a_changed_byte_is_refused_or_harmless(form):
    for at in range(len(WHOLE[form])):
        for bits in (1, 0x80, 0xFF):
            content = bytearray(WHOLE[form])
            content[at] ^= bits
            try:
                found = read(bytes(content))
            except BadContent:
                continue
            size = os.stat("file.bin").st_size
            assert all(each.start + each.size <= size for each in found.storages.values())


def test_the_first_bytes_tell_which_files_may_be_torchs():
    assert begins_like_torch(WHOLE["archive"][:4])
    assert begins_like_torch(WHOLE["row"][:4])
    assert not begins_like_torch(b"PK\n")
    assert not begins_like_torch(b"")


def test_an_archive_with_a_comment_is_read():
    """As zip programs write it, and as torch reads it too."""
    assert read(archive(["x"])[:-2] + b"\x01\x00!").value == ["x"]


def test_archives_with_64_bit_positions_are_read():
    """What torch writes, also if the file is small: a second, longer end of the list."""
    content = archive(["x"])
    end = content[-22:]
    count, size, start = struct.unpack("<HLL", end[10:20])
    end_64 = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 30, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(content) - 22, 1)
    whole = content[:-22] + end_64 + locator

    assert read(whole + end[:12] + b"\xff" * 8 + end[20:]).value == ["x"]
    for wrong in (
        whole.replace(b"PK\6\6", b"PK\6\5") + end,
        content[:-22] + end_64 + struct.pack("<4sLQL", b"PK\6\7", 0, 1 << 40, 1) + end,
    ):
        with pytest.raises(BadContent, match="its end is missing"):
            read(wrong)


def test_sizes_of_64_bits_are_read_from_the_extra_field():
    content = bytearray(archive(["x"]))
    row, end = content.find(b"PK\1\2"), content.find(b"PK\5\6")
    name, size = content[row + 28], len(pickled(["x"]))
    extra = struct.pack("<HHQQQ", 1, 24, size, size, 0)
    content[row + 30], content[end + 12] = len(extra), content[end + 12] + len(extra)
    content[row + 20 : row + 28] = b"\xff" * 8
    content[row + 42 : row + 46] = b"\xff" * 4
    content[row + 46 + name : row + 46 + name] = extra

    assert read(bytes(content)).value == ["x"]


@pytest.mark.parametrize("position", [1 << 40, 1 << 63, (1 << 64) - 1])
def test_a_member_that_would_lie_far_behind_the_end_is_refused(position):
    content = bytearray(archive(["x"]))
    row, end = content.find(b"PK\1\2"), content.find(b"PK\5\6")
    name = content[row + 28]
    extra = struct.pack("<HHQ", 1, 8, position)
    content[row + 30], content[row + 42 : row + 46] = len(extra), b"\xff" * 4
    content[end + 12] += len(extra)  # the list is so much longer
    content[row + 46 + name : row + 46 + name] = extra

    with pytest.raises(BadContent, match="a member is not where its list of members says"):
        read(bytes(content))


def test_a_long_list_of_members_is_not_read():
    content = archive([])
    end = bytearray(content[-22:])
    end[12:16] = struct.pack("<L", 5 << 20)
    with pytest.raises(BadContent, match="its list of members has 5242880 bytes"):
        read(bytes(6 << 20).join([b"PK\x03\x04", content[:-22]]) + bytes(end))
