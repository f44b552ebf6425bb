"""What remains of a text in Markdown is what is written in sentences."""

import pytest

from ptbert.__main__ import main
from ptbert.prose import prose_of_markdown
from ptbert.sentences import split_sentences

CASES = {
    "a comment": ("<!-- not run: it installs -->\nWords.", "Words."),
    "a comment that is indented": (
        "* One.\n\n  <!-- hidden -->\n  Two.\n\nThree.",
        "One.\n\nTwo.\n\nThree.",
    ),
    "marks in code": (
        "Use `<unk>`, `__main__` and ``a `b` **c**``.",
        "Use <unk>, __main__ and a `b` **c**.",
    ),
    "code in a link": ("See [`a[0]`](b.md) and `[c](d)`.", "See a[0] and [c](d)."),
    "a comment of several lines": ("One.\n<!--\nhidden\n\n-->\nTwo.", "One.\n\nTwo."),
    "a comment without an end": ("One.\n<!-- hidden", "One."),
    "a block of code": ("One.\n```python\nx = 1\n\ny = '<!--'\n```\nTwo.", "One.\n\nTwo."),
    "a block in a block": ("````\n```\ninner\n```\nstill code\n````\nTwo.", "Two."),
    "a block of tildes": ("~~~\n```\n~~~\nTwo.", "Two."),
    "a block without an end": ("One.\n```\ncode", "One."),
    "a table": ("One.\n\n| a | b |\n|---|---|\n| c | d |\n\nTwo.", "One.\n\nTwo."),
    "headings": ("# A\n## B\nOne.\n\nC\n===\nTwo.", "One.\n\nTwo."),
    "headings that are underlined": ("A\n=\nOne.\n\nB of\ntwo lines\n---\nTwo.", "One.\n\nTwo."),
    "a heading below a heading": ("# A\nB\n--\nOne.", "One."),
    "a rule below an item or a quotation": (
        "* One.\n---\n> Two.\n===\nThree.",
        "One.\n\nTwo.\n\nThree.",
    ),
    "a rule below a paragraph of an item": (
        "* One.\n\n  Two.\n---\nThree.",
        "One.\n\nTwo.\n\nThree.",
    ),
    "what is no underline": ("One\n= two.\n\n===\nThree.", "One\n= two.\n\nThree."),
    "settings above a page": ("---\ntitle: One\n---\nTwo.", "Two."),
    "settings in TOML": ('+++\ntitle = "One"\n\n[more]\na = 1\n+++\n\nTwo.', "Two."),
    "settings that end with dots": ("---\n# remark\na: 1\n...\nTwo.", "Two."),
    "settings after a byte order mark": ("\ufeff---\na: 1\n---\nTwo.", "Two."),
    "settings without an end": ("---\nNote: one.\n\nTwo.", "Note: one.\n\nTwo."),
    "a rule above a page": ("---\nOne.\n\n---\nTwo.", "One.\n\nTwo."),
    "indented code": ("One.\n\n    x = 1\n\n    y = 2\n\nTwo.", "One.\n\nTwo."),
    "code indented by a tab": ("One.\n\n\tx = 1\nTwo.", "One.\n\nTwo."),
    "code below a heading": ("# A\n    x = 1\nOne.", "One."),
    "a paragraph that is indented": ("One\n    goes on.", "One\ngoes on."),
    "a paragraph of an item": ("1. One.\n\n    Two.\n\nThree.", "One.\n\nTwo.\n\nThree."),
    "code of an item": ("* One.\n\n      x = 1\n\n  Two.", "One.\n\nTwo."),
    "an item of an item": ("* One.\n    * Two.\n\n      Three.", "One.\n\nTwo.\n\nThree."),
    "code after a list": ("* One.\n\nTwo.\n\n    x = 1", "One.\n\nTwo."),
    "an item that is code": ("One.\n\n    * x\n", "One."),
    "a table without bars at its sides": (
        "One.\n\na | b\n--- | :-:\nc | d\n\nTwo.",
        "One.\n\nTwo.",
    ),
    "a bar in a sentence": ("One | two\nthree.", "One | two\nthree."),
    "a number sign": ("#1 is a number.", "#1 is a number."),
    "a rule": ("One.\n\n---\nTwo.", "One.\n\nTwo."),
    "items": ("* One\n  goes on.\n* Two.\n1. Three.", "One\ngoes on.\n\nTwo.\n\nThree."),
    "a quotation": ("> One\n> two.", "One\ntwo."),
    "links": ("See [the *guide*](a.md 'T') and [b][c].\n\n[c]: x.md", "See the *guide* and b."),
    "a picture in a link": ("[![passed](a.svg)](b) One.", "passed One."),
    "code and emphasis": ("**Run** `ptbert run`, __now__.", "Run ptbert run, now."),
    "tags": ('<p align="center">One<br/>.</p> 1 < 2 > 0', "One. 1 < 2 > 0"),
    "code of three marks in a sentence": ("```x``` is one.\n\nTwo.", "x is one.\n\nTwo."),
    "a comment that is only named": ("Write `<!--` first.\n\nTwo.", "Write <!-- first.\n\nTwo."),
    "a comment that never ends": ("One.\n<!-- Two.\n\nThree.", "One."),
    "a new line": ("One<br>or<BR/>two.", "One or two."),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "wanted"), CASES.values(), ids=CASES)
def test_prose_is_what_is_written_in_sentences(text, wanted):
    assert prose_of_markdown(text) == wanted


def test_the_command_takes_the_sentences_of_markdown_from_its_prose(tmp_path, capsys):
    text = "# Keys\n<!-- not run: the key -->\n```\nkey = 1\n```\n\n| key |\n\nThe key is **here**."
    for name in ("notes.md", "notes.txt"):
        (tmp_path / name).write_text(text)
        main(["features", "ptbert-tiny-bert", str(tmp_path / name), "--query", "the key"])
        found = [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]
        assert (found == ["The key is here."]) == (name == "notes.md")
        assert name == "notes.md" or sorted(found) == sorted(split_sentences(text))
