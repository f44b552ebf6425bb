"""Trainings that begin with one number of processes and go on with another."""

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
    running = subprocess.Popen(words, start_new_session=True)
    checkpoints = tmp_path / "out" / "checkpoints"
    while running.poll() is None:
        steps = [int(each.name[5:]) for each in checkpoints.glob("step-????????")]
        if until_step and max(steps, default=0) >= until_step:
            os.killpg(running.pid, signal.SIGKILL)
            for line in subprocess.run(
                ["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True
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
