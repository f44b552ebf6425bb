"""decode and decode_batch: what single tokens give, also with edited parts."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import (
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TransfoXLTokenizer,
    UnknownId,
)
from ptbert_tokenizers.plain.bpe import bytes_to_unicode

BYTES = {char: byte for byte, char in bytes_to_unicode().items()}


@pytest.fixture
def gpt2(published: Callable[[str], Path]) -> GPT2Tokenizer:
    return GPT2Tokenizer.from_pretrained(published("gpt2"), special_tokens=["Ġ<x>", "the"])


def token_by_token(tokenizer: GPT2Tokenizer, ids: list[int]) -> str:
    special = {*tokenizer.special_tokens, *tokenizer.added_tokens.ids} - tokenizer.encoder.keys()
    data = b""
    for index in ids:
        (token,) = tokenizer.convert_ids_to_tokens([index])
        is_visible = token not in special
        data += bytes(map(BYTES.__getitem__, token)) if is_visible else token.encode()
    return data.decode("utf-8", "replace")


def test_gpt2_decodes_tokens_together_as_one_by_one(gpt2: GPT2Tokenizer) -> None:
    gpt2.add_tokens(["Ġadded", "京都"])
    draw = random.Random(0)
    for size in [*range(8), 100, 1000]:
        for _ in range(10):
            ids = draw.choices(range(len(gpt2)), k=size)
            found = gpt2.decode(ids, clean_up_tokenization_spaces=False)
            assert found == token_by_token(gpt2, ids)


def test_special_and_added_tokens_are_not_read_as_visible_characters(gpt2: GPT2Tokenizer) -> None:
    gpt2.add_tokens(["Ġqzq"])
    ids = [gpt2.special_tokens["Ġ<x>"], *gpt2.encode("lo"), gpt2.added_tokens.ids["Ġqzq"]]

    assert gpt2.decode(ids) == "Ġ<x>loĠqzq"
    assert gpt2.decode(ids, skip_special_tokens=True) == "loĠqzq"


def test_decoding_follows_edits(gpt2: GPT2Tokenizer) -> None:
    ids = gpt2.encode("lo")
    assert gpt2.decode(ids) == "lo"

    gpt2.byte_decoder["l"] = ord("L")
    assert gpt2.decode(ids) == "Lo"

    gpt2.decoder[ids[0]] = "京"  # it is no visible character
    assert gpt2.decode(ids) == "京"


def test_ids_may_be_integers_of_any_type(gpt2: GPT2Tokenizer) -> None:
    ids = gpt2.encode("to be")

    for each in (np.array(ids), np.array(ids, np.uint16), [float(i) for i in ids], iter(ids)):
        assert gpt2.decode(each) == "to be"
    assert gpt2.decode([ids[0] + 0.5]) == "to"  # as int() makes it
    assert gpt2.decode([str(ids[0])]) == "to"


def test_unknown_ids_are_named_among_known_ones(gpt2: GPT2Tokenizer) -> None:
    with pytest.raises(UnknownId, match="id 70000 is outside the vocabulary of 50257 tokens"):
        gpt2.decode([1, 2, 70000])


def test_many_texts_are_decoded_like_each_of_them(
    gpt2: GPT2Tokenizer, published: Callable[[str], Path]
) -> None:
    texts = ["To be, or not", "京都", ""]
    tokenizers: list[Any] = [
        gpt2,
        BertTokenizer.from_pretrained(published("bert-base-uncased")),
        OpenAIGPTTokenizer.from_pretrained(published("openai-gpt")),
    ]
    for tokenizer in tokenizers:
        ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
        assert tokenizer.decode_batch(ids) == list(map(tokenizer.decode, ids))
        assert tokenizer.decode_batch(iter(ids)) == list(map(tokenizer.decode, ids))
    bert = tokenizers[1]
    batch = bert.encode_batch(["to be", "not"])
    assert bert.decode_batch(batch.input_ids, skip_special_tokens=True) == ["to be", "not"]
    assert bert.decode_batch(batch.input_ids) == ["[CLS] to be [SEP]", "[CLS] not [SEP] [PAD]"]


def test_symbols_of_transformer_xl_are_decoded_too() -> None:
    tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    tokenizer.count_sents([["to", "be"]])
    tokenizer.build_vocab()

    assert tokenizer.decode_batch([[2, 3], [0]], exclude=[0]) == ["to be", ""]


@pytest.mark.parametrize("batch", [[1, 2], np.array([1, 2])], ids=["list", "array"])
def test_one_sequence_is_no_batch(gpt2: GPT2Tokenizer, batch: Any) -> None:
    with pytest.raises(TypeError, match=r"batch\[0\] is 1, and not a list of ids; .*use decode"):
        gpt2.decode_batch(batch)
