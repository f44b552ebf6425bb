"""Files of strangers: no reader crashes, hangs, takes gigabytes or raises anything odd.

Each reader has a process of its own, so that a crash is seen; see ``reader.py``.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="limits of memory are set and read as on Linux"
)

READER = Path(__file__).with_name("reader.py")
# The names, without importing all that the process imports.
NAMES = [
    key.value
    for node in ast.parse(READER.with_name("readers.py").read_text()).body
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "READERS"
    for key in node.value.keys
]
PROCESSES, CASES = 4, 5000


def run(name, seed, count, folder):
    folder.mkdir()
    words = [sys.executable, READER, name, str(seed), str(count), folder]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, f"{name}, seed {seed}: {done.returncode}, {done.stderr[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_twenty_thousand_damaged_files(name, tmp_path):
    results = [run(name, seed, CASES, tmp_path / str(seed)) for seed in range(PROCESSES)]

    assert [each["wrong"] for each in results] == [[]] * PROCESSES
    assert sum(each["read"] + each["refused"] for each in results) == PROCESSES * CASES
    assert min(each["refused"] for each in results) > CASES // 10  # the damage is real


@pytest.mark.parametrize("name", ["weights", "vocab.bin", "cache.pkl"])
def test_some_damaged_files(name, tmp_path):
    """A sample for every day."""
    result = run(name, 0, 150, tmp_path / "files")

    assert result["wrong"] == []
    assert result["refused"] > 15


def test_messages_and_the_log_can_be_read_whatever_a_file_holds(tmp_path):
    """A hundred thousand characters or a long list in every place of every kind of file."""
    results = run("all", "long", 0, tmp_path / "files")

    assert {name: each["wrong"] for name, each in results.items() if each["wrong"]} == {}
    assert sum(each["refused"] for name, each in results.items() if name != "log") > 200
