"""What is checked before a release, and the files that a public repository has."""

import importlib.util
import io
import re
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHANGELOG = "# Changelog\n\n## 0.5.0\n\n* a\n\n## 0.4.0\n"


@pytest.mark.parametrize(
    ("version", "changelog", "tag", "problem"),
    [
        ("0.5.0", CHANGELOG, "ptbert-hub-v0.5.0", None),
        ("0.5.0", CHANGELOG, None, None),
        ("0.5", CHANGELOG, None, "version '0.5' is not of the form 0.y.z"),
        ("0.5.1", CHANGELOG, None, "newest heading of the changelog is 0.5.0"),
        ("0.5.0", "nothing", None, "newest heading of the changelog is missing"),
        ("0.5.0", f"### Coming in 0.6.0\n{CHANGELOG}", None, "still has the section 'Coming in"),
        ("0.5.0", CHANGELOG, "v0.5.0", "the tag is 'v0.5.0', and should be ptbert-hub-v0.5.0"),
    ],
)
def test_version_changelog_and_tag_agree(release, version, changelog, tag, problem):
    found = list(release.problems_of_version("ptbert-hub", version, changelog, tag))
    if problem is None:
        assert found == []
    else:
        assert any(problem in each for each in found)


METADATA = (
    "Metadata-Version: 2.4\nName: ptbert-hub\nVersion: 0.5.0\nSummary: a\nRequires-Python: >=3.11\n"
    "License-Expression: Apache-2.0\nDescription-Content-Type: text/markdown\n\n"
)
INFO = "ptbert_hub-0.5.0.dist-info"
WHEEL = {
    "ptbert_hub/py.typed": "",
    f"{INFO}/licenses/LICENSE": "Apache",
    f"{INFO}/METADATA": METADATA,
}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, None),
        ({"ptbert_hub/py.typed": None}, "lacks ptbert_hub/py.typed"),
        ({f"{INFO}/licenses/LICENSE": None}, "licenses/LICENSE"),
        ({"tests/test_a.py": ""}, "holds tests, beside ptbert_hub"),
        ({"ptbert_hub/__pycache__/a.pyc": ""}, "left over from other work"),
        ({f"{INFO}/METADATA": METADATA.replace("0.5.0", "0.4.0")}, "is that of ptbert-hub 0.4.0"),
        ({f"{INFO}/METADATA": METADATA.replace("Summary: a\n", "")}, "has no Summary"),
    ],
)
def test_a_wheel_holds_what_it_should(release, tmp_path, changed, problem):
    path = tmp_path / "a.whl"
    with ZipFile(path, "w") as wheel:
        for name, text in {**WHEEL, **changed}.items():
            if text is not None:
                wheel.writestr(name, text)
    found = list(release.problems_of_wheel(path, "ptbert-hub", "0.5.0"))
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]


SDIST = ["pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "src/ptbert_hub/py.typed"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([*SDIST, "tests/test_a.py"], None),
        (SDIST, "lacks its tests"),
        ([*SDIST[1:], "tests/test_a.py"], "lacks pyproject.toml"),
        ([*SDIST, "tests/test_a.py", "tests/.hypothesis/a"], "left over from other work"),
    ],
)
def test_a_source_distribution_holds_what_it_should(release, tmp_path, names, problem):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"ptbert_hub-0.5.0/{name}"), io.BytesIO())
    found = list(release.problems_of_sdist(path, "ptbert-hub", "0.5.0"))
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]


def test_a_sibling_outside_of_its_range_is_named(release):
    needed = ["ptbert-hub>=0.5,<0.6", "torch>=2.6"]
    assert list(release.problems_of_ranges("ptbert", {"ptbert-hub": "0.5.3"}, needed)) == []
    (found,) = release.problems_of_ranges("ptbert", {"ptbert-hub": "0.6.0"}, needed)
    assert found == "ptbert needs ptbert-hub<0.6,>=0.5, and the present version is 0.6.0"


NAMES = "ptbert, ptbert-hub, ptbert-models, ptbert-optim, ptbert-tokenizers"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], f"NAME is missing: release.py NAME [TAG]; NAME is one of {NAMES}"),
        (["ptbert-hubs"], f"there is no distribution 'ptbert-hubs'; NAME is one of {NAMES}"),
        ([""], f"there is no distribution ''; NAME is one of {NAMES}"),
        (
            ["ptbert_hub"],
            f"there is no distribution 'ptbert_hub'; write ptbert-hub; NAME is one of {NAMES}",
        ),
        (
            ["PTBERT-Hub", "ptbert-hub-v0.6.0"],
            f"there is no distribution 'PTBERT-Hub'; write ptbert-hub; NAME is one of {NAMES}",
        ),
        (
            ["ptbert-hub", "ptbert-hub-v0.6.0", "--force", "a b"],
            "NAME and at most one TAG are allowed, and there are also --force 'a b'",
        ),
    ],
)
def test_wrong_arguments_are_one_line_with_what_is_allowed(release, capsys, arguments, problem):
    assert release.main(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{problem}\n")


def test_an_empty_tag_is_shown_as_such(release):
    (found,) = release.problems_of_version("ptbert-hub", "0.5.0", CHANGELOG, "")
    assert found == "the tag is '', and should be ptbert-hub-v0.5.0"


def test_workflows_run_sessions_that_exist():
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = set(re.findall(r"^def (\w+)\(session: nox\.Session", noxfile, re.MULTILINE))
    tags = set(re.findall(r'tags=\["(\w+)"\]', noxfile))
    named, tagged = set(), set()
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        for line in re.findall(r"noxfile\.py -s ([^\n]*)", text):
            words = re.sub(r'\$\{\{.*?\}\}|"', "", line.partition(" -- ")[0]).split()
            named |= {word.partition("(")[0] for word in words}
        tagged |= set(re.findall(r"noxfile\.py -t (\w+)", text))
        for row in re.findall(r"session: \[?([\w, ]*\w)", text):
            named |= set(row.split(", "))
    assert named >= {"lint", "types", "integration", "release", "unit", "lowest", "newest"}
    assert named <= sessions
    assert tagged == tags == {"packages"}


def test_a_bug_report_asks_for_the_doctor():
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
    assert "ptbert doctor" in form
