"""The command line: ``ptbert-tokenizers``, or ``python -m ptbert_tokenizers``."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from operator import add
from typing import Any

from ptbert_hub import add_version, run_command
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.batches.workers import encoded_blocks
from ptbert_tokenizers.commands.corpus_options import (
    add_corpus_options,
    are_lines,
    corpus_of,
)
from ptbert_tokenizers.commands.subcommands import add_command
from ptbert_tokenizers.commands.token_files import (
    add_output_format,
    add_token_file_commands,
    info_of_token_file,
)
from ptbert_tokenizers.commands.training import add_training_commands
from ptbert_tokenizers.corpora.paths import refuse_outputs_among
from ptbert_tokenizers.families import CLASSES, family_of, load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.token_files.formats import (
    FORMAT_NAMES,
    FORMATS,
    files_written,
    id_writer,
    read_ids,
    width_for,
)

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as :func:`~ptbert_hub.run_command` does."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: options.run(options), "ptbert-tokenizers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptbert-tokenizers",
        description="Encode corpora of any size to ids, and back.",
    )
    add_version(parser, "ptbert-tokenizers")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    encode = _command(commands, "encode", _encode, "write the ids of the documents of a corpus")
    count = _command(commands, "count", _count, "count documents, characters and tokens")
    for command in (encode, count):
        _add_encoding_options(command)
    encode.add_argument(
        "-o",
        "--output",
        required=True,
        help="NAME.npy (and NAME.bounds.npy beside it), NAME.jsonl, NAME.ds, or NAME.bin with "
        "--format; - prints JSON lines",
    )
    add_output_format(encode)

    decode = _command(commands, "decode", _decode, "print the text of each list of ids")
    decode.add_argument("file", help="token file or JSON lines, as encode writes; - for JSON lines")
    decode.add_argument("--format", choices=FORMAT_NAMES, help="of the file, if it does not show")
    decode.add_argument("--skip-special-tokens", action="store_true")
    decode.add_argument(
        "--raw", action="store_true", help="leave the spaces before punctuation as they are"
    )

    info = _command(commands, "info", _info, "print what a tokenizer or a token file is, as JSON")
    info.add_argument("--format", choices=FORMATS, help="of a token file that does not show it")
    add_token_file_commands(commands)
    add_training_commands(commands)
    return parser


def _add_encoding_options(command: argparse.ArgumentParser) -> None:
    """What ``encode`` and ``count`` have in common."""
    add_corpus_options(command)
    command.add_argument(
        "--add-special-tokens",
        action="store_true",
        help="put the model's special tokens around each text, such as [CLS] and [SEP]",
    )
    command.add_argument(
        "--separator", metavar="TOKEN", help="put this token after each text, as <|endoftext|>"
    )
    command.add_argument(
        "--max-len", type=int, metavar="N", help="cut what a text has beyond N tokens"
    )
    command.add_argument(
        "--stride",
        type=int,
        metavar="N",
        help="cut long texts into windows of --max-len, which share N tokens",
    )
    command.add_argument("--workers", type=int, default=1, metavar="N", help="processes to use")


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], explanation: str
) -> argparse.ArgumentParser:
    parser = add_command(commands, name, run, explanation)
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
    refuse_outputs_among(options.files, files_written(options.output, options.format))
    corpus = corpus_of(options)
    tokenizer = _tokenizer(options)
    bits = options.bits or width_for(max(tokenizer.vocabulary.values(), default=0))
    texts = 0
    with (
        id_writer(options.output, options.format, bits) as write,
        closing(
            tokenizer.encode_stream(
                corpus, workers=options.workers, **_encoding_settings(tokenizer, options)
            )
        ) as found,
    ):
        for flat in found:
            write(flat)
            texts += len(flat.bounds) - 1
    if not texts:
        logger.warning("there is no text in %s", " ".join(options.files))


def _encoding_settings(
    tokenizer: PreTrainedTokenizer, options: argparse.Namespace
) -> dict[str, Any]:
    """The arguments of ``encode_flat`` that the options of ``encode`` and ``count`` give."""
    return {
        "max_len": options.max_len,
        "add_special_tokens": options.add_special_tokens,
        "stride": options.stride,
        "separator": tokenizer.separator_id(options.separator),
    }


def _decode(options: argparse.Namespace) -> None:
    tokenizer = _tokenizer(options)
    for ids in read_ids(options.file, options.format):
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
    corpus = corpus_of(options)
    tokenizer = _tokenizer(options)
    encode = partial(tokenizer.encode_flat, **_encoding_settings(tokenizer, options))
    texts = characters = tokens = 0
    with closing(
        encoded_blocks(partial(_counts_of, encode), corpus.blocks(), options.workers)
    ) as found:
        for counts in found:
            texts, characters, tokens = map(add, (texts, characters, tokens), counts)
    unit = "lines" if are_lines(options) else "documents"
    print(f"{texts} {unit}, {characters} characters, {tokens} tokens")


def _counts_of(
    encode: Callable[[Sequence[str]], FlatIds], block: Sequence[str]
) -> tuple[int, int, int]:
    """The texts, characters and tokens of a block; a worker process sends these alone."""
    return len(block), sum(map(len, block)), len(encode(block).ids)


def _info(options: argparse.Namespace) -> None:
    facts = info_of_token_file(options.model, options.format)
    if facts is None:
        facts = json.dumps(_tokenizer(options).settings(), indent=2, ensure_ascii=False)
    print(facts)


if __name__ == "__main__":
    sys.exit(main())
