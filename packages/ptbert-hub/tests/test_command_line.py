import os
import signal
import subprocess
import sys
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


def test_ctrl_c_takes_one_line_and_has_its_own_code(capsys):
    assert run_command(failing(KeyboardInterrupt()), "prog") == 130
    assert run_command(failing(KeyboardInterrupt()), "prog", stopped="halted") == 130
    assert capsys.readouterr() == ("", "prog: stopped\nprog: halted\n")


def test_ctrl_c_can_be_let_through():
    with pytest.raises(KeyboardInterrupt):
        run_command(failing(KeyboardInterrupt()), "prog", stopped=None)


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_a_real_ctrl_c_leaves_no_traceback():
    action = "lambda: (print('ready', flush=True), __import__('time').sleep(30))"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(action=action)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "prog: stopped\n"
    assert process.returncode == 130
    assert time.monotonic() - began < 10


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
