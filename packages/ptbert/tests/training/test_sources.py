"""What a training reads: it is never written over, and it is the same when the training goes on."""

import os
import shutil

import numpy as np
import pytest

from ptbert.__main__ import main
from ptbert.training import train
from ptbert.training.output import Output
from ptbert.training.settings import read_settings
from ptbert.training.sources import file_digests
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.token_files.formats import id_writer

from .conftest import digest, write_table
from .test_output import interrupt


@pytest.fixture
def short(settings):
    """Three steps, each with a checkpoint."""
    return settings.replaced(epochs=1, validation="")


@pytest.fixture
def begun(short, monkeypatch):
    """A training with checkpoints, which did not end."""
    interrupt(short, monkeypatch)
    return short


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spellings(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder, target_is_directory=True)
    above = folder / "checkpoints" / ".."
    above.resolve().mkdir(exist_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    return [
        folder,
        f"{folder}/",
        f"{tmp_path}/./{folder.name}",
        above,
        link,
        os.path.relpath(folder),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("restart", [False, True])
def test_a_model_is_never_written_over(short, tmp_path, number, restart):
    train(short)
    result = tmp_path / "out"
    spelled = str(spellings(result, tmp_path)[number])
    before = contents(result)
    for model, output in ((spelled, str(result)), (str(result), spelled)):
        with pytest.raises(
            ValueError, match=r"model='.*' is in the output folder '.*', where the t"
        ):
            train(short.replaced(model=model, output=output), restart=restart)
    assert contents(result) == before


def test_a_part_of_an_output_folder_is_no_model_for_it(begun, tmp_path):
    inside = next((tmp_path / "out" / "checkpoints").glob("step-*"))
    with pytest.raises(ValueError, match="is in the output folder"):
        train(begun.replaced(model=str(inside)), restart=True)
    assert inside.is_dir()


@pytest.mark.parametrize("setting", ["data", "validation"])
def test_data_are_never_written_over(begun, tmp_path, setting):
    log = str(tmp_path / "out" / "log.jsonl")
    before = contents(tmp_path / "out")
    with pytest.raises(ValueError, match=f"{setting}='.*log.jsonl' is in the output folder"):
        train(begun.replaced(**{setting: log}), restart=True)
    assert contents(tmp_path / "out") == before


def test_a_folder_inside_that_of_the_model_may_have_the_result(short, model_folder):
    before = contents(model_folder)
    train(short.replaced(output=str(model_folder / "tuned")))
    assert {path: each for path, each in contents(model_folder).items() if path in before} == before


def test_data_with_another_name_are_the_same_data(begun, data, tmp_path):
    train(begun.replaced(output=str(tmp_path / "straight")))
    moved = tmp_path / "elsewhere" / "renamed.csv"
    moved.parent.mkdir()
    shutil.move(data, moved)
    train(begun.replaced(data=str(moved)))
    assert digest(tmp_path / "out") == digest(tmp_path / "straight")
    assert read_settings(tmp_path / "out" / "settings.toml")["data"] == str(moved)
    assert f"`{moved}`" in (tmp_path / "out" / "README.md").read_text()


def test_another_spelling_of_a_path_is_the_same_path(begun, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert train(begun.replaced(model="./model", data="../" + tmp_path.name + "/train.csv"))


def test_other_data_with_another_name_are_told_as_what_they_are(begun, data, tmp_path):
    other = tmp_path / "other.csv"
    write_table(other, range(20))
    with pytest.raises(
        ValueError, match=f"data was '{data}' and is '{other}'; give another"
    ) as told:
        train(begun.replaced(data=str(other)))
    assert "was changed" not in str(told.value)
    with pytest.raises(ValueError, match=r"validation was '' and is '.*train.csv'; give") as told:
        train(begun.replaced(validation=str(data)))
    assert "was changed" not in str(told.value)
    data.write_text(data.read_text() + "a cat,animal\n")
    with pytest.raises(
        ValueError, match=r"other settings: the file '.*train.csv' was changed; give"
    ):
        train(begun)


def test_a_model_that_is_gone_is_not_needed_to_go_on(begun, model_folder, tmp_path):
    train(begun.replaced(output=str(tmp_path / "straight")))
    model_folder.rename(tmp_path / "moved")
    with pytest.raises(ValueError, match=r"model was '.*model' and is '.*moved'; give another"):
        train(begun.replaced(model=str(tmp_path / "moved")))
    train(begun)
    assert digest(tmp_path / "out") == digest(tmp_path / "straight")


def test_a_finished_training_needs_no_data_any_more(short, data):
    first = train(short)
    data.unlink()
    assert train(short) == first


def test_each_file_of_a_token_file_counts(settings, tmp_path):
    path = tmp_path / "ids.npy"
    with id_writer(path, bits=16) as write:
        write(FlatIds(np.array([5, 6, 7], np.int32), np.array([0, 1, 3])))
    settings = settings.replaced(task="masked-lm", data=str(path), validation="")
    before = file_digests(settings)
    assert list(before) == ["data", "data 2"]
    (bounds,) = (each for each in tmp_path.glob("ids*") if each != path)
    bounds.write_bytes(bounds.read_bytes() + b"\0")
    after = file_digests(settings)
    assert (after["data"] == before["data"], after["data 2"] == before["data 2"]) == (True, False)

    output = Output(settings)
    output.begin(settings, 1, restart=False)
    (output.checkpoints / "step-00000001").mkdir(parents=True)
    bounds.write_bytes(bounds.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"the file '.*ids.npy' was changed"):
        output.begin(settings, 1, restart=False)


@pytest.mark.parametrize("path", ["-", "pipe"])
def test_what_can_be_read_once_only_is_told(short, tmp_path, path):
    if path == "pipe":
        path = str(tmp_path / "pipe.csv")
        os.mkfifo(path)
    with pytest.raises(ValueError, match=f"data='{path}' can be read once only, and a training th"):
        train(short.replaced(data=path))


def test_a_validation_on_the_training_data_is_told(settings, caplog, tmp_path, data):
    train(settings.replaced(epochs=1))
    assert "train.csv is the file of training examples too, so its metrics say" in caplog.text
    caplog.clear()
    other = tmp_path / "dev.csv"
    write_table(other, range(5))
    train(settings.replaced(validation=str(other), output=str(tmp_path / "b"), epochs=1))
    assert "is the file of training examples too" not in caplog.text


def test_the_output_may_not_be_below_a_file(short, data, capsys):
    words = ["train", "classify", short.model, f"--data={data}", f"--output={data}/out"]
    assert main(words) == 1
    assert "train.csv" in capsys.readouterr().err.splitlines()[-1]
