"""Which parameters of a model its loss trains, for tools that expect a gradient for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from torch import Tensor, nn


class Training(nn.Module):
    """A model that knows which of its parameters take part in its loss.

    Classes of modules say so in ``untrained``: the beginnings of the names, inside of a module, of
    parameters that its ``forward`` gives no gradient.
    """

    _left_out: Sequence[str] | None = None  # as the caller said

    def trained_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield names and parameters that get a gradient from the loss of this class.

        Some classes have the pooler of 2019's files, which their loss does not read.

        Example:
            >>> from ptbert_models import BertConfig, BertForMaskedLM
            >>> config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
            >>> model = BertForMaskedLM(config)
            >>> trained = dict(model.trained_parameters())
            >>> [name for name, _ in model.named_parameters() if name not in trained]
            ['bert.pooler.dense.weight', 'bert.pooler.dense.bias']
        """
        untrained = set(untrained_names(self))
        for name, parameter in self.named_parameters():
            if name not in untrained:
                yield name, parameter

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether gradients need computations a second time; the name of later libraries."""
        return bool(getattr(self, "gradient_checkpointing", False))

    @property
    def _ddp_params_and_buffers_to_ignore(self) -> Sequence[str]:
        """Names that ``DistributedDataParallel`` leaves out; it reads this when it is made.

        Without this it waits for gradients that never come. Should one come nevertheless, from a
        program's own use of such a parameter, that is an error: it would not be shared.
        """
        if self._left_out is not None:
            return self._left_out
        names = untrained_names(self)
        for name, parameter in self.named_parameters():
            if name in names and parameter.requires_grad:
                refuse = partial(_refuse_gradient, name, type(self).__name__)
                parameter.register_post_accumulate_grad_hook(refuse)  # type: ignore[no-untyped-call]
        return names

    @_ddp_params_and_buffers_to_ignore.setter
    def _ddp_params_and_buffers_to_ignore(self, names: Sequence[str]) -> None:
        self._left_out = names


def untrained_names(model: nn.Module) -> list[str]:
    """Return the names of the parameters that take no part in the loss of a model.

    What a program changed may read them, so a module with another ``forward`` has none.
    """
    found = []
    for prefix, module in model.named_modules():
        beginnings: tuple[str, ...] = getattr(type(module), "untrained", ())
        if beginnings and _runs_as_shipped(module):
            found += [
                f"{prefix}.{name}".lstrip(".")
                for name, _ in module.named_parameters()
                if name.startswith(beginnings)
            ]
    return found


def _runs_as_shipped(module: nn.Module) -> bool:
    forward = type(module).forward
    return "forward" not in vars(module) and forward.__module__.startswith(f"{__package__}.")


def _refuse_gradient(name: str, model_name: str, parameter: Tensor) -> None:
    raise RuntimeError(
        f"{name} got a gradient. The loss of {model_name} gives it none, so "
        "DistributedDataParallel was told to leave it out, and processes do not share this "
        "gradient. Set model._ddp_params_and_buffers_to_ignore = [] before wrapping the model"
    )
