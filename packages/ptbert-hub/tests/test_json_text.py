"""JSON of strangers costs a bounded amount of memory, and raises one error."""

import pytest

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.json_text import parse_json


def test_values_are_those_of_json():
    assert parse_json('{"a": [1, 2.5, null, "é"]}') == {"a": [1, 2.5, None, "é"]}


def test_objects_are_made_from_pairs_where_that_is_asked_for():
    assert parse_json('{"a": 1, "a": 2}', list) == [("a", 1), ("a", 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "it is nested too deep"),
        ("9" * 5000, "Exceeds the limit"),
        ("{", "Expecting property name"),
        ("[" + "[]," * (2 << 20) + "[]]", "it has more than 3145728 values, names and lists"),
    ],
    ids=["deep", "a long number", "cut off", "many lists"],
)
def test_other_texts_raise_one_error(text, message):
    with pytest.raises(BadContent, match=message):
        parse_json(text)
