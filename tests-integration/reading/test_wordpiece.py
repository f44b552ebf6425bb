import pytest
import wordpiece
from hypothesis import example, given
from hypothesis import strategies as st
from random_texts import texts_in_many_scripts

from ptbert_tokenizers import BertTokenizer

# Single characters of the texts below, so that words can be cut, and some longer pieces.
LETTERS = "aeinorstzßσςiıéдоمرह한ㅎkカ,.!$'"
PIECES = ["the", "un", "able", "ing", "aff", "##a", "don", "[sep]", "北京", "ing!"]


@st.composite
def vocabularies(draw):
    pieces = draw(st.lists(st.text(st.sampled_from(LETTERS), min_size=1, max_size=4)))
    tokens = [*wordpiece.SPECIAL, *LETTERS, *PIECES, *"北京"]
    tokens += [f"##{token}" for token in [*LETTERS, *PIECES]]
    tokens += [prefix + piece for piece in pieces for prefix in ("", "##")]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


@pytest.fixture
def tokenizer(tmp_path):
    """Return a function that makes the real tokenizer of a vocabulary."""

    def make(vocabulary, **options):
        path = tmp_path / "vocab.txt"
        path.write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
        return BertTokenizer(path, **options)

    return make


@pytest.mark.parametrize("lower", [True, False])
def test_tokens_are_those_of_the_real_tokenizer(tokenizer, lower):
    @given(vocabularies(), st.lists(texts_in_many_scripts(), max_size=10))
    def check(vocabulary, texts):
        real = tokenizer(vocabulary, do_lower_case=lower)
        for text in texts:
            assert wordpiece.tokens_of(text, vocabulary, lower) == real.tokenize(text)

    check()


def test_ids_and_decoded_texts_are_those_of_the_real_tokenizer(tokenizer):
    @given(vocabularies(), texts_in_many_scripts(), st.none() | texts_in_many_scripts())
    @example({token: i for i, token in enumerate(wordpiece.SPECIAL)}, "", "")
    def check(vocabulary, text, second):
        real = tokenizer(vocabulary)
        ids = wordpiece.encode(text, vocabulary, second)
        assert ids == real.encode(text, second)
        plain = real.decode(ids, clean_up_tokenization_spaces=False)
        assert wordpiece.decode(ids, vocabulary) == plain

    check()


@pytest.mark.parametrize(
    ("row", "lower"),
    [
        ("bert-base-uncased", True),
        ("bert-base-chinese", True),
        ("bert-base-cased do_lower_case=False", False),
        ("bert-base-multilingual-cased do_lower_case=False", False),
    ],
)
def test_published_vocabularies_give_the_ids_of_2019(recorded, published, row, lower):
    lines = published(f"{row.partition(' ')[0]}.vocab.txt").splitlines()
    vocabulary = {token: number for number, token in enumerate(lines)}

    for text, ids in zip(recorded("texts"), recorded("tokens")[row], strict=True):
        tokens = wordpiece.tokens_of(text, vocabulary, lower)
        assert [vocabulary[token] for token in tokens] == ids, text


def test_a_word_of_more_than_100_characters_is_unknown():
    assert wordpiece.pieces_of("a" * 100, {"a", "##a"}) == ["a", *["##a"] * 99]
    assert wordpiece.pieces_of("a" * 101, {"a", "##a"}) == ["[UNK]"]
