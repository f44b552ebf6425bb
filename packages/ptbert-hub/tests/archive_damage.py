"""Archives that are damaged at random."""

import gzip
import random
import shutil
from contextlib import suppress

from archive_builder import MODEL, member, tar, zipped

from ptbert_hub import extract_archive, is_archive
from ptbert_hub.errors import UnsafeArchive


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
