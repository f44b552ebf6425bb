"""The list of mutants that are known to make no difference: ``tests/equivalent_mutants.toml``."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from changes import Mutant, mutants_at, places


@dataclass(frozen=True)
class Known:
    """An entry of ``equivalent_mutants.toml``: a line, and a change of it that no test can notice.

    Lines are compared without white space; ``now`` is None for any change of the line.
    """

    file: str
    was: str
    now: str | None
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Say whether the entry describes this mutant."""
        return (
            mutant.file.as_posix().endswith(f"/{self.file}")
            and bare(self.was) == bare(mutant.was)
            and (self.now is None or bare(self.now) == bare(mutant.now))
        )


def bare(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


def read_known(path: Path) -> list[Known]:
    """Read the list of equivalent mutants; an absent file is an empty list.

    Raises:
        ValueError: if an entry lacks a key, has an unknown one, or gives no reason.
    """
    found = []
    entries = tomllib.loads(path.read_text("utf-8")).get("mutant", []) if path.exists() else []
    for entry in entries:
        if not {"file", "was", "reason"} <= entry.keys() <= {"file", "was", "now", "reason"}:
            raise ValueError(f"{path}: {entry} needs file, was and reason, and may have now")
        if not entry["reason"].strip():
            raise ValueError(f"{path}: {entry['was']!r} is listed without a reason")
        now = entry.get("now")
        for each in now if isinstance(now, list) else [now]:
            found.append(Known(entry["file"], entry["was"], each, entry["reason"]))
    return found


def stale(known: Iterable[Known], sources: Mapping[Path, str]) -> list[Known]:
    """Return the entries that fit no possible mutant."""
    left = list(known)
    for file, source in sources.items():
        # Other lines are not looked at, because that would take long.
        here = [entry for entry in left if file.as_posix().endswith(f"/{entry.file}")]
        wanted = {bare(entry.was) for entry in here}
        lines = [bare(line) for line in source.splitlines()]
        if not wanted.isdisjoint(lines):
            for (line, _), changes in places(source).items():
                near = lines[line - 1 : line + 1]  # the change may begin with a line's end
                if not wanted.isdisjoint(near):
                    for mutant in mutants_at(file, source, changes):
                        left = [entry for entry in left if not entry.fits(mutant)]
    return left
