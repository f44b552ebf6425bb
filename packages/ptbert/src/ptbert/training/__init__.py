"""Training: from a file of examples to a fine-tuned model, which does not depend on interruptions.

Example:
    >>> from ptbert.training import Settings, evaluate, train
    >>> settings = Settings(task="classify", model="bert-base-uncased", data="train.csv",
    ...                     validation="dev.csv", output="sentiment/")
    >>> result = train(settings)  # doctest: +SKIP
    >>> evaluate("sentiment/", "test.csv").metrics["accuracy"]  # doctest: +SKIP
    0.87
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ptbert.training.settings import Settings

if TYPE_CHECKING:  # the others import torch, which the command line needs only when it trains
    from ptbert.training.evaluation import Evaluation as Evaluation
    from ptbert.training.loop import train as train
    from ptbert.training.results import evaluate as evaluate
    from ptbert.training.results import predict as predict
    from ptbert.training.results import predict_file as predict_file
    from ptbert.training.task import Task as Task

_HOMES = {
    "Evaluation": "evaluation",
    "Task": "task",
    "evaluate": "results",
    "predict": "results",
    "predict_file": "results",
    "train": "loop",
}

__all__ = ["Evaluation", "Settings", "Task", "evaluate", "predict", "predict_file", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
