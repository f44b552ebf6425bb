"""Pieces of documents, and pairs of their parts."""

import numpy as np
import pytest

from ptbert.training.pieces import pieces_of
from ptbert.training.texts import Lines


def lines_of(documents):
    """Lines with the ids 0, 1, 2, ..., whose lengths are given for each document."""
    lengths = [length for document in documents for length in document]
    last = [n == len(each) - 1 for each in documents for n in range(len(each))]
    ends = np.cumsum(lengths)
    ids = np.arange(ends[-1], dtype=np.int32)
    return Lines("t", ids, ends - lengths, ends, np.arange(len(ends)), np.array(last), 0)


def spans(pieces):
    return list(zip(pieces.starts.tolist(), pieces.ends.tolist(), strict=True))


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([[2, 3, 2]], [(0, 5), (5, 7)]),  # lines as long as they fit
        ([[2], [3]], [(0, 2), (2, 5)]),  # never of two documents
        ([[12]], [(0, 5), (5, 10), (10, 12)]),  # a long line is cut
        ([[2, 7, 1]], [(0, 2), (2, 7), (7, 10)]),  # its rest goes on with the next line
        ([[5, 5]], [(0, 5), (5, 10)]),
    ],
)
def test_pieces_are_whole_lines_where_they_fit(documents, expected):
    assert spans(pieces_of(lines_of(documents), 5)) == expected


def test_every_token_is_in_one_piece():
    generator = np.random.default_rng(0)
    documents = [generator.integers(1, 12, generator.integers(1, 6)).tolist() for _ in range(50)]
    pieces = pieces_of(lines_of(documents), 9)
    tokens = np.concatenate([pieces.tokens(index) for index in range(len(pieces))])
    assert tokens.tolist() == list(range(len(tokens)))
    assert pieces.lengths.max() <= 9
    assert pieces.documents == 50


DOCUMENTS = [[3, 4], [2, 2, 3], [6], [4, 3], [1, 1]]


def test_of_two_neighbours_one_has_a_part_of_another_document():
    pieces = pieces_of(lines_of(DOCUMENTS * 4), 7)
    for epoch in range(5):
        swapped = [pieces.pair(index, 0, epoch)[2] for index in range(len(pieces))]
        assert len(swapped) == 20
        assert sum(swapped) == 10


def test_parts_that_follow_are_the_piece_and_others_are_of_another_document():
    pieces = pieces_of(lines_of(DOCUMENTS), 7)
    owner = np.repeat(np.arange(5), [sum(each) for each in DOCUMENTS])
    begins = set(pieces.lines.starts.tolist())
    seen = set()
    for epoch in range(60):
        for index in range(len(pieces)):
            first, second, is_other = pieces.pair(index, 0, epoch)
            whole = pieces.tokens(index).tolist()
            assert whole[: len(first)] == first.tolist()
            assert len(first)
            assert len(second)
            assert len(first) + len(second) <= len(whole)
            if not is_other:
                assert second.tolist() == whole[len(first) :]
                continue
            (other,) = set(owner[second].tolist())
            assert other != pieces.document[index]
            assert int(second[0]) in begins
            seen.add((index, other))
    assert len(seen) == 5 * 4  # each document beside each other one


def test_a_piece_is_divided_between_lines_and_a_single_line_anywhere():
    pieces = pieces_of(lines_of([[2, 2, 3], [6]]), 7)
    cuts = [{len(pieces.pair(index, 0, epoch)[0]) for epoch in range(80)} for index in range(2)]
    assert cuts == [{2, 4}, {1, 2, 3, 4, 5}]


def test_the_same_key_gives_the_same_pair():
    pieces = pieces_of(lines_of(DOCUMENTS), 7)
    first, again = (pieces.pair(1, 4, 2) for _ in range(2))
    assert [each.tolist() for each in first[:2]] == [each.tolist() for each in again[:2]]
