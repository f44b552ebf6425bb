"""How every command of this project prints and ends: UTF-8, exit codes, one line, signals."""

import io
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Stopped(KeyboardInterrupt):
    """A signal that ends a command, such as Ctrl-C or SIGTERM.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run_command(
    action: Callable[[], int | None], program: str, *, stopped: str | None = "stopped"
) -> int:
    """Run a command and return its exit code.

    The code is what ``action`` returns (0 for None), 1 after an error, and 128 plus the number of
    the signal that stopped it: 130 after Ctrl-C, 143 after SIGTERM. An error is printed to standard
    error on one line, as ``PROGRAM: TEXT``. If nobody reads the output any more, as in
    ``PROGRAM | head -1``, the code is 1 and nothing is printed. Wrong usage is left to
    :mod:`argparse`, which exits with 2.

    What is printed is UTF-8 unless it goes to a terminal, whatever the locale is. Where standard
    output or standard error is closed, what is printed there is dropped.

    Args:
        action: does the work and prints the results.
        program: what the command is called in messages.
        stopped: what to print after a signal; None leaves signals and output to the action, and
            lets ``KeyboardInterrupt`` through.

    Example:
        >>> run_command(lambda: print("hello"), "greet")
        hello
        0
    """
    _open_closed_outputs()
    if stopped is None:
        return _ended(program, *_outcome(action))
    _print_utf8()
    with stopping_signals() as ignore_later_ones:
        try:
            code, told = _outcome(action)
            ignore_later_ones()
        except KeyboardInterrupt as error:
            ignore_later_ones()
            number = error.number if isinstance(error, Stopped) else signal.SIGINT
            code, told = 128 + number, stopped
            _drop_output_to_a_pipe()
        # By now the frames of the exception are gone, and with them the progress bars they had.
        return _ended(program, code, told)


def _ended(program: str, code: int, told: str | None) -> int:
    """Print what is left to print; return the exit code."""
    _flush_output()
    if told is not None:
        _tell(f"{program}: {told}")
    return code


def _outcome(action: Callable[[], int | None]) -> tuple[int, str | None]:
    """Run an action; return the exit code, and what to say about an error."""
    try:
        code = action() or 0
        sys.stdout.flush()  # a closed pipe is noticed here, and not after the end of the program
    except BrokenPipeError:
        return 1, None
    except (OSError, ValueError, ImportError) as error:
        return 1, " ".join(str(error).split())
    except MemoryError:
        return 1, "there is not enough memory for this"
    return code, None


@contextmanager
def stopping_signals() -> Iterator[Callable[[], None]]:
    """Raise :class:`Stopped` in the block at the first signal that asks the process to end.

    These are SIGINT, SIGTERM and SIGHUP, where nobody handles or ignores them already. Later ones
    do nothing, so that they cannot interrupt the cleaning up. Python prints and drops exceptions
    in destructors; if that happens to this one, it is raised again a moment later.

    Yields:
        A function after whose call all signals of these do nothing until the block ends.
    """
    is_stopping = False

    def ignore_later_ones() -> None:
        nonlocal is_stopping
        is_stopping = True

    if threading.current_thread() is not threading.main_thread():  # signals are not its business
        yield ignore_later_ones
        return

    def stop(number: int, _: object) -> None:
        nonlocal is_stopping
        if not is_stopping:
            is_stopping = True
            raise Stopped(number)

    def report(dropped: Any) -> None:
        nonlocal is_stopping
        if not isinstance(dropped.exc_value, Stopped):
            report_before(dropped)
            return
        is_stopping = False
        again = threading.Timer(0.01, _signal_main_thread, (dropped.exc_value.number,))
        again.daemon = True
        again.start()

    usual = {signal.SIG_DFL, signal.default_int_handler}
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, names)}
    report_before, sys.unraisablehook = sys.unraisablehook, report
    try:
        for number, handler in before.items():
            if handler in usual:
                signal.signal(number, stop)
        yield ignore_later_ones
    finally:
        sys.unraisablehook = report_before
        for number, handler in before.items():
            if handler in usual:
                signal.signal(number, handler)


def _signal_main_thread(number: int) -> None:
    """Send the main thread a signal, also if it waits for the system."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def add_version(parser: "ArgumentParser", distribution: str) -> None:
    """Give a command line ``--version``, which prints the version of an installed distribution."""
    from argparse import SUPPRESS, Action

    class PrintVersion(Action):
        def __call__(self, parser: "ArgumentParser", *_: object) -> None:
            from importlib.metadata import version  # slow, and seldom asked for

            sys.stdout.write(f"{distribution} {version(distribution)}\n")
            parser.exit()

    parser.add_argument(
        "--version", action=PrintVersion, nargs=0, dest=SUPPRESS, help="print the version and exit"
    )


def _open_closed_outputs() -> None:
    """Give a program that was started without an output, as by ``PROGRAM >&-``, an empty one."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end


def _print_utf8() -> None:
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper) and not output.isatty():
        output.reconfigure(encoding="utf-8", errors=output.errors)


def _flush_output() -> None:
    """Print what is in the buffer of standard output; discard it if that fails."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # told already
        _discard_output()


def _drop_output_to_a_pipe() -> None:
    """Discard what is in the buffer if writing it could wait for a reader that does not read."""
    with suppress(OSError, ValueError, AttributeError):
        kind = os.fstat(sys.stdout.fileno()).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            _discard_output()


def _discard_output() -> None:
    with suppress(OSError, ValueError):  # an object without a descriptor, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stdout.flush()


def _tell(line: str) -> None:
    with suppress(OSError, ValueError):  # the terminal is gone
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - what a command says when it fails
