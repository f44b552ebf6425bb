"""Trainings that begin with one number of processes and go on with another."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from ptbert import BertForSequenceClassification
from ptbert.training import Settings, train
from ptbert.training.checkpoints import newest_checkpoint

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals"),
]

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
TEXTS = ("the key is in the drawer", "a cat sleeps on the mat", "where is a key", "the cat ?")


@pytest.fixture
def settings(model_folder, tmp_path):
    rows = [f"{text}\t{int('cat' in text)}" for text in TEXTS * 12]
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    return Settings(
        task="classify",
        model=str(model_folder),
        data=str(tmp_path / "train.tsv"),
        output=str(tmp_path / "out"),
        batch_size=4,
        learning_rate=0.01,
        micro_batches=4,
        device="cpu",
        checkpoint_minutes=0.0,
    )


def run(settings, processes, tmp_path, *, until_step=0):
    """Train with so many processes, and kill all of them when a step has its checkpoint."""
    (tmp_path / "settings.toml").write_text(settings.to_toml())
    words = [*LAUNCH, str(processes), "-m", "ptbert", "train", "classify"]
    words += ["--settings", str(tmp_path / "settings.toml")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(words, start_new_session=True, env=environment)
    checkpoints = tmp_path / "out" / "checkpoints"
    while running.poll() is None:
        steps = [int(each.name[5:]) for each in checkpoints.glob("step-????????")]
        if until_step and max(steps, default=0) >= until_step:
            os.killpg(running.pid, signal.SIGKILL)
            for line in subprocess.run(
                ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
            ).stdout.splitlines():  # each worker has a session of its own
                if str(tmp_path / "settings.toml") in line:
                    os.kill(int(line.split()[0]), signal.SIGKILL)
        time.sleep(0.02)
    assert running.returncode == (-signal.SIGKILL if until_step else 0)


def weights(folder):
    model = BertForSequenceClassification.from_pretrained(folder)
    return torch.cat([each.detach().flatten() for each in model.parameters()])


@pytest.mark.parametrize("processes", [(2, 1), (1, 2), (4, 4), (2, 4)])
def test_a_training_goes_on_with_another_number_of_processes(settings, tmp_path, processes):
    straight = settings.replaced(output=str(tmp_path / "straight"))
    train(straight)

    run(settings, processes[0], tmp_path, until_step=10)
    assert not (tmp_path / "out" / "result.json").exists()
    run(settings, processes[1], tmp_path)

    difference = weights(tmp_path / "straight") - weights(tmp_path / "out")
    np.testing.assert_allclose(difference, torch.zeros_like(difference), atol=1e-6)


def test_any_number_of_processes_sees_the_same_examples(settings, tmp_path):
    logs = []
    for processes in (1, 2, 4):
        run(settings, processes, tmp_path)
        (tmp_path / "out").rename(tmp_path / f"of-{processes}")
        lines = (tmp_path / f"of-{processes}" / "log.jsonl").read_text().splitlines()
        logs.append([json.loads(line)["examples"] for line in lines])
    assert len(set(logs[0])) == len(logs[0]) == 36  # each step has others
    assert logs[0] == logs[1] == logs[2]
    for processes in (2, 4):
        difference = weights(tmp_path / "of-1") - weights(tmp_path / f"of-{processes}")
        np.testing.assert_allclose(difference, torch.zeros_like(difference), atol=1e-6)


@pytest.mark.parametrize("shards", [(True, False), (False, True)])
def test_a_training_in_parts_goes_on_without_and_the_reverse(settings, tmp_path, shards):
    straight = settings.replaced(output=str(tmp_path / "straight"))
    train(straight)

    for shard, processes, until_step in zip(
        shards, (2, 1) if shards[0] else (1, 2), (10, 0), strict=True
    ):
        run(settings.replaced(shard=shard), processes, tmp_path, until_step=until_step)

    difference = weights(tmp_path / "straight") - weights(tmp_path / "out")
    np.testing.assert_allclose(difference, torch.zeros_like(difference), atol=1e-6)


def workers_of(path):
    """The numbers of the processes that train by the settings in a file, without their launcher."""
    lines = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    words = (line.split() for line in lines if str(path) in line)
    return [int(each[0]) for each in words if "torch.distributed.run" not in each]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_is_killed_is_started_again(settings, tmp_path, victim):
    straight = settings.replaced(output=str(tmp_path / "straight"))
    train(straight)
    path = tmp_path / "settings.toml"
    path.write_text(settings.to_toml())
    words = [*LAUNCH, "2", "--max-restarts", "1", "-m", "ptbert", "train", "classify"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*words, "--settings", str(path)], env=environment) as running:
        while not list((tmp_path / "out" / "checkpoints").glob("step-????????")):
            assert running.poll() is None
            time.sleep(0.02)
        os.kill(sorted(workers_of(path))[victim], signal.SIGKILL)
    assert running.returncode == 0

    difference = weights(tmp_path / "straight") - weights(tmp_path / "out")
    np.testing.assert_allclose(difference, torch.zeros_like(difference), atol=1e-6)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_complete_checkpoints_and_the_training_goes_on(settings, tmp_path, number):
    straight = settings.replaced(output=str(tmp_path / "straight"))
    train(straight)
    path = tmp_path / "settings.toml"
    path.write_text(settings.to_toml())
    words = [sys.executable, "-m", "ptbert", "train", "classify", "--settings", str(path)]
    with subprocess.Popen(words) as running:
        while not list((tmp_path / "out" / "checkpoints").glob("step-????????")):
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(number)
    assert running.returncode == 128 + number
    assert newest_checkpoint(tmp_path / "out" / "checkpoints") is not None

    train(settings)

    one, other = (
        (folder / "pytorch_model.bin").read_bytes()
        for folder in (tmp_path / "straight", tmp_path / "out")
    )
    assert one == other
