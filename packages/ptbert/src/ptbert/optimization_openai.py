"""OpenAIAdam and its schedules under the names of 2019, and all that ``import *`` gave."""

import logging
import math

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.optimizer import Optimizer, required

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

logger = logging.getLogger("ptbert_optim")

__all__ = [
    "SCHEDULES",
    "OpenAIAdam",
    "Optimizer",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
    "clip_grad_norm_",
    "logger",
    "logging",
    "math",
    "required",
    "torch",
    "warmup_constant",
    "warmup_cosine",
    "warmup_linear",
]
