"""The four conversion commands of 2019, with the names and arguments that they had then."""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import NamedTuple

from ptbert.commands.command import Command
from ptbert_hub import run_command


class _Conversion(NamedTuple):
    """One of the commands.

    Args:
        name: the word after ``ptbert``.
        function: the function that converts; its module has the same name.
        arguments: what the user gives, in this order: "checkpoint", "config" and "output", each
            with the word that 2019's help had for it.
        optional: those parameters of the function that may be left out.
        summary: what it does.
        example: arguments to show in the help.
    """

    name: str
    function: str
    arguments: Mapping[str, str]
    optional: frozenset[str]
    summary: str
    example: str


_TRANSFO_XL = "convert_transfo_xl_checkpoint_to_pytorch"
_CONVERSIONS = (
    _Conversion(
        "convert_tf_checkpoint_to_pytorch",
        "convert_tf_checkpoint_to_pytorch",
        {"checkpoint": "TF_CHECKPOINT", "config": "TF_CONFIG", "output": "PYTORCH_DUMP_OUTPUT"},
        frozenset(),
        "convert a TensorFlow checkpoint of BERT into a weights file, as in 2019",
        "bert/bert_model.ckpt bert/bert_config.json bert/pytorch_model.bin",
    ),
    _Conversion(
        "convert_openai_checkpoint",
        "convert_openai_checkpoint_to_pytorch",
        {
            "checkpoint": "OPENAI_GPT_CHECKPOINT_FOLDER_PATH",
            "output": "PYTORCH_DUMP_OUTPUT",
            "config": "OPENAI_GPT_CONFIG",
        },
        frozenset({"openai_config_file"}),
        "convert OpenAI's numpy files of GPT into a model folder, as in 2019",
        "finetune-transformer-lm/model gpt/",
    ),
    _Conversion(
        "convert_transfo_xl_checkpoint",
        _TRANSFO_XL,
        {
            "checkpoint": "TF_CHECKPOINT_OR_DATASET",
            "output": "PYTORCH_DUMP_OUTPUT",
            "config": "TF_CONFIG",
        },
        frozenset({"tf_checkpoint_path", "transfo_xl_config_file", "transfo_xl_dataset_file"}),
        "convert a TensorFlow checkpoint or a pickled corpus of Transformer-XL, as in 2019",
        "wt103/model.ckpt-0 transfo-xl/ wt103/config.json",
    ),
    _Conversion(
        "convert_gpt2_checkpoint",
        "convert_gpt2_checkpoint_to_pytorch",
        {
            "checkpoint": "GPT2_CHECKPOINT_PATH",
            "output": "PYTORCH_DUMP_OUTPUT",
            "config": "GPT2_CONFIG",
        },
        frozenset({"gpt2_config_file"}),
        "convert a TensorFlow checkpoint of GPT-2 into a model folder, as in 2019",
        "117M/model.ckpt gpt2/ 117M/hparams.json",
    ),
)
_HELP = {
    "checkpoint": "what to convert",
    "config": "the configuration, a JSON file",
    "output": "where to write",
}
_OPTIONAL = {each.function: each.optional for each in _CONVERSIONS}


def run_with_options(convert: Callable[..., None], arguments: Sequence[str] | None = None) -> int:
    """Run a conversion with an option for each of its parameters, as its module did in 2019.

    Args:
        convert: one of the four functions.
        arguments: the command line; that of this process when None.

    Returns:
        The exit code, as of every command of ptbert.
    """
    parser = argparse.ArgumentParser(description=(convert.__doc__ or "").partition("\n")[0])
    for name in inspect.signature(convert).parameters:
        is_optional = name in _OPTIONAL.get(convert.__name__, ())
        parser.add_argument(f"--{name}", required=not is_optional, default="")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    options = vars(parser.parse_args(arguments))
    return run_command(partial(convert, **options), parser.prog)


def _add_arguments(conversion: _Conversion, parser: argparse.ArgumentParser) -> None:
    for name, word in conversion.arguments.items():
        if name == "config" and any(each.endswith("config_file") for each in conversion.optional):
            text = f"{_HELP[name]} (default: that of the published model)"
            parser.add_argument(name, metavar=word, nargs="?", default="", help=text)
        else:
            parser.add_argument(name, metavar=word, help=_HELP[name])


def _run(conversion: _Conversion, arguments: argparse.Namespace) -> Iterator[str]:
    convert = getattr(import_module(f"ptbert.{conversion.function}"), conversion.function)
    sources = [arguments.checkpoint]
    if conversion.function == _TRANSFO_XL and "ckpt" not in arguments.checkpoint.lower():
        sources = ["", arguments.checkpoint]  # a corpus
    checkpoint, *dataset = sources
    convert(checkpoint, arguments.config, arguments.output, *dataset)
    yield arguments.output


def _command(conversion: _Conversion) -> Command:
    note = "ptbert convert does this for all families, and copies the vocabulary too."
    return Command(
        name=conversion.name,
        summary=conversion.summary,
        examples=f"  ptbert {conversion.name} {conversion.example}\n\n{note}\n",
        add_arguments=partial(_add_arguments, conversion),
        run=partial(_run, conversion),
    )


COMMANDS = tuple(map(_command, _CONVERSIONS))
