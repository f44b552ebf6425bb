"""Files of requirements beside a program show its release, and what has to go from them."""

from pathlib import Path

import pytest

from ptbert.doctor import lines_of, requirement_tables
from ptbert.doctor.findings import Effect
from ptbert.doctor.releases import in_words

PROGRAM = "from pytorch_pretrained_bert import BertModel\n"
LATER = "from pytorch_pretrained_bert import WEIGHTS_NAME\n"  # in 0.6.2 and June

ALLOWED = {
    "==0.6.1": "0.6.1",
    "==0.6.*": "0.6.0 to 0.6.2",
    "~=0.6.1": "0.6.1 and 0.6.2",
    "~=0.5": "0.5.0 to 0.6.2",
    "<=0.5.1": "0.4.0 to 0.5.1",
    ">=0.6.1": "0.6.1 to June 2019",
    ">0.6.1, <=0.6.2": "0.6.2",
    "!=0.4.0": "0.5.0 to June 2019",
    "===0.4.0": "0.4.0",
    "": "0.4.0 to June 2019",
    "==0.3.0": "0.4.0 to June 2019",  # too old to be known
}


@pytest.mark.parametrize(("limits", "wanted"), ALLOWED.items())
def test_a_required_version_shows_the_release(tmp_path, diagnosis, limits, wanted):
    (tmp_path / "requirements.txt").write_text(f"numpy\npytorch-pretrained-bert{limits}\n")
    assert in_words(diagnosis(PROGRAM).fitting) == wanted


RANGES = {  # as the documentation of Poetry says
    "^0.6": "0.6.0 to June 2019",
    "^0.6.1": "0.6.1 to June 2019",
    "^0": "0.4.0 to June 2019",
    "~0.5": "0.5.0 and 0.5.1",
    "~0.6.1": "0.6.1 to June 2019",
    "~0": "0.4.0 to June 2019",
    "0.6.1": "0.6.1",
    "0.6.*": "0.6.0 to 0.6.2",
    "~=0.6.1": "0.6.1 and 0.6.2",
    ">=0.5 <0.6": "0.5.0 and 0.5.1",
    ">=0.5,<0.6": "0.5.0 and 0.5.1",
    "0.4.0 || ^0.6.2": "0.4.0, 0.6.2 and June 2019",
    "*": "0.4.0 to June 2019",
}


@pytest.mark.parametrize(("written", "wanted"), RANGES.items())
def test_ranges_of_poetry_are_read(tmp_path, diagnosis, written, wanted):
    text = f'[tool.poetry.dependencies]\npython = "^3.7"\npytorch-pretrained-bert = "{written}"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    found = diagnosis(PROGRAM)
    assert in_words(found.fitting) == wanted
    (finding,) = found.findings
    assert finding.place.endswith("pyproject.toml:3")
    assert finding.what == f'pytorch-pretrained-bert = "{written}" is not needed with ptbert'


TABLES = {
    '[project]\ndependencies = [\n  "pytorch-pretrained-bert==0.6.1",\n]\n': 3,
    '[project.optional-dependencies]\ntorch = ["pytorch_pretrained_bert (==0.6.1) ; x"]\n': 2,
    '[dependency-groups]\na = [{include-group = "b"}]\nb = ["Pytorch-Pretrained-BERT==0.6.1"]\n': 3,
    '[build-system]\nrequires = ["pytorch-pretrained-bert[x] == 0.6.1"]\n': 2,
    '[tool.poetry.dev-dependencies]\n"pytorch-pretrained-bert" = "==0.6.1"\n': 2,
    '[tool.poetry.group.dev.dependencies]\npytorch-pretrained-bert = {version = "0.6.1"}\n': 2,
    '[tool.poetry.dependencies.pytorch-pretrained-bert]\noptional = true\nversion = "0.6.1"\n': 1,
    '[tool.poetry]\ndependencies = {a = "1", pytorch-pretrained-bert = "0.6.1"}\n': 2,
    '[tool.uv]\ndev-dependencies = ["a", "pytorch-pretrained-bert==0.6.1"]\n': 2,
    '[dependency-groups\na = ["pytorch-pretrained-bert==0.6.1"]  # no TOML\n': 2,
}


@pytest.mark.parametrize(("text", "line"), TABLES.items())
def test_tables_of_projects_are_read(tmp_path, diagnosis, text, line):
    (tmp_path / "pyproject.toml").write_text(text)
    found = diagnosis(PROGRAM)
    assert found.fitting == {"0.6.1"}
    assert [each.place.rpartition("/")[2] for each in found.evidence] == [f"pyproject.toml:{line}"]


