"""Two processes train as one, see ``distributed_worker.py``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("distributed_worker.py")


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    workers = [
        subprocess.Popen(
            [sys.executable, WORKER, str(rank), folder / "store", folder / "result.json"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    errors = []
    try:
        for worker in workers:
            errors.append(worker.communicate(timeout=300)[1])
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    assert errors == ["", ""]  # no warning either
    return json.loads((folder / "result.json").read_text("utf-8"))


@pytest.mark.parametrize("optimizer", ["BertAdam", "OpenAIAdam"])
@pytest.mark.parametrize(
    "scenario", ["data_parallel", "sharded", "sharded_with_global_clip", "zero_redundancy"]
)
def test_two_processes_reach_the_parameters_of_one(differences, optimizer, scenario):
    difference = differences[f"{optimizer} {scenario}"]

    assert difference["moved"] > 0.1
    assert difference["largest"] < 5e-6
