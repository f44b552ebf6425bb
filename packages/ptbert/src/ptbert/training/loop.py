"""The training loop: from settings to a model, the same whenever it was interrupted.

What happens in a step depends on the settings, the examples and the number of the step alone: which
examples it has, how they are cut into micro-batches, and the seed of each of these. So a checkpoint
needs no state of generators, and any number of processes does the same work.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ptbert.training.checkpoints import (
    checkpoint_of,
    newest_checkpoint,
    remove_old_checkpoints,
    resume_optimizer,
    write_checkpoint,
)
from ptbert.training.evaluation import Evaluation, computing, evaluation
from ptbert.training.examples import Examples
from ptbert.training.kinds import TASKS
from ptbert.training.monitor import Monitor
from ptbert.training.order import Indices, parts_of_step, random_seed, steps_of_epoch
from ptbert.training.output import Output
from ptbert.training.processes import Processes, joined
from ptbert.training.readme import Trained, texts_about
from ptbert.training.settings import Settings
from ptbert.training.task import Task
from ptbert_hub import pinned
from ptbert_models.pretrained import PreTrainedModel
from ptbert_optim import BertAdam, OpenAIAdam
from ptbert_optim.adam import ScheduledAdam
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

logger = logging.getLogger(__name__)

_SHOWN = 5  # places of examples in a message


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
        OSError: if a file cannot be read or written.
    """
    with joined(settings.device) as processes, torch.random.fork_rng(_gpus(processes)):
        output = Output(settings)
        if processes.is_first:
            settings = output.begin(settings, processes.count, restart=restart)
        settings = settings.replaced(micro_batches=processes.from_first(settings.micro_batches))
        if not processes.from_first(output.result() is not None):
            _Training.prepared(settings, output, processes).run()
        if processes.is_first:
            output.remove_checkpoints()
        return output.result() or {}