def test_versions_for_several_pythons_are_read(tmp_path, diagnosis):
    several = '[{version = "^0.4", python = "<3.7"}, {version = "0.6.2", python = ">=3.7"}]'
    text = f"[tool.poetry.dependencies]\npytorch-pretrained-bert = {several}\n"
    (tmp_path / "pyproject.toml").write_text(text)
    assert diagnosis(PROGRAM).fitting == {"0.4.0", "0.6.2"}


def test_a_source_without_a_version_allows_all(tmp_path, diagnosis):
    text = (
        '[tool.poetry.dependencies]\npytorch-pretrained-bert = {git = "https://a/b", tags = []}\n'
    )
    (tmp_path / "pyproject.toml").write_text(text)
    found = diagnosis(PROGRAM)
    assert found.evidence == []
    assert [each.what for each in found.findings] == [
        "pytorch-pretrained-bert is not needed with ptbert"
    ]


@pytest.mark.parametrize(
    ("written", "is_told"),
    [("^1.1", True), ("~2.1", True), (">=1.0 <2 || 1.5", True), ("1.1 || >=2.6", False)],
)
def test_a_pytorch_of_that_time_is_told_in_poetry_too(tmp_path, diagnosis, written, is_told):
    (tmp_path / "pyproject.toml").write_text(f'[tool.poetry.dependencies]\ntorch = "{written}"\n')
    told = [each.remedy for each in diagnosis(PROGRAM).findings]
    assert told == ["require torch>=2.6"] * is_told


def test_each_group_has_its_line(tmp_path, diagnosis):
    group = '[tool.poetry.group.{}.dependencies]\ntorch = "1.1.0"\n'
    text = '[tool.uv.sources]\ntorch = {index = "a"}\n' + group.format("a") + group.format("b")
    (tmp_path / "pyproject.toml").write_text(text)
    assert [each.line for each in diagnosis(PROGRAM).findings] == [4, 6]


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nname = "pytorch-pretrained-bert"\nkeywords = ["pytorch-pretrained-bert"]\n',
        '[tool.setuptools]\npackages = ["pytorch_pretrained_bert"]\n',
        '[tool.uv.sources]\npytorch-pretrained-bert = {git = "https://a/b"}\n',
        '[project.optional-dependencies]\npytorch-pretrained-bert = ["numpy"]\n',
    ],
)
def test_what_is_no_requirement_of_a_project_shows_nothing(tmp_path, diagnosis, text):
    (tmp_path / "pyproject.toml").write_text(text)
    found = diagnosis(PROGRAM)
    assert (found.evidence, found.findings) == ([], [])


FILES = {
    "requirements-dev.txt": "pytorch_pretrained_bert==0.6.1  # the last\n",
    "setup.py": "setup(install_requires=['numpy', 'pytorch-pretrained-bert == 0.6.1'])\n",
    "setup.cfg": "install_requires =\n    pytorch-pretrained-bert==0.6.1\n",
    "Pipfile": 'pytorch-pretrained-bert = "==0.6.1"\n',
    "environment.yml": "  - pip:\n    - pytorch-pretrained-bert==0.6.1\n",
    "environment.yaml": "  - python=3.6\n  - pytorch-pretrained-bert=0.6.1\n",
}


@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_file_is_read(tmp_path, diagnosis, name):
    (tmp_path / name).write_text(FILES[name])
    found = diagnosis(PROGRAM)
    assert found.fitting == {"0.6.1"}
    assert [each.place.rpartition("/")[2] for each in found.evidence] == [
        f"{name}:{FILES[name].count(chr(10))}"
    ]


def test_the_report_names_the_requirement(tmp_path, diagnosis):
    (tmp_path / "requirements.txt").write_text("pytorch-pretrained-bert >= 0.6.1\n")
    (line,) = [each for each in lines_of(diagnosis(PROGRAM)) if "allows" in each]
    assert line.endswith(
        "requirements.txt:1: pytorch-pretrained-bert>=0.6.1 allows 0.6.1 to June 2019"
    )


@pytest.mark.parametrize(
    "line",
    [
        "# pytorch-pretrained-bert==0.6.1",
        "-e git+https://github.com/huggingface/pytorch-pretrained-BERT",
        "my-pytorch-pretrained-bert==0.6.1",
        "instead of pytorch-pretrained-bert==0.6.1",
        "name = 'pytorch-pretrained-bert'",
        "'pytorch_pretrained_bert=pytorch_pretrained_bert.__main__:main'",
    ],
)
def test_what_is_no_requirement_shows_nothing(tmp_path, diagnosis, line):
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    found = diagnosis(PROGRAM)
    assert (found.evidence, found.findings) == ([], [])


