"""The four command lines print and end alike: errors on one line, exit codes, pipes, signals."""

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

FAKE_MATPLOTLIB = """\
import os, pathlib, time
from unittest.mock import MagicMock

class Figure:
    def __init__(self, **options): pass

    def subplots(self, rows, columns, squeeze):
        return [[MagicMock() for _ in range(columns)] for _ in range(rows)]

    def savefig(self, path, format):
        pathlib.Path(path).touch()
        if started := os.environ.get("SAVEFIG_STARTED"):
            pathlib.Path(started).touch()
            time.sleep(60)
"""


class Program(NamedTuple):
    """A command line.

    Args:
        distribution: what is installed with pip.
        module: what ``python -m`` runs.
        called: what it is called in messages.
        unknown: words with a name that is misspelt.
        meant: the right name.
        printing: words that print something; "VOCABULARY" stands for a vocabulary file.
    """

    distribution: str
    module: str
    called: str
    unknown: str
    meant: str
    printing: str


PROGRAMS = {
    program.module: program
    for program in (
        Program(
            "ptbert",
            "ptbert",
            "ptbert info",
            "info bert-base-uncase",
            "bert-base-uncased",
            "tokenize VOCABULARY --text a",
        ),
        Program("ptbert-hub", "ptbert_hub", "ptbert-hub", "fetch gpt2-medum", "gpt2-medium", "env"),
        Program(
            "ptbert-tokenizers",
            "ptbert_tokenizers",
            "ptbert-tokenizers",
            "info bert-base-uncase",
            "bert-base-uncased",
            "info VOCABULARY",
        ),
        Program(
            "ptbert-optim",
            "ptbert_optim",
            "python -m ptbert_optim",
            "plot out.png warmup_lineer",
            "warmup_linear",
            "plot out.png",
        ),
    )
}


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a program in a folder of its own."""
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\na\n")
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").touch()
    (tmp_path / "matplotlib" / "figure.py").write_text(FAKE_MATPLOTLIB)
    processes = []

    def start_program(module, words, *, stdout=subprocess.PIPE, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words.replace("VOCABULARY", "vocab.txt").split()],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ
            | {
                "PYTORCH_PRETRAINED_BERT_CACHE": str(tmp_path / "cache"),
                "PYTHONPATH": str(tmp_path),
                "PYTHONUNBUFFERED": "",  # it would hide what is lost in a buffer
            }
            | environment,
        )
        processes.append(process)
        return process

    yield start_program
    for process in processes:
        with process:  # closes the pipes
            process.kill()


programs = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


@programs
def test_an_unknown_name_is_an_error_of_one_line(program, start):
    process = start(program.module, program.unknown)

    output, errors = process.communicate()

    assert (process.returncode, output) == (1, "")
    assert errors.startswith(f"{program.called}: ")
    assert f"did you mean {program.meant!r}?" in errors
    assert errors.count("\n") == 1


@programs
@pytest.mark.parametrize("words", ["", "nonsense"])
def test_wrong_usage_is_explained(program, words, start):
    process = start(program.module, words)

    output, errors = process.communicate()

    assert (process.returncode, output) == (2, "")
    assert errors.startswith("usage: ")


@programs
def test_a_reader_that_has_gone_is_not_an_error_to_tell(program, start):
    process = start(program.module, program.printing)
    process.stdout.close()

    process.stdin.close()
    errors = process.stderr.read()

    assert (process.wait(), errors) == (1, "")


@programs
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no disk that is always full")
def test_a_full_disk_is_an_error_of_one_line(program, start):
    with open("/dev/full", "w") as full:
        process = start(program.module, program.printing, stdout=full)

    _, errors = process.communicate()

    assert process.returncode == 1
    assert errors.startswith(program.called.partition(" info")[0])
    assert "No space left on device" in errors
    assert errors.count("\n") == 1


@programs
def test_the_version_is_that_of_the_distribution(program, start):
    process = start(program.module, "--version")

    output, errors = process.communicate()

    version = importlib.metadata.version(program.distribution)
    assert (process.returncode, output, errors) == (0, f"{program.distribution} {version}\n", "")


@programs
def test_what_is_printed_comes_with_exit_code_0(program, start):
    process = start(program.module, program.printing)

    output, errors = process.communicate()

    assert (process.returncode, errors) == (0, "")
    assert output


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds, for a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def silent_server():
    """A server that takes a request and never answers; its address, and what tells of a request."""
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen():
            try:
                connection, _ = server.accept()
                connection.recv(1)
                asked.set()
                connection.recv(2**20)
                closing.wait()
                connection.close()
            except OSError:
                pass

        closing = threading.Event()
        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/file", asked
        closing.set()


SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):
    SIGNALS.append(signal.SIGHUP)  # the terminal was closed
signals = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


def stop(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """Send a signal, and again, as impatient users do; return the exit code and the errors."""
    start = time.monotonic()
    process.send_signal(number)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - start < 10  # 1, on a machine that does nothing else
    code = process.returncode
    return 128 - code if code < 0 else code, errors  # as shells say if the second one ended it


@signals
def test_a_signal_stops_ptbert(start, number):
    process = start("ptbert", "tokenize VOCABULARY")
    process.stdin.write("a\n")
    process.stdin.flush()
    assert process.stdout.readline() == "a\n"

    assert stop(process, number) == (128 + number, "ptbert tokenize: stopped\n")


@signals
@pytest.mark.parametrize(
    ("module", "words", "called"),
    [
        ("ptbert_hub", "fetch", "ptbert-hub"),
        ("ptbert", "download", "ptbert download"),
    ],
)
def test_a_signal_stops_a_download(module, words, called, start, silent_server, number):
    address, asked = silent_server
    process = start(module, f"{words} {address}")
    assert asked.wait(60)

    code, errors = stop(process, number)

    assert code == 128 + number
    assert errors.splitlines()[-1] == f"{called}: stopped; what was downloaded so far is kept"
    assert "Traceback" not in errors


@signals
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_stops_ptbert_tokenizers(start, tmp_path, number, workers):
    process = start("ptbert_tokenizers", f"encode VOCABULARY - -o ids.npy --workers {workers}")
    process.stdin.write(("a " * 50 + "\n") * 50_000)  # more than the pipe holds; it waits for more
    process.stdin.flush()

    code, errors = stop(process, number)

    assert (code, errors) == (128 + number, "ptbert-tokenizers: stopped\n")
    assert not [path for path in tmp_path.iterdir() if "ids" in path.name]


@signals
def test_a_signal_stops_ptbert_optim(start, tmp_path, number):
    started = tmp_path / "started"
    process = start("ptbert_optim", "plot out.png", SAVEFIG_STARTED=str(started))
    wait_for(started.exists)

    assert stop(process, number) == (128 + number, "python -m ptbert_optim: stopped\n")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith("out.png")]
