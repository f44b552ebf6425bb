"""BertAdam and its schedules under the names of 2019, and all that ``import *`` gave."""

import abc
import logging
import math
import sys
from abc import ABC

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.optimizer import Optimizer, required

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

logger = logging.getLogger("ptbert_optim")

__all__ = [
    "ABC",
    "SCHEDULES",
    "BertAdam",
    "ConstantLR",
    "Optimizer",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
    "abc",
    "clip_grad_norm_",
    "logger",
    "logging",
    "math",
    "required",
    "sys",
    "torch",
    "warmup_constant",
    "warmup_cosine",
    "warmup_linear",
]
