"""Adaptive softmax under the names of 2019, and all that ``import *`` gave."""

from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ptbert_models.transfo_xl import LogUniformSampler, ProjectedAdaptiveLogSoftmax, sample_logits

__all__ = [
    "F",
    "LogUniformSampler",
    "ProjectedAdaptiveLogSoftmax",
    "defaultdict",
    "nn",
    "np",
    "sample_logits",
    "torch",
]
