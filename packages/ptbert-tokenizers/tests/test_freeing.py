"""A tokenizer that nobody uses any more is freed at once, with all that it remembers."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import small_tokenizers

MANY = ["the cat [E] c"] * 300

USES: dict[str, Callable[[Any], object]] = {
    "encode": lambda it: it.encode("the cat"),
    "tokenize": lambda it: it.tokenize("the cat"),
    "long text": lambda it: it.tokenize_with_offsets(" ".join(MANY)),
    "offsets": lambda it: it.tokenize_with_offsets("the cat"),
    "offsets of Unicode": lambda it: it.tokenize_with_offsets("the cat thé"),
    "words": lambda it: it.tokenize_words(["the", "cat"]),
    "flat": lambda it: it.encode_flat(MANY),
    "batch": lambda it: it.encode_batch(MANY, return_offsets=True),
    "added tokens": lambda it: [it.add_tokens(["[E]"]), it.encode("the cat [E] c")],
    "decode": lambda it: it.decode([5, 6]),
    "batch of Unicode": lambda it: it.encode_batch(["thé cat"] * 300, return_offsets=True),
    "pieces": lambda it: it.wordpiece_tokenizer.tokenize("cat cata"),
    "basic": lambda it: it.basic_tokenizer.tokenize("the cat thé"),
}
ONLY_BERT = ("batch of Unicode", "pieces", "basic")  # they need its characters or its parts
OTHERS = (small_tokenizers.gpt2, small_tokenizers.gpt)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def ours() -> dict[int, str]:
    """The objects of this package's classes, with the names of these."""
    return {
        id(each): type(each).__name__
        for each in gc.get_objects()
        if str(type(each).__module__).startswith("ptbert_tokenizers.")  # of some it is no string
    }


@pytest.mark.usefixtures("no_collector", "no_spacy")
@pytest.mark.parametrize(
    ("make", "use"),
    [
        *((small_tokenizers.bert, use) for use in USES),
        *((make, use) for make in OTHERS for use in USES if use not in ONLY_BERT),
    ],
)
def test_it_is_freed_without_the_garbage_collector(make: Callable[..., Any], use: str) -> None:
    USES[use](make())  # what all tokenizers share is made by the first
    gc.collect()
    before = ours()

    tokenizer = make()
    USES[use](tokenizer)
    assert len(ours()) > len(before)
    del tokenizer

    assert {name for each, name in ours().items() if each not in before} == set()
