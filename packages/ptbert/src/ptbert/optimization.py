"""BertAdam and its schedules under the names of 2019."""

from abc import ABC

from ptbert_optim import (
    SCHEDULES,
    BertAdam,
    ConstantLR,
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
    "ABC",
    "SCHEDULES",
    "BertAdam",
    "ConstantLR",
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
