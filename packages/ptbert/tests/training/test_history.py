"""The log of a training, read again."""

import json

import pytest

from ptbert.training.history import read_history


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [
        {"step": 1, "epoch": 1, "loss": 0.75, "rate": 1e-3, "tokens": 5, "seconds": 0.1},
        {"step": 2, "epoch": 1, "loss": 0.25, "rate": 2e-3, "tokens": 5, "seconds": 0.1},
        {"step": 2, "epoch": 1, "validation": {"loss": 0.5, "accuracy": 0.9}},
        {"step": 3, "epoch": 2, "loss": 0.125, "rate": 1e-3, "tokens": 5, "seconds": 0.1},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_steps_and_evaluations_are_read(log):
    history = read_history(log)
    assert history.steps == [1, 2, 3]
    assert history.losses == [0.75, 0.25, 0.125]
    assert history.rates == [1e-3, 2e-3, 1e-3]
    assert [tuple(each) for each in history.evaluations] == [(2, 1, {"loss": 0.5, "accuracy": 0.9})]


def test_the_mean_loss_is_that_of_the_steps_of_the_epoch(log):
    history = read_history(log)
    assert [history.mean_loss(epoch) for epoch in (1, 2, 3)] == [0.5, 0.125, 0.0]


@pytest.mark.parametrize(
    "line", [b"", b"{", b'{"step": 4, "ep', b"[]", b"3", b'{"step": 4}', b"\xff\n"]
)
def test_a_line_that_is_cut_off_counts_as_not_written(log, line):
    with open(log, "ab") as file:
        file.write(line)
    assert read_history(log).steps == [1, 2, 3]
