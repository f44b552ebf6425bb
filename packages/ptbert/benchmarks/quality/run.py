"""Train on real data with the defaults of ``ptbert train``, and compare with simple baselines.

``python3 noxfile.py -s quality [-- ROW ... --novel FILE]`` fetches the data into ``build/quality``,
which git ignores, trains 3 epochs for each row of the table, and writes the table into the README
of ptbert. A row that was stopped goes on when the session is run again, and one that has ended is
only measured again.
"""

import argparse
import platform
import sys
from pathlib import Path

from rows import ROWS, Place, Row
from sources import NotThere

# ruff: noqa: T201

PACKAGE = Path(__file__).parents[2]
FOLDER = PACKAGE.parents[1] / "build" / "quality"
README = PACKAGE / "README.md"
BEGIN, END = "<!-- quality -->", "<!-- end of quality -->"


def lines_of(rows: list[Row], seed: int = 0) -> list[str]:
    """Return the table as Markdown."""
    head = ["task", "data", "baseline", "result", "wanted", "minutes"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        sign = "at most" if row.smaller else "at least"
        cells = [
            row.task,
            row.data,
            row.baseline,
            f"{row.measure} {row.value:.3f}",
            f"{sign} {row.wanted:.3g}" + ("" if row.is_reached else " (missed)"),
            f"{row.minutes:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"Seed {seed}, on {processor()}, by:", "", "```console"]
    return [*lines, *(row.command for row in rows), "```"]


def replaced(text: str, lines: list[str]) -> str:
    """Return a text with other lines between the marks of the table.

    Raises:
        ValueError: if the text does not have both marks once.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{str(README)!r} needs the marks {BEGIN} and {END} once each")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"])


def processor() -> str:
    """The name of the processor, and how many there are."""
    try:
        facts = dict(
            map(str.strip, line.split(":", 1))
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if ":" in line
        )
        model = f"(family {facts['cpu family']}, model {facts['model']})"
        return f"{facts['model name']} {model}"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def main() -> None:
    """Run the rows that the command line names; all without names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all if none")
    parser.add_argument("--novel", type=Path, help="a text to take instead of the one of Debian")
    parser.add_argument("--no-readme", action="store_true", help="print the table only")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.rows if name not in ROWS]:
        parser.error(f"there is no row {unknown[0]!r}; choose from {', '.join(ROWS)}")
    rows = []
    for name in arguments.rows or ROWS:
        place = Place(FOLDER / name, arguments.novel)
        place.folder.mkdir(parents=True, exist_ok=True)
        try:
            rows.append(ROWS[name](place))
        except NotThere as error:
            print(f"{name}: left out, {error}", file=sys.stderr)
    lines = lines_of(rows)
    print("\n".join(lines))
    if not arguments.no_readme and len(rows) == len(ROWS):
        README.write_text(replaced(README.read_text(encoding="utf-8"), lines), encoding="utf-8")


if __name__ == "__main__":
    main()