def test_what_a_program_uses_counts_more(tmp_path, diagnosis):
    (tmp_path / "requirements.txt").write_text("pytorch-pretrained-bert==0.5.1\n")
    assert in_words(diagnosis(LATER).fitting) == "0.6.2 and June 2019"


@pytest.mark.parametrize(
    ("limits", "is_told"),
    [
        ("==1.1.0", True),
        ("<2", True),
        ("~=1.0", True),
        ("<=1.13", True),
        (">=1.0,<2.6", True),
        (">=0.4.1", False),
        ("", False),
        ("==2.6.0", False),
        ("~=2.13.0", False),
        ("<3", False),
        ("!=1.0", False),
    ],
)
def test_a_pytorch_of_that_time_is_told(tmp_path, diagnosis, limits, is_told):
    (tmp_path / "requirements.txt").write_text(f"torch{limits}\ntorchvision==0.3.0\n")
    findings = diagnosis(PROGRAM).findings
    assert [each.effect for each in findings] == [Effect.NOTE] * is_told
    assert all(each.remedy == "require torch>=2.6" for each in findings)


def test_the_library_itself_is_not_required_any_more(tmp_path, diagnosis):
    (tmp_path / "requirements.txt").write_text("pytorch-pretrained-bert\n")
    found = diagnosis(PROGRAM)
    (finding,) = found.findings
    assert finding.place.endswith("requirements.txt:1")
    assert (finding.effect, finding.remedy) == (Effect.NOTE, "require ptbert in its place")
    assert not found.must_be_changed


def test_the_torch_that_is_asked_for_is_the_one_that_is_needed():
    from importlib.metadata import requires

    assert "torch>=2.6" in {each.replace(" ", "") for each in requires("ptbert-models")}


def test_a_program_that_does_not_use_the_library_is_left_alone(tmp_path, diagnosis):
    (tmp_path / "requirements.txt").write_text("pytorch-pretrained-bert==0.6.1\ntorch==1.1.0\n")
    found = diagnosis("import torch\n")
    assert (found.evidence, found.findings) == ([], [])


@pytest.mark.parametrize("name", ["Torch==1.1.0", "pytorch=1.1", "PyTorch == 1.1"])
def test_pytorch_has_several_names(tmp_path, diagnosis, name):
    (tmp_path / "environment.yml").write_text(f"  - {name}\n")
    (finding,) = diagnosis(PROGRAM).findings
    assert finding.what.endswith("leaves out every PyTorch that ptbert runs with")
    assert finding.remedy == f"require {name.partition('=')[0].strip()}>=2.6"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_windows_are_read(tmp_path, diagnosis, encoding):
    (tmp_path / "requirements.txt").write_text("pytorch-pretrained-bert==0.6.1\n", encoding)
    assert diagnosis(PROGRAM).fitting == {"0.6.1"}


def test_what_cannot_be_read_is_left_out(tmp_path, diagnosis, monkeypatch):
    (tmp_path / "requirements.txt").write_text("torch==1.1\n")
    read = Path.read_bytes

    def refused(path):
        if path.suffix == ".txt":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert diagnosis(PROGRAM).findings == []


def test_a_number_may_be_very_long(tmp_path, diagnosis):
    (tmp_path / "requirements.txt").write_text(f"torch>={'9' * 5000}\n")
    assert diagnosis(PROGRAM).findings == []


@pytest.mark.parametrize(
    "more",
    [
        "[" + ".".join(["deep"] * 3000) + "]\n",  # deeper than Python calls functions
        "number = " + "9" * 5000 + "\n",
    ],
    ids=["tables in tables", "a number of very many digits"],
)
def test_a_table_that_python_cannot_read_is_read_by_lines(tmp_path, diagnosis, more):
    text = 'dependencies = ["pytorch-pretrained-bert==0.5.1"]\n'
    (tmp_path / "pyproject.toml").write_text(text + more)
    assert in_words(diagnosis(PROGRAM).fitting) == "0.5.1"


def test_only_lines_with_names_that_matter_are_looked_for(monkeypatch):
    searched = []
    find = requirement_tables.lines_with
    monkeypatch.setattr(
        requirement_tables,
        "lines_with",
        lambda lines, name, shown: searched.append(name) or find(lines, name, shown),
    )
    others = "".join(f'other-{number} = "1"\n' for number in range(100))
    text = f'[tool.poetry.dependencies]\n{others}Torch = "1.1"\n[dependency-groups]\n'
    text += "a = [" + '"torch==1.0",\n' * 100 + "]\n"
    found = requirement_tables.table_entries(text, "torch")
    assert [each.line for each in found] == [102, *range(104, 204)]
    assert searched == ["Torch", "torch"]
