import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert.training.settings import Settings, differences, read_settings, write_settings

NEEDED = {"task": "classify", "model": "m", "data": "train.csv", "output": "out"}


def test_settings_come_back_from_their_file(tmp_path):
    settings = Settings(**NEEDED, text='a "quoted"\tcolumn', learning_rate=1e-5, header=False)
    write_settings(tmp_path / "settings.toml", settings)
    assert Settings.from_mapping(read_settings(tmp_path / "settings.toml"), "f") == settings


@given(st.text(), st.floats(1e-300, 1e300))
def test_any_text_and_number_come_back(text, number):
    settings = Settings(**NEEDED, label=text.replace("\ud800", ""), learning_rate=number)
    assert tomllib.loads(settings.to_toml()) == asdict(settings)


def test_every_setting_has_a_line_of_help():
    assert all(each.metadata["help"] for each in fields(Settings))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs=0 is not allowed; give a whole number of at least 1"),
        ({"epochs": 1.5}, "epochs=1.5 is not allowed; give a value of type int"),
        ({"epochs": True}, "epochs=True is not allowed; give a value of type int"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0 is not allowed; give a number of at least 0"),
        ({"learning_rate": float("nan")}, "give a number of at least 0"),
        ({"learning_rate": "1e-5"}, "give a value of type float"),
        ({"warmup": 1.0}, "give a number from 0 up to, but not, 1"),
        ({"seed": 2**63}, "give a number of at most 9223372036854775807"),
        ({"seed": -1}, "give a number of at least 0"),
        ({"schedule": "linear"}, "choose one of warmup_linear, warmup_cosine"),
        ({"data": ""}, "data='' is not allowed; give file of training examples"),
        ({"output": "a\0b"}, "give one without the character NUL"),
        ({"task": "sing"}, "choose one of classify"),
    ],
)
def test_wrong_values_are_told(values, message):
    with pytest.raises(ValueError, match=message):
        Settings(**{**NEEDED, **values})


def test_an_unknown_setting_is_told_with_the_nearest():
    with pytest.raises(ValueError, match="unknown setting 'learnin_rate'; did you mean 'learning_"):
        Settings.from_mapping({**NEEDED, "learnin_rate": 1.0}, "my.toml")
    with pytest.raises(ValueError, match="unknown setting 'xyzzy'; known are task, model"):
        Settings.from_mapping({**NEEDED, "xyzzy": 1.0}, "my.toml")


def test_a_wrong_value_of_a_file_is_told_with_the_file():
    with pytest.raises(ValueError, match=r"'my\.toml': epochs=0 is not allowed"):
        Settings.from_mapping({**NEEDED, "epochs": 0}, "my.toml")


def test_a_file_that_is_no_toml_is_told(tmp_path):
    (tmp_path / "s.toml").write_text("epochs: 3")
    with pytest.raises(ValueError, match=r"s.toml' is no TOML file"):
        read_settings(tmp_path / "s.toml")


def test_differences_name_both_values_but_not_where_and_how_it_runs():
    old = Settings(**NEEDED)
    new = old.replaced(epochs=5, output="elsewhere", device="cpu", checkpoint_minutes=1.0)
    assert differences(old, new) == ["epochs was 3 and is 5"]


@pytest.mark.parametrize(
    ("task", "setting", "tasks"),
    [
        ("classify", {"choices": "a,b"}, "choose"),
        ("tag", {"header": False}, "classify, choose"),
        ("answer", {"text": "question"}, "classify, choose, tag"),
        ("language-model", {"mask_share": 0.2}, "masked-lm"),
    ],
)
def test_settings_of_other_tasks_are_refused(task, setting, tasks):
    message = f" is not allowed; it is for {tasks}, and not for {task}; leave it out"
    with pytest.raises(ValueError, match=message):
        Settings(**NEEDED | {"task": task} | setting)


def test_paths_may_be_objects():
    settings = Settings(task="classify", model=Path("m"), data=Path("d"), output=Path("o"))
    assert (settings.model, settings.data, settings.output) == ("m", "d", "o")


def test_a_model_in_the_place_of_its_name_is_told_in_short():
    with pytest.raises(ValueError, match="give a name or a folder; save_pretrained writes") as told:
        Settings(**{**NEEDED, "model": list(range(10000))})
    assert len(str(told.value)) < 400


WRONG = {
    str: [3, 1.5, True, None, ["a"], {"a": 1}, "a\udcff"],
    bool: [1, 0, "true", None, [True]],
    int: [-1, 1.0, "1", True, None, [1], 2**63, float("nan")],
    float: [-1, "1", True, None, [1.0], 10**400, float("nan"), float("inf"), -float("inf")],
}


@pytest.mark.parametrize("each", fields(Settings), ids=lambda each: each.name)
def test_no_setting_takes_a_value_of_another_kind(each):
    for value in WRONG[type(each.default)]:
        with pytest.raises(ValueError, match=f"^{each.name}=.* is not allowed; ") as told:
            Settings(**NEEDED | {each.name: value})
        assert len(str(told.value)) < 400
    assert WRONG[type(each.default)]


def test_a_whole_number_may_stand_for_any():
    assert Settings(**NEEDED, learning_rate=1) == Settings(**NEEDED, learning_rate=1.0)
    assert type(Settings(**NEEDED, max_grad_norm=10**20).max_grad_norm) is float
