"""Weights, gradients and averages in parts: each process has one, and lends it while it is needed.

Source:
    Rajbhandari et al. 2020, "ZeRO", arXiv:1910.02054; PyTorch's ``fully_shard``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from ptbert.training.processes import Processes
from ptbert_models.parts.initialization import NoInitialization
from ptbert_models.pretrained import PreTrainedModel


def shard(model: PreTrainedModel, processes: Processes) -> None:
    """Divide a model among the processes, layer by layer; alone nothing is divided.

    Gradients are then summed by PyTorch, in the backward pass.

    Raises:
        ValueError: if the installed PyTorch cannot sum gradients exactly.
    """
    if processes.count == 1:
        return
    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise ValueError(f"shard needs a newer PyTorch than {torch.__version__}; update it")
    mesh = init_device_mesh(processes.device.type, (processes.count,))
    for part in (*_layers(model), model):
        module: Any = fully_shard(part, mesh=mesh, reshard_after_forward=True)
        module.set_gradient_divide_factor(1.0)  # the loss is divided by the labels of all
        module.set_force_sum_reduction_for_comms(True)


def is_sharded(model: nn.Module) -> bool:
    """Whether a model was divided."""
    return isinstance(model, FSDPModule)


def with_whole_weights(model: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of a model that uses parts of it, and not its ``forward``.

    While it runs, the weights of the model are there as in ``forward``, also if it was divided.

    Args:
        model: the first argument of the function.
        function: has a name of its own.
        *arguments: further ones.
    """
    if not is_sharded(model):
        return function(model, *arguments)
    name = f"_{function.__name__}_with_whole_weights"
    if not hasattr(model, name):
        setattr(model, name, MethodType(function, model))
        register_fsdp_forward_method(model, name)
    return getattr(model, name)(*arguments)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor of which each process may have a part, on the CPU; all must call this."""
    full: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
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
    if not isinstance(parameter, DTensor):
        return tensor
    place = parameter.device_mesh, parameter.placements
    return distribute_tensor(tensor.to(parameter.device), *place, src_data_rank=None)


def _layers(model: PreTrainedModel) -> list[nn.Module]:
    """The layers of a model; none if they share weights with each other or with the rest."""
    bare = getattr(model, model.base_model_prefix, model)
    found: list[nn.Module] = []
    for path in model.kept_sizes.values():
        with suppress(AttributeError):  # of another class of the family
            value = attrgetter(path)(bare)
            found += value if isinstance(value, nn.ModuleList) else []
    uses = Counter(id(each) for part in model.modules() for each in part.parameters(recurse=False))
    shared = any(uses[id(each)] > 1 for layer in found for each in layer.parameters())
    return [] if shared else found
