"""Check that one distribution can be released: ``release.py NAME [TAG]``.

Version, changelog and tag have to agree; the wheel and the source distribution in ``build/dist``
have to hold what they should and nothing else.
"""

import re
import shlex
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "build" / "dist"
_LEFTOVERS = ("__pycache__", ".pyc", ".nox", ".hypothesis", ".egg-info", ".pytest_cache")


def problems_of_version(name: str, version: str, changelog: str, tag: str | None) -> Iterator[str]:
    """Yield what is wrong with the version, its heading and its tag.

    Args:
        name: of the distribution.
        version: in its ``pyproject.toml``.
        changelog: the text of its ``CHANGELOG.md``.
        tag: that is being released; None if there is none yet.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        yield f"version {version!r} is not of the form 0.y.z"
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    if headings[:1] != [version]:
        newest = headings[0] if headings else "missing"
        yield f"the newest heading of the changelog is {newest}, and the version {version}"
    if coming := re.findall(r"^### (Coming in .+)$", changelog, re.MULTILINE):
        yield f"the changelog still has the section {coming[0]!r}; give it its heading"
    if tag is not None and tag != tag_of(name, version):
        yield f"the tag is {tag!r}, and should be {tag_of(name, version)}"


def tag_of(name: str, version: str) -> str:
    """Return the tag of a release, such as ``ptbert-hub-v0.1.1``."""
    return f"{name}-v{version}"


def problems_of_wheel(path: Path, name: str, version: str) -> Iterator[str]:
    """Yield what is wrong with what a wheel holds."""
    package = name.replace("-", "_")
    info = f"{package}-{version}.dist-info"
    with ZipFile(path) as wheel:
        members = wheel.namelist()
        yield from _leftovers(path, members)
        for each in sorted({member.partition("/")[0] for member in members} - {package, info}):
            yield f"{path.name} holds {each}, beside {package} and its metadata"
        for each in (f"{package}/py.typed", f"{info}/licenses/LICENSE", f"{info}/METADATA"):
            if each not in members:
                yield f"{path.name} lacks {each}"
        if f"{info}/METADATA" in members:
            yield from _problems_of_metadata(wheel.read(f"{info}/METADATA").decode(), name, version)


def _problems_of_metadata(text: str, name: str, version: str) -> Iterator[str]:
    values = Parser().parsestr(text)
    if (values["Name"], values["Version"]) != (name, version):
        yield f"the metadata is that of {values['Name']} {values['Version']}"
    for key in ("Summary", "Requires-Python", "License-Expression", "Description-Content-Type"):
        if not values[key]:
            yield f"the metadata has no {key}"


def problems_of_sdist(path: Path, name: str, version: str) -> Iterator[str]:
    """Yield what is wrong with what a source distribution holds."""
    package = name.replace("-", "_")
    start = f"{package}-{version}/"
    with tarfile.open(path) as archive:
        members = archive.getnames()
    yield from _leftovers(path, members)
    wanted = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", f"src/{package}/py.typed")
    for each in wanted:
        if start + each not in members:
            yield f"{path.name} lacks {each}"
    if not any(member.startswith(f"{start}tests/test_") for member in members):
        yield f"{path.name} lacks its tests"


def _leftovers(path: Path, members: list[str]) -> Iterator[str]:
    for member in members:
        if any(leftover in member for leftover in _LEFTOVERS):
            yield f"{path.name} holds {member}, which is left over from other work"
            return


def problems_of_ranges(name: str, versions: dict[str, str], needed: list[str]) -> Iterator[str]:
    """Yield the siblings whose present version a distribution does not accept.

    Args:
        name: of the distribution.
        versions: of all siblings.
        needed: its requirements.
    """
    from packaging.requirements import Requirement

    for requirement in map(Requirement, needed):
        present = versions.get(requirement.name)
        if present is not None and not requirement.specifier.contains(present):
            yield f"{name} needs {requirement}, and the present version is {present}"


def _problems(name: str, tag: str | None) -> Iterator[str]:
    folder = ROOT / "packages" / name
    projects = {
        each: tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        for each, path in _project_files().items()
    }
    version = projects[name]["version"]
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    yield from problems_of_version(name, version, changelog, tag)
    versions = {each: project["version"] for each, project in projects.items()}
    yield from problems_of_ranges(name, versions, projects[name]["dependencies"])
    stem = f"{name.replace('-', '_')}-{version}"
    wheel, sdist = DIST / f"{stem}-py3-none-any.whl", DIST / f"{stem}.tar.gz"
    for path, check in ((wheel, problems_of_wheel), (sdist, problems_of_sdist)):
        if path.exists():
            yield from check(path, name, version)
        else:
            yield f"there is no {path.name} in {DIST}; run the session build"
    yield from _problems_of_tag(tag_of(name, version))


def _problems_of_tag(tag: str) -> Iterator[str]:
    """A tag that exists already must be of this commit: a version is released once."""
    at_tag, here = (
        subprocess.run(
            ["git", "rev-parse", "--quiet", "--verify", f"{each}^{{commit}}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        for each in (f"refs/tags/{tag}", "HEAD")
    )
    if at_tag and at_tag != here:
        yield f"the tag {tag} is of another commit; raise the version"


def _project_files() -> dict[str, Path]:
    """The project file of each distribution, by its name."""
    paths = sorted((ROOT / "packages").glob("*/pyproject.toml"))
    return {path.parent.name: path for path in paths}


def problem_of_arguments(arguments: list[str], names: list[str]) -> str | None:
    """Say in one line what is wrong with ``NAME [TAG]``; None if nothing is.

    Args:
        arguments: as they were given.
        names: of the distributions there are.
    """
    allowed = f"NAME is one of {', '.join(names)}"
    if not arguments:
        return f"NAME is missing: release.py NAME [TAG]; {allowed}"
    name, *others = arguments
    if name not in names:
        alike = re.sub(r"[-_.]+", "-", name).lower()  # as package indexes compare names
        meant = f"write {alike}; " if alike in names else ""
        return f"there is no distribution {name!r}; {meant}{allowed}"
    if len(others) > 1:
        return f"NAME and at most one TAG are allowed, and there are also {shlex.join(others[1:])}"
    return None


def main(*arguments: str) -> int:
    """Print what is wrong; return 1 if anything is, and 2 if the arguments are."""
    if problem := problem_of_arguments([*arguments], [*_project_files()]):
        print(problem, file=sys.stderr)
        return 2
    name, tag = arguments[0], arguments[1] if len(arguments) > 1 else None
    found = list(_problems(name, tag))
    print(*(f"{name}: {each}" for each in found), sep="\n", end="\n" if found else "")
    if not found:
        print(f"{name} can be released")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
