"""``ptbert generate``: continuations of a text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ptbert.commands.command import Command
from ptbert.commands.device import add_device
from ptbert.commands.revision import add_revision

if TYPE_CHECKING:
    from ptbert.tasks.writer import Writer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="folder or name of a GPT, GPT-2 or Transformer-XL model")
    parser.add_argument("prompt", help="the text to continue")
    add_revision(parser)
    add_device(parser)
    parser.add_argument(
        "--length", type=int, default=50, help="how many tokens to add at most (default: 50)"
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="randomness of the choice; 0 always takes the likeliest token (default: 1)",
    )
    parser.add_argument(
        "--top-k",
        type=int,
        default=0,
        help="choose among this many likeliest tokens (default: 0, which is all)",
    )
    parser.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        help="choose among the likeliest tokens that together have this probability (default: 1)",
    )
    parser.add_argument(
        "--beams", type=int, default=1, help="use beam search with this many beams (default: 1)"
    )
    parser.add_argument("--samples", type=int, default=1, help="how many texts (default: 1)")
    parser.add_argument(
        "--seed", type=int, help="a whole number; the same one gives the same texts"
    )
    parser.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end the text with this string; may be given several times",
    )
    parser.add_argument(
        "--min-length",
        type=int,
        default=0,
        help="how many tokens to add at least, if no --stop comes (default: 0)",
    )
    parser.add_argument(
        "--repetition-penalty",
        type=float,
        default=1.0,
        help="above 1 makes words that the text has already less likely (default: 1)",
    )
    parser.add_argument(
        "--no-repeat-ngrams",
        type=int,
        default=0,
        metavar="N",
        help="never write the same N tokens in a row twice (default: 0, which is no such rule)",
    )
    parser.add_argument(
        "--length-penalty",
        type=float,
        help="with --beams, above 0 favours long texts and below 0 short ones",
    )
    parser.add_argument(
        "--sliding-window",
        type=int,
        metavar="N",
        help="let a text outgrow the model, which then goes on with its last N tokens",
    )
    parser.add_argument(
        "--log-probabilities",
        action="store_true",
        help="after each text, print the log-probability of what was added, by the model",
    )
    parser.add_argument(
        "--int8",
        action="store_true",
        help="compute with integers of 8 bits: faster on most CPUs, and a little less exact",
    )
    parser.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        help="print a single text while it is written (default: on a terminal)",
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the texts, each with the prompt."""
    import torch

    from ptbert.devices import usable_device
    from ptbert.tasks.writer import Writer

    if arguments.samples < 1:
        raise ValueError(f"--samples {arguments.samples} must be at least 1")
    is_single = arguments.samples == 1 and arguments.beams == 1
    if arguments.stream and not is_single:
        raise ValueError("--stream prints a single text; leave out --samples and --beams")
    if arguments.stream and arguments.log_probabilities:
        raise ValueError("--stream prints the text alone; leave out --log-probabilities")
    device = usable_device(arguments.device or ("cpu" if arguments.int8 else ""))
    if arguments.int8 and device.type != "cpu":
        raise ValueError(f"--int8 computes on a CPU; leave out --device {arguments.device}")
    seed = arguments.seed
    if seed is not None and not -(2**63) <= seed < 2**64:
        raise ValueError(f"--seed {seed} has too many digits; give one of at most 18")
    options: dict[str, Any] = {
        "temperature": arguments.temperature,
        "top_k": arguments.top_k,
        "top_p": arguments.top_p,
        "num_beams": arguments.beams,
        "generator": None if seed is None else torch.Generator(device).manual_seed(seed),
        "stop_strings": arguments.stop,
        "min_new_tokens": arguments.min_length,
        "repetition_penalty": arguments.repetition_penalty,
        "no_repeat_ngram_size": arguments.no_repeat_ngrams,
        "length_penalty": arguments.length_penalty,
        "sliding_window": arguments.sliding_window,
    }
    writer = Writer.from_pretrained(arguments.model, revision=arguments.revision, device=device)
    if arguments.int8:
        writer.model.quantize("int8")
    is_streamed = sys.stdout.isatty() if arguments.stream is None else arguments.stream
    if is_single and is_streamed and not arguments.log_probabilities:
        _print_pieces(writer, arguments.prompt, arguments.length, options)
        yield ""
        return
    written = writer.results(
        arguments.prompt, arguments.length, num_return_sequences=arguments.samples, **options
    )
    for number, each in enumerate(written):
        if number:
            yield "---"
        yield each.text
        if arguments.log_probabilities:
            yield f"log-probability: {each.log_probability:.4f}"


def _print_pieces(writer: Writer, prompt: str, length: int, options: dict[str, Any]) -> None:
    for piece in writer.stream(prompt, length, **options):
        sys.stdout.write(piece)
        sys.stdout.flush()


COMMAND = Command(
    name="generate",
    summary="continue a text with GPT, GPT-2 or Transformer-XL",
    examples="""\
  ptbert generate gpt2 "The meaning of life is" --top-p 0.9 --samples 3
  ptbert generate openai-gpt "Once upon a time" --temperature 0 --length 20
  ptbert generate ./my_model "It was" --beams 4 --length-penalty 1 --no-repeat-ngrams 3
  ptbert generate gpt2 "Question: why is the sky blue?" --stop "Question:" --repetition-penalty 1.2

A text ends after --length tokens, with a string of --stop, or where the model predicts its end.
Several texts are separated by lines of ---.
""",
    add_arguments=add_arguments,
    run=run,
    renamed={
        "max_new_tokens": "--length",
        "min_new_tokens": "--min-length",
        "num_beams": "--beams",
        "num_return_sequences": "--samples",
        "no_repeat_ngram_size": "--no-repeat-ngrams",
        "stop_strings": "--stop",
        "generator": "--seed",
    },
)
