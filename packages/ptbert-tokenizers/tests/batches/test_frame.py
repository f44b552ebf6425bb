"""Many texts end to end, with special tokens and a limit."""

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
