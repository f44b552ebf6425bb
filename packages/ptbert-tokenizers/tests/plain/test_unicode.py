"""Character classes at their edges."""

import pytest

from ptbert_tokenizers.plain.unicode import (
    is_cjk,
    is_control,
    is_punctuation,
    is_whitespace,
    without_accents,
)


def test_tab_and_line_ends_are_spaces_and_not_controls() -> None:
    for char in "\t\n\r":
        assert is_whitespace(char)
        assert not is_control(char)


@pytest.mark.parametrize("char", ["\x00", "\x0b", "\x1c", "\x85", "\u200b", "\ud800", "\ue000"])
def test_controls_formats_surrogates_and_private_characters_are_controls(char: str) -> None:
    assert is_control(char)
    assert not is_whitespace(char)


def test_all_ascii_symbols_are_punctuation() -> None:
    symbols = {chr(code) for code in range(33, 127) if not chr(code).isalnum()}

    assert {chr(code) for code in range(128) if is_punctuation(chr(code))} == symbols


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0x4DFF, False),  # hexagram
        (0x4E00, True),
        (0x9FFF, True),
        (0xA000, False),
        (0x2B820, True),
        (0x2CEAF, True),
        (0x2CEB0, False),
        (0x3042, False),  # hiragana
        (0xAC00, False),  # hangul
    ],
)
def test_cjk_means_han_ideographs(code: int, expected: bool) -> None:
    assert is_cjk(code) is expected


def test_accents_go_and_spacing_marks_stay() -> None:
    assert without_accents("Ångström हिन्दी") == "Angstrom हिनदी"
