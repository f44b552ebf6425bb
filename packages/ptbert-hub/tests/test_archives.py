import io
import tarfile
import zipfile

import pytest

from ptbert_hub import extracted_archive, is_archive
from ptbert_hub.errors import NotFound, UnsafeArchive


def tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_under_its_digest(tmp_path, cache, mode):
    path = tar(tmp_path / "m.tar", {"config.json": b"{}", "./sub/pytorch_model.bin": b"w"}, mode)

    folder = extracted_archive(path, cache)

    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "sub/pytorch_model.bin").read_bytes() == b"w"
    assert extracted_archive(path, cache) == folder


def test_a_zip_is_unpacked(tmp_path, cache):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("config.json", "{}")

    assert (extracted_archive(tmp_path / "m.zip", cache) / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\..\\x"])
def test_a_member_that_leads_outside_is_refused(tmp_path, cache, name):
    path = tar(tmp_path / "m.tar", {"fine": b"1", name: b"2"})

    with pytest.raises(UnsafeArchive, match="leads outside"):
        extracted_archive(path, cache)
    assert list((cache / ".ptbert-hub" / "extracted").iterdir()) == []


def test_what_is_no_archive_is_said_to_be_none(tmp_path, cache):
    (tmp_path / "m.tar").write_bytes(b"hello")
    with pytest.raises(UnsafeArchive, match="no readable archive"):
        extracted_archive(tmp_path / "m.tar", cache)
    with pytest.raises(NotFound, match="no archive at"):
        extracted_archive(tmp_path / "none.tar", cache)


def test_weights_in_torchs_zip_format_are_not_taken_for_a_model_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    (tmp_path / "m.tar").write_bytes(b"hello")

    assert not is_archive(tmp_path / "pytorch_model.bin")
    assert not is_archive(tmp_path / "m.tar")
    assert is_archive(tar(tmp_path / "m.tar.gz", {"config.json": b"{}"}))
