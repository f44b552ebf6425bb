"""The README.md of a result, with a picture: what was trained, on what, how well, and its use."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import NamedTuple

import torch

from ptbert.training.counts import number_of
from ptbert.training.evaluation import Evaluation
from ptbert.training.history import History, read_history
from ptbert.training.output import LOG_NAME, SETTINGS_NAME, Output
from ptbert.training.picture import picture_of
from ptbert.training.tables import code, table
from ptbert.training.task import Task
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

README_NAME = "README.md"
PICTURE_NAME = "training.svg"


class Trained(NamedTuple):
    """What a training has come to.

    Args:
        task: what was learned.
        model: the result.
        tokenizer: of the model.
        sizes: how many examples a file has, by the name of its setting.
        found: the evaluation of the result; without metrics if there was no validation.
        step: the step that the result is of.
    """

    task: Task
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizer
    sizes: Mapping[str, int]
    found: Evaluation
    step: int


def texts_about(trained: Trained, output: Output) -> dict[str, str]:
    """Return README.md and the picture that belongs to it, by their names."""
    history = read_history(output.log_path)
    name = os.path.basename(os.path.abspath(output.folder))
    return {
        README_NAME: "\n".join([*_readme(name, trained, history, output.digests())]) + "\n",
        PICTURE_NAME: picture_of(history, name, trained.task.metric),
    }


def _readme(
    name: str, trained: Trained, history: History, digests: Mapping[str, str]
) -> Iterator[str]:
    task, settings = trained.task, trained.task.settings
    kind = type(trained.model).__name__
    yield from (f"# {code(name)}", "")
    examples = number_of(trained.sizes["data"], "example")
    steps, epochs = number_of(len(history.steps), "step"), number_of(settings.epochs, "epoch")
    yield (
        f"A {code(kind)} that `ptbert train {settings.task}` made of {code(settings.model)}, from "
        f"{examples} of {code(settings.data)}, in {steps} ({epochs}), with the seed "
        f"{settings.seed}. These are the weights after step {trained.step}. "
        f"{code(SETTINGS_NAME)} has all settings, and {code(LOG_NAME)} the loss of each step."
    )
    yield ""
    for setting, size in trained.sizes.items():
        use = "training" if setting == "data" else setting
        digest = f", SHA-256 {code(digests[setting])}" if setting in digests else ""
        yield f"* {use}: {code(getattr(settings, setting))}, {number_of(size, 'example')}{digest}"
    if task.labels:
        yield f"* labels: {', '.join(map(code, task.labels))}"
    yield (
        f"* software: ptbert {version('ptbert')}, PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
    yield from ("", "## Result", "")
    yield from _result(trained, history)
    yield from (f"![loss, learning rate and metric by step]({PICTURE_NAME})", "")
    yield from _use(trained, kind)


def _result(trained: Trained, history: History) -> Iterator[str]:
    found = trained.found
    if not found.metrics:
        yield from ("There were no validation data, so it is not known how good the model is.", "")
        return
    setting = code(trained.task.settings.validation)
    yield from (f"On {setting}, by which the best epoch was chosen:", "")
    names = list(found.metrics)
    yield from table(
        ["epoch", "step", "training loss", *names],
        [
            [
                f"{each.epoch} (this one)" if each.step == trained.step else each.epoch,
                each.step,
                history.mean_loss(each.epoch),
                *(each.metrics[name] for name in names),
            ]
            for each in history.evaluations
        ],
    )
    yield ""
    if found.table:
        yield from (*found.table, "")


def _use(trained: Trained, kind: str) -> Iterator[str]:
    usage = trained.task.usage
    tokenizer = type(trained.tokenizer).__name__
    yield from ("## How to use it", "", "`FOLDER` stands for the folder of this file.", "")
    yield from (
        "```console",
        f"ptbert predict FOLDER {usage.words}",
        "ptbert evaluate FOLDER --data FILE",
        "```",
        "",
        "```python",
    )
    if usage.name:
        variable = usage.name.lower()
        yield from (
            f"from ptbert import {usage.name}",
            "",
            f'{variable} = {usage.name}.from_pretrained("FOLDER")',
            f"print({variable}({usage.call}))",
            "```",
            "",
            "Or the model and its tokenizer:",
            "",
            "```python",
        )
    yield from (
        f"from ptbert import {', '.join(sorted([kind, tokenizer]))}",
        "",
        f'model = {kind}.from_pretrained("FOLDER").eval()',
        f'tokenizer = {tokenizer}.from_pretrained("FOLDER")',
        "```",
    )
