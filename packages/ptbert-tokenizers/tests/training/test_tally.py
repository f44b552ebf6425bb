"""Words are counted as a Counter counts them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers.quick.spans import classified_spans, listed_spans
from ptbert_tokenizers.training.tally import Tally

# Of up to 15 bytes, words are in a table; the last byte of a key is the length.
WORDS = st.text("aé\x0f\x10", min_size=1, max_size=3) | st.text("b", min_size=14, max_size=17)


@given(st.lists(st.lists(WORDS, max_size=20), max_size=6))
def test_words_of_many_windows(windows: list[list[str]]) -> None:
    tally = Tally()

    for words in windows:
        tally.add(listed_spans(map(str.encode, words)))

    assert tally.counts() == Counter(word for words in windows for word in words)


def test_ends_of_texts_are_no_words() -> None:
    tally = Tally()

    for spans in classified_spans(b"to be!\0\0to\0", bytes([1, 1, 0, 1, 1, 2, 2, 2, 1, 1, 2])):
        tally.add(spans)

    assert tally.counts() == {"to": 2, "be": 1, "!": 1}
