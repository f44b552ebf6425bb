"""The commands that train vocabularies: train and count-words"""

import argparse
from collections.abc import Callable
from typing import Any

from ptbert_tokenizers.commands.corpus_options import (
    add_corpus_options,
    corpus_of,
)
from ptbert_tokenizers.commands.subcommands import add_command
from ptbert_tokenizers.corpora.paths import corpus_files, refuse_outputs_among
from ptbert_tokenizers.training.counts import (
    MOST_WORDS,
    WordCounts,
    count_words,
    is_counts_file,
)
from ptbert_tokenizers.training.text_rules import KINDS
from ptbert_tokenizers.training.trained import (
    check_is_new,
    check_numbers,
    train_vocabulary,
)


def add_training_commands(commands: Any) -> None:
    """Give a command line the two commands.

    Args:
        commands: what ``add_subparsers`` of its parser returned.
    """
    command = _command(
        commands, "train", _train, "train a vocabulary from a corpus, or from files of count-words"
    )
    command.add_argument("--size", type=int, required=True, metavar="N", help="number of tokens")
    command.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="a new folder for the tokenizer"
    )
    command.add_argument(
        "--unused",
        type=int,
        default=0,
        metavar="N",
        help="put N tokens [unused0], [unused1] and so on after the special ones",
    )
    command.add_argument(
        "--min-frequency",
        type=int,
        metavar="N",
        help="leave out pairs of pieces (2 if not given) or words (1) that occur less often",
    )
    command.add_argument(
        "--limit-alphabet",
        type=int,
        metavar="N",
        help="keep the N most frequent characters only (wordpiece, bpe)",
    )
    _add_counting_options(command)

    command = _command(
        commands,
        "count-words",
        _count_words,
        "count the words of a corpus or a part, for train",
    )
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="for the counts")
    _add_counting_options(command)


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], explanation: str
) -> argparse.ArgumentParser:
    parser = add_command(commands, name, run, explanation)
    parser.add_argument(
        "kind", choices=KINDS, help="for BERT, OpenAI GPT, GPT-2 or Transformer-XL, in this order"
    )
    return parser


def _add_counting_options(command: argparse.ArgumentParser) -> None:
    add_corpus_options(command)
    casing = command.add_mutually_exclusive_group()
    casing.add_argument(
        "--cased",
        dest="lower_case",
        action="store_false",
        default=None,
        help="keep capital letters and accents (wordpiece)",
    )
    casing.add_argument(
        "--uncased",
        dest="lower_case",
        action="store_true",
        default=None,
        help="lower-case the text (words)",
    )
    command.add_argument(
        "--strip-accents",
        action=argparse.BooleanOptionalAction,
        help="remove accents, or keep them, whether text is lower-cased or not (wordpiece)",
    )
    command.add_argument(
        "--tokenize-chinese-chars",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="make every Han ideograph a word of its own (wordpiece; the default)",
    )
    command.add_argument(
        "--special-tokens",
        nargs="+",
        action="extend",
        default=[],
        metavar="TOKEN",
        help="more special tokens, after those that the kind always has",
    )
    command.add_argument(
        "--max-words",
        type=int,
        default=MOST_WORDS,
        metavar="N",
        help="when there are more than N different words, drop the rarest (default: %(default)s)",
    )
    command.add_argument("--workers", type=int, default=1, metavar="N", help="processes to use")


def _train(options: argparse.Namespace) -> None:
    check_is_new(options.output)
    check_numbers(
        options.kind, options.size, options.unused, options.min_frequency, options.limit_alphabet
    )
    counts = _counts(options)
    vocabulary = train_vocabulary(
        counts,
        options.size,
        unused=options.unused,
        min_frequency=options.min_frequency,
        limit_alphabet=options.limit_alphabet,
    )
    vocabulary.save(options.output)
    print(
        f"{len(vocabulary)} tokens in {options.output!r}, from {counts.words.total()} words, "
        f"{len(counts.words)} of them different"
    )


def _counts(options: argparse.Namespace) -> WordCounts:
    """Count the words of texts, or read counts and add them up."""
    files = corpus_files(options.files)
    read = [file for file in files if is_counts_file(file)]
    if not read:
        return _counted(options)
    if others := [file for file in files if file not in read]:
        raise ValueError(
            f"{read[0]!r} has counts of words and {others[0]!r} is a text; count its words first"
        )
    parts = []
    for file in read:
        part = WordCounts.read(file)
        if part.rules.kind != options.kind:
            raise ValueError(
                f"{file!r} has the counts of words for {part.rules.kind}; train that, or count the "
                f"words for {options.kind}"
            )
        parts.append(part)
    if (
        options.lower_case is not None
        or options.strip_accents is not None
        or not options.tokenize_chinese_chars
        or options.special_tokens
    ):
        raise ValueError(
            "--cased, --uncased, --strip-accents, --tokenize-chinese-chars and --special-tokens "
            "belong to count-words, which cuts the text; leave them out here"
        )
    return WordCounts.merged(parts).limited(options.max_words)


def _count_words(options: argparse.Namespace) -> None:
    refuse_outputs_among(options.files, [options.output])
    counts = _counted(options)
    counts.save(options.output)
    print(f"{counts.words.total()} words, {len(counts.words)} of them different")


def _counted(options: argparse.Namespace) -> WordCounts:
    return count_words(
        corpus_of(options),
        options.kind,
        lower_case=options.lower_case,
        strip_accents=options.strip_accents,
        tokenize_chinese_chars=options.tokenize_chinese_chars,
        special_tokens=options.special_tokens,
        workers=options.workers,
        max_words=options.max_words,
    )
