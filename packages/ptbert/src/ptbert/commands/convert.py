"""``ptbert convert``: turn any checkpoint into a folder that ``from_pretrained`` reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptbert.commands.command import Command
from ptbert.commands.revision import add_revision

if TYPE_CHECKING:
    from ptbert_hub import DownloadOptions

_FORMATS = ("pytorch", "safetensors")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "source", help="published name, owner/name, folder, archive, weights file or checkpoint"
    )
    add_revision(parser)
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument(
        "--to", choices=_FORMATS, default="pytorch", help="format of the weights (default: pytorch)"
    )
    parser.add_argument(
        "--max-shard-size",
        metavar="SIZE",
        default="50GB",
        help="write larger weights to several files, such as 5GB or 500MB (default: 50GB)",
    )
    parser.add_argument("--config", type=Path, help="the configuration, if it is not beside SOURCE")
    parser.add_argument("--cache-dir", metavar="FOLDER", help="use this cache folder only")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Convert, and yield the paths of the files that were written."""
    from ptbert_hub import DownloadOptions, pinned
    from ptbert_models.convert import convert_checkpoint

    if arguments.folder.exists() and not arguments.folder.is_dir():
        raise NotADirectoryError(f"{str(arguments.folder)!r} is a file; give a folder to write to")
    options = pinned(arguments.source, arguments.cache_dir, DownloadOptions(arguments.revision))
    weights = convert_checkpoint(
        arguments.source,
        arguments.folder,
        safe_serialization=arguments.to == "safetensors",
        max_shard_size=arguments.max_shard_size,
        config_file=arguments.config,
        cache_dir=arguments.cache_dir,
        options=options,
    )
    yield str(weights)
    yield str(weights.with_name("config.json"))
    yield from _copy_vocabulary(arguments.source, arguments.folder, arguments.cache_dir, options)


def _copy_vocabulary(
    source: str, folder: Path, cache_dir: str | None, options: DownloadOptions
) -> Iterator[str]:
    from ptbert.commands.model_tokenizer import folders_of_source, load_tokenizer_of_model
    from ptbert_hub import NotFound
    from ptbert_tokenizers.errors import MissingVocabulary
    from ptbert_tokenizers.files.tokenizer_config import (
        TOKENIZER_CONFIG_NAME,
        read_tokenizer_config,
        write_tokenizer_config,
    )

    try:
        tokenizer: Any = load_tokenizer_of_model(source, cache_dir, options)
    except (MissingVocabulary, NotFound):
        yield f"there is no vocabulary beside {source}, so none was copied"
        return
    written = tokenizer.save_vocabulary(folder)
    yield from [written] if isinstance(written, str) else written
    is_known = any(
        each is None or "do_lower_case" in read_tokenizer_config(each)
        for each in folders_of_source(source, cache_dir, options)
    )
    # A vocabulary does not show its casing. If no other source told it, it is a guess.
    if not is_known:
        settings = read_tokenizer_config(folder)
        settings.pop("do_lower_case", None)
        write_tokenizer_config(folder, settings)
    yield str(folder / TOKENIZER_CONFIG_NAME)


COMMAND = Command(
    name="convert",
    summary="convert a checkpoint of any family and format into a model folder",
    examples="""\
  ptbert convert uncased_L-12_H-768_A-12/ bert/               # TensorFlow, without TensorFlow
  ptbert convert bert/ bert-safetensors/ --to safetensors
  ptbert convert bert-base-cased ./bert-base-cased/           # published, with its vocabulary
  ptbert convert user/model ./model/ --revision v1.0          # of the Hugging Face Hub
  ptbert convert model.ckpt-7 classifier/ --config bert_config.json
  ptbert convert 117M/ gpt2/                                  # OpenAI's files
  ptbert convert wt103/model.ckpt-0 transfo-xl/               # needs no configuration

The folder gets config.json, the weights and the vocabulary. Weights with old names get their
current ones. To write safetensors, install the package safetensors.
""",
    add_arguments=add_arguments,
    run=run,
)
