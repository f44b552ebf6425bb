"""The public names: every model, configuration and error there is, and a few functions."""

import dataclasses
import inspect

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
