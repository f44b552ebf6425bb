"""The recipe of the embedded models reads its texts out of the files of Debian's packages."""

import importlib.util
import shutil
import struct
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[1] / "packages/ptbert-models/recipes"


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # the recipe adds to it
    spec = importlib.util.spec_from_file_location("recipe", RECIPES / "public_domain.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compressed(text):
    """A window as ``compress`` writes it, without repetitions: each byte in nine bits."""
    bits = sum(byte << 9 * place for place, byte in enumerate(text.encode()))
    return bits.to_bytes(len(text) * 9 // 8 + 1, "little")


@pytest.mark.skipif(not shutil.which("gzip"), reason="gzip unpacks the text")
def test_the_bible_is_read_from_its_windows(recipe):
    # A verse may go on in the next window.
    windows = [
        compressed("Title.\nGe1:1 In the begin"),
        compressed("ning\nGe1:2 And\nSSol1:1 The\n"),
    ]
    first = recipe.WINDOWS + 8 + 3 * 4
    bounds = [first, first + len(windows[0]), first + len(windows[0]) + len(windows[1])]
    header = bytes(recipe.WINDOWS) + struct.pack(">5I", 2**16, 2, *bounds)

    chapters = recipe.bible_chapters(header + b"".join(windows))

    assert chapters == [["In the beginning", "And"], ["The"]]


def test_a_novel_has_a_line_for_each_paragraph(recipe):
    lines = ["EMMA", "", "VOLUME I", "", "CHAPTER I", "", "Emma _was_", "clever.", "", "Then"]

    chapters = recipe.novel_chapters([*lines, "", "Chapter 2", "", "More", "", "FINIS"])

    assert chapters == [["Emma was clever.", "Then"], ["More"]]
