"""The public names: every model, configuration and error there is, and a few functions."""

import ast
import copy
import dataclasses
import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import ptbert_models
from ptbert_hub.release import Release
from ptbert_models import errors
from ptbert_models.families import FAMILIES, Family
from ptbert_models.files import checkpoint, loading
from ptbert_models.generation import Choice, Ending
from ptbert_models.inspection import Fit, OpenedCheckpoint
from ptbert_models.tensorflow import bundle

FUNCTIONS_OF_2019 = {
    "load_tf_weights_in_bert",
    "load_tf_weights_in_gpt2",
    "load_tf_weights_in_openai_gpt",
    "load_tf_weights_in_transfo_xl",
}
GENERATION = {"Generated", "generate", "generate_scored", "generate_stream"}
OTHERS = {"GPT2MultipleChoiceHead", "__version__", *GENERATION}


def test_every_model_configuration_and_error_is_public_and_little_else():
    models = {model.__name__ for family in FAMILIES.values() for model in family.models}
    configurations = {family.config_class.__name__ for family in FAMILIES.values()}
    own_errors = {
        name
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if error.__module__ == errors.__name__
    }

    assert len(models) == 16
    assert len(configurations) == 4
    assert set(ptbert_models.__all__) == (
        models | configurations | own_errors | FUNCTIONS_OF_2019 | OTHERS
    )


def test_public_names_are_those_of_the_things_themselves():
    things = [name for name in ptbert_models.__all__ if name != "__version__"]
    assert [getattr(ptbert_models, name).__name__ for name in things] == things


def test_public_things_are_documented():
    for name in set(ptbert_models.__all__) - {"__version__"}:
        assert getattr(ptbert_models, name).__doc__, name


def test_the_version_is_a_number_with_three_parts():
    assert [part.isdigit() for part in ptbert_models.__version__.split(".")] == [True] * 3


def test_type_checkers_see_the_objects_that_programs_get():
    tree = ast.parse(Path(ptbert_models.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: getattr(importlib.import_module(statement.module), alias.name)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    names = set(ptbert_models.__all__) - {"__version__"}
    assert seen == {name: getattr(ptbert_models, name) for name in names}


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


FAMILY_OF = {
    "BertModel": "bert",
    "GPT2LMHeadModel": "gpt",
    "OpenAIGPTConfig": "gpt",
    "TransfoXLModel": "transfo_xl",
}


@pytest.mark.parametrize(("name", "family"), FAMILY_OF.items())
def test_a_name_imports_its_own_family_only(name, family):
    others = {f"ptbert_models.{other}" for other in set(FAMILY_OF.values()) - {family}}
    others |= {"requests", "ssl", "ptbert_hub.download", "torch._dynamo", "ptbert_models.families"}
    code = (
        f"import sys, torch; before = set(sys.modules); from ptbert_models import {name}; "
        f"print(sorted({others!r} & (set(sys.modules) - before)))"
    )
    assert run_python(code) == "[]\n"


def test_a_star_import_and_dir_have_all_names():
    code = (
        "import ptbert_models; listed = set(dir(ptbert_models)); before = set(dir()); "
        "from ptbert_models import *; brought = set(dir()) - before - {'before'}; "
        "print(sorted(set(ptbert_models.__all__) ^ brought), set(ptbert_models.__all__) - listed)"
    )
    assert run_python(code) == "[] set()\n"


def test_families_are_attributes_before_they_are_imported():
    code = "import ptbert_models as m; print(m.bert.BertModel is m.BertModel, m.gpt.__name__)"
    assert run_python(code) == "True ptbert_models.gpt\n"


def test_classes_are_copied_and_pickled_by_their_names():
    config = ptbert_models.GPT2Config(7, n_embd=4, n_head=2)
    for again in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert type(again) is ptbert_models.GPT2Config
        assert again.to_dict() == config.to_dict()
    assert pickle.loads(b"cptbert_models\nBertModel\n.") is ptbert_models.BertModel


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'ptbert_models' has no attribute 'BretModel'"):
        _ = ptbert_models.BretModel


def test_a_class_that_was_changed_before_its_family_was_used_does_not_count_as_shipped():
    """The layers of PyTorch are remembered by the first import of this library."""
    code = (
        "import torch, ptbert_models\n"
        "class Layer(torch.nn.Linear): __module__ = 'torch.nn.modules.linear'\n"
        "torch.nn.Linear.extra_repr = lambda self: 'changed'\n"
        "from ptbert_models import BertModel\n"
        "from ptbert_models.parts.shipped import is_as_shipped, is_known\n"
        "print(is_known(BertModel), is_known(Layer), is_as_shipped(torch.nn.Linear))"
    )
    assert run_python(code) == "True False False\n"


@pytest.mark.parametrize(
    "record",
    [
        Choice,
        Ending,
        Family,
        Fit,
        OpenedCheckpoint,
        Release,
        bundle.Entry,
        checkpoint.CheckpointFiles,
        loading.LoadPlan,
        loading.LoadReport,
    ],
)
def test_records_cannot_be_changed_by_mistake(record):
    name = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(object.__new__(record), name, None)


def test_no_argument_of_forward_needs_its_name():
    """PyTorch's older ONNX exporter gives all arguments by position, also those left out."""
    for family in FAMILIES.values():
        for model in family.models:
            kinds = {each.kind for each in inspect.signature(model.forward).parameters.values()}
            assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}, model.__name__
