"""What a training begins with: model, tokenizer, optimizer and examples, new or as left behind"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import torch

from ptbert.training.checkpoints import (
    Checkpoint,
    checkpoint_of,
    newest_checkpoint,
    resume_optimizer,
)
from ptbert.training.counts import number_of
from ptbert.training.examples import Examples
from ptbert.training.kinds import TASKS
from ptbert.training.order import random_seed
from ptbert.training.output import Output
from ptbert.training.processes import Processes
from ptbert.training.settings import Settings
from ptbert.training.sharding import shard
from ptbert.training.sources import file_digests
from ptbert.training.task import Task, saved_labels
from ptbert_models.bert.bare import BertPreTrainedModel
from ptbert_models.errors import ShapeMismatch
from ptbert_models.pretrained import PreTrainedModel
from ptbert_optim import BertAdam, OpenAIAdam
from ptbert_optim.adam import ScheduledAdam
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

logger = logging.getLogger(__name__)

_SHOWN = 5  # labels in a message


@dataclass
class Prepared:
    """What a training begins with, or goes on with.

    Args:
        task: with the labels in the order of the model's scores.
        model: in training mode, on its device.
        optimizer: of the parameters that are trained.
        tokenizer: of the model.
        examples: of the data.
        validation: those to choose the best epoch by, if there are any.
        sizes: how many examples each file has, by the name of its setting.
        state: what the checkpoint says; nothing if the training begins.
    """

    task: Task
    model: PreTrainedModel
    optimizer: ScheduledAdam
    tokenizer: PreTrainedTokenizer
    examples: Examples
    validation: Examples | None
    sizes: Mapping[str, int]
    state: Mapping[str, Any]


def prepare(settings: Settings, output: Output, processes: Processes) -> Prepared:
    """Read what is needed, and take up the newest checkpoint if there is one."""
    kind = TASKS[settings.task](settings)
    read = kind.read(settings.data)
    task = kind.with_labels_of(read)
    checkpoint = _newest(output, processes)
    if processes.is_first:
        output.keep_tokenizer(lambda: load_tokenizer(settings.model, **output.download))
    processes.total(0)  # wait for the first
    tokenizer = output.tokenizer()
    _refuse_other_files(settings, processes)
    torch.manual_seed(random_seed(settings.seed))
    task, model = _task_and_model(task, tokenizer.family, checkpoint, output, processes)
    if settings.from_nothing:
        _refuse_small_table(settings, model, tokenizer)
    if processes.count > 1:
        processes.refuse_differences("the model", _checksum(model))
    length = longest_input(settings, model)
    examples = task.encode(read, tokenizer, length)
    validation, sizes = None, {"data": task.size(read, examples)}
    if settings.validation:
        known = output.digests()
        if processes.is_first and known.get("validation") == known.get("data"):
            logger.warning(
                "%s is the file of training examples too, so its metrics say nothing about other "
                "texts; give examples that are not trained on",
                settings.validation,
            )
        read = task.read(settings.validation)
        validation = task.encode_for_evaluation(read, tokenizer, length)
        sizes["validation"] = task.size(read, validation)
    for name, each in ((settings.data, examples), (settings.validation, validation)):
        if processes.is_first and each is not None and each.cut:
            logger.warning(
                "%s: texts of more than %d tokens, which were cut: %d of %d",
                name,
                length,
                each.cut,
                len(each),
            )
    if processes.is_first and settings.micro_batches < processes.count:
        logger.warning(
            "a step may have %s only, as when the training began, so some of the %d processes may "
            "have nothing to do",
            number_of(settings.micro_batches, "part"),
            processes.count,
        )
    _make_ready(model, settings, processes)
    steps = settings.epochs * math.ceil(len(examples) / settings.batch_size)
    optimizer = optimizer_of(settings, model, steps)
    if checkpoint:
        resume_optimizer(checkpoint, model, optimizer)
    state = checkpoint.state if checkpoint else {}
    return Prepared(task, model, optimizer, tokenizer, examples, validation, sizes, state)


def longest_input(settings: Settings, model: PreTrainedModel) -> int:
    """Return how many tokens an input may have.

    Raises:
        ValueError: if the settings ask for more than the model takes, or for less than an example
            needs.
    """
    most = getattr(model.config, "max_position_embeddings", None)  # Transformer-XL has no limit
    if most is not None and settings.max_length > most:
        raise ValueError(
            f"max_length={settings.max_length} is more than the {most} tokens that "
            f"{settings.model!r} takes; give at most that"
        )
    task = TASKS[settings.task](settings)
    length: int = settings.max_length or min(most or task.usual_length, task.usual_length)
    least, what = task.smallest_input
    if length < least:
        told = (
            f"max_length={length} leaves"
            if settings.max_length
            else (f"the {length} tokens that {settings.model!r} takes leave")
        )
        advice = f"give at least {least}" if settings.max_length else "give another model"
        raise ValueError(f"{told} no room for {what}; {advice}")
    return length


def learning_rate_of(settings: Settings, model: PreTrainedModel) -> float:
    """Return the largest learning rate: as set, or in inverse proportion to the model's width.

    5e-5 is among the rates of the BERT paper, whose smaller model has a width of 768. A narrow
    model that is trained with Adam needs a larger rate.

    Source:
        Devlin et al. 2018, appendix A.3; Yang et al. 2022, "Tensor Programs V", arXiv:2203.03466.
    """
    return settings.learning_rate or 5e-5 * 768 / int(model.config.hidden_size)


def optimizer_of(settings: Settings, model: PreTrainedModel, steps: int) -> ScheduledAdam:
    """Return the optimizer of all parameters that are trained; biases and scales do not decay.

    It clips no gradients: the loop does that, because it looks at their norm anyway.
    """
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
        lr=learning_rate_of(settings, model),
        schedule=settings.schedule,
        warmup=settings.warmup,
        t_total=steps,
        max_grad_norm=-1,
        **options,
    )


def _refuse_small_table(
    settings: Settings, model: PreTrainedModel, tokenizer: PreTrainedTokenizer
) -> None:
    """Raise if a configuration that somebody wrote has too few tokens for the vocabulary."""
    key = model.config.vocabulary_key
    rows = int(getattr(model.config, key)) + int(getattr(model.config, "n_special", 0))
    tokens = max(tokenizer.vocabulary.values()) + 1
    if tokens > rows:
        raise ValueError(
            f"the vocabulary of {settings.model!r} has {tokens} tokens, and its configuration has "
            f"{key}={rows}; give it {tokens}"
        )


def _refuse_other_files(settings: Settings, processes: Processes) -> None:
    """Raise if the machines of the processes have different files of examples."""
    if processes.count > 1:
        digests = json.dumps(file_digests(settings), sort_keys=True)
        processes.refuse_differences("what is in the files of examples", crc32(digests.encode()))


def _checksum(model: PreTrainedModel) -> int:
    """A number that tells the weights of a model."""
    found = 0
    for each in model.parameters():
        found = crc32(each.detach().cpu().flatten().view(torch.uint8).numpy().data, found)
    return found


def _newest(output: Output, processes: Processes) -> Checkpoint | None:
    """The newest checkpoint that is complete, for all processes the same."""
    newest = newest_checkpoint(output.checkpoints) if processes.is_first else None
    step = processes.from_first(newest.step if newest else 0)
    return newest or (checkpoint_of(output.checkpoints, step) if step else None)


def _task_and_model(
    task: Task, family: str, checkpoint: Checkpoint | None, output: Output, processes: Processes
) -> tuple[Task, PreTrainedModel]:
    """The model of a checkpoint or of the settings, and the task with its order of labels."""
    settings = task.settings
    source, how = settings.model, output.download
    if checkpoint:
        source, how = str(checkpoint.folder), {}
    elif settings.from_nothing:
        return task, task.new_model(source, family, **how)
    known = _labels_of_model(task, source, family, how)
    are_others = bool(known and task.labels) and sorted(known) != sorted(task.labels)
    if known and not are_others:
        task = type(task)(settings, known)
    if settings.shard and checkpoint:
        how = {"memory_map": True}  # every process reads it, and keeps its part
    model = _with_fitting_head(task, source, family, how)
    if are_others and len(known) == len(task.labels):  # else that was told, and the head is new
        model.get_submodule("classifier").apply(model.init_weights)
        if processes.is_first:
            logger.warning(
                "the labels of %s are %s, and those of the data are %s, so the classifier begins "
                "anew",
                source,
                _some(known),
                _some(task.labels),
            )
    return task, model


def _labels_of_model(
    task: Task, source: str, family: str, download: Mapping[str, Any]
) -> Sequence[str]:
    """The names of a model's labels, in the order of its scores; none if they are not known."""
    if not task.has_labels or not task.labels:
        return []
    config = task.model_class(family).config_class.from_pretrained(source, **download)
    names = getattr(config, "id2label", None)
    return saved_labels({"id2label": names}, source) if names else []


def _with_fitting_head(
    task: Task, source: str, family: str, how: Mapping[str, Any]
) -> PreTrainedModel:
    """Load a model; a head for another number of labels is left out, and nothing else is."""
    try:
        return task.load_model(source, family, **how)
    except ShapeMismatch:
        if not task.has_labels:
            raise
        model = task.load_model(source, family, **how, ignore_mismatched_sizes=True)
        type(getattr(model, model.base_model_prefix)).from_pretrained(source, **how)  # or raises
        return model


def _make_ready(model: PreTrainedModel, settings: Settings, processes: Processes) -> None:
    model.to(processes.device).train()
    model.gradient_checkpointing = settings.gradient_checkpointing
    if isinstance(model, BertPreTrainedModel):
        model.leave_out_padding = True
    trained = {id(parameter) for _, parameter in model.trained_parameters()}
    for parameter in model.parameters():  # without those that the loss does not read
        parameter.requires_grad_(id(parameter) in trained)
    if settings.shard:
        shard(model, processes)


def _some(labels: Sequence[str]) -> str:
    return ", ".join([*labels[:_SHOWN], *(["..."] if len(labels) > _SHOWN else [])])
