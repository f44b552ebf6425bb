"""What is seen of a training while it runs."""

import json
import logging
import sys
import types
from pathlib import Path
from typing import ClassVar

import pytest

from ptbert.training import train
from ptbert.training.evaluation import Evaluation
from ptbert.training.kinds import TASKS
from ptbert.training.monitor import Monitor
from ptbert.training.output import Output
from ptbert.training.tensorboard import TensorBoard

from .conftest import read_log


@pytest.fixture
def output(settings, tmp_path):
    (tmp_path / "out").mkdir()
    return Output(settings)


@pytest.fixture
def no_board(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as if not installed


class Board:
    """Stands for the writer of torch.utils.tensorboard."""

    made: ClassVar = []

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.numbers, self.closed = folder, purge_step, [], False
        Board.made.append(self)

    def add_scalar(self, name, number, step):
        self.numbers.append((name, number, step))

    def close(self):
        self.closed = True


@pytest.fixture
def board(monkeypatch):
    Board.made.clear()
    module = types.SimpleNamespace(SummaryWriter=Board)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return Board


def run(monitor, losses, epoch=1):
    for step, loss in enumerate(losses, 1):
        monitor.step(step, epoch, loss=loss, rate=1e-5, tokens=10, seconds=0.5)


def test_a_loss_that_stays_at_chance_after_the_warmup_is_told(output, settings, caplog, no_board):
    settings = settings.replaced(warmup=0.1)
    monitor = Monitor(output, settings, steps=300, done=0, chance=0.7)
    run(monitor, [0.1] * 30 + [0.7] * 29)  # what was during the warmup does not count
    assert not caplog.text
    monitor.step(60, 1, loss=0.7, rate=1e-5, tokens=10, seconds=0.5)
    assert (
        "step 60, after the warmup: the loss 0.7000 is at the level of chance (0.7000), so nothing "
        "was learned; train longer (--epochs), or try another --learning-rate" in caplog.text
    )


def test_a_loss_below_chance_after_the_warmup_is_not_told(output, settings, caplog, no_board):
    monitor = Monitor(output, settings.replaced(warmup=0.1), steps=300, done=0, chance=0.7)
    run(monitor, [0.7] * 30 + [0.68] * 270)
    assert not caplog.text


def test_a_model_from_nothing_whose_loss_still_falls_is_learning(
    output, settings, caplog, no_board
):
    settings = settings.replaced(warmup=0.1, from_nothing=True)
    falling = [9 * 0.99**step for step in range(60)]  # above 4.9
    run(Monitor(output, settings, steps=300, done=0, chance=4.0), falling)
    assert not caplog.text


def test_a_model_from_nothing_is_not_judged_by_a_few_steps(output, settings, caplog, no_board):
    settings = settings.replaced(from_nothing=True)
    monitor = Monitor(output, settings, steps=900, done=0, chance=4.0)
    monitor.step(1, 1, loss=9.0, rate=1e-5, tokens=10, seconds=0.5)
    monitor.epoch(1, 1, None)
    assert "level of chance" not in caplog.text


@pytest.mark.parametrize("from_nothing", [False, True])
def test_a_loss_above_chance_that_does_not_fall_is_told(
    output, settings, caplog, no_board, from_nothing
):
    settings = settings.replaced(warmup=0.1, from_nothing=from_nothing)
    run(Monitor(output, settings, steps=300, done=0, chance=4.0), [9.0] * 60)
    assert "the loss 9.0000 is at the level of chance (4.0000)" in caplog.text


PLATEAU = json.loads(
    (Path(__file__).parents[1] / "data" / "losses_on_a_plateau.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("epochs", [5, 1])
def test_a_plateau_of_a_model_of_texts_is_told_at_the_end_only(
    output, settings, caplog, no_board, epochs
):
    settings = settings.replaced(warmup=0.05, from_nothing=True, epochs=epochs)
    losses, chance = PLATEAU["losses"], PLATEAU["unigram_entropy"]
    facts = {"steps": len(losses) * epochs, "done": 0, "chance": chance}
    monitor = Monitor(output, settings, **facts, stays_at_chance=True)
    run(monitor, losses)
    monitor.epoch(len(losses), 1, None)
    assert "--learning-rate" not in caplog.text
    end = "nothing of their context yet; train longer (--epochs, or more text)"
    assert (end in caplog.text) == (epochs == 1)


def test_a_model_of_texts_far_above_chance_is_told_at_once(output, settings, caplog, no_board):
    settings = settings.replaced(warmup=0.1, from_nothing=True)
    run(Monitor(output, settings, steps=300, done=0, chance=6.2, stays_at_chance=True), [9.0] * 60)
    assert (
        "nothing was learned; train longer (--epochs), or try another --learning-rate"
        in caplog.text
    )


def test_a_trained_model_of_texts_at_chance_is_told_at_once(output, settings, caplog, no_board):
    settings = settings.replaced(warmup=0.1)
    run(Monitor(output, settings, steps=300, done=0, chance=6.2, stays_at_chance=True), [6.3] * 60)
    assert (
        "nothing was learned; train longer (--epochs), or try another --learning-rate"
        in caplog.text
    )


@pytest.mark.parametrize("name", TASKS)
def test_models_of_texts_stay_at_chance(name):
    assert TASKS[name].stays_at_chance == (name in {"masked-lm", "language-model"})


def test_a_log_that_was_deleted_is_no_error(output, settings, caplog, no_board):
    monitor = Monitor(output, settings, steps=300, done=19, chance=0.7)
    monitor.step(20, 1, loss=0.7, rate=1e-5, tokens=10, seconds=0.5)  # the only line
    monitor.epoch(20, 2, None)
    assert "step 20, after the warmup: the loss 0.7000" in caplog.text


def test_a_training_is_judged_by_its_losses_before_an_interruption_too(
    output, settings, caplog, no_board
):
    settings = settings.replaced(warmup=0.1)
    run(Monitor(output, settings, steps=300, done=0, chance=0.7), [0.7] * 59)
    monitor = Monitor(output, settings, steps=300, done=59, chance=0.7)
    monitor.step(60, 1, loss=0.0, rate=1e-5, tokens=10, seconds=0.5)
    assert not caplog.text  # the mean of 29 x 0.7 and 0 is 0.677, below 0.98 x 0.7


def test_an_epoch_is_told_with_its_table(output, settings, caplog, no_board):
    caplog.set_level(logging.INFO, "ptbert.training")
    monitor = Monitor(output, settings, steps=9, done=0, chance=0.7)
    run(monitor, [0.5, 0.25, 0.25])
    table = ["| label | f1 |", "|---|---|", "| a | 0.5000 |"]
    monitor.epoch(3, 1, Evaluation({"loss": 0.4, "accuracy": 0.75}, table))
    assert caplog.messages == [
        "epoch 1  step 3  training loss 0.3333  validation: loss 0.4000  accuracy 0.7500\n"
        + "\n".join(table)
    ]


def test_the_bar_shows_loss_rate_speed_and_what_is_left(
    output, settings, monkeypatch, capsys, no_board
):
    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0.0)
    monitor = Monitor(output, settings, steps=9, done=3, chance=0.7)
    monitor.step(4, 2, loss=0.5, rate=1.25e-5, tokens=100, seconds=0.5)
    monitor.step(5, 2, loss=0.25, rate=1e-5, tokens=100, seconds=0.5)
    monitor._bar.refresh()  # noqa: SLF001
    monitor.tell(logging.WARNING, "something")
    monitor.close()
    shown = capsys.readouterr().err
    assert "epoch 2 of 3" in shown
    assert "5/9" in shown
    assert "loss 0.2500, rate 1e-05, 200 tokens/s" in shown


def test_the_speed_forgets_slow_steps(output, settings, board):
    monitor = Monitor(output, settings, steps=200, done=0, chance=0.7)
    monitor.step(1, 1, loss=0.5, rate=1e-5, tokens=10, seconds=100.0)
    for step in range(2, 202):
        monitor.step(step, 1, loss=0.5, rate=1e-5, tokens=10, seconds=0.1)
    speeds = [number for name, number, _ in board.made[0].numbers if name == "tokens_per_second"]
    assert speeds[0] == pytest.approx(0.1)
    assert speeds[-1] == pytest.approx(100, rel=0.01)


def test_tensorboard_gets_the_numbers_of_the_log_where_it_is_installed(settings, board, tmp_path):
    train(settings)
    (made,) = board.made
    assert (made.folder, made.purge_step) == (str(tmp_path / "out" / "tensorboard"), 1)
    assert made.closed
    log = read_log(tmp_path / "out")
    for name in ("loss", "rate"):
        written = [(number, step) for key, number, step in made.numbers if key == name]
        assert written == [(line[name], line["step"]) for line in log if name in line]
    accuracies = [number for key, number, _ in made.numbers if key == "validation/accuracy"]
    assert accuracies == [line["validation"]["accuracy"] for line in log if "validation" in line]


def test_without_tensorboard_nothing_is_written_and_nothing_said(output, no_board, caplog):
    board = TensorBoard(output.tensorboard, 0)
    board.write(1, {"loss": 0.5})
    board.close()
    assert not output.tensorboard.exists()
    assert not caplog.text


def test_a_tensorboard_that_does_not_fit_is_no_error(output, monkeypatch, caplog):
    def broken(folder, purge_step):
        raise TypeError("Descriptors cannot be created directly")

    module = types.SimpleNamespace(SummaryWriter=broken)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    TensorBoard(output.tensorboard, 0).write(1, {"loss": 0.5})
    assert not caplog.text


@pytest.mark.parametrize("method", ["add_scalar", "close"])
def test_a_full_disk_while_tensorboard_writes_is_told_once_and_no_error(
    output, monkeypatch, board, caplog, method
):
    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(Board, method, fail)
    written = TensorBoard(output.tensorboard, 0)
    for step in (1, 2):
        written.write(step, {"loss": 0.5})
    written.close()
    assert caplog.messages == ["nothing more is written for TensorBoard: No space left on device"]


def test_restart_deletes_what_tensorboard_would_show(settings, tmp_path, no_board):
    train(settings.replaced(epochs=1))
    (tmp_path / "out" / "tensorboard").mkdir()
    train(settings, restart=True)
    assert not (tmp_path / "out" / "tensorboard").exists()