@dataclass
class _Training:
    """A training in progress."""

    task: Task
    model: PreTrainedModel
    optimizer: ScheduledAdam
    tokenizer: PreTrainedTokenizer
    examples: Examples
    validation: Examples | None
    sizes: Mapping[str, int]  # examples of each file, by the name of its setting
    output: Output
    processes: Processes
    step: int = 0
    best: dict[str, Any] = field(default_factory=dict)  # the best evaluation, and its step
    saved_at: float = field(default_factory=time.monotonic)
    monitor: Monitor | None = None  # of the first process

    @classmethod
    def prepared(cls, settings: Settings, output: Output, processes: Processes) -> _Training:
        """Read what is needed, and take up the newest checkpoint if there is one."""
        kind = TASKS[settings.task](settings)
        read = kind.read(settings.data)
        task = kind.with_labels_of(read)
        newest = newest_checkpoint(output.checkpoints) if processes.is_first else None
        step = processes.from_first(newest.step if newest else 0)
        checkpoint = newest or (checkpoint_of(output.checkpoints, step) if step else None)
        download = pinned(settings.model).arguments()
        tokenizer = load_tokenizer(settings.model, **download)
        torch.manual_seed(random_seed(settings.seed))
        family = tokenizer.family
        if checkpoint:
            model = task.load_model(str(checkpoint.folder), family)
        elif settings.from_nothing:
            model = task.new_model(settings.model, family, **download)
        else:
            model = task.load_model(settings.model, family, **download)
        length = longest_input(settings, model)
        examples = task.encode(read, tokenizer, length)
        validation, sizes = None, {"data": len(read)}
        if settings.validation:
            read = task.read(settings.validation)
            validation = task.encode_for_evaluation(read, tokenizer, length)
            sizes["validation"] = len(read)
        for name, each in ((settings.data, examples), (settings.validation, validation)):
            if processes.is_first and each is not None and each.cut:
                logger.warning(
                    "%s: %d of %d texts are longer than %d tokens and were cut",
                    name,
                    each.cut,
                    len(each),
                    length,
                )
        model.to(processes.device).train()
        model.gradient_checkpointing = settings.gradient_checkpointing
        _freeze_unused(model)
        steps = settings.epochs * math.ceil(len(examples) / settings.batch_size)
        optimizer = optimizer_of(settings, model, steps)
        training = cls(
            task, model, optimizer, tokenizer, examples, validation, sizes, output, processes
        )
        if checkpoint:
            resume_optimizer(checkpoint, model, optimizer)
            training.step, training.best = step, dict(checkpoint.state["best"])
        return training

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
        mine = range(ours.rank, len(parts), ours.count)
        batches = [
            (number, self.task.batch(self.examples, parts[number], epoch, ours.device))
            for number in mine
        ]
        labels = ours.total(sum(batch.labelled for _, batch in batches))
        loss = 0.0
        for number, batch in batches:
            torch.manual_seed(random_seed(settings.seed, self.step, number))  # for dropout
            with computing(settings.precision, ours.device):
                part = self.task.loss(self.model, batch) / max(labels, 1)
            part.backward()  # type: ignore[no-untyped-call]
            loss += float(part.detach())
        loss = ours.total(loss)
        self._refuse_infinite(loss, indices)
        ours.add_up_gradients(self.optimizer.param_groups)
        rate = float(self.optimizer.get_lr()[0])
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        if self.monitor:
            self.monitor.step(
                self.step,
                epoch + 1,
                loss=loss,
                rate=rate,
                tokens=int(self.examples.lengths[indices].sum()),
                seconds=time.monotonic() - began,
            )

    def _refuse_infinite(self, loss: float, indices: Indices) -> None:
        if not math.isfinite(loss):
            places = ", ".join(self.examples.names[index] for index in indices[:_SHOWN].tolist())
            raise ValueError(
                f"the loss of step {self.step + 1} is {loss}; its {len(indices)} examples begin "
                f"with {places}; choose a smaller --learning-rate, with --restart"
            )

    def _end_epoch(self, epoch: int) -> None:
        """Evaluate, and save a checkpoint that says which epoch was the best so far."""
        found = None
        if self.validation is not None:
            found = evaluation(self.task, self.model, self.validation, self.processes)
            if not self.best or self._rank(found.metrics) > self._rank(self.best["metrics"]):
                self.best = {"step": self.step, "metrics": found.metrics, "table": found.table}
        if self.monitor:
            self.monitor.epoch(self.step, epoch + 1, found)
        self._save()

    def _rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        """A key by which evaluations are compared: the task's metric, then the loss."""
        sign = -1 if self.task.smaller_is_better else 1
        return sign * metrics[self.task.metric], -metrics["loss"]

    def _save(self) -> None:
        if self.processes.is_first:
            state = {"step": self.step, "best": self.best}
            write_checkpoint(self.output.checkpoints, self.model, self.optimizer, state)
            remove_old_checkpoints(self.output.checkpoints, self.best.get("step"))
        self.saved_at = time.monotonic()

    def _finish(self) -> None:
        """Write the model of the best epoch, or of the last one if none was evaluated."""
        if self.processes.is_first:
            step = self.best.get("step", self.step)
            if step != self.step:
                best = checkpoint_of(self.output.checkpoints, step)
                self.model = self.task.load_model(str(best.folder), self.tokenizer.family)
            found = Evaluation(self.best.get("metrics", {}), self.best.get("table", []))
            trained = Trained(self.task, self.model, self.tokenizer, self.sizes, found, step)
            texts = texts_about(trained, self.output)
            self.output.finish(self.model, self.tokenizer, texts, {"step": step, **found.metrics})
        self.processes.total(0)  # wait for the first


def optimizer_of(settings: Settings, model: nn.Module, steps: int) -> ScheduledAdam:
    """Return the optimizer of all parameters that are trained; biases and scales do not decay."""
    trained = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [
        {"params": [p for _, p in trained if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for _, p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    options: dict[str, Any] = {"bias_correction": settings.bias_correction}
    kind: type[ScheduledAdam] = BertAdam
    if settings.optimizer == "openai":
        kind, options = OpenAIAdam, {}
    return kind(
        groups,
        lr=settings.learning_rate,
        schedule=settings.schedule,
        warmup=settings.warmup,
        t_total=steps,
        max_grad_norm=settings.max_grad_norm,
        global_clip=True,
        **options,
    )


def longest_input(settings: Settings, model: PreTrainedModel) -> int:
    """Return how many tokens an input may have.

    Raises:
        ValueError: if the settings ask for more than the model takes.
    """
    most = getattr(model.config, "max_position_embeddings", None)  # Transformer-XL has no limit
    if most is not None and settings.max_length > most:
        raise ValueError(
            f"max_length={settings.max_length} is more than the {most} tokens that "
            f"{settings.model!r} takes; give at most that"
        )
    usual = TASKS[settings.task].usual_length
    return settings.max_length or min(most or usual, usual)


def _freeze_unused(model: PreTrainedModel) -> None:
    """Leave out the parameters that the loss does not train, such as an unused pooler."""
    trained = {id(parameter) for _, parameter in model.trained_parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in trained)


def _gpus(processes: Processes) -> Iterable[int]:
    """The GPUs whose generators are used, and get their state back."""
    return [] if processes.device.type == "cpu" else [processes.device.index or 0]
