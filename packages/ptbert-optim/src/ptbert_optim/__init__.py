"""BertAdam, OpenAIAdam and their learning rate schedules for PyTorch."""

from ptbert_optim.bert_adam import BertAdam
from ptbert_optim.curves import (
    warmup_constant,
    warmup_cosine,
    warmup_cosine_hard_restarts,
    warmup_cosine_warmup_restarts,
    warmup_cosine_waves,
    warmup_linear,
    warmup_linear_decay,
)
from ptbert_optim.openai_adam import OpenAIAdam
from ptbert_optim.schedules import (
    SCHEDULES,
    ConstantLR,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    _LRSchedule,
)

__all__ = [
    "SCHEDULES",
    "BertAdam",
    "ConstantLR",
    "OpenAIAdam",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
    "__version__",
    "warmup_constant",
    "warmup_cosine",
    "warmup_cosine_hard_restarts",
    "warmup_cosine_warmup_restarts",
    "warmup_cosine_waves",
    "warmup_linear",
    "warmup_linear_decay",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-optim")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
