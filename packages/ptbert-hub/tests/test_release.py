"""The two states of 2019, and which of them counts."""

import dataclasses

import pytest

from ptbert_hub.release import RELEASES, current_release, find_release, set_release


@pytest.fixture(autouse=True)
def _june_again():
    yield
    set_release("june")


def test_june_counts_until_another_one_is_set():
    assert current_release() is RELEASES["june"]
    set_release("april")
    assert current_release() is find_release("april")


def test_april_and_june_differ_in_everything():
    april, june = (dataclasses.asdict(RELEASES[name]) for name in ("april", "june"))
    assert all(april.values())
    assert [fact for fact, value in june.items() if value] == ["name"]


def test_a_release_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        current_release().last_layer_only = True


def test_an_unknown_release_is_refused_and_nothing_changes():
    set_release("april")
    with pytest.raises(ValueError, match="release='may' is unknown; choose one of april, june"):
        set_release("may")
    assert current_release().name == "april"
