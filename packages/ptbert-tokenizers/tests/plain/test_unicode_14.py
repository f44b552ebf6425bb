"""The same properties and ids whatever Unicode the interpreter and ``regex`` have.

The digests were recorded from the library of 2019 where its Unicode was 14.0: those of GPT-2 with
release 0.6.1 and ``regex`` 2022.1.18, all others with release 0.6.2 under Python 3.11.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer, TransfoXLTokenizer
from ptbert_tokenizers.plain.gpt2_words import gpt2_words
from ptbert_tokenizers.plain.unicode import is_control, is_punctuation, without_accents
from ptbert_tokenizers.plain.unicode_14 import category, decomposed, lowered

FACE = "\U0001fae8"  # Unicode 15.0, a symbol
MARK = "\U0001e08f"  # Unicode 15.0, a combining letter above
IDEOGRAPH = "\U00031350"  # Unicode 15.0
CAPITAL = "\U00010d50"  # Unicode 16.0, a capital letter
NEWER = (FACE, MARK, IDEOGRAPH, CAPITAL)

CHARACTERS = list(map(chr, range(0x110000)))

# SHA-256 of categories and ids.
CATEGORIES = "f0017d5ac5889f12a655eb3d899bd61df752477bb079eb954dd353134a1769c2"
UNCASED = "85cda204a5e1398b9c0ea3064c9b9da16019c6bf1e9089ab293aa8ca04758ce4"
CASED = "ffba565f0e144864980133b16adcc458de558288afc233c8c0047c507bf720de"
GPT = "4850df80fd9b9c80f5e7c28d9718c9d301e66ac1989958352d0789b2905890f7"
GPT2 = "e17380d8b3a6cd80cfbf895285aabca1ba3eb95e852590ae156760f892421e36"
TRANSFO_XL = "98bd3e03c2493bd1f759a6e413cc3bfdd2a889344b4133ce0f3ce3205d7775b8"


def test_categories_are_those_of_unicode_14() -> None:
    found = " ".join(map(category, CHARACTERS))

    assert hashlib.sha256(found.encode()).hexdigest() == CATEGORIES
    if unicodedata.unidata_version == "14.0.0":
        assert found == " ".join(map(unicodedata.category, CHARACTERS))


@pytest.mark.parametrize("char", NEWER)
def test_newer_characters_are_not_assigned(char: str) -> None:
    assert category(char) == "Cn"
    assert is_control(char)
    assert not is_punctuation(char)
    assert lowered(char) == decomposed(char) == without_accents(char) == char


@pytest.mark.parametrize("char", NEWER)
def test_newer_characters_end_words_and_runs_of_marks(char: str) -> None:
    assert lowered(f"ΑΣ{char}Α") == f"ας{char}α"
    # U+0323 is sorted before U+0301, but not across an unassigned character.
    assert decomposed(f"a\u0301{char}\u0323") == f"a\u0301{char}\u0323"
    assert decomposed("a\u0301\u0323") == "a\u0323\u0301"


@pytest.mark.parametrize("char", NEWER)
def test_gpt2_sees_no_letters_in_newer_characters(char: str) -> None:
    assert gpt2_words(f"a{char}b 1{char}") == ["a", char, "b", " 1", char]


def test_the_sign_whose_category_changed_is_an_accent() -> None:
    assert without_accents("a\U0001171e") == "a"


def walk() -> Iterator[list[str]]:
    """Every code point alone, between letters (the first a sigma) and after a letter."""
    for first in range(0, 0x110000, 2**12):
        chars = list(map(chr, range(first, first + 2**12)))
        yield [text for char in chars for text in (char, f"AΣ{char}b", f"e{char}")]


def digest_of_ids(tokenizer: Any) -> str:
    digest = hashlib.sha256()
    for texts in walk():
        flat = tokenizer.encode_flat(texts)
        digest.update(flat.ids.astype("<i4").tobytes())
        digest.update(np.diff(flat.bounds).astype("<i4").tobytes())
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name", "options", "expected"),
    [
        (BertTokenizer, "bert-base-uncased", {}, UNCASED),
        (BertTokenizer, "bert-base-multilingual-cased", {"do_lower_case": False}, CASED),
        (OpenAIGPTTokenizer, "openai-gpt", {}, GPT),
        (GPT2Tokenizer, "gpt2", {}, GPT2),
    ],
)
def test_ids_of_every_code_point_are_those_of_2019(
    family: Any,
    name: str,
    options: dict[str, Any],
    expected: str,
    published: Callable[[str], Path],
) -> None:
    assert digest_of_ids(family.from_pretrained(published(name), **options)) == expected


@pytest.mark.slow
def test_words_of_transformer_xl_are_those_of_2019() -> None:
    tokenizer = TransfoXLTokenizer(lower_case=True)
    digest = hashlib.sha256()
    for texts in walk():
        for text in texts:
            digest.update("\0".join([*tokenizer.tokenize(text), ""]).encode(errors="surrogatepass"))

    assert digest.hexdigest() == TRANSFO_XL
