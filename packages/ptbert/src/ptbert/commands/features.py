"""``ptbert features``: vectors of the sentences of a text, or those nearest to a query."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ptbert.commands.command import Command
from ptbert.commands.device import add_device
from ptbert.commands.output import check_output
from ptbert.commands.revision import add_revision

if TYPE_CHECKING:
    from torch import Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="folder or name of a BERT model")
    parser.add_argument("text", help="text in UTF-8, or Markdown (.md); - for standard input")
    add_revision(parser)
    add_device(parser)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--query", help="print the sentences nearest to this text")
    task.add_argument("--output", type=Path, help="write all vectors to this .npy file")
    parser.add_argument("--top", type=int, default=5, help="how many sentences (default: 5)")
    parser.add_argument(
        "--batch-size", type=int, default=32, help="sentences at a time (default: 32)"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the nearest sentences, or a line about the vectors that were written."""
    from ptbert.devices import usable_device
    from ptbert.prose import prose_of_markdown
    from ptbert.sentences import SentenceEncoder, split_sentences
    from ptbert_tokenizers.files.lines import read_texts

    if arguments.top < 1:
        raise ValueError(f"--top {arguments.top} must be at least 1")
    check_output(arguments.output)
    text = "\n".join(read_texts(arguments.text))
    if arguments.text.lower().endswith((".md", ".markdown")):
        text = prose_of_markdown(text)
    sentences = split_sentences(text)
    if not sentences:
        raise ValueError(f"there is no sentence in {arguments.text!r}; give another file")
    encoder = SentenceEncoder.from_pretrained(
        arguments.model,
        batch_size=arguments.batch_size,
        revision=arguments.revision,
        device=usable_device(arguments.device),
    )
    vectors = encoder.encode(sentences, progress=True)
    if arguments.output:
        _write(arguments.output, vectors)
        yield f"{arguments.output}: {len(vectors)} vectors of {vectors.size(1)} numbers"
        return
    similarities = vectors @ encoder.encode([arguments.query])[0]
    best = similarities.topk(min(arguments.top, len(sentences)))
    for similarity, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        yield f"{similarity:.3f}  {textwrap.shorten(sentences[index], 120)}"


def _write(path: Path, vectors: Tensor) -> None:
    import numpy as np

    from ptbert_hub import atomic_write

    with atomic_write(path) as file:
        np.save(file, vectors.numpy())


COMMAND = Command(
    name="features",
    summary="turn the sentences of a text into vectors, or find those nearest to a query",
    examples="""\
  ptbert features bert-base-uncased notes.txt --query "where is the key?"
  ptbert features MODEL notes.txt --output vectors.npy

MODEL is a folder with a BERT model and its vocabulary, or the name of a published one.
Of Markdown the prose is taken, without code, tables and headings.
The vector of a sentence is the mean of the last layer over its tokens, scaled to length 1.
""",
    add_arguments=add_arguments,
    run=run,
)
