"""What the built distributions promise, read from the installed metadata."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / "packages"
NAMES = sorted(path.name for path in PACKAGES.iterdir() if (path / "pyproject.toml").exists())
THIRD_PARTY = {"filelock", "numpy", "regex", "requests", "torch", "tqdm", "urllib3"}
# Imported inside one function each; what they add is an extra.
OPTIONAL = {"boto3", "ftfy", "matplotlib", "safetensors", "spacy"}
# Imported inside functions that callers of torch reach only: ptbert-tokenizers must do without.
LATE = {"ptbert-tokenizers": {"torch"}}


def requirements(name):
    return [Requirement(text) for text in distribution(name).requires or []]


def test_there_are_five():
    assert NAMES == ["ptbert", "ptbert-hub", "ptbert-models", "ptbert-optim", "ptbert-tokenizers"]


@pytest.mark.parametrize("name", NAMES)
def test_tested_code_is_the_installed_wheel(name):
    spec = importlib.util.find_spec(name.replace("-", "_"))
    assert PACKAGES not in Path(spec.origin).parents


@pytest.mark.parametrize("name", NAMES)
def test_imports_are_declared(name):
    """Each import is of the standard library, the package, or a declared dependency."""
    module = name.replace("-", "_")
    homes = packages_distributions()
    used = set()
    for path in (PACKAGES / name / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(node.module.split(".")[0])
    foreign = used - set(sys.stdlib_module_names) - {module} - OPTIONAL - LATE.get(name, set())

    declared = {each.name for each in requirements(name) if not each.marker}
    assert {homes[each][0] for each in foreign} <= declared


@pytest.mark.parametrize("name", NAMES)
def test_siblings_are_bounded_on_both_sides(name):
    for requirement in requirements(name):
        if requirement.marker is not None:
            continue
        operators = {specifier.operator for specifier in requirement.specifier}
        if requirement.name.startswith("ptbert"):
            assert operators == {">=", "<"}, str(requirement)
        else:
            assert requirement.name in THIRD_PARTY, str(requirement)
            assert operators == {">="}, str(requirement)


@pytest.mark.parametrize("name", NAMES)
def test_a_version_has_one_source(name):
    project = tomllib.loads((PACKAGES / name / "pyproject.toml").read_text())["project"]
    module = importlib.import_module(name.replace("-", "_"))
    changelog = (PACKAGES / name / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.M)[1]
    assert distribution(name).version == project["version"] == module.__version__ == newest


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_holds_one_folder_its_types_and_its_licence(name):
    files = {str(file) for file in distribution(name).files}
    module = name.replace("-", "_")
    assert f"{module}/py.typed" in files
    assert any(file.endswith("licenses/LICENSE") for file in files)
    folders = {file.split("/")[0] for file in files if not file.startswith("..")}
    assert folders == {module, f"{module}-{distribution(name).version}.dist-info"}


@pytest.mark.parametrize("name", NAMES)
def test_the_licence_is_the_same_everywhere(name):
    assert (PACKAGES / name / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_examples_left_no_files_in_a_package(name):
    usual = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "src", "tests"}
    more = {"benchmarks", "docs", "recipes", "build", "dist"}
    found = {file.name for file in (PACKAGES / name).iterdir() if not file.name.startswith(".")}
    assert found - usual - more == set()


def test_no_file_that_examples_wrote_is_kept_at_the_top():
    known = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    folders = {"mutation", "packages", "reading", "tests-integration"}
    pages = {"ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"}
    more = {"CITATION.cff", "LICENSE", "noxfile.py", "pyproject.toml"}
    found = {name.partition("/")[0] for name in known.stdout.split() if not name.startswith(".")}
    assert found - folders - pages - more == set()
