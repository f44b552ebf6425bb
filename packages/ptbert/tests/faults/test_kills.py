"""Trainings that are killed at random moments: the same weights, and nothing half-written."""

import hashlib
import os
import random
import signal
import sys

import pytest
import torch

from ptbert.training import Settings, train
from ptbert.training.checkpoints import newest_checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are made by fork")

KILLS = 100
TEXTS = ("the key is in the drawer", "a cat sleeps on the mat", "where is a key", "the cat ?")


def run_in_child(settings, *, killed_after=0.0):
    """Train in a process of its own; return its status and the seconds that it computed.

    Args:
        settings: of the training.
        killed_after: seconds of computing after which the system ends the process, by a signal
            that nothing handles; 0 for never. So the moment does not depend on how busy the
            machine is.
    """
    child = os.fork()  # starts at once; a new interpreter would import torch for seconds
    if child == 0:
        try:
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, killed_after)
            train(settings)
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
    _, status, usage = os.wait4(child, 0)
    return status, usage.ru_utime + usage.ru_stime


def digest(folder):
    return hashlib.sha256((folder / "pytorch_model.bin").read_bytes()).hexdigest()


@pytest.mark.slow
def test_killed_at_a_hundred_random_moments(model_folder, tmp_path):
    torch.set_num_threads(1)
    rows = [f"{text}\t{int('cat' in text)}" for text in TEXTS * 12]
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    settings = Settings(
        task="classify",
        model=str(model_folder),
        data=str(tmp_path / "train.tsv"),
        validation=str(tmp_path / "train.tsv"),
        output=str(tmp_path / "straight"),
        batch_size=4,
        learning_rate=0.01,
        device="cpu",
        checkpoint_minutes=0.0,
    )
    status, whole = run_in_child(settings)
    assert status == 0
    expected = digest(tmp_path / "straight")

    chance, kills, trainings = random.Random(1), 0, 0
    while kills < KILLS:
        trainings += 1
        folder = tmp_path / f"killed-{trainings}"
        ended = False
        while not ended:
            moment = chance.uniform(0.01, whole)
            status, _ = run_in_child(settings.replaced(output=str(folder)), killed_after=moment)
            ended = status == 0
            assert ended or os.WTERMSIG(status) == signal.SIGPROF, f"it ended by itself: {status}"
            kills += not ended
            checkpoints = folder / "checkpoints"
            finished = [each for each in checkpoints.glob("step-*") if each.suffix != ".partial"]
            if finished and not (folder / "result.json").exists():
                newest = newest_checkpoint(checkpoints)
                assert newest.folder == max(finished), "the newest is not complete"
        assert digest(folder) == expected, f"training {trainings}, after {kills} kills"
    print(f"{kills} kills in {trainings} trainings")  # noqa: T201 - shown by pytest -s
