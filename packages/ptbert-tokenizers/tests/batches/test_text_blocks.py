"""Texts in blocks: none is lost or there twice, and pickles are small."""

import pickle
from collections.abc import Iterator

import pytest

from ptbert_tokenizers.batches.text_blocks import (
    BlockedTexts,
    GivenTexts,
    SeveralBlocks,
    TextBlock,
    given_blocks,
)
from ptbert_tokenizers.files.lines import Lines

TEXTS = ["one", "", "two\n", "京都 \U0001f600", "\udc80", ""]
BLOCKS = {
    "given": GivenTexts(TEXTS),
    "lines": Lines("one\n\n京都", 7),
    "several": SeveralBlocks([GivenTexts(TEXTS), Lines("a\nb\n", 0), GivenTexts([])]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_pickled_block_has_the_same_texts(name: str) -> None:
    block = BLOCKS[name]
    assert list(pickle.loads(pickle.dumps(block))) == list(block) == block.cut()


def test_what_is_sent_has_no_texts_that_were_cut() -> None:
    block = Lines("a\n" * 1000, 0)
    before = pickle.dumps(block)

    assert (len(block), block[0], block[-2:]) == (1000, "a", ["a", "a"])

    assert pickle.dumps(block) == before
    assert len(before) < 2200  # 2 bytes a line, and a name


@pytest.mark.parametrize("asked", range(6))
def test_texts_that_nobody_has_asked_for_come_in_blocks(asked: int) -> None:
    numbers = [str(number) for number in range(5)]

    def blocks() -> Iterator[TextBlock]:
        yield GivenTexts(numbers[:2])
        yield GivenTexts([])
        yield GivenTexts(numbers[2:])

    texts = BlockedTexts(blocks())
    first = [next(texts, "none") for _ in range(asked)]

    assert [*first, *(text for block in texts.blocks() for text in block)][:5] == numbers
    assert list(texts) == []


def test_blocks_end_when_they_have_enough_characters() -> None:
    texts = BlockedTexts(iter([GivenTexts(["ab"]), Lines("c\n", 0), GivenTexts(["de", "f"])]))
    found = [list(block) for block in texts.blocks(4)]
    assert found == [["ab", "c"], ["de", "f"]]  # sizes 3, 2 and 5
    assert [list(block) for block in given_blocks(["ab", "c", "d"], 4)] == [["ab", "c"], ["d"]]
