"""Scoring examples with a model, in one process or several, and what the scores are worth."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ptbert.training.examples import Examples
from ptbert.training.order import parts_of_step
from ptbert.training.processes import Processes
from ptbert.training.sharding import is_sharded
from ptbert.training.task import Scores, Task
from ptbert_hub.progress import watched
from ptbert_models.parts.evaluation import evaluating
from ptbert_models.pretrained import PreTrainedModel


@dataclass(frozen=True)
class Evaluation:
    """What a model's scores are worth.

    Args:
        metrics: by name, with the mean ``loss``.
        table: lines that show where the model is right and wrong.
    """

    metrics: dict[str, float]
    table: list[str]

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.4f}" for name, value in self.metrics.items())


def evaluation(
    task: Task, model: PreTrainedModel, examples: Examples, processes: Processes
) -> Evaluation:
    """Score examples and measure the scores.

    Args:
        task: of the model.
        model: is put into evaluation mode, and back.
        examples: with labels.
        processes: share the work; all of them get the result.
    """
    scores, loss = scored(task, model, examples, processes)
    metrics = {"loss": loss, **task.metrics(scores, examples)}
    return Evaluation(metrics, task.table(scores, examples))


def scored(
    task: Task, model: PreTrainedModel, examples: Examples, processes: Processes
) -> tuple[Scores, float]:
    """Return the rows that the task keeps of examples, in their order, and the mean loss."""
    order = np.argsort(-examples.lengths, kind="stable")
    parts = parts_of_step(order, examples.lengths, task.settings.max_tokens)
    counts = examples.counts
    starts = np.cumsum(counts) - counts  # of the rows of each example
    table: torch.Tensor | None = None
    loss, labelled = 0.0, 0
    with torch.no_grad(), evaluating(model):
        mine = processes.share_of(len(parts), evenly=is_sharded(model))
        for number, counts_here in watched(mine, unit="batches", label="evaluating"):
            part = parts[number]
            batch = task.batch(examples, part, None, processes.device)
            with computing(task.settings.precision, processes.device):
                found = task.measured(model, batch)
            if not counts_here:
                continue
            loss += float(found.loss)
            labelled += batch.labelled
            if table is None:
                shape = int(counts.sum()), found.rows.size(-1)
                table = found.rows.new_zeros(shape, dtype=torch.float32)
            rows = np.concatenate([np.arange(starts[i], starts[i] + counts[i]) for i in part])
            table[torch.from_numpy(rows).to(table.device)] = found.rows.float()
    width = processes.from_first(0 if table is None else table.size(-1))
    if table is None:  # more processes than batches
        table = torch.zeros((int(counts.sum()), width), device=processes.device)
    processes.add_up(table)
    return table.cpu().numpy(), processes.total(loss) / max(processes.total(labelled), 1)


def computing(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Return a context in which products are computed with the numbers that settings ask for."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))
