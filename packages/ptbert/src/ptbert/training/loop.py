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
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import torch

from ptbert.training.checkpoints import (
    checkpoint_of,
    moments_of,
    remove_old_checkpoints,
    write_checkpoint,
)
from ptbert.training.evaluation import Evaluation, computing, evaluation
from ptbert.training.finite import not_finite, refuse_weights
from ptbert.training.monitor import Monitor, beginning
from ptbert.training.order import Indices, checksum, parts_of_step, random_seed, steps_of_epoch
from ptbert.training.output import Output
from ptbert.training.preparation import Prepared, prepare
from ptbert.training.processes import Processes, fill_gradients, joined
from ptbert.training.readme import Trained, texts_about
from ptbert.training.scaling import LossScale
from ptbert.training.settings import Settings
from ptbert.training.sharding import compute, is_sharded, whole_model
from ptbert_models.bert.bare import BertPreTrainedModel
from ptbert_models.pretrained import PreTrainedModel
from ptbert_optim.clipping import clip_all

logger = logging.getLogger(__name__)


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
        self.sizes = prepared.sizes
        self.output, self.processes = output, processes
        state = prepared.state
        self.step = int(state.get("step", 0))
        self.updates = int(state.get("updates", self.step))  # fewer, if gradients were not finite
        self.best = dict(state.get("best", {}))  # the best evaluation, and its step
        self.scale = LossScale(prepared.task.settings.precision, state.get("scale"))
        self.saved_at = time.monotonic()
        self.monitor: Monitor | None = None  # of the first process

    def run(self) -> None:
        """Train to the end and write the result."""
        settings = self.task.settings
        if self.processes.is_first:
            self._tell_what_begins()
            self.output.forget_after(self.step)
            remove_old_checkpoints(self.output.checkpoints, self.best.get("step"))
            self.monitor = Monitor(
                self.output,
                settings,
                steps=settings.epochs * math.ceil(len(self.examples) / settings.batch_size),
                done=self.step,
                chance=self.task.chance_loss(self.examples),
                stays_at_chance=self.task.stays_at_chance,
            )
        try:
            done = 0
            for epoch in range(settings.epochs):
                steps = steps_of_epoch(
                    self.examples.lengths, settings.batch_size, settings.seed, epoch
                )
                if self.step < done + len(steps):
                    self._run_epoch(epoch, steps[self.step - done :])
                done += len(steps)
        finally:
            if self.monitor:
                self.monitor.close()
        self._finish()

    def _tell_what_begins(self) -> None:
        logger.info(
            "%s",
            beginning(
                self.task.settings,
                examples=len(self.examples),
                parameters=sum(p.numel() for p in self.model.parameters() if p.requires_grad),
                rate=self.optimizer.param_groups[0]["lr"],
                done=self.step,
            ),
        )

    def _run_epoch(self, epoch: int, steps: list[Indices]) -> None:
        for number, indices in enumerate(steps, 1):
            self._run_step(epoch, indices)
            if number == len(steps):
                self._end_epoch(epoch)
            elif time.monotonic() - self.saved_at >= self.task.settings.checkpoint_minutes * 60:
                self._save()

    def _run_step(self, epoch: int, indices: Indices) -> None:
        """Do one step, whose loss is the mean over all labels of all micro-batches."""
        began = time.monotonic()
        settings, ours = self.task.settings, self.processes
        parts = parts_of_step(
            indices, self.examples.lengths, settings.max_tokens, settings.micro_batches
        )
        batches = [
            (number, counts, self.task.batch(self.examples, parts[number], epoch, ours.device))
            for number, counts in ours.share_of(len(parts), evenly=is_sharded(self.model))
        ]
        labels, examples = ours.totals(
            sum(batch.labelled for _, counts, batch in batches if counts),
            sum(checksum(parts[number]) for number, counts, _ in batches if counts),
        )
        loss = 0.0
        for number, counts, batch in batches:
            torch.manual_seed(random_seed(settings.seed, self.step, number))  # for dropout
            with computing(settings.precision, ours.device):
                part = compute(self.task.loss, self.model, batch) * counts / max(labels, 1)
            (part * self.scale.factor).backward()  # type: ignore[no-untyped-call]
            loss += float(part.detach())
        loss = ours.total(loss)
        if not math.isfinite(loss):
            raise self._not_finite(f"loss of step {self.step + 1} is {loss}", epoch, indices)
        rate = float(self.optimizer.get_lr()[0])
        self._update(epoch, indices)
        self.step += 1
        if self.monitor:
            self.monitor.step(
                self.step,
                epoch + 1,
                loss=loss,
                rate=rate,
                tokens=self.task.tokens(self.examples, indices),
                examples=f"{int(examples):x}",
                seconds=time.monotonic() - began,
            )

    def _update(self, epoch: int, indices: Indices) -> None:
        """Sum the gradients, clip them and update the weights.

        Float16 may overflow. Then nothing is updated, and the loss has a smaller factor from now
        on. The step counts as done, and the schedule of the rate goes on with the next update.
        """
        parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        if is_sharded(self.model):  # PyTorch has summed them
            fill_gradients(parameters)
        else:
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
            raise self._not_finite(f"gradient of step {self.step + 1} is {norm}", epoch, indices)
        elif self.monitor:
            text = f"step {self.step + 1} updates nothing, because float16 overflowed; the loss "
            self.monitor.tell(logging.INFO, f"{text}has the factor {self.scale.factor:g} now")
        self.optimizer.zero_grad()

    def _not_finite(self, what: str, epoch: int, indices: Indices) -> ValueError:
        """Write the examples of a step into the log, and return an error that names some."""
        names = [self.examples.names[index].rstrip(",") for index in indices.tolist()]
        if self.monitor:
            self.output.log(step=self.step + 1, epoch=epoch + 1, stopped=what, examples=names)
        return not_finite(what, names, self.step)

    def _end_epoch(self, epoch: int) -> None:
        """Evaluate, and save a checkpoint that says which epoch was the best so far."""
        found = None
        if self.validation is not None:
            found = evaluation(self.task, self._whole_model(), self.validation, self.processes)
            if not self.best or self._rank(found.metrics) > self._rank(self.best["metrics"]):
                self.best = {"step": self.step, "metrics": found.metrics, "table": found.table}
        if self.monitor:
            self.monitor.epoch(self.step, epoch + 1, found)
        self._save()

    def _rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        """A key by which evaluations are compared: the task's metric, then the loss."""
        sign = -1 if self.task.smaller_is_better else 1
        return sign * metrics[self.task.metric], -metrics["loss"]

    def _whole_model(self) -> PreTrainedModel:
        """The model as it is, or a copy of which each process has all; all must call this."""
        if not is_sharded(self.model):
            refuse_weights(self.model, self.step)
            return self.model
        kind = self.task.model_class(self.tokenizer.family)
        model = whole_model(self.model, kind, **self.task.model_arguments())
        if isinstance(model, BertPreTrainedModel):
            model.leave_out_padding = True
        refuse_weights(model, self.step)
        return model.to(self.processes.device)

    def _save(self) -> None:
        model = self._whole_model()
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
            trained = Trained(self.task, self.model, self.tokenizer, self.sizes, found, step)
            texts = texts_about(trained, self.output)
            self.output.finish(self.model, self.tokenizer, texts, {"step": step, **found.metrics})
        self.processes.total(0)  # wait for the first


def _gpus(processes: Processes) -> Iterable[int]:
    """The GPUs whose generators are used, and get their state back."""
    return [processes.device.index or 0] if processes.device.type == "cuda" else []
