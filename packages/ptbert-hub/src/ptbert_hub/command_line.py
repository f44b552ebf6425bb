"""How every command of this project ends: exit codes, errors on one line, Ctrl-C."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress


def run_command(
    action: Callable[[], int | None], program: str, *, stopped: str | None = "stopped"
) -> int:
    """Run a command and return its exit code.

    The code is what ``action`` returns (0 for None), 1 after an error, and 130 after Ctrl-C. An
    error is printed to standard error on one line, as ``PROGRAM: TEXT``. If nobody reads the
    output any more, as in ``PROGRAM | head -1``, the code is 1 and nothing is printed. Wrong usage
    is left to :mod:`argparse`, which exits with 2.

    Args:
        action: does the work and prints the results.
        program: what the command is called in messages.
        stopped: what to print after Ctrl-C; None lets ``KeyboardInterrupt`` through.

    Example:
        >>> run_command(lambda: print("hello"), "greet")
        hello
        0
    """
    told = None
    try:
        code = action() or 0
        sys.stdout.flush()  # a closed pipe is noticed here, and not after the end of the program
    except BrokenPipeError:
        _close_output()
        code = 1
    except (OSError, ValueError, ImportError) as error:
        told, code = " ".join(str(error).split()), 1
    except KeyboardInterrupt:
        if stopped is None:
            raise
        told, code = stopped, 130
    # By now the frames of the exception are gone, and with them the progress bars they had.
    if told is not None:
        _tell(f"{program}: {told}")
    return code


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - what a command says when it fails


def _close_output() -> None:
    """Discard what is still in the buffer of standard output."""
    with suppress(OSError, ValueError):  # an object without a descriptor, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
