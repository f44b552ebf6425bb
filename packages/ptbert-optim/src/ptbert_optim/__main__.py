"""Command line: ``python -m ptbert_optim plot OUT.png [SCHEDULE]``."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

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
        The exit code: 0, 1 after an error, or 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        _plot(options)
        print(options.out, flush=True)  # a closed pipe shows here, not after the program's end
    except BrokenPipeError:
        # What is still in the buffer goes nowhere, so that nothing is printed at the end.
        with suppress(OSError, ValueError):  # standard output without a descriptor, as in a test
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ImportError, OSError, ValueError) as error:
        print(f"{PROGRAM}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{PROGRAM}: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
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
