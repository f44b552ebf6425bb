"""``ptbert train``: fine-tune a model for a task, from a file of examples."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from ptbert.commands.command import Command
from ptbert.training.settings import TASKS, Settings, read_settings

_POSITIONAL = ("task", "model")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes: an option for each setting."""
    parser.add_argument("task", choices=TASKS, help="what is learned")
    parser.add_argument("model", nargs="?", help="folder or name of the model to begin with")
    parser.add_argument("--settings", metavar="FILE", help="settings in TOML; options count more")
    parser.add_argument(
        "--restart", action="store_true", help="delete the training that is in the output folder"
    )
    for each in fields(Settings):
        if each.name in _POSITIONAL:
            continue
        name, kind = f"--{each.name.replace('_', '-')}", type(each.default)
        tasks = each.metadata["tasks"]
        explained = each.metadata["help"]
        if tasks != TASKS:
            explained = f"for {', '.join(tasks)}: {explained}"
        if each.default != "":
            explained += f" (default: {each.default})"
        if kind is bool:
            parser.add_argument(name, action=argparse.BooleanOptionalAction, help=explained)
        else:
            parser.add_argument(
                name,
                type=kind,
                choices=each.metadata["choices"] or None,
                metavar=None if each.metadata["choices"] else _METAVARS.get(each.name, "N"),
                help=explained,
            )


_METAVARS = {
    "data": "FILE",
    "validation": "FILE",
    "output": "FOLDER",
    "text": "COLUMN",
    "pair": "COLUMN",
    "choices": "COLUMNS",
    "label": "COLUMN",
    "device": "DEVICE",
}


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Train, and yield the path of the result and its metrics."""
    settings = _settings(arguments)
    from ptbert.training.loop import train

    logging.getLogger("ptbert.training").setLevel(logging.INFO)
    result = train(settings, restart=arguments.restart)
    yield "  ".join(
        [settings.output, *(f"{name} {_shown(value)}" for name, value in result.items())]
    )


def _settings(arguments: argparse.Namespace) -> Settings:
    values: dict[str, Any] = read_settings(arguments.settings) if arguments.settings else {}
    given = vars(arguments)
    values |= {
        each.name: given[each.name] for each in fields(Settings) if given[each.name] is not None
    }
    for name in ("model", "data", "output"):
        if name not in values:
            option = "MODEL" if name == "model" else f"--{name}"
            raise ValueError(f"there is no {option}; give one, or set {name} in --settings FILE")
    return Settings.from_mapping(values, arguments.settings or "the command line")


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"


COMMAND = Command(
    name="train",
    summary="fine-tune a model for a task, from a file of examples",
    examples="""\
  ptbert train classify bert-base-uncased --data train.csv --validation dev.csv --output out/
  ptbert train classify MODEL --data pairs.tsv --text question --pair answer --output out/
  ptbert train classify MODEL --data scores.jsonl --regression --output out/
  ptbert train answer MODEL --data train-v1.1.json --validation dev-v1.1.json --output out/
  ptbert train choose MODEL --data swag/train.csv --output out/
  ptbert train masked-lm MODEL --data text.txt --output out/
  ptbert train language-model MODEL --data text.txt --validation held-out.txt --output out/
  torchrun --nproc-per-node 2 -m ptbert train classify MODEL --data train.csv --output out/

Files are tables (.csv, .tsv) or lines of JSON (.jsonl); for tag in CoNLL's format, and for answer
in that of SQuAD 1.1 or 2.0. Language models learn from plain text, with empty lines between
documents, or from token files of ptbert-tokenizers encode. The same command again goes on with a
training that was stopped. The result is a model folder, with all settings in settings.toml.
""",
    add_arguments=add_arguments,
    run=run,
    stopped="stopped; the same command again goes on after the newest checkpoint",
)
