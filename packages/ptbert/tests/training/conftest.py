"""A tiny model, a few examples, and settings that train on them in a second."""

import csv
import hashlib
import json

import pytest
from torch.distributed.fsdp import FSDPModule

from ptbert.training import Settings

WORDS = ("the key is in the drawer", "a cat sleeps on the mat", "where is a key", "the cat ?")

needs_exact_sums = pytest.mark.skipif(
    not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"),
    reason="shard refuses this PyTorch, which cannot sum gradients exactly, as a test shows",
)


@pytest.fixture
def data(tmp_path):
    """A table of 24 texts, of which those about a cat have another label."""
    path = tmp_path / "train.csv"
    write_table(path, range(24))
    return path


def write_table(path, numbers):
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in numbers:
            text = WORDS[number % 4] + " ." * (number % 5)
            rows.writerow([text, "animal" if "cat" in text else "thing"])


@pytest.fixture
def settings(model_folder, data, tmp_path):
    """Three epochs of three steps, with dropout, evaluated on the training data."""
    return Settings(
        task="classify",
        model=str(model_folder),
        data=str(data),
        validation=str(data),
        output=str(tmp_path / "out"),
        batch_size=8,
        learning_rate=0.01,
        warmup=0.0,
        device="cpu",
        checkpoint_minutes=0.0,
    )


@pytest.fixture
def without_dropout(model_folder):
    path = model_folder / "config.json"
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    path.write_text(json.dumps(json.loads(path.read_text()) | rates))


def digest(folder):
    """SHA-256 of the weights in a folder."""
    return hashlib.sha256((folder / "pytorch_model.bin").read_bytes()).hexdigest()


def read_log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
