"""``ptbert info``: what a checkpoint is, how large, and what its files hold."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptbert.commands.command import Command
from ptbert.commands.revision import add_revision
from ptbert_hub.messages import json_text, readable

if TYPE_CHECKING:
    from ptbert_hub import DownloadOptions
    from ptbert_models.inspection import Fit, OpenedCheckpoint

_SHOWN = 3  # names of weights in a line
_TOKENIZER_FACTS = (
    *("max_len", "tokens", "merges", "special_tokens", "do_lower_case", "lower_case"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="published name, owner/name, folder, archive or file")
    add_revision(parser)
    parser.add_argument(
        "--config", type=Path, help="the configuration, if it is not beside the model"
    )
    parser.add_argument("--cache-dir", metavar="FOLDER", help="use this cache folder only")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the facts, one a line."""
    from ptbert_hub import DownloadOptions, pinned
    from ptbert_models.inspection import open_any_checkpoint

    options = pinned(arguments.model, arguments.cache_dir, DownloadOptions(arguments.revision))
    opened = open_any_checkpoint(
        arguments.model,
        config_file=arguments.config,
        cache_dir=arguments.cache_dir,
        memory_map=True,
        options=options,
    )
    facts = {
        **_shape(opened),
        **_size(opened),
        **_contents(opened),
        "tokenizer": _described_tokenizer(arguments.model, arguments.cache_dir, options),
    }
    if arguments.json:
        yield json_text(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        for number, line in enumerate(_lines(value)):
            yield readable(f"{'' if number else name:<{width}}  {line}")


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name} = {each}" for name, each in value.items()]
    return value if isinstance(value, list) else [value]


def _shape(opened: OpenedCheckpoint) -> dict[str, Any]:
    """The architecture in the words of its family's configuration."""
    values = opened.config.to_dict()
    known = vars(type(opened.config)(9))
    return {
        "family": opened.family.name,
        "architecture": {name: values[name] for name in known if name in values},
    }


def _size(opened: OpenedCheckpoint) -> dict[str, Any]:
    """Numbers of parameters and bytes; weights that share memory count once."""
    stored = {(t.data_ptr(), t.shape): t for t in opened.weights.values()}.values()
    parameters = sum(tensor.numel() for tensor in stored)
    types = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in stored)
    return {
        "weights": str(opened.path),
        "parameters": f"{parameters:,} in {len(stored)} tensors of {', '.join(types)}",
        "memory": f"{parameters * 4 / 2**20:,.1f} MiB as float32, half of it as float16",
    }


def _contents(opened: OpenedCheckpoint) -> dict[str, Any]:
    """Which models find all their weights here; if none does, the one that lacks the fewest."""
    fits = opened.fits()
    complete = [fit for fit in fits if not fit.missing]
    shown = complete or fits[:1]
    return {"fills": [_described_fit(fit) for fit in shown] or ["no model of the family"]}


def _described_fit(fit: Fit) -> str:
    parts = [fit.model.__name__]
    for names, text in ((fit.missing, "lacks"), (fit.unused, "leaves out")):
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            parts.append(f"{text} {', '.join(names[:_SHOWN])}{more}")
    return "; ".join(parts)


def _described_tokenizer(model: str, cache_dir: str | None, options: DownloadOptions) -> str:
    from ptbert.commands.model_tokenizer import load_tokenizer_of_model
    from ptbert_hub import NotFound
    from ptbert_tokenizers.errors import MissingVocabulary
    from ptbert_tokenizers.max_length import NO_LIMIT

    try:
        tokenizer = load_tokenizer_of_model(model, cache_dir, options)
    except (MissingVocabulary, NotFound):
        return "none beside it"
    settings = tokenizer.settings()
    if settings.get("max_len") == NO_LIMIT:
        settings["max_len"] = "no limit"
    facts = [f"{key} = {settings[key]}" for key in _TOKENIZER_FACTS if key in settings]
    return ", ".join([settings["class"], *facts])


COMMAND = Command(
    name="info",
    summary="print what a checkpoint is, how large, and what its files hold",
    examples="""\
  ptbert info bert-base-uncased
  ptbert info user/model --revision v1.0
  ptbert info ./my_model --json
  ptbert info uncased_L-12_H-768_A-12/bert_model.ckpt
  ptbert info 117M/ --config hparams.json

"fills" lists the models that find all their weights in the file, the best match first, with the
weights that each leaves out.
""",
    add_arguments=add_arguments,
    run=run,
)
