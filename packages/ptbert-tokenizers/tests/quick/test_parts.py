"""Words put together from their parts, compared with the definition of merging."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import GPT2Tokenizer
from ptbert_tokenizers.plain.bpe import LONG_WORD, merged, visible
from ptbert_tokenizers.plain.gpt2_words import gpt2_words
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.merges import MergeTable
from ptbert_tokenizers.quick.parts import PartIds

CHARACTERS = "abAB 京のé🙂"
PLACES = ["ptbert_tokenizers.quick.parts._FEW", "ptbert_tokenizers.quick.matching._SHORT"]


@pytest.fixture(autouse=True)
def _parts_of_few_and_short_words() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for place in PLACES:
            patch.setattr(place, 0)
        yield


@st.composite
def merges(draw: st.DrawFn) -> dict[tuple[str, str], int]:
    """Merges of the bytes of some characters, each of symbols that were there before."""
    symbols = sorted(set(visible(CHARACTERS.encode())))
    ranks: dict[tuple[str, str], int] = {}
    for _ in range(draw(st.integers(1, 20))):
        pair = draw(st.sampled_from(symbols)), draw(st.sampled_from(symbols))
        if "".join(pair) not in symbols:
            ranks[pair] = len(ranks)
            symbols.append("".join(pair))
    return ranks


@given(merges(), st.lists(st.text(CHARACTERS, min_size=1, max_size=30), unique=True, max_size=8))
def test_parts_have_the_symbols_of_the_word(
    ranks: dict[tuple[str, str], int], words: list[str]
) -> None:
    table = MergeTable(ranks)
    tokens = {symbol: index for index, symbol in enumerate({*map("".join, ranks), *"abAB"})}

    def numbers(part: str) -> Ids:
        return tuple(table.merge(visible(part.encode())))

    expected = [merged(visible(word.encode()), ranks) for word in words]
    assert [table.pieces(visible(word.encode())) for word in words] == expected
    assert table.pairs is not None
    for some in PartIds(numbers, table.pairs, table.ids(tokens))([w.encode() for w in words]):
        cut = np.split(some.ids, some.counts.cumsum())[:-1]
        found = dict(zip(some.which.tolist(), map(np.ndarray.tolist, cut), strict=True))
        assert found == {each: [tokens[piece] for piece in expected[each]] for each in found}


def test_words_of_several_parts_are_done_together() -> None:
    table = MergeTable({("B", "e"): 0, ("e", "C"): 1, ("t", "o"): 2})
    tokens = {"to": 5, "Be": 6, "C": 7, "eC": 8, "e": 9, "t": 10}
    assert table.pairs is not None
    part_ids = PartIds(lambda part: tuple(table.merge(part)), table.pairs, table.ids(tokens))

    rounds = [
        (some.which.tolist(), some.ids.tolist(), some.counts.tolist())
        for some in part_ids([b"to", b"toBe", b"eC", b"BeC", b"eto", b"toC?C"])
    ]

    # "e" and "C" do not fit: they are joined in the second round. "?" has no id.
    assert rounds[:2] == [([1, 3], [5, 6, 6, 7], [2, 2]), ([2], [8], [1])]
    assert not any(which for which, _, _ in rounds[2:])


def test_parts_that_never_fit_are_merged_as_one_word() -> None:
    ranks = {("a", "B"): 0, ("B", "a"): 1, ("aB", "aB"): 2}
    table = MergeTable(ranks)
    for size in (3, LONG_WORD, 3 * LONG_WORD):
        assert table.pieces("aBB" * size) == merged("aBB" * size, ranks)
        assert table.pieces("Ba" * size) == merged("Ba" * size, ranks)


def test_names_and_texts_without_spaces_have_the_tokens_of_the_definition(
    published: Callable[[str], Path], texts: list[str]
) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(published("gpt2"))
    names = " getUserName XMLHttpRequest İstanbulTarihi 東京タワーToTheTop ÀÉ京都aB ｶﾀｶﾅ한국어ABC"
    several = [*texts, names, "".join(text[:20] for text in texts)]

    flat = tokenizer.encode_flat(several)

    expected = [
        [piece for word in gpt2_words(text) for piece in merged(visible(word.encode()), ranks)]
        for ranks in [tokenizer.bpe_ranks]
        for text in several
    ]
    found = np.split(flat.ids, flat.bounds[1:-1])
    assert [ids.tolist() for ids in found] == list(map(tokenizer.convert_tokens_to_ids, expected))
    assert [tokenizer.tokenize(text) for text in several] == expected
