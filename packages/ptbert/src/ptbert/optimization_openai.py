"""OpenAIAdam and its schedules under the names of 2019."""

from ptbert_optim import (
    SCHEDULES,
    OpenAIAdam,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    _LRSchedule,
    warmup_constant,
    warmup_cosine,
    warmup_linear,
)

__all__ = [
    "SCHEDULES",
    "OpenAIAdam",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
    "warmup_constant",
    "warmup_cosine",
    "warmup_linear",
]
