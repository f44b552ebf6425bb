"""Messages say what is wrong, and do not repeat a file."""

import pickle

from ptbert_hub.errors import BadContent, HubError
from ptbert_hub.messages import ShortMessage, printable, shortened, shown


def test_a_short_value_is_shown_as_it_is():
    assert shown("a" * 198) == repr("a" * 198)
    assert shown([1, "b"]) == "[1, 'b']"


def test_a_long_value_is_cut():
    assert shown("a" * 199) == "'" + "a" * 199 + "…"


def test_a_long_message_keeps_its_beginning_and_its_end():
    assert shortened("a" * 2400) == "a" * 2400
    left = "(901 characters are left out)"
    assert shortened("a" * 1500 + "b" * 901 + "c" * 800) == f"{'a' * 1500} … {left} … {'c' * 800}"


def test_every_error_of_this_package_is_short():
    error = BadContent("it has the key " + "x" * 10_000, hint="remove it")

    assert isinstance(HubError("x"), ShortMessage)
    assert len(str(error)) < 2500
    assert str(error).startswith("it has the key xxx")
    assert str(error).endswith("xxx - remove it")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_errors_keep_what_is_no_text():
    assert ShortMessage(5, "a").args == (5, "a")


def test_what_changes_a_terminal_is_not_printed():
    error = BadContent("it has the key \x1b[2J\u202e\ud800\r\x00\N{SNOWMAN}\nline two")

    assert str(error) == "it has the key ?[2J????\N{SNOWMAN}\nline two"
    assert printable("plain") == "plain"
