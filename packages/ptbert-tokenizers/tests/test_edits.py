"""Parts that a program edits or replaces: the ids are those of the parts as they are."""

import copy
import pickle
from typing import Any

import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, load_vocab
from ptbert_tokenizers.edits import CountingDict, Vocabulary
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode


def gpt2() -> GPT2Tokenizer:
    symbols = [*bytes_to_unicode().values(), "ab", "bc"]
    write_json_vocabulary("vocab.json", {symbol: i for i, symbol in enumerate(symbols)})
    write_merges("merges.txt", [("a", "b"), ("b", "c")])
    return GPT2Tokenizer("vocab.json", "merges.txt")


def filled_at_once(entries: dict[str, int]) -> Vocabulary:
    return Vocabulary.of(entries.items())


@pytest.mark.parametrize("make", [CountingDict, Vocabulary, filled_at_once])
@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.__setitem__("a", 2),
        lambda it: it.__delitem__("a"),
        lambda it: it.update(a=2),
        lambda it: it.__ior__({"a": 2}),
        lambda it: it.setdefault("b", 2),
        lambda it: it.pop("a"),
        lambda it: it.popitem(),
        lambda it: it.clear(),
    ],
)
def test_every_change_is_counted(make: Any, change: Any) -> None:
    counting = make({"a": 1})
    before = counting.edits

    change(counting)

    assert counting.edits > before


def test_a_vocabulary_that_was_filled_at_once_is_like_any_other() -> None:
    filled = filled_at_once({"b": 0, "a": 1})

    assert type(filled) is Vocabulary
    assert list(filled.items()) == [("b", 0), ("a", 1)]
    assert pickle.loads(pickle.dumps(filled)) == copy.deepcopy(filled) == filled


def test_a_change_is_counted_before_and_after() -> None:
    """Who looks while it happens sees neither the number before nor the one after."""
    seen: list[int] = []

    class Key(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            seen.append(counting.edits)
            return str.__eq__(self, other)

    counting: CountingDict[str, int] = CountingDict({Key("a"): 1})
    before = counting.edits
    counting["a"] = 2

    assert before < seen[-1] < counting.edits


def test_copies_count_on_their_own() -> None:
    counting = CountingDict({"a": 1})

    for twin in (copy.deepcopy(counting), pickle.loads(pickle.dumps(counting))):
        assert twin == {"a": 1}
        before = counting.edits
        twin["b"] = 2
        assert counting.edits == before


@pytest.mark.parametrize("make", [CountingDict, Vocabulary, filled_at_once])
def test_no_two_dictionaries_have_the_same_number(make: Any) -> None:
    first = make({"a": 1})
    others = [make({"a": 1}), copy.copy(first), copy.deepcopy(first)]
    others += [pickle.loads(pickle.dumps(first)) for _ in range(2)]

    assert len({each.edits for each in [first, *others]}) == 6
    assert all(each == first for each in others)


def test_swapped_ranks_of_merges_count() -> None:
    tokenizer = gpt2()
    assert tokenizer.encode_flat(["abc"]).ids.tolist() == tokenizer.encode("abc")
    assert tokenizer.tokenize("abc") == ["ab", "c"]

    tokenizer.bpe_ranks[("a", "b")] = 2  # as many merges as before

    assert tokenizer.tokenize("abc") == ["a", "bc"]
    assert tokenizer.encode("abc" * 20) == tokenizer.convert_tokens_to_ids(["a", "bc"] * 20)


@pytest.mark.parametrize(
    "warm",
    [
        lambda tokenizer: tokenizer.tokenize("abc"),
        lambda tokenizer: tokenizer.tokenize_with_offsets("abc"),
        lambda tokenizer: tokenizer.bpe("abc"),
    ],
)
def test_the_cache_of_words_belongs_to_its_merges(warm: Any) -> None:
    tokenizer = gpt2()
    warm(tokenizer)

    tokenizer.bpe_ranks.clear()
    assert tokenizer.bpe("abc") == "a b c"
    assert tokenizer.tokenize_with_offsets("abc") == (["a", "b", "c"], [(0, 1), (1, 2), (2, 3)])
    tokenizer.bpe_ranks = {("b", "c"): 0}
    assert tokenizer.bpe("abc") == "a bc"
    tokenizer.bpe_ranks.clear()  # an ordinary dictionary, which does not count
    assert tokenizer.bpe("abc") == "a b c"
    assert tokenizer.tokenize("abc") == ["a", "b", "c"]


def test_a_cache_of_the_programs_own_is_used_as_in_2019() -> None:
    tokenizer = gpt2()
    tokenizer.cache = {"abc": "abc"}

    assert tokenizer.bpe("abc") == "abc"
    assert tokenizer.bpe("ab") == "ab"
    assert tokenizer.cache == {"abc": "abc", "ab": "ab"}


def test_merges_in_an_ordinary_dictionary_count() -> None:
    tokenizer = gpt2()
    assert tokenizer.tokenize("abc") == ["ab", "c"]

    tokenizer.bpe_ranks = {("b", "c"): 0}
    assert tokenizer.tokenize("abc") == ["a", "bc"]
    assert tokenizer.tokenize("abc" * 20) == ["a", "bc"] * 20
    assert tokenizer.encode_flat(["abc"]).ids.tolist() == tokenizer.encode("abc")


def test_edited_visible_characters_count() -> None:
    tokenizer, other = gpt2(), gpt2()
    assert tokenizer.tokenize("xa") == ["x", "a"]

    tokenizer.byte_encoder[ord("x")] = "y"

    assert tokenizer.tokenize("xa") == ["y", "a"]
    assert other.tokenize("xa") == ["x", "a"]


def test_another_vocabulary_in_the_place_of_the_old_one_counts() -> None:
    write_lines("one.txt", ["[UNK]", "a", "b"])
    write_lines("two.txt", ["[UNK]", "b", "a"])
    tokenizer = BertTokenizer("one.txt", do_lower_case=False)
    assert tokenizer.encode("a", add_special_tokens=False) == [1]

    tokenizer.vocab = tokenizer.wordpiece_tokenizer.vocab = load_vocab("two.txt")

    assert tokenizer.encode("a", add_special_tokens=False) == [2]
    assert tokenizer.encode_flat(["a b"]).ids.tolist() == [2, 1]


def test_another_encoder_of_as_many_edits_counts() -> None:
    tokenizer, other = gpt2(), gpt2()
    other.encoder = Vocabulary((token, index + 1) for token, index in other.encoder.items())
    before = tokenizer.encode("abc")

    tokenizer.encoder = other.encoder

    assert tokenizer.encode("abc") == [index + 1 for index in before]
