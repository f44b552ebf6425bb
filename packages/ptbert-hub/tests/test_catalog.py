import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from ptbert_hub import CATALOG, archive_map, closest_name
from ptbert_hub.catalog import PINS

PUBLISHED = json.loads((Path(__file__).parent / "data" / "archive_maps.json").read_text())


@pytest.mark.parametrize("key", sorted(PUBLISHED["maps"]))
def test_the_table_gives_the_dictionaries_of_2019(key):
    family, kind = key.split("/")

    assert archive_map(family, kind) == PUBLISHED["maps"][key]


def test_every_name_of_2019_is_in_the_table():
    names = {name for entries in PUBLISHED["maps"].values() for name in entries}

    assert set(CATALOG) == names


def test_lengths_are_those_of_2019():
    for name, length in PUBLISHED["lengths"].items():
        assert CATALOG[name].max_length == length


def test_casing_follows_the_name():
    for name, row in CATALOG.items():
        if row.family != "bert":
            assert row.lower_case is None
        elif name == "bert-base-chinese":
            assert row.lower_case is True
        else:
            assert row.lower_case is ("uncased" in name)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        CATALOG["x"] = CATALOG["gpt2"]
    with pytest.raises(FrozenInstanceError):
        CATALOG["gpt2"].max_length = 1
    with pytest.raises(FrozenInstanceError):
        next(iter(PINS.values())).size = 1


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("bert-base-uncase", "bert-base-uncased"),
        ("BERT-Base-Cased", "bert-base-cased"),
        ("gpt-2", "gpt2"),
        ("transfoxl-wt103", "transfo-xl-wt103"),
        ("resnet50", None),
        ("", None),
    ],
)
def test_a_misspelt_name_finds_the_most_similar_one(typed, meant):
    assert closest_name(typed) == meant
