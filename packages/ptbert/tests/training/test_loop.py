"""Whatever happens to a training, its result is the same."""

import importlib
import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ptbert.training.loop
import ptbert_models.parts.recomputing
from ptbert import BertForSequenceClassification
from ptbert.training import train
from ptbert.training.checkpoints import newest_checkpoint
from ptbert.training.order import random_words, steps_of_epoch

from .conftest import digest, needs_exact_sums, read_log

STEPS = 9


class Killed(BaseException):
    """Ends a training like a signal: nothing catches it."""


def killing(function, at):
    """Return a function that does the same, and kills the training at a call, counted from 1."""
    calls = 0

    def killer(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == at:
            raise Killed
        return function(*args, **kwargs)

    return killer


@pytest.fixture
def finished(settings, tmp_path):
    """Settings of a training that nothing interrupted."""
    settings = settings.replaced(output=str(tmp_path / "straight"), checkpoint_minutes=10.0)
    train(settings)
    return settings


results = []  # of the one below; it is the same for all tests


@pytest.fixture
def straight(request, tmp_path):
    """The digest and the log of a training that nothing interrupts."""
    if not results:
        request.getfixturevalue("finished")
        folder = tmp_path / "straight"
        log = [(line["step"], line.get("loss")) for line in read_log(folder)]
        results.append((digest(folder), log))
    return results[0]


def interrupted(settings, monkeypatch, name, function, at):
    with monkeypatch.context() as patch:
        patch.setattr(name, killing(function, at))
        with pytest.raises(Killed):
            train(settings)


@pytest.mark.parametrize("step", [1, 2, 5, 9])
def test_killed_at_any_step_the_result_is_the_same(settings, straight, tmp_path, monkeypatch, step):
    parts = ptbert.training.loop.parts_of_step
    interrupted(settings, monkeypatch, "ptbert.training.loop.parts_of_step", parts, step)
    train(settings)

    folder = tmp_path / "out"
    assert digest(folder) == straight[0]
    assert [(line["step"], line.get("loss")) for line in read_log(folder)] == straight[1]


@pytest.mark.parametrize("file", [1, 2, 3])
def test_killed_while_a_checkpoint_is_written_the_result_is_the_same(
    settings, straight, tmp_path, monkeypatch, file
):
    # Each checkpoint has three files of ours: averages, state and manifest. This is the fifth.
    write = ptbert.training.checkpoints.atomic_write
    interrupted(settings, monkeypatch, "ptbert.training.checkpoints.atomic_write", write, 12 + file)
    assert list((tmp_path / "out" / "checkpoints").glob("*.partial"))
    assert newest_checkpoint(tmp_path / "out" / "checkpoints").step == 4

    train(settings)

    assert digest(tmp_path / "out") == straight[0]
    assert not (tmp_path / "out" / "checkpoints").exists()


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("ptbert.training.output.write_settings", 1),
        ("ptbert.training.output.atomic_write", 1),  # files.json
        ("ptbert.training.output.atomic_write", 2),  # README.md
        ("ptbert.training.output.atomic_write", 3),  # result.json
        ("shutil.rmtree", 19),  # of all checkpoints; each of nine, and that before it, had one
    ],
)
def test_killed_at_the_beginning_or_the_end_the_result_is_the_same(
    settings, straight, tmp_path, monkeypatch, name, at
):
    module, _, function = name.rpartition(".")
    write = getattr(importlib.import_module(module), function)
    interrupted(settings, monkeypatch, name, write, at)
    (tmp_path / "out" / ".settings.toml.0123456789abcdef.tmp").touch()

    train(settings)

    assert digest(tmp_path / "out") == straight[0]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        ".lock",
        "README.md",
        "config.json",
        "files.json",
        "log.jsonl",
        "pytorch_model.bin",
        "result.json",
        "settings.toml",
        "tokenizer_config.json",
        "training.svg",
        "vocab.txt",
    ]


def test_a_damaged_checkpoint_is_left_out(settings, straight, tmp_path, monkeypatch, caplog):
    parts = ptbert.training.loop.parts_of_step
    interrupted(settings, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 5)
    newest = newest_checkpoint(tmp_path / "out" / "checkpoints")
    assert newest.step == 4
    weights = bytearray((newest.folder / "pytorch_model.bin").read_bytes())
    weights[-200] ^= 1
    (newest.folder / "pytorch_model.bin").write_bytes(weights)

    train(settings)

    assert "step-00000004 is left out" in caplog.text
    assert digest(tmp_path / "out") == straight[0]


def test_the_same_command_again_does_nothing(finished, monkeypatch):
    monkeypatch.setattr("ptbert.training.loop.parts_of_step", None)  # would fail
    assert train(finished)["step"] in range(1, STEPS + 1)


