"""Added tokens: kept whole in texts, with ids of their own, in all four families."""

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from small_tokenizers import bert, gpt, gpt2, transfo_xl

from ptbert_tokenizers import (
    AddedToken,
    BadVocabulary,
    BasicTokenizer,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.files.vocabulary import write_lines
from ptbert_tokenizers.plain.added_tokens import AddedTokens, Cutter

pytestmark = pytest.mark.usefixtures("no_spacy")
EVERY = pytest.mark.parametrize("make", [bert, gpt, gpt2, transfo_xl])


@EVERY
def test_added_tokens_are_whole_everywhere_and_have_the_next_ids(make: Any) -> None:
    tokenizer = make()
    first = len(tokenizer)
    known = make().tokenize("the")

    assert tokenizer.add_tokens(["covid19"]) == 1
    assert tokenizer.add_special_tokens(["[E1]", "[E2]"]) == 2

    assert len(tokenizer) == first + 3
    assert tokenizer.tokenize("the[E1]covid19the") == [*known, "[E1]", "covid19", *known]
    ids = [*tokenizer.convert_tokens_to_ids(known), first + 1, first]
    assert tokenizer.encode("the[E1]covid19", add_special_tokens=False) == ids
    assert tokenizer.encode_flat(["the[E1]covid19", "", "the"]).ids.tolist() == [*ids, *ids[:1]]
    assert tokenizer.encode_flat(["the[E1]covid19", "", "the"]).bounds.tolist() == [0, 3, 3, 4]
    assert tokenizer.convert_ids_to_tokens([first, first + 2]) == ["covid19", "[E2]"]
    assert tokenizer.convert_tokens_to_ids(["[E2]"]) == [first + 2]
    assert tokenizer.vocabulary["[E2]"] == first + 2


@EVERY
def test_a_token_that_is_known_keeps_its_id_and_is_added_once(make: Any) -> None:
    tokenizer = make()
    known = "the" if "the" in tokenizer.vocabulary else "the</w>"
    index, size = tokenizer.vocabulary[known], len(tokenizer)

    assert tokenizer.add_tokens([known, "new", "new"]) == 1
    assert tokenizer.add_tokens("new", special_tokens=True) == 0

    assert len(tokenizer) == size + 1
    assert tokenizer.added_tokens.ids == {known: index, "new": size}
    assert tokenizer.added_tokens.special == {"new"}


@EVERY
def test_offsets_of_added_tokens_are_their_places(make: Any) -> None:
    tokenizer = make()
    tokenizer.add_tokens(["covid19"])

    tokens, spans = tokenizer.tokenize_with_offsets("the covid19 cat")

    assert spans[tokens.index("covid19")] == (4, 11)
    assert spans[0] == (0, 3)
    assert spans[-1][1] == 15
    batch = tokenizer.encode_batch(["the covid19 cat"], return_offsets=True)
    assert [4, 11] in batch.offsets[0].tolist()


@EVERY
def test_copies_and_pickles_have_added_tokens(make: Any) -> None:
    tokenizer = make()
    tokenizer.add_tokens(["covid19"])
    expected = tokenizer.encode("the covid19 cat")

    for twin in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert twin.encode("the covid19 cat") == expected
        twin.add_tokens(["other"])
    assert tokenizer.added_tokens.ids.keys() == {"covid19"}


@EVERY
def test_several_processes_know_added_tokens(make: Any) -> None:
    tokenizer = make()
    tokenizer.add_tokens(["covid19"])
    batch = ["the covid19", "cat"] * 3

    assert (
        tokenizer.encode_flat(batch, workers=2).ids.tolist()
        == tokenizer.encode_flat(batch).ids.tolist()
    )


@EVERY
def test_a_tokenizer_pickled_before_there_were_added_tokens_gets_them(make: Any) -> None:
    tokenizer = make()
    state = tokenizer.__getstate__()
    for name in ("pad_token", "unk_token", "bos_token", "eos_token", "sep_token", "cls_token"):
        state.pop(name, None)
    old = type(tokenizer).__new__(type(tokenizer))
    old.__dict__.update(state)

    assert old.encode("the cat") == tokenizer.encode("the cat")
    old.add_tokens(["covid19"])
    assert "covid19" in old.tokenize("the covid19")


def test_normal_tokens_are_found_in_normalized_text_and_special_ones_as_they_are() -> None:
    tokenizer = bert()
    tokenizer.add_tokens(["Covid19", AddedToken("[É1]", special=True)])

    assert tokenizer.tokenize("cövid19 COVID19") == ["Covid19", "Covid19"]
    assert tokenizer.tokenize("[É1][e1]") == ["[É1]", "[UNK]", "[UNK]", "[UNK]"]
    assert tokenizer.tokenize_with_offsets("the cövid19") == (["the", "Covid19"], [(0, 3), (4, 11)])

    tokenizer.basic_tokenizer.do_lower_case = False

    assert tokenizer.tokenize("covid19 Covid19") == ["[UNK]", "Covid19"]


def test_words_that_are_never_split_stay_beside_added_tokens() -> None:
    tokenizer = bert()
    tokenizer.add_tokens(["covid19"])

    assert tokenizer.tokenize("[MASK] covid19 [SEP]") == ["[MASK]", "covid19", "[SEP]"]


def test_a_word_that_is_never_split_can_be_added_as_a_normal_token() -> None:
    tokenizer = bert()
    tokenizer.add_tokens(["[MASK]"])

    for text in ("the [MASK] cat", "the[MASK]cat", "the [MASK].cat", "THE [mask]cat"):
        kept = [token for token in tokenizer.tokenize(text) if token != "[UNK]"]
        assert kept == ["the", "[MASK]", "cat"]
        assert tokenizer.encode_flat([text]).ids.tolist()[:2] == [5, 4]


def test_a_replaced_part_is_used_around_added_tokens() -> None:
    class Shouting(BasicTokenizer):
        def tokenize(self, text: str) -> list[str]:
            return [word.lower() for word in text.split("-")]

    tokenizer = bert()
    tokenizer.add_tokens(["X1"])
    tokenizer.basic_tokenizer = Shouting()

    assert tokenizer.tokenize("THE-CATX1THE") == ["the", "cat", "X1", "the"]
    assert tokenizer.encode("CATX1", add_special_tokens=False) == [6, 9]


@pytest.mark.parametrize(
    ("flags", "text", "tokens"),
    [
        ({}, "a X b", ["a ", "X", " b"]),
        ({"lstrip": True}, "a  X b", ["a", "X", " b"]),
        ({"rstrip": True}, "a X\t b", ["a ", "X", "b"]),
        ({"lstrip": True, "rstrip": True}, " X X ", ["X", "X"]),
        ({"single_word": True}, "XaX X.X", ["XaX ", "X", ".", "X"]),
        ({"single_word": True}, "X\u0301X X\u200d X", ["X\u0301X X\u200d ", "X"]),
        ({"single_word": True}, "Xⓐ X_ X", ["Xⓐ X_ ", "X"]),
    ],
)
def test_flags_say_how_a_token_is_looked_for(
    flags: dict[str, bool], text: str, tokens: list[str]
) -> None:
    cutter = Cutter(AddedTokens({AddedToken("X", normalized=False, **flags): 1}))

    pieces = cutter.pieces(text)

    assert [piece.text for piece in pieces] == tokens
    covered = [place for piece in pieces for place in piece.positions]
    assert covered == list(range(len(text)))


def test_the_leftmost_and_longest_token_is_taken_and_normal_ones_come_last() -> None:
    added = {
        AddedToken("ab", normalized=False): 1,
        AddedToken("abc", normalized=False): 2,
        AddedToken("xab"): 3,
    }
    cutter = Cutter(AddedTokens(added))

    assert [piece.text for piece in cutter.pieces("abcab xab")] == ["abc", "ab", " x", "ab"]


def test_of_two_tokens_with_one_normalized_spelling_the_first_is_taken() -> None:
    tokenizer = bert()
    tokenizer.add_tokens(["Ä", "a"])

    assert tokenizer.tokenize("A ä") == ["Ä", "Ä"]


def test_spaces_that_a_token_took_are_no_other_token() -> None:
    cutter = Cutter(AddedTokens({AddedToken(" ", normalized=False, rstrip=True): 1}))

    assert [piece.text for piece in cutter.pieces("a   b")] == ["a", " ", "b"]


@pytest.mark.parametrize(("make", "known"), [(bert, "cat"), (gpt, "the</w>"), (gpt2, "the")])
def test_an_edit_of_the_vocabulary_counts_for_added_tokens_too(make: Any, known: str) -> None:
    tokenizer = make()
    tokenizer.add_special_tokens([known, "<new>"])
    text = f"{known}<new>"
    assert tokenizer.encode(text, add_special_tokens=False)[0] < 50
    vocabulary = tokenizer.vocab if make is bert else tokenizer.encoder

    vocabulary[known] = 77
    vocabulary["<new>"] = 78

    assert tokenizer.convert_tokens_to_ids([known, "<new>"]) == [77, 78]
    assert tokenizer.convert_tokens_to_ids([known, "<new>", "the", known])[-1] == 77
    assert tokenizer.encode(text, add_special_tokens=False) == [77, 78]
    assert tokenizer.encode_flat([text, text]).ids.tolist() == [77, 78, 77, 78]
    assert (tokenizer.vocabulary[known], tokenizer.vocabulary["<new>"]) == (77, 78)
    tokenizer.save_vocabulary("edited/")
    again = type(tokenizer).from_pretrained("edited")
    assert again.encode(text, add_special_tokens=False) == [77, 78]
    assert again.settings() == tokenizer.settings()


def test_gpt2_keeps_its_own_mark_where_special_tokens_are_kept() -> None:
    tokenizer = gpt2()

    assert tokenizer.tokenize_with_special_tokens("the<|endoftext|>the") == [
        *("the", "<|endoftext|>", "the"),
    ]
    tokenizer.set_special_tokens(["<|endoftext|>"])
    assert tokenizer.special_tokens == {"<|endoftext|>": 17}


def test_gpt2_decodes_added_tokens_of_any_characters_but_pieces_as_bytes() -> None:
    tokenizer = gpt2()
    tokenizer.add_tokens(["Ġx", "é", "Ġ"])

    assert tokenizer.decode(tokenizer.convert_tokens_to_ids(["Ġx", "é", "Ġ"])) == "Ġxé "


def test_added_tokens_of_a_transformer_xl_are_symbols() -> None:
    tokenizer = transfo_xl(lower_case=True)
    tokenizer.add_tokens(["Covid19", AddedToken("[E1]", special=True)])

    assert tokenizer.idx2sym[-2:] == ["Covid19", "[E1]"]
    assert tokenizer.tokenize("The COVID19 [E1] [e1]", add_eos=True) == [
        *("the", "Covid19", "[E1]", "[e1]", "<eos>"),
    ]
    tokenizer.count_sents([["new"] * 9])
    tokenizer.build_vocab()
    assert tokenizer.idx2sym == ["<eos>", "<unk>", "new", "the", "cat", "Covid19", "[E1]"]
    assert tokenizer.added_tokens.ids == {"Covid19": 5, "[E1]": 6}


@pytest.mark.parametrize(
    ("delimiter", "text", "tokens"),
    [
        (",", "the,[E1],cat", ["the", "[E1]", "cat"]),
        (",", "[E1],", ["[E1]"]),
        (",", "the[E1]cat", ["the", "[E1]", "cat"]),
        ("", "a[E1]b", ["a", "[E1]", "b"]),
    ],
)
def test_a_delimiter_beside_an_added_token_belongs_to_no_word(
    delimiter: str, text: str, tokens: list[str]
) -> None:
    tokenizer = transfo_xl(delimiter=delimiter)
    tokenizer.add_tokens(["[E1]"])

    assert tokenizer.tokenize(text) == tokens
    assert tokenizer.tokenize_with_offsets(text)[0] == tokens


def test_an_added_symbol_with_a_far_id_is_refused() -> None:
    write_lines("vocab.txt", ["<unk>", "a"])
    Path("added_tokens.json").write_text(json.dumps({"x": 7}))

    with pytest.raises(
        BadVocabulary, match="the added token 'x' has the id 7, which does not foll"
    ):
        TransfoXLTokenizer.from_pretrained(".")


@EVERY
def test_threads_see_the_tokens_from_before_or_from_after(make: Any) -> None:
    tokenizer = make()
    texts = ["the covid19 cat [E1]"] * 30
    before = tokenizer.encode(texts[0])

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(tokenizer.encode, text) for text in texts * 20]
        tokenizer.add_tokens(["covid19", "[E1]"])
        calls += [pool.submit(tokenizer.encode, text) for text in texts * 20]
        found = {tuple(call.result()) for call in calls}

    assert found <= {tuple(before), tuple(tokenizer.encode(texts[0]))}
    assert len(found) > 0
