"""``ptbert see``: pictures of attention, next words, schedules and tokens."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import Any

from ptbert.commands.command import Command
from ptbert.commands.device import add_device
from ptbert.commands.output import check_output
from ptbert.commands.revision import add_revision

_CURVES = "a name such as warmup_linear or WarmupCosineSchedule; the five of 2019 if left out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    attention = kinds.add_parser("attention", help="what each token of a text attends to")
    _add_model(attention, "a BERT, GPT or GPT-2")
    add_device(attention)
    attention.add_argument("--pair", metavar="TEXT", help="a second text, for BERT")
    attention.add_argument(
        "--output", default="attention.html", help="page to write (default: %(default)s)"
    )
    words = kinds.add_parser("next-words", help="what a language model expects at each place")
    _add_model(words, "a GPT, GPT-2 or Transformer-XL")
    add_device(words)
    words.add_argument("--top", type=int, default=5, help="candidates for a place (default: 5)")
    words.add_argument("--output", help="page to write, instead of lines")
    tokens = kinds.add_parser("tokens", help="the tokens of a text, in colour")
    _add_model(tokens, "any model or vocabulary; torch is not needed")
    tokens.add_argument("--output", help="page to write, instead of lines")
    schedule = kinds.add_parser("schedule", help="the learning rate by step")
    add_schedule(schedule)


def _add_model(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("model", help=f"published name, owner/name or folder of {what}")
    parser.add_argument("text", help="the text; - reads it from standard input")
    add_revision(parser)


def add_schedule(parser: argparse.ArgumentParser) -> None:
    """Declare what the picture of a schedule takes."""
    parser.add_argument("schedule", nargs="?", help=_CURVES)
    parser.add_argument("--warmup", type=float, help="share (default: 0.1)")
    parser.add_argument("--t-total", type=int, help="updates (default: 1000)")
    parser.add_argument("--cycles", type=float, help="of the cosine schedules")
    parser.add_argument(
        "--output", default="schedule.svg", help="picture to write (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the path of what was written, or lines where no file was asked for."""
    check_output(arguments.output)
    pictures = {
        "attention": _attention,
        "next-words": _next_words,
        "tokens": _tokens,
        "schedule": draw_schedule,
    }
    return pictures[arguments.what](arguments)


def draw_schedule(arguments: argparse.Namespace) -> Iterator[str]:
    """Write the picture of a schedule, and yield its path."""
    from ptbert.see import schedule_picture

    check_output(arguments.output)
    given = {name: getattr(arguments, name) for name in ("warmup", "t_total", "cycles")}
    given = {name: value for name, value in given.items() if value is not None}
    if given and arguments.schedule is None:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise ValueError(
            f"{option} is of one schedule, and the five of 2019 have their own; name a schedule, "
            f"such as warmup_linear, or leave {option} out"
        )
    yield _written(arguments.output, schedule_picture(arguments.schedule, **given))


def _attention(arguments: argparse.Namespace) -> Iterator[str]:
    from ptbert.devices import usable_device
    from ptbert.see import attention_of
    from ptbert_models.families import FAMILIES

    device = usable_device(arguments.device)
    tokenizer, source = _tokenizer(arguments)
    if tokenizer.family == "transfo_xl":
        raise ValueError("Transformer-XL gives no attention weights; choose a BERT, GPT or GPT-2")
    if arguments.pair is not None and tokenizer.family != "bert":
        raise ValueError("--pair is for BERT, which reads pairs of texts; leave it out")
    bare: Any = FAMILIES[tokenizer.family].models[0]
    model = bare.from_pretrained(arguments.model, output_attentions=True, device=device, **source)
    found = attention_of(model, tokenizer, _text(arguments.text), arguments.pair)
    yield _written(arguments.output, found.page(f"Attention of {arguments.model}"))


def _next_words(arguments: argparse.Namespace) -> Iterator[str]:
    from ptbert.devices import usable_device
    from ptbert.see.next_words import next_words, next_words_lines, next_words_page
    from ptbert.tasks.writer import Writer

    device = usable_device(arguments.device)
    writer = Writer.from_pretrained(arguments.model, revision=arguments.revision, device=device)
    text = _text(arguments.text)
    found = next_words(writer.model, writer.tokenizer, text, top_k=arguments.top)
    if arguments.output is None:
        yield from next_words_lines(found)
    else:
        title = f"Next words, by {arguments.model}"
        yield _written(arguments.output, next_words_page(found, title))


def _tokens(arguments: argparse.Namespace) -> Iterator[str]:
    from ptbert.see.tokens import coloured_lines, plain_lines, tokens_of, tokens_page

    tokenizer, _ = _tokenizer(arguments)
    text = _text(arguments.text)
    found = tokens_of(tokenizer, text)
    if arguments.output is not None:
        yield _written(arguments.output, tokens_page(text, found, f"Tokens of {arguments.model}"))
    elif sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        yield from coloured_lines(text, found)
    else:
        yield from plain_lines(text, found)


def _tokenizer(arguments: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The tokenizer, and what says that the model is of the same commit."""
    from ptbert_hub import DownloadOptions, pinned
    from ptbert_tokenizers.families import load_tokenizer

    options = pinned(arguments.model, None, DownloadOptions(arguments.revision)).arguments()
    return load_tokenizer(arguments.model, **options), options


def _text(text: str) -> str:
    if text != "-":
        return text
    from ptbert_tokenizers.files.lines import read_texts

    return "\n".join(read_texts("-"))


def _written(path: str, content: str) -> str:
    from ptbert_hub import atomic_write

    with atomic_write(path) as file:
        file.write(content.encode())
    return path


COMMAND = Command(
    name="see",
    summary="draw attention, next words, tokens or a schedule",
    examples="""\
  ptbert see attention bert-base-uncased "The key is in the drawer."
  ptbert see attention bert-base-uncased "Where is the key?" --pair "In the drawer."
  ptbert see next-words gpt2 "The meaning of life is" --top 3
  ptbert see next-words gpt2 "The meaning of life is" --output words.html
  ptbert see tokens bert-base-uncased "Unaffable tokenizers"
  ptbert see schedule                                    # the five of 2019
  ptbert see schedule warmup_linear --warmup 0.06 --t-total 5000 --output rate.svg

A page is one file that needs no network, also for telephones, in light and dark. tokens and
next-words print lines unless --output says otherwise. A file of that name is replaced.
""",
    add_arguments=add_arguments,
    run=run,
    renamed={"top_k": "--top"},
)
PLOT = Command(
    name="plot",
    summary="draw a schedule of the learning rate: short for see schedule",
    examples="""\
  ptbert plot                                            # the five of 2019
  ptbert plot warmup_linear --warmup 0.06 --t-total 5000 --output rate.svg
""",
    add_arguments=add_schedule,
    run=draw_schedule,
)
