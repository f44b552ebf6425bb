"""Many texts end to end, with special tokens and a limit."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import BertTokenizer, FlatIds

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"]
A, B, C, D, E, F, G, H = range(4, 12)
PAD, CLS, SEP = 0, 2, 3


@pytest.fixture
def tokenizer() -> BertTokenizer:
    Path("vocab.txt").write_text("\n".join(TOKENS))
    return BertTokenizer("vocab.txt")


@pytest.mark.parametrize("workers", [1, 2])
def test_flat_ids_may_have_special_tokens_and_a_limit(
    tokenizer: BertTokenizer, workers: int
) -> None:
    texts = ["a b c d", "", "e"]

    framed = tokenizer.encode_flat(texts, add_special_tokens=True, workers=workers)
    short = tokenizer.encode_flat(texts, max_len=2, workers=workers)
    both = tokenizer.encode_flat(texts, add_special_tokens=True, max_len=4, workers=workers)

    assert rows(framed) == [tokenizer.encode(text) for text in texts]
    assert rows(short) == [[A, B], [], [E]]
    assert rows(both) == [[CLS, A, B, SEP], [CLS, SEP], [CLS, E, SEP]]
    assert both.ids.dtype == np.int32
    assert both.bounds.dtype == np.int64


def rows(flat: FlatIds) -> list[list[int]]:
    return [
        flat.ids[start:end].tolist()
        for start, end in zip(flat.bounds, flat.bounds[1:], strict=False)
    ]


def test_a_limit_leaves_room_for_special_tokens(tokenizer: BertTokenizer) -> None:
    with pytest.raises(ValueError, match="max_len=1 leaves no room for text: there are 2 special"):
        tokenizer.encode_flat(["a"], add_special_tokens=True, max_len=1)
    assert tokenizer.encode_flat([], add_special_tokens=True, max_len=2).bounds.tolist() == [0]


@pytest.mark.parametrize("max_len", [0, -1, True, 2.0, "2"])
def test_a_limit_is_a_whole_number(tokenizer: BertTokenizer, max_len: Any) -> None:
    message = f"max_len={max_len!r} is not a length; choose a whole number from 1 on"
    with pytest.raises(ValueError, match=message):
        tokenizer.encode_flat(["a"], max_len=max_len)
    with pytest.raises(ValueError, match=message):
        tokenizer.encode_batch(["a"], max_len=max_len)


def test_a_limit_may_be_a_number_of_numpy(tokenizer: BertTokenizer) -> None:
    assert tokenizer.encode_flat(["a b"], max_len=np.int64(1)).ids.tolist() == [A]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("max_len", "stride"), [(3, 0), (4, 1), (5, 2), (9, 8)])
def test_windows_are_those_of_batches(
    tokenizer: BertTokenizer, max_len: int, stride: int, special: bool, workers: int
) -> None:
    max_len += 2 * special
    texts = [" ".join("abcdefghabcdefgh"[:length]) for length in range(17)]

    flat = tokenizer.encode_flat(
        texts, max_len=max_len, stride=stride, add_special_tokens=special, workers=workers
    )

    batch = tokenizer.encode_batch(
        texts, max_len=max_len, stride=stride, add_special_tokens=special
    )
    lengths = batch.attention_mask.sum(1)
    expected = [row[:n].tolist() for row, n in zip(batch.input_ids, lengths, strict=True)]
    assert rows(flat) == expected


def test_a_separator_ends_each_text_and_counts_as_a_token(tokenizer: BertTokenizer) -> None:
    texts = ["a b c d", ""]

    ended = tokenizer.encode_flat(texts, separator=H)
    windows = tokenizer.encode_flat(texts, separator=H, max_len=3, stride=0)

    assert rows(ended) == [[A, B, C, D, H], [H]]
    assert rows(windows) == [[A, B, H], [C, D, H], [H]]


def test_windows_need_a_length_that_the_stride_fits(tokenizer: BertTokenizer) -> None:
    with pytest.raises(ValueError, match="stride=1 is for windows, which need a length; give max"):
        tokenizer.encode_flat(["a"], stride=1)
    for stride in (2, -1):
        with pytest.raises(ValueError, match=f"stride={stride} does not fit windows of 2 tok"):
            tokenizer.encode_flat(["a"], stride=stride, max_len=2)
    for wrong in ("1", True, 0.5, np.array([0]), np.array(0.5)):
        with pytest.raises(ValueError, match=r"stride=.* is not a number of tokens; choose a whol"):
            tokenizer.encode_flat(["a"], stride=wrong, max_len=2)
        with pytest.raises(ValueError, match=r"stride=.* is not a number of tokens; choose a whol"):
            tokenizer.encode_batch(["a"], stride=wrong, max_len=2)


@pytest.mark.parametrize("workers", [1, 2])
def test_texts_may_come_one_by_one(tokenizer: BertTokenizer, workers: int) -> None:
    texts = ["a b c", "", "d" * 3, "e f"] * 3

    blocks = list(tokenizer.encode_stream(iter(texts), max_len=2, separator=H, workers=workers))

    expected = tokenizer.encode_flat(texts, max_len=2, separator=H)
    assert [row for block in blocks for row in rows(block)] == rows(expected)
    with pytest.raises(TypeError, match="texts is one string; give strings one by one, or use enc"):
        list(tokenizer.encode_stream("a b"))
    with pytest.raises(TypeError, match=r"^texts\[1\] is None, and not a string; leave it out"):
        list(tokenizer.encode_stream(["a", None]))  # type: ignore[list-item]


def test_texts_that_come_one_by_one_are_read_as_they_are_needed(tokenizer: BertTokenizer) -> None:
    """Also empty ones, of which no list may grow without end."""
    blocks = tokenizer.encode_stream(itertools.repeat("a " * 1000))
    assert sum(len(next(blocks).bounds) - 1 for _ in range(3)) < 3000
    assert len(next(tokenizer.encode_stream(itertools.repeat(""))).bounds) <= 2**20 + 1
