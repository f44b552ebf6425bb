"""Ctrl-C at any point of a training: one line, and the same command goes on."""

import importlib

from ptbert.__main__ import main

from .conftest import digest
from .test_loop import Killed, killing

POINTS = [
    ("ptbert.training.output.file_digests", 1),
    ("ptbert.training.output.write_settings", 1),
    ("ptbert.training.preparation.load_tokenizer", 1),
    ("ptbert.training.preparation.longest_input", 1),
    ("ptbert.training.loop.parts_of_step", 1),
    ("ptbert.training.loop.clip_all", 2),
    ("ptbert.training.loop.evaluation", 1),
    ("ptbert.training.loop.moments_of", 1),
    ("ptbert.training.checkpoints.atomic_write", 2),
    ("ptbert.training.checkpoints._verify", 1),
    ("ptbert.training.loop.texts_about", 1),
    ("ptbert.training.output.atomic_write", 4),
]


def test_ctrl_c_is_one_line_and_loses_nothing(settings, tmp_path, monkeypatch, capsys):
    settings = settings.replaced(epochs=1)
    for name in ("straight", "out"):
        text = settings.replaced(output=str(tmp_path / name)).to_toml()
        (tmp_path / f"{name}.toml").write_text(text)
    assert main(["train", "classify", "--settings", str(tmp_path / "straight.toml")]) == 0

    words = ["train", "classify", "--settings", str(tmp_path / "out.toml")]
    for name, call in POINTS:
        module, _, function = name.rpartition(".")
        with monkeypatch.context() as patch:
            stopped = killing(getattr(importlib.import_module(module), function), call)

            def pressed(*arguments, stopped=stopped, **options):
                try:
                    return stopped(*arguments, **options)
                except Killed:
                    raise KeyboardInterrupt from None

            patch.setattr(name, pressed)
            capsys.readouterr()
            code = main(words)
        assert code == 130, name
        told = capsys.readouterr().err.splitlines()[-1]
        assert told == (
            "ptbert train: stopped; the same command again goes on after the newest checkpoint"
        )
        assert not (tmp_path / "out" / "result.json").exists()
    assert main(words) == 0
    assert digest(tmp_path / "out") == digest(tmp_path / "straight")
