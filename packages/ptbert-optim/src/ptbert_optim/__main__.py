"""Command line: ``python -m ptbert_optim plot OUT.png [SCHEDULE]``."""

import argparse
import sys
from collections.abc import Sequence

from ptbert_optim.plot import plot_schedules, reference_schedules
from ptbert_optim.schedules import schedule_class


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those of the process when None.

    Returns:
        The exit status: 0, or 1 after an error, which is one line on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m ptbert_optim", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    plot = commands.add_parser("plot", help="draw a schedule, or the five of the documentation")
    plot.add_argument("out", help="picture to write; its ending chooses the format")
    plot.add_argument("schedule", nargs="?", help="class or key of SCHEDULES, e.g. warmup_linear")
    plot.add_argument("--warmup", type=float, default=0.1, help="default: %(default)s")
    plot.add_argument("--t-total", type=int, default=1000, help="default: %(default)s")
    plot.add_argument("--cycles", type=float, help="of the cosine schedules")
    options = parser.parse_args(arguments)
    try:
        if options.schedule is None:
            schedules = reference_schedules()
        else:
            cycles = {} if options.cycles is None else {"cycles": options.cycles}
            kind = schedule_class(options.schedule)
            schedules = [kind(warmup=options.warmup, t_total=options.t_total, **cycles)]
        plot_schedules(options.out, schedules)
    except (ImportError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
