import os
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

from ptbert_hub import run_command

PROGRAM = "import sys; from ptbert_hub import run_command; sys.exit(run_command({action}, 'prog'))"


def failing(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (3, 3)])
def test_the_exit_code_is_what_the_action_returns(returned, code):
    assert run_command(lambda: returned, "prog") == code


@pytest.mark.parametrize(
    "error", [OSError("two\n  lines"), ValueError("two\nlines"), ImportError("two lines")]
)
def test_an_error_takes_one_line(capsys, error):
    assert run_command(failing(error), "prog") == 1
    assert capsys.readouterr() == ("", "prog: two lines\n")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(KeyError):
        run_command(failing(KeyError("x")), "prog")


def test_too_little_memory_takes_one_line(capsys):
    assert run_command(failing(MemoryError()), "prog") == 1
    assert capsys.readouterr() == ("", "prog: there is not enough memory for this\n")


def test_ctrl_c_takes_one_line_and_has_its_own_code(capsys):
    assert run_command(failing(KeyboardInterrupt()), "prog") == 130
    assert run_command(failing(KeyboardInterrupt()), "prog", stopped="halted") == 130
    assert capsys.readouterr() == ("", "prog: stopped\nprog: halted\n")


def test_ctrl_c_can_be_let_through():
    with pytest.raises(KeyboardInterrupt):
        run_command(failing(KeyboardInterrupt()), "prog", stopped=None)


posix = pytest.mark.skipif(sys.platform == "win32", reason="has no signals for one process")
signals = pytest.mark.parametrize(
    "number",
    [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)],
    ids=lambda number: number.name,
)


@posix
@signals
def test_a_signal_leaves_no_traceback(number):
    action = "lambda: (print('ready', flush=True), __import__('time').sleep(30))"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(action=action)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.send_signal(number)
        assert process.stderr.read() == "prog: stopped\n"
    assert process.returncode == 128 + number
    assert time.monotonic() - began < 10


@posix
@signals
def test_a_second_signal_does_not_interrupt_the_cleaning_up(capsys, number):
    cleaned = []

    def action():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            signal.raise_signal(signal.SIGTERM)
            cleaned.append("all")

    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    assert run_command(action, "prog") == 128 + number

    assert cleaned == ["all"]
    assert capsys.readouterr() == ("", "prog: stopped\n")
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


@posix
def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert run_command(lambda: signal.raise_signal(signal.SIGHUP), "prog") == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_a_signal_is_not_lost_in_a_destructor(capsys):
    class Destroyed:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def action():
        Destroyed()
        time.sleep(30)

    began = time.monotonic()
    assert run_command(action, "prog") == 143
    assert time.monotonic() - began < 10
    assert capsys.readouterr() == ("", "prog: stopped\n")


def test_other_errors_in_destructors_are_reported_as_ever(monkeypatch):
    class Destroyed:
        def __del__(self):
            raise KeyError("a bug")

    def action():
        Destroyed()

    reported = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda dropped: reported.append(str(dropped.exc_value))
    )

    assert run_command(action, "prog") == 0
    assert reported == ["'a bug'"]


def test_a_command_may_run_in_a_thread():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run_command(lambda: 3, "prog")))
    thread.start()
    thread.join()

    assert codes == [3]


@posix
def test_a_stop_does_not_wait_for_a_reader_that_does_not_read():
    """There is more to print than a pipe holds, and nobody takes any of it."""
    action = "lambda: [print('x' * 50) for _ in range(100_000)]"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(action=action)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    ) as process:
        select.select([process.stdout], [], [], 60)  # it has begun to print
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == b"prog: stopped\n"
        assert process.wait() == 143


@pytest.mark.parametrize("stdout", ["a pipe", "a file"])
def test_what_is_printed_is_utf8_whatever_the_locale_says(tmp_path, stdout):
    words = [sys.executable, "-c", PROGRAM.format(action="lambda: print('naïve 京')")]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    if stdout == "a pipe":
        printed = subprocess.run(words, check=True, capture_output=True, env=environment).stdout
    else:
        with open(tmp_path / "out", "wb") as file:
            subprocess.run(words, check=True, stdout=file, env=environment)
        printed = (tmp_path / "out").read_bytes()

    assert printed.split() == ["naïve".encode(), "京".encode()]


@pytest.mark.parametrize("size", [1, 1_000_000], ids=["in the buffer", "more than the buffer"])
def test_output_that_nobody_reads_any_more_ends_quietly(size):
    """The reader closes the pipe before anything is written, as ``head`` may."""
    action = f"lambda: (sys.stdin.read(), print('x' * {size}))[1]"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(action=action)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": ""},  # it would hide what is lost in a buffer
    ) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def run_without(descriptor, action):
    """Run a command that was started with an output closed, as by ``PROGRAM >&-``."""
    words = [sys.executable, "-c", PROGRAM.format(action=action)]
    shell = ["sh", "-c", f'exec "$@" {descriptor}>&-', "sh"]
    return subprocess.run([*shell, *words], check=False, capture_output=True)


def test_without_standard_output_a_command_does_its_work(tmp_path):
    action = f"lambda: (print('lost'), open({str(tmp_path / 'made')!r}, 'w').write('x'))[0]"
    ended = run_without(1, action)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (tmp_path / "made").read_text() == "x"

    ended = run_without(1, "lambda: int('x')")
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"prog: invalid literal")


def test_without_standard_error_a_message_is_not_among_the_results():
    ended = run_without(2, "lambda: (print('result'), int('x'))[0]")
    assert (ended.returncode, ended.stdout) == (1, b"result\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_message_comes_after_what_open_generators_print(capsys, error):
    def lines():
        try:
            yield "a line"
        finally:
            sys.stderr.write("the bar\n")

    def action():
        opened = lines()
        next(opened)
        raise error("stopped")

    run_command(action, "prog")

    assert capsys.readouterr().err == "the bar\nprog: stopped\n"
