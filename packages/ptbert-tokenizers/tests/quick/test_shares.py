"""Decoding joins what each token adds to a text: compared with joining the tokens."""

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, UnknownId
from ptbert_tokenizers.edits import TokensById
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.quick.shares import PieceShares

PIECES = st.text("# a", max_size=6) | st.sampled_from(["##", " ##", "a ##b", "a ", " #", "[MASK]"])


@given(pieces=st.lists(PIECES, min_size=1, max_size=6), data=st.data())
def test_texts_are_those_of_tokens_that_are_joined(pieces: list[str], data: st.DataObject) -> None:
    left_out = data.draw(st.sets(st.sampled_from(pieces)))
    shares = PieceShares(pieces.__getitem__, left_out)
    ids = data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=12))

    for _ in range(2):
        kept = [pieces[index] for index in ids if pieces[index] not in left_out]
        assert shares.text(ids) == " ".join(kept).replace(" ##", "")


@pytest.fixture
def bert_tokenizer() -> BertTokenizer:
    write_lines("vocab.txt", ["[UNK]", "[CLS]", "[SEP]", "play", "##ing", "!"])
    return BertTokenizer("vocab.txt")


def test_decoding_follows_edits(bert_tokenizer: BertTokenizer) -> None:
    names = bert_tokenizer.ids_to_tokens
    assert bert_tokenizer.decode([3, 4, 5]) == "playing!"

    names[4] = "##ed"
    assert bert_tokenizer.decode([3, 4, 5]) == "played!"
    names.update({3: "stay", 9: "now"})
    assert bert_tokenizer.decode([3, 4, 9]) == "stayed now"
    names.move_to_end(3)
    assert bert_tokenizer.decode([3, 4, 9]) == "stayed now"
    del names[9]
    with pytest.raises(UnknownId, match="id 9 is outside the vocabulary"):
        bert_tokenizer.decode([3, 4, 9])
    bert_tokenizer.ids_to_tokens = OrderedDict({3: "a", 4: "##b"})
    assert bert_tokenizer.decode([3, 4]) == "ab"
    bert_tokenizer.ids_to_tokens[4] = "c"
    assert bert_tokenizer.decode([3, 4]) == "a c"


def test_replaced_names_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loud(BertTokenizer):
        def convert_ids_to_tokens(self, ids: Any) -> list[str]:
            return [token.upper() for token in super().convert_ids_to_tokens(ids)]

    write_lines("vocab.txt", ["[UNK]", "play", "##ing"])
    assert Loud("vocab.txt").decode([1, 2]) == "PLAYING"
    tokenizer = BertTokenizer("vocab.txt")
    assert tokenizer.decode([1, 2]) == "playing"
    monkeypatch.setattr(BertTokenizer, "convert_ids_to_tokens", lambda self, ids: ["x", "y"])
    assert tokenizer.decode([1, 2]) == "x y"


def test_names_of_a_subclass_are_asked_each_time(bert_tokenizer: BertTokenizer) -> None:
    class Loud(TokensById):
        def __getitem__(self, index: int) -> str:
            return super().__getitem__(index).upper()

    bert_tokenizer.ids_to_tokens = Loud(bert_tokenizer.ids_to_tokens)

    assert bert_tokenizer.decode([3, 4]) == "PLAY##ING".replace("##", "")


def test_added_and_special_tokens_are_decoded_as_ever(bert_tokenizer: BertTokenizer) -> None:
    bert_tokenizer.add_tokens(["covid19"])
    ids = [1, 3, 4, len(bert_tokenizer) - 1, 2]

    assert bert_tokenizer.decode(ids) == "[CLS] playing covid19 [SEP]"
    assert bert_tokenizer.decode(ids, skip_special_tokens=True) == "playing covid19"


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array, np.uint16])
def test_ids_may_be_of_any_type(kind: Any, bert_tokenizer: BertTokenizer) -> None:
    ids = np.array([3, 4, 5], np.uint16) if kind is np.uint16 else kind([3, 4, 5])

    assert bert_tokenizer.decode(ids) == "playing!"
    others: Any = ["3", 4.5]  # as int() makes them
    assert bert_tokenizer.decode(others) == "playing"
    assert bert_tokenizer.decode([]) == ""


def test_what_is_remembered_is_in_no_pickle_and_no_copy(bert_tokenizer: BertTokenizer) -> None:
    before = pickle.dumps(bert_tokenizer)
    bert_tokenizer.decode([3, 4, 5])

    assert pickle.dumps(bert_tokenizer) == before
    for twin in (pickle.loads(before), copy.deepcopy(bert_tokenizer)):
        twin.ids_to_tokens[4] = "##ed"
        assert (twin.decode([3, 4]), bert_tokenizer.decode([3, 4])) == ("played", "playing")


