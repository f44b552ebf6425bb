"""The training loop: from settings to a model, the same whenever it was interrupted.

What happens in a step depends on the settings, the examples and the number of the step alone: which
examples it has, how they are cut into micro-batches, and the seed of each of these. So a checkpoint
needs no state of generators, and any number of processes does the same work.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from ptbert.training.checkpoints import (
    checkpoint_of,
    moments_of,
    remove_old_checkpoints,
    write_checkpoint,
)
from ptbert.training.evaluation import Evaluation, computing, evaluation
from ptbert.training.order import Indices, parts_of_step, random_seed, steps_of_epoch
from ptbert.training.output import Output
from ptbert.training.preparation import Prepared, prepare
from ptbert.training.processes import Processes, joined
from ptbert.training.readme import readme_of
from ptbert.training.scaling import LossScale
from ptbert.training.settings import Settings
from ptbert.training.sharding import is_sharded, whole_model
from ptbert_hub.progress import watched
from ptbert_optim.clipping import clip_all

logger = logging.getLogger(__name__)

_SHOWN = 5  # places of examples in a message
_NO_BETTER = 0.98  # of the loss of chance; a loss above this share has learned nothing


def train(settings: Settings, *, restart: bool = False) -> dict[str, Any]:
    """Train a model as settings say, or go on with that training.

    If the output folder has an unfinished training with the same settings, it goes on after the
    newest complete checkpoint. The model has then the same weights as without the interruption. A
    finished training is not done again.

    Under ``torchrun`` all processes call this, and share the micro-batches of each step.

    Args:
        settings: what to train, on what, and how.
        restart: delete what an earlier training left in the folder.

    Returns:
        The metrics of the result, with the ``step`` that it is of.

    Raises:
        ValueError: for settings or examples that cannot be used, a folder with another training, or
            a loss that is not finite.
        OSError: if a file cannot be read or written, or another process trains in the folder.
        RuntimeError: if another thread of this process trains. While one does, others must not use
            PyTorch's generator of random numbers, which is one for all threads.
    """
    if not _one.acquire(blocking=False):
        raise RuntimeError(
            "another thread of this process trains, and both would draw from PyTorch's generator; "
            "train in another process"
        )
    try:
        with joined(settings.device) as processes, torch.random.fork_rng(_gpus(processes)):
            output = Output(settings)
            with output.held() if processes.is_first else nullcontext():
                return _trained(settings, output, processes, restart=restart)
    finally:
        _one.release()


_one = threading.Lock()


def _trained(
    settings: Settings, output: Output, processes: Processes, *, restart: bool
) -> dict[str, Any]:
    if processes.is_first:
        settings = output.begin(settings, processes.count, restart=restart)
    settings = settings.replaced(micro_batches=processes.from_first(settings.micro_batches))
    if not processes.from_first(output.result() is not None):
        _Training(prepare(settings, output, processes), output, processes).run()
    if processes.is_first:
        output.remove_checkpoints()
    return output.result() or {}


class _Training:
    """A training in progress.

    Args:
        prepared: what it begins with.
        output: its folder.
        processes: that share the work.
    """

    def __init__(self, prepared: Prepared, output: Output, processes: Processes) -> None:
        self.task, self.model, self.optimizer = prepared.task, prepared.model, prepared.optimizer
        self.tokenizer = prepared.tokenizer
        self.examples, self.validation = prepared.examples, prepared.validation
        self.output, self.processes = output, processes
        state = prepared.state
        self.step = int(state.get("step", 0))
        self.updates = int(state.get("updates", self.step))  # fewer, if gradients were not finite
        self.best = dict(state.get("best", {}))  # the best evaluation, and its step
        self.scale = LossScale(prepared.task.settings.precision, state.get("scale"))
        self.saved_at = time.monotonic()

    def run(self) -> None:
        """Train to the end and write the result."""
        settings = self.task.settings
        if self.processes.is_first:
            self._tell_what_begins()
            self.output.forget_after(self.step)
            remove_old_checkpoints(self.output.checkpoints, self.best.get("step"))
        done = 0
        for epoch in range(settings.epochs):
            steps = steps_of_epoch(self.examples.lengths, settings.batch_size, settings.seed, epoch)
            if self.step < done + len(steps):
                self._run_epoch(epoch, steps[self.step - done :])
            done += len(steps)
        self._finish()

    def _tell_what_begins(self) -> None:
        settings = self.task.settings
        trained = sum(each.numel() for each in self.model.parameters() if each.requires_grad)
        logger.info(
            "%s: %d examples, %d steps an epoch, %.1f million parameters%s",
            settings.output,
            len(self.examples),
            math.ceil(len(self.examples) / settings.batch_size),
            trained / 1e6,
            f"; going on after step {self.step}" if self.step else "",
        )
        if settings.micro_batches < self.processes.count:
            logger.warning(
                "a step may have %d parts only, as when the training began, so some of the %d "
                "processes may have nothing to do",
                settings.micro_batches,
                self.processes.count,
            )

    def _run_epoch(self, epoch: int, steps: list[Indices]) -> None:
        losses = []
        bar = watched(steps, unit="steps", label=f"epoch {epoch + 1}")
        for number, indices in enumerate(bar, 1):
            losses.append(self._run_step(epoch, indices))
            if number == len(steps):
                self._end_epoch(epoch, losses)
            elif time.monotonic() - self.saved_at >= self.task.settings.checkpoint_minutes * 60:
                self._save()
            if hasattr(bar, "set_postfix_str"):
                bar.set_postfix_str(f"loss {losses[-1]:.4f}")

    def _run_step(self, epoch: int, indices: Indices) -> float:
        """Do one step, and return its loss: the mean over all labels of all micro-batches."""
        began = time.monotonic()
        settings, ours = self.task.settings, self.processes
        parts = parts_of_step(
            indices, self.examples.lengths, settings.max_tokens, settings.micro_batches
        )
        batches = [
            (number, counts, self.task.batch(self.examples, parts[number], epoch, ours.device))
            for number, counts in ours.share_of(len(parts), evenly=is_sharded(self.model))
        ]
        labels = ours.total(sum(batch.labelled for _, counts, batch in batches if counts))
        loss = 0.0
        for number, counts, batch in batches:
            torch.manual_seed(random_seed(settings.seed, self.step, number))  # for dropout
            with computing(settings.precision, ours.device):
                part = self.task.loss(self.model, batch) * counts / max(labels, 1)
            (part * self.scale.factor).backward()  # type: ignore[no-untyped-call]
            loss += float(part.detach())
        loss = ours.total(loss)
        if not math.isfinite(loss):
            raise self._not_finite(f"loss of step {self.step + 1} is {loss}", indices)
        rate = float(self.optimizer.get_lr()[0])
        norm = self._update(indices)
        self.step += 1
        if ours.is_first:
            self.output.log(
                step=self.step,
                epoch=epoch + 1,
                loss=loss,
                rate=rate,
                gradient_norm=norm,
                tokens=int(self.examples.lengths[indices].sum()),
                seconds=round(time.monotonic() - began, 4),
            )
        return loss

    def _update(self, indices: Indices) -> float | None:
        """Sum the gradients and update the weights; return the gradients' norm before clipping.

        Float16 may overflow. Then nothing is updated, None is returned, and the loss has a smaller
        factor from now on.
        """
        parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        if not is_sharded(self.model):
            self.processes.add_up_gradients(self.optimizer.param_groups)
        if self.scale.factor != 1:
            for parameter in parameters:
                parameter.grad.mul_(1 / self.scale.factor)
        norm = float(clip_all(parameters, self.task.settings.max_grad_norm))
        if math.isfinite(norm):
            self.optimizer.step()
            self.updates += 1
            self.scale.count()
        elif not self.scale.halve():
            raise self._not_finite(f"gradient of step {self.step + 1} is not finite", indices)
        self.optimizer.zero_grad()
        return norm if math.isfinite(norm) else None

    def _not_finite(self, what: str, indices: Indices) -> ValueError:
        places = ", ".join(self.examples.names[index] for index in indices[:_SHOWN].tolist())
        return ValueError(
            f"the {what}; its {len(indices)} examples begin with {places}; choose a smaller "
            "--learning-rate, with --restart"
        )

    def _end_epoch(self, epoch: int, losses: Sequence[float]) -> None:
        """Evaluate, and save a checkpoint that says which epoch was the best so far."""
        is_first = self.processes.is_first
        loss = float(np.mean(losses))
        if is_first:
            self._warn_of_chance(epoch, losses[len(losses) // 2 :])
        line = f"epoch {epoch + 1}  step {self.step}  training loss {loss:.4f}"
        if self.validation is not None:
            found = evaluation(self.task, self.model, self.validation, self.processes)
            line += f"  validation: {found}"
            if not self.best or self._rank(found.metrics) > self._rank(self.best["metrics"]):
                self.best = {"step": self.step, "metrics": found.metrics, "table": found.table}
            if is_first:
                self.output.log(step=self.step, epoch=epoch + 1, validation=found.metrics)
        if is_first:
            logger.info("%s", line)
        self._save()

    def _rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        """A key by which evaluations are compared: the task's metric, then the loss."""
        sign = -1 if self.task.smaller_is_better else 1
        return sign * metrics[self.task.metric], -metrics["loss"]

    def _warn_of_chance(self, epoch: int, losses: Sequence[float]) -> None:
        """Warn if the last losses of an epoch are those of a model that does not see the texts."""
        loss, chance = float(np.mean(losses)), self.task.chance_loss(self.examples)
        if loss > _NO_BETTER * chance:
            logger.warning(
                "epoch %d: the loss %.4f is at the level of chance (%.4f), so nothing was learned; "
                "try another --learning-rate",
                epoch + 1,
                loss,
                chance,
            )

    def _save(self) -> None:
        model = self.model
        if is_sharded(model):  # all processes take part
            kind = self.task.model_class(self.tokenizer.family)
            model = whole_model(model, kind, **self.task.model_arguments())
        moments = moments_of(self.model, self.optimizer)
        if self.processes.is_first:
            state = {
                "step": self.step,
                "updates": self.updates,
                "best": self.best,
                "scale": self.scale.state(),
            }
            write_checkpoint(self.output.checkpoints, model, moments, state)
            remove_old_checkpoints(self.output.checkpoints, self.best.get("step"))
        self.saved_at = time.monotonic()

    def _finish(self) -> None:
        """Write the model of the best epoch, or of the last one if none was evaluated."""
        if self.processes.is_first:
            step = self.best.get("step", self.step)
            if step != self.step or is_sharded(self.model):
                best = checkpoint_of(self.output.checkpoints, step)
                self.model = self.task.load_model(str(best.folder), self.tokenizer.family)
            found = Evaluation(self.best.get("metrics", {}), self.best.get("table", []))
            count = len(self.examples)
            text = readme_of(
                self.task, self.model, found, step=step, steps=self.step, examples=count
            )
            self.output.finish(self.model, self.tokenizer, text, {"step": step, **found.metrics})
        self.processes.total(0)  # wait for the first


def _gpus(processes: Processes) -> Iterable[int]:
    """The GPUs whose generators are used, and get their state back."""
    return [] if processes.device.type == "cpu" else [processes.device.index or 0]
