"""``ptbert generate``: continuations of a text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ptbert.commands.command import Command

if TYPE_CHECKING:
    from ptbert_models.pretrained import PreTrainedModel
    from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_ENDS = ("<|endoftext|>", "<eos>")
_MODELS = {
    "gpt": "OpenAIGPTLMHeadModel",
    "gpt2": "GPT2LMHeadModel",
    "transfo_xl": "TransfoXLLMHeadModel",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="folder or name of a GPT, GPT-2 or Transformer-XL model")
    parser.add_argument("prompt", help="the text to continue")
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
    parser.add_argument("--seed", type=int, help="any number; the same one gives the same texts")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the texts, each with the prompt."""
    import torch

    from ptbert_models import generate

    if arguments.samples < 1:
        raise ValueError(f"--samples {arguments.samples} must be at least 1")
    model, tokenizer = _load(arguments.model)
    ends = [tokenizer.vocabulary[token] for token in _ENDS if token in tokenizer.vocabulary]
    prompt = tokenizer.encode(arguments.prompt)
    if not prompt:
        raise ValueError("the prompt has no tokens; give at least one word")
    generator = None if arguments.seed is None else torch.Generator().manual_seed(arguments.seed)
    ids = torch.tensor([prompt] * arguments.samples)
    texts = generate(
        model,
        ids,
        arguments.length,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        num_beams=arguments.beams,
        stop_ids=ends,
        generator=generator,
    )
    for number, row in enumerate(texts):
        if number:
            yield "---"
        yield tokenizer.decode(_before_end(row.tolist(), len(prompt), ends))


def _load(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizer]:
    import ptbert
    from ptbert_tokenizers.families import family_of, load_tokenizer

    family = family_of(name)
    if family == "bert":
        raise ValueError(f"{name!r} is a BERT, which does not continue texts; see ptbert fill-mask")
    tokenizer = load_tokenizer(name, family)
    return getattr(ptbert, _MODELS[tokenizer.family]).from_pretrained(name), tokenizer


def _before_end(ids: list[int], start: int, ends: list[int]) -> list[int]:
    """The ids before the first end token after the prompt."""
    return ids[: next((i for i in range(start, len(ids)) if ids[i] in ends), len(ids))]


COMMAND = Command(
    name="generate",
    summary="continue a text with GPT, GPT-2 or Transformer-XL",
    examples="""\
  ptbert generate gpt2 "The meaning of life is" --top-p 0.9 --samples 3
  ptbert generate openai-gpt "Once upon a time" --temperature 0 --length 20
  ptbert generate ./my_model "It was" --beams 4

A text ends after --length tokens, or earlier if the model predicts its end. Several texts are
separated by lines of ---.
""",
    add_arguments=add_arguments,
    run=run,
)
