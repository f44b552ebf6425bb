"""Command line: ``python -m ptbert_optim plot OUT.png [SCHEDULE]``."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ptbert_optim.plot import plot_schedules, reference_schedules
from ptbert_optim.schedules import schedule_class

PROGRAM = "python -m ptbert_optim"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Wrong usage is left to ``argparse``, which exits with 2. Any other error is printed to
    standard error on one line.

    Args:
        arguments: those of the process when None.

    Returns:
        The exit code: 0, 1 after an error, or 128 plus the number of the signal that stopped it:
        130 after Ctrl-C, 143 after SIGTERM.
    """
    options = _parser().parse_args(arguments)
    told = None
    with _stopping_signals():
        try:
            _plot(options)
            print(options.out, flush=True)  # a closed pipe shows here, not after the program's end
            return 0
        except BrokenPipeError:
            code = 1
        except (ImportError, OSError, ValueError) as error:
            told, code = " ".join(str(error).split()), 1
        except KeyboardInterrupt as error:
            told, code = "stopped", 128 + (error.args or (signal.SIGINT,))[0]
    _flush_output()
    if told is not None:
        print(f"{PROGRAM}: {told}", file=sys.stderr)
    return code


@contextmanager
def _stopping_signals() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at the first signal that asks the process to end.

    Later ones do nothing, so that they cannot interrupt the cleaning up.
    """
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, _: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    with suppress(ValueError):  # in a thread, whose business signals are not
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, signal.SIGINT)
            if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _flush_output() -> None:
    """Print what is in the buffer; discard it if that fails, so that the end prints nothing."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):  # standard output without a descriptor, as in a test
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _PrintVersion(argparse.Action):
    """Prints the version of the package; it is looked up only then, because that is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"ptbert-optim {version('ptbert-optim')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--version", action=_PrintVersion, nargs=0, help="print the version and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    plot = commands.add_parser("plot", help="draw a schedule, or the five of the documentation")
    plot.add_argument("out", help="picture to write; its ending chooses the format")
    plot.add_argument("schedule", nargs="?", help="class or key of SCHEDULES, e.g. warmup_linear")
    plot.add_argument("--warmup", type=float, default=0.1, help="default: %(default)s")
    plot.add_argument("--t-total", type=int, default=1000, help="default: %(default)s")
    plot.add_argument("--cycles", type=float, help="of the cosine schedules")
    return parser


def _plot(options: argparse.Namespace) -> None:
    if options.schedule is None:
        schedules = reference_schedules()
    else:
        cycles = {} if options.cycles is None else {"cycles": options.cycles}
        kind = schedule_class(options.schedule)
        schedules = [kind(warmup=options.warmup, t_total=options.t_total, **cycles)]
    plot_schedules(options.out, schedules)


if __name__ == "__main__":
    sys.exit(main())
