"""Signals, killed workers and full disks end the command in one line, and nothing is left."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")

ENDING = [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)]
PATIENCE = 20  # seconds; on a machine that does nothing else it takes less than one


class Command:
    """A running ``encode`` of a text that does not end, in a folder of its own."""

    def __init__(self, vocabulary: Path, output: str, workers: int) -> None:
        self.mark = f"PTBERT_TEST_{os.getpid()}_{time.monotonic_ns()}"
        words = ["encode", str(vocabulary), "-", "-o", output, f"--workers={workers}"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {self.mark: "1", "PYTHONUNBUFFERED": ""},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def feed(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def processes(self) -> list[int]:
        """All processes of the command that run, by the mark in their environment."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    marked = self.mark.encode() in (entry / "environ").read_bytes()
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if marked and state not in "ZX":
                    found.append(int(entry.name))
        return found

    def workers(self, number: int) -> list[int]:
        """The worker processes, as soon as all have been started."""
        end = time.monotonic() + PATIENCE
        while len(found := self.processes()) < number + 1:
            assert time.monotonic() < end
            time.sleep(0.01)
        return [pid for pid in found if pid != self.process.pid]

    def ended(self) -> tuple[int, list[str]]:
        """Wait for the end; return the exit code and the lines of standard error."""
        start = time.monotonic()
        _, errors = self.process.communicate(timeout=100)
        assert time.monotonic() - start < PATIENCE
        return self.process.returncode, errors.decode().splitlines()


# Python's own handler of signals is in force until the imports are done.
START = """\
import sys
from ptbert_tokenizers import __main__
real = __main__._tokenizer
def told(options):
    tokenizer = real(options)
    sys.__stdout__.write("ready\\n")
    sys.__stdout__.flush()
    return tokenizer
__main__._tokenizer = told
sys.exit(__main__.main(sys.argv[1:]))
"""


@pytest.fixture
def start(tmp_path: Path, published: Callable[[str], Path]) -> Iterator[Callable[..., Command]]:
    started = []
    folder = tmp_path / "work"
    folder.mkdir()
    os.chdir(folder)

    def begin(output: str = "ids.npy", workers: int = 1) -> Command:
        started.append(Command(published("bert-base-uncased"), output, workers))
        return started[-1]

    yield begin
    for command in started:
        with command.process:
            command.process.kill()


LINES = b"".join(b"some words of line %d\n" % number for number in range(60_000))


def check_nothing_is_left(command: Command) -> None:
    assert os.listdir() == []
    assert command.processes() == []


@pytest.mark.parametrize("group", [False, True], ids=["one process", "all processes"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", sorted(set(ENDING)), ids=lambda number: number.name)
def test_a_signal_ends_the_command(
    start: Callable[..., Command], number: int, workers: int, group: bool
) -> None:
    command = start(workers=workers)
    command.feed(LINES)

    (os.killpg if group else os.kill)(command.process.pid, number)

    assert command.ended() == (128 + number, ["ptbert-tokenizers: stopped"])
    check_nothing_is_left(command)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_killed_worker_ends_the_command(start: Callable[..., Command], number: int) -> None:
    command = start(workers=2)
    command.feed(LINES)
    os.kill(command.workers(2)[0], number)
    assert command.process.stdin is not None
    command.process.stdin.close()
    command.process.stdin = None

    code, lines = command.ended()

    name = signal.Signals(number).name
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(
        f"ptbert-tokenizers: a worker process was ended by {name}; if memory"
    )
    check_nothing_is_left(command)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("output", ["ids.npy", "ids.jsonl"])
def test_a_full_disk_ends_the_command(
    published: Callable[[str], Path], output: str, workers: int
) -> None:
    """A limit on the size of files stands for the disk."""
    Path("text.txt").write_bytes(LINES)
    program = (
        "import resource, sys\n"
        "from ptbert_tokenizers.__main__ import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["encode", str(published("bert-base-uncased")), "text.txt", "-o", output]
    done = subprocess.run(
        [sys.executable, "-c", program, *words, f"--workers={workers}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"ptbert-tokenizers: [Errno 27] File too large: '{output}'\n"
    assert os.listdir() == ["text.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_five_hundred_signals_at_random_moments(start: Callable[..., Command], seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(125):
        workers = draw.choice([1, 2, 3])
        command = start(draw.choice(["ids.npy", "ids.jsonl"]), workers)
        command.feed(LINES[: draw.randrange(len(LINES))])
        time.sleep(draw.uniform(0, 0.3))
        started = [pid for pid in command.processes() if pid != command.process.pid]
        if started and draw.random() < 0.5:
            os.kill(draw.choice(started), signal.SIGKILL)
            code, lines = command.ended()
            if code == 0:  # it had no work any more
                for path in Path().glob("ids*"):
                    path.unlink()
            else:
                assert (code, len(lines)) == (1, 1)
        else:
            number = draw.choice(ENDING)
            (os.killpg if draw.random() < 0.5 else os.kill)(command.process.pid, number)
            assert command.ended() == (128 + number, ["ptbert-tokenizers: stopped"])
        check_nothing_is_left(command)
