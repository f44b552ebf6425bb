"""The command line: ``ptbert-tokenizers``, or ``python -m ptbert_tokenizers``."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ptbert_hub import run_command
from ptbert_tokenizers.batches.workers import flat_blocks
from ptbert_tokenizers.families import CLASSES, load_tokenizer
from ptbert_tokenizers.files.ids import id_writer, read_ids
from ptbert_tokenizers.files.lines import read_lines
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_BLOCK = 2**20  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 after an error (printed on one line), or 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: options.run(options), "ptbert-tokenizers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptbert-tokenizers",
        description="Encode text files of any size to ids, and back.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    encode = _command(commands, "encode", _encode, "write the ids of each line of text files")
    encode.add_argument("files", nargs="+", help="UTF-8 text, one text a line")
    encode.add_argument(
        "-o", "--output", required=True, help="NAME.npy (and NAME.bounds.npy beside it) or .jsonl"
    )

    decode = _command(commands, "decode", _decode, "print the text of each list of ids")
    decode.add_argument("file", help=".npy or .jsonl, as encode writes them")
    decode.add_argument("--skip-special-tokens", action="store_true")
    decode.add_argument(
        "--raw", action="store_true", help="leave the spaces before punctuation as they are"
    )

    count = _command(commands, "count", _count, "count lines, characters and tokens")
    count.add_argument("files", nargs="+", help="UTF-8 text, one text a line")

    for command in (encode, count):
        command.add_argument("--workers", type=int, default=1, help="processes to use")
        command.add_argument("--quiet", action="store_true", help="no progress bar")

    _command(commands, "info", _info, "print what a tokenizer is, as JSON")
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], explanation: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=explanation, description=explanation
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", help="published name, folder or vocabulary file")
    parser.add_argument("--type", choices=list(CLASSES), help="family, if the files do not show it")
    return parser


def _encode(options: argparse.Namespace) -> None:
    tokenizer = load_tokenizer(options.model, options.type)
    with id_writer(options.output) as write:
        texts = _texts(options.files, options.quiet)
        for flat in flat_blocks(tokenizer, _blocks(texts), options.workers):
            write(flat)


def _decode(options: argparse.Namespace) -> None:
    tokenizer = load_tokenizer(options.model, options.type)
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
    tokenizer = load_tokenizer(options.model, options.type)
    lines = characters = tokens = 0

    def counted() -> Iterator[str]:
        nonlocal lines, characters
        for text in _texts(options.files, options.quiet):
            lines += 1
            characters += len(text)
            yield text

    for flat in flat_blocks(tokenizer, _blocks(counted()), options.workers):
        tokens += len(flat.ids)
    print(f"{lines} lines, {characters} characters, {tokens} tokens")


def _info(options: argparse.Namespace) -> None:
    tokenizer = load_tokenizer(options.model, options.type)
    print(json.dumps(tokenizer.settings(), indent=2, ensure_ascii=False))


def _texts(files: Iterable[str], quiet: bool) -> Iterator[str]:
    """The lines of all files, without line ends."""
    for file in files:
        for line in read_lines(file, verbose=not quiet):
            yield line.rstrip("\n")


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
