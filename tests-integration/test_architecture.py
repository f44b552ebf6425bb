"""ARCHITECTURE.md has a line for every file, and each line is that of the file's docstring."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["ptbert", "ptbert-hub", "ptbert-models", "ptbert-optim", "ptbert-tokenizers"]


def lines_of_files(name):
    """The first line of each module's docstring, by the module's path in the package."""
    folder = ROOT / "packages" / name / "src" / name.replace("-", "_")
    lines = {}
    for path in folder.rglob("*.py"):
        relative = path.relative_to(folder).as_posix().removesuffix("__init__.py")
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        lines[relative] = docstring.partition("\n")[0].replace("``", "`").rstrip(".")
    del lines[""]  # the package itself
    return lines


@pytest.mark.parametrize("name", PACKAGES)
def test_every_file_has_the_line_of_its_docstring(name):
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## Inside {name.replace('-', '_')}\n")[2].partition("\n## ")[0]

    table = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))

    assert table == lines_of_files(name)
