"""A disk that is full at any moment: a line says what cannot be written, and nothing is lost."""

import builtins
import errno
import io
import os

import pytest

from ptbert.__main__ import main
from ptbert.training import train
from ptbert.training.checkpoints import newest_checkpoint
from ptbert.training.output import Output

from .conftest import digest


class FullDisk:
    """A disk on which a call that writes fails, and all later ones too.

    Args:
        monkeypatch: of the test.
        folder: whose files are on the disk.
    """

    def __init__(self, monkeypatch, folder):
        self.left, self.written, self._folder = None, [], str(folder)
        flush, replace, opened = os.fsync, os.replace, builtins.open

        def fsync(descriptor):
            self.write(os.readlink(f"/proc/self/fd/{descriptor}"))
            flush(descriptor)

        def moved(source, target, **options):
            self.write(os.fspath(target))
            replace(source, target, **options)

        def open_to_append(file, mode="r", *arguments, **options):
            if "a" in mode:
                self.write(os.fspath(file))
            return opened(file, mode, *arguments, **options)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", moved)
        monkeypatch.setattr(builtins, "open", open_to_append)
        monkeypatch.setattr(io, "open", open_to_append)

    def write(self, path):
        if path.startswith(self._folder):
            self.written.append(path)
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names of open files are asked for")
def test_wherever_the_disk_is_full_nothing_is_lost(settings, tmp_path, monkeypatch, capsys):
    settings = settings.replaced(epochs=1)
    words = ["train", "classify", "--settings", str(tmp_path / "mine.toml")]
    (tmp_path / "mine.toml").write_text(settings.to_toml())
    disk = FullDisk(monkeypatch, tmp_path / "out")
    train(settings.replaced(output=str(tmp_path / "out" / "straight")))
    names = [os.path.basename(each) for each in disk.written]
    for each in ("settings.toml", "log.jsonl", "moments.bin", "training.svg", "result.json"):
        assert any(each in name for name in names), each
    expected = digest(tmp_path / "out" / "straight")
    (tmp_path / "out").rename(tmp_path / "before")

    allowed, ended, steps = 0, False, set()
    while not ended:
        disk.left = allowed
        ended = main([*words, "--restart"] if allowed % 2 else words) == 0
        told = capsys.readouterr().err.splitlines()
        disk.left = None
        checkpoints = tmp_path / "out" / "checkpoints"
        newest = newest_checkpoint(checkpoints)
        named = [each for each in checkpoints.glob("step-*") if each.suffix != ".partial"]
        if not ended:
            assert not named or newest.folder == max(named)
            assert " cannot be written to '" in told[-1], told
            assert "make room, and run the same command again" in told[-1]
            steps.add(newest.step if newest else 0)
        allowed += 1
    assert digest(tmp_path / "out") == expected
    assert steps >= {0, 1, 2, 3}
    assert allowed > 20


def test_a_result_that_cannot_be_written_comes_when_there_is_room(settings, tmp_path, monkeypatch):
    settings = settings.replaced(epochs=1)
    train(settings.replaced(output=str(tmp_path / "straight")))

    def fail(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr("ptbert.training.loop.texts_about", lambda *_: {"README.md": "text"})
        patch.setattr(Output, "_write_json", fail_for("result.json", fail))
        message = "the result cannot be written to '.*out' .*Read-only .*; the checkpoints before"
        with pytest.raises(
            OSError, match=f"{message} are complete: correct that, and run the same"
        ):
            train(settings)
    assert newest_checkpoint(tmp_path / "out" / "checkpoints").step == 3
    train(settings)
    assert digest(tmp_path / "out") == digest(tmp_path / "straight")


def fail_for(name, fail):
    write = Output._write_json  # noqa: SLF001

    def write_json(self, given, values):
        return fail() if given == name else write(self, given, values)

    return write_json
