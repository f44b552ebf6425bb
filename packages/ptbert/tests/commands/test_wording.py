"""Errors of the library name the options of the command line, and nothing else is changed."""

import pytest

from ptbert.__main__ import command_parser, main
from ptbert.commands.wording import CommandParser, in_options


def told(message, *words):
    given = command_parser().parse_args(words)
    return in_options(message, given, given.renamed)


GENERATE = ("generate", "gpt2", "a text")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("top_k=-1 must be an integer", "--top-k -1 must be an integer"),
        ("leave out top_k, top_p and generator", "leave out --top-k, --top-p and --seed"),
        ("max_new_tokens=0 is small.", "--length 0 is small."),
        ("temperature='a' is high", "--temperature 'a' is high"),
        ("use num_beams.", "use --beams."),
    ],
)
def test_names_become_options(message, expected):
    assert told(message, *GENERATE) == expected


@pytest.mark.parametrize(
    "message",
    [
        "sample with a temperature above 0, and a text of any length",
        "no file at 'top_k=3 or num_beams.txt'",
        'no file at "top_k"',
        "no file at models/top_k/num_beams, ./top_k.bin or C:\\top_k",
        "https://models.example/a?revision=1&top_k=2",
        "call generate(top_k=1) or top_k(1)",
        "my_top_k=1, top_k_2 and --top-k 1",
        "n_positions=32 of model=gpt2",
        "the model's top'k is the text's",
        "",
    ],
)
def test_other_words_stay(message):
    assert told(message, *GENERATE) == message


def test_an_option_of_a_subcommand_of_a_subcommand_has_its_name():
    words = ("see", "next-words", "gpt2", "a")
    assert told("top_k=0 on device='x'", *words) == "--top 0 on --device 'x'"
    assert told("device='x' and t_total=0", "see", "schedule") == "device='x' and --t-total 0"


def test_the_option_of_a_group_has_its_name():
    parser = CommandParser()
    parser.add_mutually_exclusive_group().add_argument("--a-b", "-a")
    assert in_options("a_b=1", parser.parse_args([]), {}) == "--a-b 1"


def test_positional_arguments_have_no_option():
    assert told("text='a' and pair='b'", "predict", "out", "a") == "text='a' and --pair 'b'"


def test_settings_of_a_file_keep_their_names():
    words = ("train", "classify", "--settings", "it.toml", "--max-length", "5")
    message = "max_length=5 and learning_rate=0.0"
    assert told(message, *words) == "--max-length 5 and learning_rate=0.0"
    assert told(message, "train", "classify") == "--max-length 5 and --learning-rate 0.0"


def test_what_is_on_or_off_has_no_value():
    message = "regression=True is not allowed; regression=False is, not regression=Trueish"
    assert told(message, "train", "classify") == (
        "--regression is not allowed; --no-regression is, not --regression Trueish"
    )


def test_a_training_is_told_its_option(tmp_path, capsys):
    words = ["train", "classify", "m", "--data", "d.csv", "--output", str(tmp_path / "o")]
    assert main([*words, "--max-length", "-1"]) == 1
    assert "--max-length -1 is not allowed" in capsys.readouterr().err
