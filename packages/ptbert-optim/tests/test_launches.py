"""On an accelerator a step is few calls, and none of them waits for the device.

Tensors on the device "meta" stand for those of a GPU: they take the way of all that are not on a
CPU, have no values, and raise an error where one is read.
"""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ptbert_optim import BertAdam, OpenAIAdam, fused

# Of BERT-base, with 2 layers: what counts is the number of tensors.
VECTOR, SQUARE, WIDE, HIGH = (768,), (768, 768), (3072, 768), (768, 3072)
LAYER = [SQUARE, VECTOR] * 4 + [VECTOR] * 2 + [WIDE, (3072,), HIGH, VECTOR] + [VECTOR] * 2
SHAPES = [(30522, 768), (512, 768), (2, 768), VECTOR, VECTOR, *LAYER * 12, SQUARE, VECTOR]
# They start nothing on the device: memory is reserved, or seen in another form.
STARTS_NOTHING = {"empty_like", "unbind", "view", "split", "detach", "alias", "empty", "lift_fresh"}
STARTS_NOTHING |= {"_record_function_enter_new", "_record_function_exit"}  # for profilers


class Calls(TorchDispatchMode):
    """Counts the operations that start something on the device."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        if name not in STARTS_NOTHING:
            self.counts[name] += 1
        if name == "_fused_adamw_":  # returns nothing, and PyTorch has none for this device
            return None
        return operation(*args, **(kwargs or {}))


def calls_of_a_step(optimizer_class, dtype, **options):
    """Count the calls of a step, after one that makes the state."""
    params = [nn.Parameter(torch.empty(s, dtype=dtype, device="meta")) for s in SHAPES]
    for param in params:
        param.grad = torch.empty_like(param)
    optimizer = optimizer_class(params, lr=0.1, warmup=0.1, t_total=100, **options)
    with Calls():
        optimizer.step()
    with Calls() as calls:
        optimizer.step()
    return calls.counts


@pytest.fixture(autouse=True)
def kernel_of_a_gpu(monkeypatch):
    monkeypatch.setattr(fused, "kernel_works", lambda device, dtype: True)


def test_these_are_the_tensors_of_bert_base():
    assert len(SHAPES) == 199
    assert sum(torch.Size(shape).numel() for shape in SHAPES) == 109_482_240


both = pytest.mark.parametrize("optimizer_class", [BertAdam, OpenAIAdam])
every_clipping = pytest.mark.parametrize(
    "clipping",
    [{"max_grad_norm": -1}, {"max_grad_norm": 1.0}, {"max_grad_norm": 1.0, "global_clip": True}],
    ids=["none", "single", "global"],
)


def kernels(optimizer_class):
    """How many calls of the kernel a step is: OpenAIAdam's vectors do not decay."""
    return 2 if optimizer_class is OpenAIAdam else 1


@both
@every_clipping
def test_a_step_of_199_tensors_is_at_most_20_calls(optimizer_class, clipping):
    counts = calls_of_a_step(optimizer_class, torch.float32, weight_decay=0.01, **clipping)

    assert counts["_fused_adamw_"] == kernels(optimizer_class)
    assert counts.total() <= 20 * kernels(optimizer_class)


@both
@every_clipping
def test_the_rate_of_a_capturable_step_is_computed_once(optimizer_class, clipping):
    counts = calls_of_a_step(
        optimizer_class, torch.float32, weight_decay=0.01, **clipping, capturable=True
    )

    assert counts["take"] == counts["_fused_adamw_"] == kernels(optimizer_class)
    assert counts.total() <= 40 * kernels(optimizer_class)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_updated_a_batch_of_tensors_at_a_time(dtype):
    counts = calls_of_a_step(BertAdam, dtype, max_grad_norm=1.0)

    elements = sum(torch.Size(shape).numel() for shape in SHAPES)
    assert counts["_fused_adamw_"] <= 2 * elements / fused.CHUNK_ELSEWHERE
    assert counts.total() <= 20 + 6 * counts["_fused_adamw_"]
