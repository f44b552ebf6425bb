"""Weights, gradients and averages in parts: each process has one, and lends it while it is needed.

Source:
    Rajbhandari et al. 2020, "ZeRO", arXiv:1910.02054; PyTorch's ``fully_shard``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from types import MethodType
from typing import Any, cast

import torch
from torch import Tensor, nn

from ptbert.training.processes import Processes
from ptbert_models.parts.initialization import NoInitialization
from ptbert_models.pretrained import PreTrainedModel


def shard(model: PreTrainedModel, processes: Processes) -> None:
    """Divide a model among the processes, layer by layer; alone nothing is divided.

    Gradients are then summed by PyTorch, in the backward pass.

    Raises:
        ValueError: for a Transformer-XL, which is run several times in a step: no test has shown
            that it can be divided; or if the installed PyTorch cannot sum gradients exactly.
    """
    if processes.count == 1:
        return
    if model.family == "transfo_xl":
        raise ValueError("a Transformer-XL cannot be divided among processes; leave out --shard")
    # Imported here: it loads PyTorch's compiler, for which other trainings need not wait.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method

    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise ValueError(f"shard needs a newer PyTorch than {torch.__version__}; update it")
    mesh = init_device_mesh(processes.device.type, (processes.count,))
    for part in (*_layers(model), model):
        # A task may use heads after the model's forward, so what is in no layer stays until then.
        module: Any = fully_shard(part, mesh=mesh, reshard_after_forward=part is not model)
        module.set_gradient_divide_factor(1.0)  # the loss is divided by the labels of all
        module.set_force_sum_reduction_for_comms(True)
    computed: Any = MethodType(_computed, model)
    model._computed = computed  # noqa: SLF001  # a method of this object alone
    register_fsdp_forward_method(model, "_computed")


def compute(function: Callable[..., Tensor], model: PreTrainedModel, *inputs: Any) -> Tensor:
    """Return a function of a model and inputs; it may call any parts of one that was divided."""
    if not is_sharded(model):
        return function(model, *inputs)
    of_parts: Any = model
    result: Tensor = of_parts._computed(function, *inputs)  # noqa: SLF001
    return result


def _computed(model: PreTrainedModel, function: Callable[..., Tensor], *inputs: Any) -> Tensor:
    return function(model, *inputs)


def is_sharded(model: nn.Module) -> bool:
    """Whether a model was divided."""
    fsdp = sys.modules.get("torch.distributed.fsdp")  # without it nothing was divided
    return fsdp is not None and isinstance(model, fsdp.FSDPModule)


def is_part(tensor: Tensor) -> bool:
    """Whether each process has only a part of a tensor."""
    tensors = sys.modules.get("torch.distributed.tensor")
    return tensors is not None and isinstance(tensor, tensors.DTensor)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor of which each process may have a part, on the CPU; all must call this."""
    full: Tensor = cast(Any, tensor).full_tensor() if is_part(tensor) else tensor
    return full.cpu()


def whole_model(model: PreTrainedModel, kind: type[PreTrainedModel], **arguments: Any) -> Any:
    """Return a model that is not divided, with the same weights; all processes must call this.

    Args:
        model: one that was divided.
        kind: its class before.
        **arguments: of the constructor.
    """
    state = {name: whole(each) for name, each in model.state_dict().items()}
    with torch.device("meta"), NoInitialization():
        twin = kind.from_config(model.config, **arguments)
    twin.load_state_dict(state, assign=True)
    return twin


def like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return the part of a whole tensor that belongs to a parameter of which there is a part."""
    if not is_part(parameter):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    part = cast(DTensor, parameter)
    place = part.device_mesh, part.placements
    return distribute_tensor(tensor.to(parameter.device), *place, src_data_rank=None)


def _layers(model: PreTrainedModel) -> list[nn.Module]:
    bare = getattr(model, model.base_model_prefix, model)
    found: list[nn.Module] = []
    for path in model.kept_sizes.values():
        with suppress(AttributeError):  # of another class of the family
            value = attrgetter(path)(bare)
            found += value if isinstance(value, nn.ModuleList) else []
    return found
