"""The command line: ``ptbert-tokenizers``, or ``python -m ptbert_tokenizers``."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, get_args

from ptbert_hub import add_version, run_command
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.batches.workers import flat_blocks
from ptbert_tokenizers.families import CLASSES, family_of, load_tokenizer
from ptbert_tokenizers.files.lines import Errors, read_texts
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.token_files.formats import id_writer, read_ids
from ptbert_tokenizers.training.commands import add_training_commands

_BLOCK = 2**20  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as :func:`~ptbert_hub.run_command` does."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: options.run(options), "ptbert-tokenizers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptbert-tokenizers",
        description="Encode text files of any size to ids, and back.",
    )
    add_version(parser, "ptbert-tokenizers")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    encode = _command(commands, "encode", _encode, "write the ids of each line of text files")
    count = _command(commands, "count", _count, "count lines, characters and tokens")
    for command in (encode, count):
        _add_reading_options(command)
    encode.add_argument(
        "-o",
        "--output",
        required=True,
        help="NAME.npy (and NAME.bounds.npy beside it) or NAME.jsonl; - prints JSON lines",
    )

    decode = _command(commands, "decode", _decode, "print the text of each list of ids")
    decode.add_argument("file", help=".npy or JSON lines, as encode writes them; - for JSON lines")
    decode.add_argument("--skip-special-tokens", action="store_true")
    decode.add_argument(
        "--raw", action="store_true", help="leave the spaces before punctuation as they are"
    )

    _command(commands, "info", _info, "print what a tokenizer is, as JSON")
    add_training_commands(commands)
    return parser


def _add_reading_options(command: argparse.ArgumentParser) -> None:
    """What ``encode`` and ``count`` have in common."""
    command.add_argument(
        "files",
        nargs="+",
        help="UTF-8 text, one text a line, also if compressed by gzip; - for standard input",
    )
    command.add_argument(
        "--errors",
        choices=get_args(Errors),
        default="strict",
        help="at a line that is not UTF-8: stop (strict, the default), replace its wrong bytes by "
        "U+FFFD, or skip it",
    )
    command.add_argument(
        "--add-special-tokens",
        action="store_true",
        help="put the model's special tokens around each text, such as [CLS] and [SEP]",
    )
    command.add_argument(
        "--max-len", type=int, metavar="N", help="cut what a text has beyond N tokens"
    )
    command.add_argument("--workers", type=int, default=1, metavar="N", help="processes to use")
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], explanation: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=explanation, description=explanation
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", help="published name, folder or vocabulary file")
    parser.add_argument("--type", choices=list(CLASSES), help="family, if the files do not show it")
    casing = parser.add_mutually_exclusive_group()
    for word, effect in _CASINGS.items():
        casing.add_argument(
            f"--{word}", dest="casing", action="store_const", const=word, help=effect
        )
    parser.add_argument(
        "--special-tokens",
        nargs="+",
        action="extend",
        default=[],
        metavar="TOKEN",
        help="more special tokens, which are kept whole in texts; new ones get the next ids",
    )
    return parser


_CASINGS = {
    "cased": "keep capital letters and accents, whatever the folder says",
    "uncased": "lower-case the text, whatever the folder says",
}

# How the constructor of a family is told to lower-case; those of GPT and GPT-2 cannot be told.
_CASING_ARGUMENTS = {"bert": "do_lower_case", "transfo_xl": "lower_case"}


def _tokenizer(options: argparse.Namespace) -> PreTrainedTokenizer:
    """Load the tokenizer as the options of all commands say."""
    family = options.type or (options.casing and family_of(options.model))
    settings: dict[str, Any] = {}
    if options.casing and family in _CASING_ARGUMENTS:
        settings[_CASING_ARGUMENTS[family]] = options.casing == "uncased"
    elif options.casing and family in CLASSES:
        raise ValueError(
            f"--{options.casing} is not for {CLASSES[family].__name__}, whose casing is fixed; "
            "leave it out"
        )
    tokenizer = load_tokenizer(options.model, family, **settings)
    tokenizer.add_special_tokens(options.special_tokens)
    return tokenizer


def _encode(options: argparse.Namespace) -> None:
    for file in options.files:
        are_files = os.path.isfile(file) and os.path.isfile(options.output)
        if are_files and os.path.samefile(file, options.output):
            raise ValueError(f"{file!r} is both a text and the output; give another output")
    tokenizer = _tokenizer(options)
    with id_writer(options.output) as write, _encoded(tokenizer, options, _texts(options)) as found:
        for flat in found:
            write(flat)


def _encoded(
    tokenizer: PreTrainedTokenizer, options: argparse.Namespace, texts: Iterable[str]
) -> "closing[Generator[FlatIds, None, None]]":
    """The ids of texts in blocks; closing ends the processes."""
    encode = partial(
        tokenizer.encode_flat,
        max_len=options.max_len,
        add_special_tokens=options.add_special_tokens,
    )
    return closing(flat_blocks(encode, _blocks(texts), options.workers))


def _decode(options: argparse.Namespace) -> None:
    tokenizer = _tokenizer(options)
    for ids in read_ids(options.file):
        print(_decoded(tokenizer, ids, options))


def _decoded(tokenizer: PreTrainedTokenizer, ids: list[int], options: argparse.Namespace) -> str:
    if tokenizer.family == "transfo_xl":  # its decode takes no such options
        return tokenizer.decode(ids)
    return tokenizer.decode(
        ids,
        skip_special_tokens=options.skip_special_tokens,
        clean_up_tokenization_spaces=not options.raw,
    )


def _count(options: argparse.Namespace) -> None:
    tokenizer = _tokenizer(options)
    lines = characters = tokens = 0

    def counted() -> Iterator[str]:
        nonlocal lines, characters
        for text in _texts(options):
            lines += 1
            characters += len(text)
            yield text

    with _encoded(tokenizer, options, counted()) as found:
        for flat in found:
            tokens += len(flat.ids)
    print(f"{lines} lines, {characters} characters, {tokens} tokens")


def _info(options: argparse.Namespace) -> None:
    print(json.dumps(_tokenizer(options).settings(), indent=2, ensure_ascii=False))


def _texts(options: argparse.Namespace) -> Iterator[str]:
    """The lines of all files, without line ends."""
    for file in options.files:
        yield from read_texts(file, verbose=not options.quiet, errors=options.errors)


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Lists of texts of about ``_BLOCK`` characters."""
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


if __name__ == "__main__":
    sys.exit(main())
