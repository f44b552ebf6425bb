"""Group I: what is printed, and what an import costs."""

import fcntl
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

import pytest

from ptbert_hub import progress
from ptbert_hub.progress import Progress, new_bar, wants_bar, watched

FETCH = "import sys; from ptbert_hub import get_from_cache; get_from_cache(*sys.argv[1:])"
BIG = progress.BAR_BYTES + 1


@pytest.fixture
def terminal(monkeypatch):
    class Terminal:
        def fileno(self):
            return 2

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(os, "isatty", lambda _: True)


def on_terminal(arguments, environment):
    """Run a program with its standard error on a terminal; return what it drew there."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *arguments], stderr=inner, env={**os.environ, **environment}
    )
    os.close(inner)
    seen = b""
    while True:
        try:
            seen += os.read(outer, 4096)
        except OSError:  # the other side was closed
            break
        if process.poll() is not None and not seen:
            break
    os.close(outer)
    assert process.wait(30) == 0
    return seen


def test_a_terminal_shows_a_bar_for_a_long_download(served, cache):
    served.content = bytes(BIG)
    served.rate = 3_000_000

    seen = on_terminal(["-c", FETCH, served.url(), str(cache)], {})

    assert b"model.dat" in seen
    assert b"%|" in seen
    assert seen.count(b"\r") < 10 * 6


def test_a_terminal_shows_nothing_for_a_short_one(served, cache):
    assert on_terminal(["-c", FETCH, served.url(), str(cache)], {}) == b""


@pytest.mark.parametrize("stderr", ["pipe", "closed"])
def test_a_pipe_stays_empty(served, cache, stderr):
    code = FETCH if stderr == "pipe" else "import os; os.close(2); " + FETCH
    done = subprocess.run(
        [sys.executable, "-c", code, served.url(), str(cache)], capture_output=True, check=True
    )

    assert done.stderr == b""
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("environment", "total", "wanted"),
    [
        ({}, BIG, True),
        ({}, None, True),
        ({}, BIG - 1, False),
        ({"PTBERT_HUB_PROGRESS": "0"}, BIG, False),
        ({"TQDM_POSITION": "-1"}, BIG, False),
        ({"RANK": "1"}, BIG, False),
        ({"LOCAL_RANK": "3"}, BIG, False),
        ({"RANK": "0"}, BIG, True),
    ],
)
def test_when_a_bar_is_drawn(terminal, monkeypatch, environment, total, wanted):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert wants_bar(total) is wanted


def test_a_bar_can_be_forced(monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")

    assert wants_bar(BIG)


def test_other_threads_draw_nothing(terminal):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(wants_bar(BIG)))
    thread.start()
    thread.join()

    assert answers == [False]


@pytest.mark.parametrize("broken", [None, object(), "closed"])
def test_a_closed_or_replaced_standard_error_draws_no_bar(monkeypatch, broken, tmp_path):
    if broken == "closed":
        broken = open(tmp_path / "x", "w")  # noqa: SIM115 - closed on the next line
        broken.close()
    monkeypatch.setattr(sys, "stderr", broken)

    assert not wants_bar(BIG)


def test_items_are_counted_on_a_terminal_only(capsys, monkeypatch):
    items = [1, 2, 3]
    assert watched(items, unit="things") is items

    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.0)
    assert watched(items, unit="things", verbose=False) is items
    assert list(watched(items, unit="things", label="counting")) == items
    shown = capsys.readouterr().err
    assert "counting:   0%" in shown
    assert "0/3" in shown
    assert " things/s" in shown
    assert shown.endswith("\r")  # it is removed at the end


def test_a_bar_counts_bytes(capsys, monkeypatch):
    assert new_bar("text.txt", BIG) is None

    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.0)
    assert new_bar("text.txt", progress.BAR_BYTES) is None
    bar = new_bar("text.txt", 10 << 20, 5 << 20)
    bar.update(1)
    bar.close()
    assert "text.txt:  50%" in capsys.readouterr().err


def test_without_a_terminal_the_log_shows_the_progress(monkeypatch, caplog):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with caplog.at_level(logging.INFO, logger="ptbert_hub"):
        course = Progress("http://h/x", 10, 2)
        course.update(8)
        course.close()

    assert [record.message for record in caplog.records] == [
        "downloading http://h/x (10 bytes, 2 there)",
        "downloading http://h/x: 10 of 10 bytes",
        "have 10 of 10 bytes of http://h/x",
    ]


def test_without_a_terminal_the_library_of_the_bar_is_not_imported(served, cache):
    code = FETCH + "; print('tqdm' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, served.url(), str(cache)], capture_output=True, check=True
    )

    assert done.stdout.strip() == b"False"


# I3: importing


def test_an_import_loads_no_network_library_and_writes_nothing(tmp_path):
    code = (
        "import sys, ptbert_hub;"
        "print([m for m in ('requests', 'urllib3', 'filelock', 'tqdm', 'torch', 'numpy', 'boto3')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )

    assert done.stdout.strip() == "[]"
    assert not (tmp_path / ".cache").exists()


def test_an_import_takes_less_than_150_milliseconds():
    """The least of five, in seconds of processor time, without what Python itself needs."""
    code = "import time; t = time.process_time(); import ptbert_hub; print(time.process_time() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]

    assert min(times) < 0.15
