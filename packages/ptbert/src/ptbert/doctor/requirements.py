"""What the files of requirements beside a program say: its release of 2019, and PyTorch's"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ptbert.doctor import releases
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.names import Evidence
from ptbert.doctor.requirement_tables import table_entries

_NAMES = (
    *("*requirements*.txt", "setup.py", "setup.cfg", "pyproject.toml", "Pipfile"),
    *("environment*.yml", "environment*.yaml"),
)
_LARGEST = 1 << 20  # bytes of a file; what is larger has other things
_LIMIT = r"(?:={1,3}|~=|!=|<=?|>=?)\s*[0-9][\w.*]*"
_NAME = r"pytorch[-_.]pretrained[-_.]bert|(?:py)?torch"
_REQUIRED = re.compile(
    rf"(?<![\w./-])(?P<name>{_NAME})(?![\w./-]|\s*=\s*[a-z_])"
    rf"(?:\[[^\]]*\])?(?:\s*=\s*\")?\s*(?P<limits>(?:{_LIMIT}[\s,]*)*)",
    re.IGNORECASE,
)
_BEFORE = frozenset("'\"[-")  # what stands before a name in a list, or the sign of an item
_NAMED = re.compile(r"\bname\s*=\s*['\"]$")  # of the package itself, and not of what it needs
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_OLDEST_TORCH = "2.6"
_AFTER_APRIL = "0.6.3"  # stands for June 2019, which had no number


class _Requirement(NamedTuple):
    file: str
    line: int
    name: str
    limits: str  # alternatives have || in between
    text: str

    @property
    def is_torch(self) -> bool:
        """Whether it is PyTorch, which is also called so by conda."""
        return self.name.lower() in {"torch", "pytorch"}


def required_releases(root: Path) -> Iterator[Evidence]:
    """Yield the releases that files of requirements in a folder allow, if they leave some out."""
    for each in _requirements(root):
        if not each.is_torch:
            fitting = frozenset().union(*map(_allowed, each.limits.split("||")))
            if fitting and fitting != releases.ALL:
                yield Evidence(each.text, f"{each.file}:{each.line}", fitting, "allows")


def old_requirements(root: Path) -> Iterator[Finding]:
    """Yield what has to go before the requirements can be installed on the Python of today."""
    for each in _requirements(root):
        if not each.is_torch:
            what = f"{each.text} is not needed with ptbert"
            remedy = "require ptbert in its place"
        elif _leaves_out_newer(each.limits, _OLDEST_TORCH):
            what = f"{each.text} leaves out every PyTorch that ptbert runs with"
            remedy = f"require {each.name}>={_OLDEST_TORCH}"
        else:
            continue
        yield Finding(each.file, each.line, 0, Effect.NOTE, what, remedy)


def _requirements(root: Path) -> Iterator[_Requirement]:
    for path in sorted({path for name in _NAMES for path in root.glob(name)}):
        text = _text(path)
        is_table = path.name in {"pyproject.toml", "Pipfile"}
        entries = table_entries(text, _NAME) if is_table else None
        for each in entries or ():
            yield _Requirement(str(path), each.line, each.name, each.limits, each.written)
        if entries is not None:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            for found in _REQUIRED.finditer(line.partition("#")[0]):
                before = line[: found.start()].strip()
                is_item = not before or before[-1] in _BEFORE
                if is_item and not _NAMED.search(before):
                    limits = re.sub(r"[\s,]+$", "", found["limits"]).replace(" ", "")
                    name = found["name"]
                    yield _Requirement(str(path), number, name, limits, f"{name}{limits}")


def _text(path: Path) -> str:
    """The text of a file, as PowerShell writes it too; empty if it is none or cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        data = path.read_bytes()
    except OSError:
        return ""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    return data.decode(encoding, errors="replace")


def _allowed(limits: str) -> frozenset[str]:
    """The releases in a range."""
    is_exact = re.search("(?<![<>!])=", limits)  # so it is of the package index
    numbers = {release: release for release in releases.ALL - releases.JUNE}
    numbers |= {} if is_exact else dict.fromkeys(releases.JUNE, _AFTER_APRIL)
    return frozenset(release for release, number in numbers.items() if _allows(limits, number))


def _allows(limits: str, number: str) -> bool:
    """Whether a release is in a range such as ``>=0.5,<0.6``."""
    return all(_is_within(each, number) for each in re.findall(_LIMIT, limits))


def _is_within(limit: str, number: str) -> bool:
    sign, wanted = re.fullmatch(r"([=~!<>]+)\s*(.*)", limit).groups()  # type: ignore[union-attr]
    given, bound = _parts(number), _parts(wanted)
    if sign in {"=", "==", "===", "!="}:
        is_beginning = wanted.endswith("*") or sign == "="  # as conda writes it
        same = given[: len(bound)] if is_beginning else given
        return (same == bound) == (sign != "!=")
    if sign == "~=":
        same = _parts(wanted.rpartition(".")[0])
        return given >= bound and given[: len(same)] == same
    return {"<": given < bound, "<=": given <= bound, ">": given > bound, ">=": given >= bound}[
        sign
    ]


def _leaves_out_newer(limits: str, oldest: str) -> bool:
    """Whether a range ends before a release, and all others too if there are several."""
    return all(_ends_before(each, oldest) for each in limits.split("||"))


def _ends_before(limits: str, oldest: str) -> bool:
    ends = [each for each in re.findall(_LIMIT, limits) if not each.startswith((">", "!="))]
    early = [each for each in ends if _parts(each) <= _parts(oldest)]
    return any(not _is_within(re.sub("^=+", "<=", each), oldest) for each in early)


def _parts(number: str) -> tuple[int, ...]:
    parts = [int(each) for each in re.findall(r"[0-9]{1,9}", number)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(parts)
