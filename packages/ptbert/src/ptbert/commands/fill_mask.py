"""``ptbert fill-mask``: the words that BERT predicts for ``[MASK]``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ptbert.commands.command import Command

if TYPE_CHECKING:
    from ptbert_models import BertForMaskedLM


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="folder or name of a BERT model with its masked-LM head")
    parser.add_argument("text", help="a text that contains [MASK] at least once")
    parser.add_argument(
        "--top", type=int, default=5, help="words to print for each mask (default: 5)"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield probability and token, likeliest first, for each mask in turn."""
    import torch

    from ptbert import BertTokenizer

    if arguments.top < 1:
        raise ValueError(f"--top {arguments.top} must be at least 1")
    tokenizer = BertTokenizer.from_pretrained(arguments.model)
    mask = tokenizer.mask_token
    if mask not in arguments.text:
        raise ValueError(
            f"there is no {mask} in {arguments.text!r}; put one where BERT should predict a word"
        )
    tokens = tokenizer.tokenize_with_special_tokens(arguments.text, [mask])
    ids = tokenizer.convert_tokens_to_ids([tokenizer.cls_token, *tokens, tokenizer.sep_token])
    model = _load_model(arguments.model)
    limit = model.config.max_position_embeddings
    if len(ids) > limit:
        raise ValueError(f"the text has {len(ids)} tokens and the model takes {limit}; shorten it")
    with torch.inference_mode():
        scores = model(torch.tensor([ids]))[0]  # (L, V)
    mask_id = tokenizer.vocabulary[mask]
    for number, place in enumerate(i for i, index in enumerate(ids) if index == mask_id):
        if number:
            yield ""
        best = scores[place].softmax(-1).topk(min(arguments.top, scores.size(-1)))
        tokens = tokenizer.convert_ids_to_tokens(best.indices.tolist())
        for probability, token in zip(best.values.tolist(), tokens, strict=True):
            yield f"{probability:.3f}  {token}"


def _load_model(name: str) -> BertForMaskedLM:
    from ptbert import BertForMaskedLM
    from ptbert_models.inspection import open_any_checkpoint

    opened = open_any_checkpoint(name, memory_map=True)
    if not any(key.startswith("cls.predictions.") for key in opened.weights):
        raise ValueError(
            f"{name!r} has no head that predicts words; give a checkpoint with one, such as "
            "'bert-base-uncased' or a BertForMaskedLM that was saved"
        )
    return BertForMaskedLM.from_pretrained(name).eval()


COMMAND = Command(
    name="fill-mask",
    summary="print the words that BERT predicts for [MASK]",
    examples="""\
  ptbert fill-mask bert-base-uncased "The capital of France is [MASK]."
  ptbert fill-mask ./my_model "[MASK] was a [MASK]." --top 3

Prints the likeliest words for each mask, with their probabilities, and an empty line between masks.
""",
    add_arguments=add_arguments,
    run=run,
)
