"""encode_batch: frames, padding, truncation, windows, offsets, processes."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, TransfoXLTokenizer
from ptbert_tokenizers.batches.rows import longest_first

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"]
A, B, C, D, E, F, G, H = range(4, 12)
PAD, CLS, SEP = 0, 2, 3


@pytest.fixture
def tokenizer() -> BertTokenizer:
    Path("vocab.txt").write_text("\n".join(TOKENS))
    return BertTokenizer("vocab.txt")


def test_rows_are_what_encode_gives(tokenizer: BertTokenizer) -> None:
    texts = ["a b c", "", "z [SEP] a"]

    batch = tokenizer.encode_batch(texts)

    for row, mask, text in zip(batch.input_ids, batch.attention_mask, texts, strict=True):
        assert row[mask == 1].tolist() == tokenizer.encode(text)
    assert batch.input_ids.shape == batch.token_type_ids.shape == (3, 5)
    assert batch.input_ids.dtype == np.int64
    assert batch.text_index.tolist() == [0, 1, 2]


def test_a_worked_pair(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(["a b", "c"], ["d", "e f g"])

    assert batch.input_ids.tolist() == [
        [CLS, A, B, SEP, D, SEP, PAD],
        [CLS, C, SEP, E, F, G, SEP],
    ]
    assert batch.token_type_ids.tolist() == [[0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1, 1]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1, 1, 1, 0], [1] * 7]
    assert batch.input_ids[1].tolist() == tokenizer.encode("c", "e f g")


@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_may_be_empty(tokenizer: BertTokenizer, side: Any) -> None:
    batch = tokenizer.encode_batch(["", ""], add_special_tokens=False, padding_side=side)

    assert batch.input_ids.shape == (2, 0)
    assert batch.text_index.tolist() == [0, 1]
    assert batch.inputs()["attention_mask"].shape == (2, 0)


def test_padding_to_max_len(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(["a"], max_len=6, padding="max_len")

    assert batch.input_ids.tolist() == [[CLS, A, SEP, PAD, PAD, PAD]]
    assert tokenizer.encode_batch([], max_len=6, padding="max_len").input_ids.shape == (0, 6)
    assert tokenizer.encode_batch([]).input_ids.shape == (0, 0)


@pytest.mark.parametrize(
    ("truncation", "expected"),
    [
        ("longest_first", [CLS, A, B, SEP, F, G, SEP]),
        ("only_first", [CLS, A, SEP, F, G, H, SEP]),
        ("only_second", [CLS, A, B, C, SEP, F, SEP]),
    ],
)
def test_truncation_cuts_the_text_it_names(
    tokenizer: BertTokenizer, truncation: Any, expected: list[int]
) -> None:
    texts, pairs = ["a b c"], ["f g h"]

    batch = tokenizer.encode_batch(texts, pairs, max_len=7, truncation=truncation)

    assert batch.input_ids.tolist() == [expected]


def test_the_tokenizers_own_limit_counts(tokenizer: BertTokenizer) -> None:
    tokenizer.max_len = 4

    assert tokenizer.encode_batch(["a b c d"]).input_ids.tolist() == [[CLS, A, B, SEP]]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 24))
def test_longest_first_is_popping_one_by_one(first: int, second: int, capacity: int) -> None:
    a, b = first, second
    while a + b > capacity:
        if a > b:
            a -= 1
        else:
            b -= 1

    assert longest_first(first, second, capacity) == (a, b)


def test_windows_overlap_by_the_stride(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(["a b c d e f g", "h"], max_len=5, stride=1)

    assert batch.input_ids.tolist() == [
        [CLS, A, B, C, SEP],
        [CLS, C, D, E, SEP],
        [CLS, E, F, G, SEP],
        [CLS, H, SEP, PAD, PAD],
    ]
    assert batch.text_index.tolist() == [0, 0, 0, 1]


def test_windows_over_the_second_text_keep_the_first(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(
        ["a"], ["b c d e"], max_len=6, truncation="only_second", stride=0
    )

    assert batch.input_ids.tolist() == [[CLS, A, SEP, B, C, SEP], [CLS, A, SEP, D, E, SEP]]


@given(length=st.integers(0, 40), room=st.integers(1, 10), data=st.data())
def test_windows_hold_every_token_in_order(length: int, room: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(0, room - 1))
    counting = TransfoXLTokenizer(special=[str(number) for number in range(40)])
    counting.build_vocab()
    text = " ".join(map(str, range(length)))

    batch = counting.encode_batch([text], max_len=room, stride=stride)

    rows = [row[mask == 1] for row, mask in zip(batch.input_ids, batch.attention_mask, strict=True)]
    seen = [*rows[0].tolist(), *(number for row in rows[1:] for number in row[stride:].tolist())]
    assert seen == list(range(length))
    assert all(len(row) == room for row in rows[:-1])


def test_offsets_stand_beside_the_tokens(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(["a  b", "c"], ["É", "d e f"], max_len=6, return_offsets=True)

    assert batch.offsets is not None
    assert batch.offsets.tolist() == [
        [[0, 0], [0, 1], [3, 4], [0, 0], [0, 1], [0, 0]],
        [[0, 0], [0, 1], [0, 0], [0, 1], [2, 3], [0, 0]],
    ]


def test_a_batch_is_a_mapping_of_its_arrays(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(["a"])

    assert list(dict(batch)) == ["input_ids", "token_type_ids", "attention_mask", "text_index"]
    assert batch["input_ids"] is batch.input_ids
    assert isinstance(batch, Mapping)
    assert len(batch) == 4
    assert "offsets" not in batch
    assert batch.get("offsets") is None
    assert [array.shape for array in batch.values()] == [(1, 3)] * 3 + [(1,)]
    with pytest.raises(KeyError, match="no array 'offsets' in this batch"):
        batch["offsets"]


def test_batches_are_equal_if_their_arrays_are(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(["a b", "c"])

    assert batch == tokenizer.encode_batch(["a b", "c"])
    assert batch == {name: array.copy() for name, array in batch.items()}
    assert batch != tokenizer.encode_batch(["a b", "d"])
    assert batch != tokenizer.encode_batch(["a b", "c"], return_offsets=True)
    assert batch != 1
    assert pickle.loads(pickle.dumps(batch)) == batch


def test_inputs_are_the_arguments_of_the_model(
    tokenizer: BertTokenizer, published: Callable[[str], Path]
) -> None:
    batch = tokenizer.encode_batch(["a b"], return_offsets=True)

    assert batch.inputs(lambda array: array.tolist()) == {
        "input_ids": [[CLS, A, B, SEP]],
        "token_type_ids": [[0, 0, 0, 0]],
        "attention_mask": [[1, 1, 1, 1]],
    }
    assert batch.inputs()["input_ids"] is batch.input_ids
    gpt2 = GPT2Tokenizer.from_pretrained(published("gpt2"))
    assert list(gpt2.encode_batch(["a"]).inputs()) == ["input_ids", "attention_mask"]
    assert list(TransfoXLTokenizer().encode_batch([""]).inputs()) == ["input_ids"]


def test_padding_on_the_left_moves_every_array(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(
        ["a b", "c"],
        ["d", "e"],
        padding_side="left",
        return_offsets=True,
        return_special_tokens_mask=True,
    )

    assert batch.input_ids.tolist() == [[CLS, A, B, SEP, D, SEP], [PAD, CLS, C, SEP, E, SEP]]
    assert batch.token_type_ids.tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1]]
    assert batch.attention_mask.tolist() == [[1] * 6, [0, 1, 1, 1, 1, 1]]
    assert batch.special_tokens_mask is not None
    assert batch.special_tokens_mask.tolist() == [[1, 0, 0, 1, 0, 1], [1, 1, 0, 1, 0, 1]]
    assert batch.offsets is not None
    assert batch.offsets[1].tolist() == [[0, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]]


@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), max_size=5),
    options=st.fixed_dictionaries(
        {},
        optional={
            "max_len": st.just(8),
            "stride": st.integers(0, 3),
            "padding": st.sampled_from(["longest", "max_len"]),
            "pad_to_multiple_of": st.sampled_from([1, 2, 4, 8]),
            "add_special_tokens": st.booleans(),
        },
    ),
)
def test_left_and_right_padding_have_the_same_rows(texts: list[str], options: Any) -> None:
    Path("vocab.txt").write_text("\n".join(TOKENS))
    tokenizer = BertTokenizer("vocab.txt", max_len=8)

    right = tokenizer.encode_batch(texts, **options)
    left = tokenizer.encode_batch(texts, **options, padding_side="left")

    assert left.input_ids.shape == right.input_ids.shape
    assert right.input_ids.shape[1] % options.get("pad_to_multiple_of", 1) == 0
    for a, b, mask in zip(left.input_ids, right.input_ids, right.attention_mask, strict=True):
        length = mask.sum()
        assert mask[:length].all()
        assert a[len(a) - length :].tolist() == b[:length].tolist()
        assert not a[: len(a) - length].any()


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({"pad_to_multiple_of": 4}, 8),
        ({"pad_to_multiple_of": 5}, 5),
        ({"pad_to_multiple_of": 1}, 5),
        ({"pad_to_multiple_of": 8, "max_len": 16, "padding": "max_len"}, 16),
        ({"pad_to_multiple_of": 8, "max_len": 15, "padding": "max_len", "truncation": "never"}, 16),
        ({"pad_to_multiple_of": np.int32(8)}, 8),
    ],
)
def test_rows_have_a_multiple_as_length(
    tokenizer: BertTokenizer, options: dict[str, Any], length: int
) -> None:
    assert tokenizer.encode_batch(["a b c"], **options).input_ids.shape == (1, length)


def test_texts_without_frame(published: Callable[[str], Path]) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(published("gpt2"))

    batch = tokenizer.encode_batch(["hello world"], [" again"])

    assert batch.input_ids.tolist() == [[31373, 995, 757]]
    assert batch.token_type_ids.tolist() == [[0, 0, 1]]


def test_processes_give_the_same_arrays(tokenizer: BertTokenizer) -> None:
    texts = ["a b", "", "c d e"] * 50

    alone = tokenizer.encode_batch(texts)
    together = tokenizer.encode_batch(texts, workers=2)

    assert np.array_equal(alone.input_ids, together.input_ids)
    assert tokenizer.encode_flat([], workers=2).ids.tolist() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncation": "both"}, "truncation='both' is not known; choose from"),
        ({"padding": "left"}, "padding='left' is not known; choose from"),
        ({"padding": "max_len"}, "padding='max_len' needs max_len"),
        ({"max_len": 1}, "the special tokens alone are 1 too many; raise max_len"),
        ({"max_len": 2}, "text 0: max_len leaves no room .*; raise max_len$"),
        (
            {"max_len": 4, "truncation": "never"},
            "text 0 has 3 tokens and max_len leaves room for 2",
        ),
        ({"max_len": 4, "truncation": "only_second"}, "'only_second' needs text_pairs"),
        ({"max_len": 4, "stride": 2}, "stride=2 does not fit windows of 2 tokens; choose 0 to 1"),
        ({"max_len": 4, "stride": 0.5}, "stride=0.5 is not a number of tokens; choose a whole"),
        ({"max_len": 4, "stride": True}, "stride=True is not a number of tokens; choose a whole"),
        ({"text_pairs": ["d"], "max_len": 5, "stride": 1}, "say which with truncation="),
        (
            {"text_pairs": ["d e f"], "max_len": 5, "truncation": "only_first"},
            "or cut the other text",
        ),
        ({"text_pairs": []}, "1 texts and 0 text_pairs; give one for each"),
        ({"padding_side": "both"}, "padding_side='both' is not known; choose from"),
        ({"pad_to_multiple_of": 0}, "pad_to_multiple_of=0 is not a length; choose a whole number"),
        ({"pad_to_multiple_of": 8.0}, "pad_to_multiple_of=8.0 is not a length"),
        (
            {"pad_to_multiple_of": 4, "max_len": 7},
            "max_len=7 is not a multiple of pad_to_multiple_of=4, .*; choose a max_len that is one",
        ),
        ({"workers": 0}, "workers=0 is no whole number from 1 to 1024"),
    ],
)
def test_contradictions_are_named(
    tokenizer: BertTokenizer, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tokenizer.encode_batch(["a b c"], **options)