def test_other_settings_are_an_error_that_names_them(finished):
    message = "other settings: epochs was 3 and is 4; seed was 0 and is 7; give another folder, or"
    with pytest.raises(ValueError, match=message):
        train(finished.replaced(epochs=4, seed=7))


def test_changed_data_are_an_error(finished, data):
    data.write_text(data.read_text() + "a cat,animal\n")
    with pytest.raises(ValueError, match=r"train.csv' was changed"):
        train(finished)


def test_a_training_that_failed_before_its_first_checkpoint_can_be_corrected(settings, data):
    before = data.read_text()
    data.write_text(before + "a cat,\n")
    with pytest.raises(ValueError, match="has no label"):
        train(settings)
    data.write_text(before)
    assert train(settings.replaced(epochs=1))["step"] == 3


def test_restart_trains_anew(finished, straight, tmp_path):
    train(finished.replaced(seed=7, epochs=1), restart=True)
    assert digest(tmp_path / "straight") != straight[0]
    assert max(line["step"] for line in read_log(tmp_path / "straight")) == 3


def test_restart_needs_nothing_of_the_old_result(finished, tmp_path):
    (tmp_path / "straight" / "result.json").write_text("{")
    assert train(finished.replaced(epochs=1), restart=True)["step"] == 3


def test_a_folder_with_other_files_is_refused(settings, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    for restart in (False, True):
        with pytest.raises(ValueError, match="has files that ptbert train did not write"):
            train(settings, restart=restart)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "precious"


def test_settings_and_checkpoints_of_a_user_are_not_taken_for_ours(settings, tmp_path):
    folder = tmp_path / "out"
    mine = [folder / "settings.toml", folder / "checkpoints" / "mine.pt", folder / ".notes.tmp"]
    mine[1].parent.mkdir(parents=True)
    for path in mine:
        path.write_text("epochs = 2\n")
    for restart in (False, True):
        with pytest.raises(ValueError, match="has files that ptbert train did not write"):
            train(settings, restart=restart)
    assert [path.read_text() for path in mine] == ["epochs = 2\n"] * 3


def weights(folder):
    model = BertForSequenceClassification.from_pretrained(folder)
    return torch.cat([each.detach().flatten() for each in model.parameters()])


@pytest.mark.usefixtures("without_dropout")
@pytest.mark.parametrize("change", [{"micro_batches": 4}, {"max_tokens": 24}])
def test_accumulation_is_the_large_batch(settings, tmp_path, change):
    settings = settings.replaced(epochs=1, validation="", checkpoint_minutes=10.0)
    train(settings)
    train(settings.replaced(output=str(tmp_path / "parts"), **change))
    np.testing.assert_allclose(weights(tmp_path / "out"), weights(tmp_path / "parts"), atol=1e-6)


@pytest.mark.usefixtures("without_dropout")
def test_layers_that_are_computed_again_give_the_same(settings, tmp_path, monkeypatch):
    settings = settings.replaced(epochs=1, checkpoint_minutes=10.0)
    train(settings)
    calls, original = [], ptbert_models.parts.recomputing.checkpoint

    def counted(*args, **options):
        calls.append(args)
        return original(*args, **options)

    monkeypatch.setattr(ptbert_models.parts.recomputing, "checkpoint", counted)
    train(settings.replaced(output=str(tmp_path / "less"), gradient_checkpointing=True))
    assert calls
    np.testing.assert_allclose(weights(tmp_path / "out"), weights(tmp_path / "less"), atol=1e-6)


@pytest.mark.usefixtures("without_dropout")
def test_short_numbers_give_nearly_the_same(settings, tmp_path):
    settings = settings.replaced(epochs=1, checkpoint_minutes=10.0)
    train(settings)
    train(settings.replaced(output=str(tmp_path / "less"), precision="bfloat16"))
    first, second = weights(tmp_path / "out"), weights(tmp_path / "less")
    np.testing.assert_allclose(first, second, atol=0.05)
    assert not torch.equal(first, second)  # it had an effect


def test_it_says_what_begins_and_what_goes_on(settings, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "ptbert.training")
    parts = ptbert.training.loop.parts_of_step
    interrupted(settings, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 3)
    begins = "out: 24 examples, 3 steps an epoch, 0.0 million parameters, learning rate 0.01\n"
    assert begins in caplog.text
    train(settings)
    assert "learning rate 0.01; going on after step 2\n" in caplog.text


def checksums(folder):
    """What the log says of the examples of each step."""
    return [line["examples"] for line in read_log(folder) if "loss" in line]


def test_the_log_has_a_checksum_of_the_examples_of_each_step(settings, tmp_path, monkeypatch):
    train(settings.replaced(epochs=1, micro_batches=3))
    steps = steps_of_epoch(lengths(settings), settings.batch_size, settings.seed, 0)
    by_hand = [sum(int(random_words(index)) >> 32 for index in step.tolist()) for step in steps]
    assert [int(each, 16) for each in checksums(tmp_path / "out")] == by_hand


def lengths(settings):
    """Tokens of each example, by counting words; each of WORDS is one token."""
    rows = Path(settings.data).read_text().splitlines()[1:]
    return np.array([len(row.partition(",")[0].split()) + 2 for row in rows])


@pytest.mark.parametrize("shard", [False, pytest.param(True, marks=needs_exact_sums)])
def test_two_processes_are_one(settings, tmp_path, shard):
    settings = settings.replaced(micro_batches=3, epochs=1)  # an odd number for two
    train(settings)
    folder = tmp_path / "two"
    again = settings.replaced(output=str(folder), shard=shard)
    (tmp_path / "two.toml").write_text(again.to_toml())
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "ptbert", "train", "classify", "--settings", str(tmp_path / "two.toml")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(weights(tmp_path / "out"), weights(folder), atol=1e-6)
    losses = [[line.get("loss") for line in read_log(each)] for each in (tmp_path / "out", folder)]
    assert losses[0][:3] == pytest.approx(losses[1][:3], abs=1e-6)
    examples = [checksums(each) for each in (tmp_path / "out", folder)]
    assert examples[0] == examples[1]
    assert len(set(examples[0])) == 3  # other examples in each step


def test_the_state_of_the_caller_s_generator_stays(settings):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(settings.replaced(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_what_was_learned_is_right(settings, tmp_path):
    result = train(settings.replaced(epochs=30, checkpoint_minutes=10.0))
    assert result["accuracy"] == 1.0
    assert result["loss"] < 0.2


def test_the_best_epoch_is_kept(settings, tmp_path):
    train(settings.replaced(epochs=4, checkpoint_minutes=10.0))
    lines = [line for line in read_log(tmp_path / "out") if "validation" in line]
    best = max(
        lines, key=lambda line: (line["validation"]["accuracy"], -line["validation"]["loss"])
    )
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result == {"step": best["step"], **best["validation"]}


def test_from_nothing_needs_no_weights_and_depends_on_the_seed(settings, model_folder, tmp_path):
    (model_folder / "pytorch_model.bin").unlink()
    settings = settings.replaced(from_nothing=True, epochs=1)
    digests = []
    for number, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(number)
        train(settings.replaced(output=str(folder), seed=seed))
        digests.append(digest(folder))
    assert digests[0] == digests[1] != digests[2]


def test_an_infinite_loss_stops_with_step_and_examples(settings, model_folder, tmp_path):
    state = torch.load(model_folder / "pytorch_model.bin")
    state["embeddings.word_embeddings.weight"][:] = float("nan")
    torch.save(state, model_folder / "pytorch_model.bin")
    message = r"the loss of step 1 is nan; its 8 examples begin with '.*train.csv', line \d+"
    with pytest.raises(ValueError, match=message):
        train(settings)
    with pytest.raises(ValueError, match="no step was done before, so check these ex"):
        train(settings)
    (line,) = read_log(tmp_path / "out")
    assert line["stopped"] == "loss of step 1 is nan"
    assert len(set(line["examples"])) == 8
    assert all(re.fullmatch(r"'.*train.csv', line \d+", each) for each in line["examples"])
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_loss_at_the_level_of_chance_is_told(settings, caplog):
    train(settings.replaced(learning_rate=1e-12, checkpoint_minutes=10.0))
    assert "is at the level of chance (0.6931), so nothing was learned" in caplog.text


def test_each_epoch_is_logged(settings, caplog):
    caplog.set_level(logging.INFO, "ptbert.training")
    train(settings)
    assert caplog.text.count("validation: loss ") == 3


@pytest.mark.parametrize("epochs", [1, 2])
def test_weights_that_are_not_finite_are_never_saved(settings, tmp_path, epochs):
    # After the only step of a training no loss is computed that would show it.
    huge = settings.replaced(
        learning_rate=1e38, batch_size=64, epochs=epochs, max_grad_norm=1e9, weight_decay=9e9
    )
    message = r"after step 1 the weights .* are not finite, so they are not saved; choose a smaller"
    with pytest.raises(ValueError, match=message):
        train(huge)
    assert not list((tmp_path / "out").glob("checkpoints/step-*"))
    assert not (tmp_path / "out" / "result.json").exists()
