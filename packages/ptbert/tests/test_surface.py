"""The names of the package: those of 2019, for programs and for type checkers, loaded when used."""

import ast
import importlib.metadata
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ptbert
from ptbert import file_utils

API = json.loads((Path(__file__).parent / "data" / "api-2019.json").read_text(encoding="utf-8"))
DOCUMENTED_2019 = API["(top level)"]
ADDED = {"__version__", "install_as"}
LATER = {"Answerer", "Classifier", "FillMask", "SentenceEncoder", "Tagger", "Writer"}
LATER |= {"ConstantLR", "WarmupConstantSchedule", "WarmupCosineSchedule", "WarmupLinearSchedule"}
LATER |= {"WarmupCosineWithHardRestartsSchedule", "WarmupCosineWithWarmupRestartsSchedule"}
LATER |= {"Generated", "generate", "generate_scored", "generate_stream"}


def test_the_names_are_those_of_2019_and_two_more():
    assert set(ptbert.__all__) == set(DOCUMENTED_2019) | ADDED
    assert len(ptbert.__all__) == len(set(ptbert.__all__))
    assert set(ptbert.__all__) <= set(dir(ptbert))


def test_a_star_import_brings_them_all():
    code = "before = {*dir()}; from ptbert import *; print(sorted({*dir()} - before - {'before'}))"
    assert ast.literal_eval(run_python(code)) == sorted(ptbert.__all__)


@pytest.mark.parametrize("name", sorted(DOCUMENTED_2019))
def test_a_name_is_what_it_was_in_2019(name):
    value = getattr(ptbert, name)

    kind = DOCUMENTED_2019[name]["kind"]
    if kind == "class":
        assert isinstance(value, type)
        assert value.__name__ == name
    elif kind == "function":
        assert inspect.isfunction(value)
        assert value.__name__ == name
    else:
        constants = {"CONFIG_NAME": "config.json", "WEIGHTS_NAME": "pytorch_model.bin"}
        assert value == constants.get(name, file_utils.PYTORCH_PRETRAINED_BERT_CACHE)


def test_type_checkers_see_the_objects_that_programs_get():
    tree = ast.parse(Path(ptbert.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: getattr(importlib.import_module(statement.module), alias.name)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    names = (set(ptbert.__all__) | LATER) - {"__version__"}
    assert seen == {name: getattr(ptbert, name) for name in names}


def test_the_tasks_are_there_too_but_no_star_import_brings_them():
    assert {getattr(ptbert, name).__name__ for name in LATER} == LATER
    assert set(dir(ptbert)) >= LATER
    assert not LATER & set(ptbert.__all__)


def test_the_version_is_that_of_the_distribution():
    assert ptbert.__version__ == importlib.metadata.version("ptbert")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'ptbert' has no attribute 'BretModel'"):
        _ = ptbert.BretModel


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    ).stdout


def test_importing_loads_neither_torch_nor_numpy():
    code = "import sys, ptbert; ptbert.BertTokenizer; print({'torch', 'numpy'} & {*sys.modules})"
    assert run_python(code) == "set()\n"


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / name))
        assert tmp_path / name / "file" == ptbert.PYTORCH_PRETRAINED_BERT_CACHE / "file"
