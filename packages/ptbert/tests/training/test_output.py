"""The folder of a training belongs to one training, which keeps what it began with."""

import json
import os
import subprocess
import sys

import pytest

import ptbert.training.loop
from ptbert.training import train
from ptbert.training.output import Output
from ptbert_hub import DownloadOptions, locking

from .conftest import digest, read_log
from .test_loop import interrupted

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def short(settings):
    """Three steps, each with a checkpoint."""
    return settings.replaced(epochs=1, validation="")


def interrupt(settings, monkeypatch):
    parts = ptbert.training.loop.parts_of_step
    interrupted(settings, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 3)


def test_a_second_training_in_a_folder_learns_who_has_it(short, tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "_DYING", 0.1)
    (tmp_path / "out").mkdir()
    code = "import sys, time, pathlib; from ptbert_hub.locking import folder_lock\n"
    code += "with folder_lock(pathlib.Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    words = [sys.executable, "-c", code, str(tmp_path / "out")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        message = (
            f"out' is in use: process {holder.pid} on .* trains there; wait for it, end it, or"
        )
        with pytest.raises(BlockingIOError, match=message):
            train(short)
        holder.kill()
    assert os.listdir(tmp_path / "out") == [".lock"]
    assert train(short)["step"] == 3


def test_one_training_at_a_time_in_a_process(short):
    message = "another thread of this process trains"
    lock = ptbert.training.loop._one  # noqa: SLF001 - as if another thread trained
    with lock, pytest.raises(RuntimeError, match=message):
        train(short)
    assert train(short)["step"] == 3


def test_a_training_goes_on_with_the_commit_that_it_began_with(short, tmp_path, monkeypatch):
    train(short.replaced(output=str(tmp_path / "straight")))
    monkeypatch.setattr(
        "ptbert.training.output.pinned", lambda name: DownloadOptions(revision=COMMIT)
    )
    interrupt(short, monkeypatch)
    assert (
        json.loads((tmp_path / "out" / "files.json").read_text())["commit of the model"] == COMMIT
    )

    def moved_on(*_, **__):
        raise AssertionError("this asks which commit is the newest")

    monkeypatch.setattr("ptbert.training.output.pinned", moved_on)
    monkeypatch.setattr("ptbert.training.preparation.load_tokenizer", moved_on)
    train(short)

    assert digest(tmp_path / "out") == digest(tmp_path / "straight")


def test_model_and_tokenizer_are_of_that_commit(short, monkeypatch):
    monkeypatch.setattr(
        "ptbert.training.output.pinned", lambda name: DownloadOptions(revision=COMMIT)
    )
    seen = []
    load = ptbert.training.preparation.load_tokenizer
    monkeypatch.setattr(
        "ptbert.training.preparation.load_tokenizer",
        lambda *a, **k: seen.append(k) or load(*a, **k),
    )
    model_class = ptbert.BertForSequenceClassification
    from_pretrained = model_class.from_pretrained
    monkeypatch.setattr(
        model_class, "from_pretrained", lambda *a, **k: seen.append(k) or from_pretrained(*a, **k)
    )
    train(short)
    assert [each.get("revision") for each in seen] == [COMMIT, COMMIT]


def test_another_vocabulary_in_the_model_s_folder_changes_no_training_that_began(
    short, model_folder, tmp_path, monkeypatch
):
    train(short.replaced(output=str(tmp_path / "straight")))
    interrupt(short, monkeypatch)
    words = (model_folder / "vocab.txt").read_text().splitlines()
    (model_folder / "vocab.txt").write_text("\n".join([*words[:5], *reversed(words[5:])]) + "\n")

    train(short)

    assert digest(tmp_path / "out") == digest(tmp_path / "straight")
    assert read_log(tmp_path / "out")[-1]["step"] == 3
    assert (tmp_path / "out" / "vocab.txt").read_text().splitlines() == words
    assert not (tmp_path / "out" / "tokenizer").exists()


def test_a_file_as_output_is_told(settings, data):
    with (
        pytest.raises(ValueError, match="is a file; give a new folder"),
        Output(settings.replaced(output=str(data))).held(),
    ):
        pass


def test_a_changed_file_is_told_once_if_it_is_for_training_and_validation(settings, data):
    output = Output(settings)
    output.begin(settings, 1, restart=False)
    (output.checkpoints / "step-00000001").mkdir(parents=True)
    data.write_text(data.read_text() + "a cat,animal\n")
    with pytest.raises(ValueError, match="was changed; give another folder") as caught:
        output.begin(settings, 1, restart=False)
    assert str(caught.value).count("was changed") == 1
