"""On a GPU: each task learns what it learns on the CPU, and an interrupted training goes on.

``python -m pytest -m gpu`` runs these where PyTorch finds a GPU.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

import ptbert.training.loop
from ptbert.training import train
from ptbert.training.settings import PRECISIONS

from .conftest import read_log
from .test_all_tasks import WITHOUT_EFFECT, each_task, weights
from .test_loop import interrupted

__all__ = ["each_task"]

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU"),
]


def trained_on(settings, device, **others):
    """Train, and return the folder of the result."""
    output = Path(f"{settings.output}-{device}")
    train(settings.replaced(output=str(output), device=device, **others))
    return output


def test_each_task_learns_what_it_learns_on_the_cpu(each_task):
    here, there = (weights(trained_on(each_task, place)) for place in ("cuda", "cpu"))
    assert here.keys() == there.keys()
    for name, each in here.items():
        if not name.endswith(WITHOUT_EFFECT[each_task.task]):
            np.testing.assert_allclose(each, there[name], atol=2e-4, err_msg=name)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_loss_falls_in_every_precision(settings, precision):
    folder = trained_on(settings, "cuda", precision=precision, epochs=20, learning_rate=0.02)
    losses = [line["loss"] for line in read_log(folder) if "loss" in line]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


@pytest.mark.parametrize("step", [2, 7])
def test_a_killed_training_goes_on_to_the_same_weights(settings, tmp_path, monkeypatch, step):
    settings = settings.replaced(device="cuda")
    straight = weights(trained_on(settings, "cuda"))
    parts = ptbert.training.loop.parts_of_step
    interrupted(settings, monkeypatch, "ptbert.training.loop.parts_of_step", parts, step)
    train(settings)
    resumed = weights(tmp_path / "out")
    for name, each in straight.items():  # kernels of a GPU may sum in another order each time
        np.testing.assert_allclose(each, resumed[name], atol=1e-3, err_msg=name)


def test_a_training_begun_on_a_gpu_ends_on_the_cpu(settings, tmp_path, monkeypatch):
    parts = ptbert.training.loop.parts_of_step
    begun = settings.replaced(device="cuda")
    interrupted(begun, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 5)
    train(settings.replaced(device="cpu"))
    assert (tmp_path / "out" / "pytorch_model.bin").exists()
