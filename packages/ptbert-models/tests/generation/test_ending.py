"""A text ends with the token in which a stop string ends."""

import pytest
import torch

from ptbert_models import generate, generate_scored
from ptbert_models.generation.ending import StopStrings

NAMES = (*"abcdefghij", "xy", "yz")


def spelled(ids):
    return "".join(NAMES[index] for index in ids)


@pytest.mark.parametrize(
    ("strings", "text", "ends"),
    [
        (["cd"], "abcd", True),  # over the border of two tokens
        (["bcd", "q"], "abcd", True),
        (["bc"], "abcd", False),  # it ended before
        ("d", "abcd", True),  # one string may stand alone
        (["x"], ["a", "xy"], True),  # within a token
        (["yy"], ["xy", "yz"], True),
        (["xyy"], ["xy", "yz"], True),
        (["xyyz"], ["a", "xy", "yz"], True),
        (["xyyza"], ["a", "xy", "yz"], False),
        (["aaaaaaaaaa"], "a" * 10, True),
        (["a" * 10], "a" * 9, False),
    ],
)
def test_a_string_ends_in_the_last_token(letters, strings, text, ends):
    ids = torch.tensor([[NAMES.index(token) for token in text]])
    assert StopStrings(strings, letters).reached(ids).tolist() == [ends]


def test_padding_spells_nothing(letters):
    texts = torch.tensor([[0, 0, 1], [0, 0, 1]])
    found = StopStrings(["ab"], letters).reached(texts, torch.tensor([2, 1]))
    assert found.tolist() == [False, True]


class Characters:
    """A tokenizer of UTF-8 bytes."""

    def decode(self, ids, clean_up_tokenization_spaces):
        return bytes(ids).decode("utf-8", "replace")


def test_a_character_of_several_tokens_is_read_whole():
    ids = list("a€b".encode())
    strings = StopStrings(["€"], Characters())
    ends = [strings.reached(torch.tensor([ids[: i + 1]])).item() for i in range(len(ids))]
    assert ends == [False, False, False, True, False]


def test_a_string_may_begin_with_a_space_that_beginnings_lose():
    class Stripping:
        def decode(self, ids, clean_up_tokenization_spaces):
            return "".join("a b"[index] for index in ids).strip()

    strings = StopStrings([" b"], Stripping())
    assert strings.reached(torch.tensor([[0, 0, 0, 1, 2], [0, 0, 0, 0, 2]])).tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 1, "top_k": 2}])
@pytest.mark.parametrize("string", ["a", "xy", "ji", "f"])
def test_texts_are_as_without_the_string_but_end_there(any_model, letters, string, options):
    prompts = torch.tensor([[3, 4], [7, 8], [0, 9]])

    def seeded():
        seed = {"generator": torch.Generator().manual_seed(0)}
        return options | seed if "top_k" in options else options

    free = [generate(any_model, prompts[i : i + 1], 12, **seeded())[0].tolist() for i in range(3)]
    for i, text in enumerate(free):
        prompt = spelled(text[:2])
        ended = generate_scored(
            any_model,
            prompts[i : i + 1],
            12,
            stop_strings=string,
            tokenizer=letters,
            **seeded(),
        )
        ends = [
            length
            for length in range(3, 15)
            if spelled(text[:length]).find(string, max(0, len(prompt) - len(string) + 1)) >= 0
        ]
        expected = text[: ends[0]] if ends else text
        assert ended.ids[0].tolist() == expected
        assert ended.lengths.tolist() == [len(expected) - 2]


def test_each_text_of_a_batch_ends_where_it_ends_alone(any_model, letters):
    prompts = torch.tensor([[3, 4], [7, 8], [0, 9], [5, 5]])
    options = {"temperature": 0, "stop_strings": ["b", "xy", "e"], "tokenizer": letters}

    together = generate_scored(any_model, prompts, 10, pad_id=2, **options)

    for i in range(4):
        alone = generate_scored(any_model, prompts[i : i + 1], 10, **options)
        length = alone.ids.size(1)
        assert together.lengths[i] == alone.lengths[0]
        assert together.ids[i, :length].tolist() == alone.ids[0].tolist()
        assert together.ids[i, length:].eq(2).all()
    assert len(set(together.lengths.tolist())) > 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"stop_strings": [""]}, ValueError, "stop_strings holds an empty string, which every"),
        ({"stop_strings": ["a", 3]}, TypeError, "stop_strings holds 3; give strings, or ids as"),
        ({"stop_strings": None}, TypeError, "stop_strings is of type NoneType; give a string, or"),
        ({"stop_strings": 5}, TypeError, "stop_strings is of type int; give a string, or a list"),
        ({"tokenizer": None}, ValueError, "tokenizer=None decodes nothing, and stop_strings are"),
    ],
)
def test_impossible_strings_are_named(model, letters, options, error, message):
    options = {"stop_strings": ["a"], "tokenizer": letters} | options
    with pytest.raises(error, match=message):
        generate(model, torch.tensor([[3]]), 4, **options)


def test_one_empty_string_is_named(model, letters):
    with pytest.raises(ValueError, match="holds an empty string"):
        generate(model, torch.tensor([[3]]), 4, stop_strings="", tokenizer=letters)
