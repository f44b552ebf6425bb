"""The README.md of a result: what was trained, on what, how well, and how to use it."""

from __future__ import annotations

import os

from ptbert.training.evaluation import Evaluation
from ptbert.training.task import Task
from ptbert_models.pretrained import PreTrainedModel


def readme_of(
    task: Task,
    model: PreTrainedModel,
    found: Evaluation,
    *,
    step: int,
    steps: int,
    examples: int,
) -> str:
    """Return the text.

    Args:
        task: what was learned.
        model: the result.
        found: the evaluation of the result; without metrics if there was no validation.
        step: the step that the result is of.
        steps: how many there were.
        examples: how many the training had.
    """
    settings = task.settings
    name = type(model).__name__
    lines = [
        f"# {os.path.basename(os.path.abspath(settings.output))}",
        "",
        f"A `{name}` that `ptbert train {settings.task}` made of `{settings.model}`, from "
        f"{examples} examples of `{settings.data}`, in {steps} steps "
        f"({settings.epochs} epochs); these are the weights after step {step}.",
        "`settings.toml` has all settings, `log.jsonl` the loss of each step.",
        "",
    ]
    if task.labels:
        lines += [f"Labels: {', '.join(f'`{label}`' for label in task.labels)}.", ""]
    if found.metrics:
        lines += [f"On `{settings.validation}`, by which the best epoch was chosen:", ""]
        lines += ["| metric | value |", "|---|---|"]
        lines += [f"| {metric} | {value:.4f} |" for metric, value in found.metrics.items()]
        lines += [""]
        lines += [*found.table, ""] if found.table else []
    lines += [
        "```console",
        'ptbert predict FOLDER "a text"',
        "ptbert evaluate FOLDER --data FILE",
        "```",
        "",
        "```python",
        f"from ptbert import BertTokenizer, {name}",
        "",
        f'model = {name}.from_pretrained("FOLDER").eval()',
        'tokenizer = BertTokenizer.from_pretrained("FOLDER")',
        "```",
    ]
    return "\n".join(lines) + "\n"
