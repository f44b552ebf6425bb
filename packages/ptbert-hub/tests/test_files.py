import errno
import os
import re

import pytest

from ptbert_hub import atomic_write, files, get_file_extension, read_set_from_file


def test_a_file_appears_when_it_is_complete(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    target = folder / "vocab.txt"

    with atomic_write(target) as file:
        file.write(b"half")
        assert not target.exists()
        file.write(b" and half")

    assert target.read_bytes() == b"half and half"
    assert os.listdir(folder) == ["vocab.txt"]


def test_after_an_error_the_old_file_is_unchanged(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    target = folder / "vocab.txt"
    target.write_bytes(b"old")

    def interrupted():
        with atomic_write(target) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"old"
    assert os.listdir(folder) == ["vocab.txt"]


def test_a_link_stays_and_the_file_that_it_names_is_replaced(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "file").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "scratch" / "file")

    with atomic_write(link) as file:
        file.write(b"new")

    assert link.is_symlink()
    assert (tmp_path / "scratch" / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path / "scratch") == ["file"]


def test_a_temporary_file_of_the_cache_replaces_a_link(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")

    with atomic_write(link, temporary=tmp_path / "temporary") as file:
        file.write(b"new")

    assert not link.is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_with_the_file(tmp_path, number):
    path = tmp_path / "ids.npy"

    def writing():
        with atomic_write(path):
            raise OSError(number, "no room")  # as write() does, without a name

    with pytest.raises(OSError, match=re.escape(f"no room: {str(path)!r}")):
        writing()
    assert not [name for name in os.listdir(tmp_path) if "ids" in name]


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "none" / "file"):
        pass


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "file"):
            pass
    finally:
        os.umask(before)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_file_held_open_on_windows_is_waited_for(tmp_path, monkeypatch):
    source, target = tmp_path / "a", tmp_path / "b"
    source.touch()
    real, refusals = os.replace, []

    def held_twice(old, new):
        if len(refusals) < 2:
            error = PermissionError("held open")
            error.winerror = 32
            refusals.append(error)
            raise error
        real(old, new)

    monkeypatch.setattr(os, "replace", held_twice)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    files.replace(source, target)

    assert target.exists()
    assert len(refusals) == 2


def test_a_real_refusal_is_not_waited_for(tmp_path, monkeypatch):
    def refuse(old, new):
        raise PermissionError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match="no"):
        files.replace(tmp_path / "a", tmp_path / "b")


def test_lines_are_read_once_each_and_as_utf8(tmp_path):
    (tmp_path / "words").write_bytes("é\nb\né\n".encode())

    assert read_set_from_file(tmp_path / "words") == {"é", "b"}


def test_extensions():
    assert get_file_extension("a/b.TXT") == ".txt"
    assert get_file_extension("a/b.TXT", dot=False) == "txt"
    assert get_file_extension("a/b.TXT", lower=False) == ".TXT"
    assert get_file_extension("a.d/b") == ""
