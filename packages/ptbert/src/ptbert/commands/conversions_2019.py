"""The four conversion commands of 2019, by their names and with their arguments."""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from ptbert.commands.command import Command


def run_with_options(convert: Callable[..., None], arguments: Sequence[str] | None = None) -> None:
    """Call a conversion with options named like its parameters, as its module did in 2019.

    Args:
        convert: one of the four functions.
        arguments: the command line; that of this process when None.
    """
    parser = argparse.ArgumentParser(description=(convert.__doc__ or "").partition("\n")[0])
    for name in inspect.signature(convert).parameters:
        # The published model has its configuration built in, and a corpus is a thing of its own.
        optional = name.endswith("dataset_file") or name == "transfo_xl_config_file"
        optional |= name in {"openai_config_file", "gpt2_config_file"}
        optional |= name == "tf_checkpoint_path" and "transfo_xl" in convert.__name__
        parser.add_argument(f"--{name}", required=not optional, default="")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    convert(**vars(parser.parse_args(arguments)))


def _run(arguments: argparse.Namespace) -> Iterator[str]:
    module = import_module(f"ptbert.{arguments.conversion}")
    sources = [arguments.checkpoint]
    if arguments.conversion == _TRANSFO_XL and "ckpt" not in arguments.checkpoint.lower():
        sources = ["", arguments.checkpoint]  # a corpus
    checkpoint, *dataset = sources
    convert = getattr(module, arguments.conversion)
    convert(checkpoint, arguments.config, arguments.output, *dataset)
    yield arguments.output


def _command(
    conversion: str, words: tuple[str, str, str], summary: str, example: str, name: str = ""
) -> Command:
    """A command for one function.

    Args:
        conversion: the function, and its module.
        words: what 2019 called the arguments, in their order.
        summary: what it does.
        example: arguments to show.
        name: the command's name; that of the function when empty.
    """

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.set_defaults(conversion=conversion)
        for word in words:
            if word.endswith("CONFIG") and word == words[-1]:
                text = "a JSON file (default: that of the published model)"
                parser.add_argument("config", metavar=word, nargs="?", default="", help=text)
            elif word.endswith("CONFIG"):
                parser.add_argument("config", metavar=word, help="a JSON file")
            elif word.endswith("OUTPUT"):
                parser.add_argument("output", metavar=word, help="where to write")
            else:
                parser.add_argument("checkpoint", metavar=word, help="what to convert")

    name = name or conversion
    note = "ptbert convert does this for all families, and copies the vocabulary too."
    return Command(name, summary, f"  ptbert {name} {example}\n\n{note}\n", add_arguments, _run)


_TRANSFO_XL = "convert_transfo_xl_checkpoint_to_pytorch"

COMMANDS = (
    _command(
        "convert_tf_checkpoint_to_pytorch",
        ("TF_CHECKPOINT", "TF_CONFIG", "PYTORCH_DUMP_OUTPUT"),
        "convert a TensorFlow checkpoint of BERT into a weights file, as in 2019",
        "bert/bert_model.ckpt bert/bert_config.json bert/pytorch_model.bin",
    ),
    _command(
        "convert_openai_checkpoint_to_pytorch",
        ("OPENAI_GPT_CHECKPOINT_FOLDER_PATH", "PYTORCH_DUMP_OUTPUT", "OPENAI_GPT_CONFIG"),
        "convert OpenAI's numpy files of GPT into a model folder, as in 2019",
        "finetune-transformer-lm/model gpt/",
        "convert_openai_checkpoint",
    ),
    _command(
        _TRANSFO_XL,
        ("TF_CHECKPOINT_OR_DATASET", "PYTORCH_DUMP_OUTPUT", "TF_CONFIG"),
        "convert a TensorFlow checkpoint or a pickled corpus of Transformer-XL, as in 2019",
        "wt103/model.ckpt-0 transfo-xl/ wt103/config.json",
        "convert_transfo_xl_checkpoint",
    ),
    _command(
        "convert_gpt2_checkpoint_to_pytorch",
        ("GPT2_CHECKPOINT_PATH", "PYTORCH_DUMP_OUTPUT", "GPT2_CONFIG"),
        "convert a TensorFlow checkpoint of GPT-2 into a model folder, as in 2019",
        "117M/model.ckpt gpt2/ 117M/hparams.json",
        "convert_gpt2_checkpoint",
    ),
)