@pytest.fixture
def gpt2() -> GPT2Tokenizer:
    tokens = [*bytes_to_unicode().values(), "lo", "Ġlo", "京"]
    write_json_vocabulary("vocab.json", {each: i for i, each in enumerate(tokens)})
    write_merges("merges.txt", [("l", "o"), ("Ġ", "lo")])
    return GPT2Tokenizer("vocab.json", "merges.txt")


@given(st.data())
def test_bytes_of_tokens_together_are_those_of_each(data: st.DataObject) -> None:
    tokens = [*bytes_to_unicode().values(), "lo", "Ġlo", "京"]
    write_json_vocabulary("vocab.json", {each: i for i, each in enumerate(tokens)})
    write_merges("merges.txt", [("l", "o"), ("Ġ", "lo")])
    tokenizer = GPT2Tokenizer("vocab.json", "merges.txt")
    ids = data.draw(st.lists(st.integers(0, len(tokens) - 1), max_size=12))

    expected = b"".join(tokenizer._bytes(tokens[index]) for index in ids)
    assert tokenizer._quick_bytes(ids) == expected
    found = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    assert found == expected.decode("utf-8", "replace")


def test_gpt2_decoding_follows_edits(gpt2: GPT2Tokenizer) -> None:
    lo, spaced = gpt2.encoder["lo"], gpt2.encoder["Ġlo"]
    assert gpt2.decode([lo, spaced]) == "lo lo"

    gpt2.decoder[spaced] = "Ġla"
    assert gpt2.decode([lo, spaced]) == "lo la"
    gpt2.byte_decoder["a"] = ord("i")
    assert gpt2.decode([lo, spaced]) == "lo li"
    gpt2.byte_decoder["a"] = ord("a")
    del gpt2.decoder[lo]
    with pytest.raises(UnknownId, match=f"id {lo} is outside the vocabulary"):
        gpt2.decode([lo])
    gpt2.decoder = {lo: "京"}
    assert gpt2.decode([lo]) == "京"
    gpt2.decoder[lo] = "b"
    assert gpt2.decode([lo]) == "b"


def test_special_tokens_of_gpt2_are_not_read_as_visible_characters(gpt2: GPT2Tokenizer) -> None:
    assert gpt2.decode([gpt2.encoder["lo"]]) == "lo"

    gpt2.set_special_tokens(["Ġ<x>"])

    ids = [gpt2.encoder["lo"], gpt2.special_tokens["Ġ<x>"]]
    assert gpt2.decode(ids) == "loĠ<x>"
    assert gpt2.decode(ids, skip_special_tokens=True) == "lo"


@pytest.mark.parametrize("skip", [False, True])
def test_special_and_added_tokens_are_remembered_too(skip: bool, gpt2: GPT2Tokenizer) -> None:
    gpt2.set_special_tokens(["Ġ<x>", "lo"])
    gpt2.add_special_tokens(["<é>"])
    gpt2.add_tokens(["new", "京"])
    ids = [gpt2.encoder["Ġlo"], *gpt2.special_tokens.values(), *gpt2.added_tokens.tokens]

    expected = gpt2._all_bytes(gpt2.convert_ids_to_tokens(ids, skip))
    assert gpt2._quick_bytes(ids, skip) == gpt2._quick_bytes(ids, skip) == expected
    assert (b"<x>" in expected) is not skip
    gpt2.special_tokens_decoder[ids[1]] = "other"
    assert gpt2._quick_bytes(ids, skip) == expected.replace("Ġ<x>".encode(), b"other")


def test_special_tokens_of_bert_are_left_out_as_the_tokenizer_has_them(
    bert_tokenizer: BertTokenizer,
) -> None:
    bert_tokenizer.add_tokens(["covid19"])
    ids = [1, 3, 4, len(bert_tokenizer) - 1, 5, 2]

    assert bert_tokenizer.decode(ids, skip_special_tokens=True) == "playing covid19!"
    bert_tokenizer.cls_token = "play"
    assert bert_tokenizer.decode(ids, skip_special_tokens=True) == "##ing covid19!"
    bert_tokenizer.add_special_tokens(["covid19"])
    assert bert_tokenizer.decode(ids, skip_special_tokens=True) == "##ing!"


@pytest.mark.parametrize("name", ["convert_ids_to_tokens", "_bytes", "_all_bytes"])
def test_replaced_steps_of_gpt2_are_called(
    name: str, gpt2: GPT2Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, Any] = {
        "convert_ids_to_tokens": lambda self, ids, skip: ["a"],
        "_bytes": lambda self, token: b"a",
        "_all_bytes": lambda self, tokens: b"a",
    }
    monkeypatch.setattr(GPT2Tokenizer, name, answers[name])

    index = gpt2.encoder["京"]  # it is not written in visible characters
    assert gpt2.decode([index]) == "a"
