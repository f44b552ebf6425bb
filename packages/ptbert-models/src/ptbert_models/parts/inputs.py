"""Checking the inputs of models, and leaving out arguments that are None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._C import _len_torch_dispatch_stack
from torch._C._functorch import peek_interpreter_stack

_ORDINARY = frozenset((Tensor, nn.Parameter))
_INTEGERS = frozenset((torch.int64, torch.int32))


def is_recorded() -> bool:
    """Whether the calls of a model are only recorded: compiled, exported or traced.

    Then only shapes are known, and no step may depend on values.
    """
    return is_compiled() or is_traced()


def is_compiled() -> bool:
    """Whether this thread records calls for ``torch.compile`` or ``torch.export``.

    PyTorch's ``is_compiling`` is also true for all other threads meanwhile. An export without
    Dynamo runs the calls in a dispatch mode, which only its own thread has.
    """
    compiler = torch.compiler
    return compiler.is_compiling() and (compiler.is_dynamo_compiling() or is_transformed())


def is_traced() -> bool:
    """Whether ``torch.jit.trace`` records the calls; then not even shapes can be compared."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


def is_transformed() -> bool:
    """Whether operations do something else than usual.

    In the transforms of ``torch.func``, such as ``vmap``, and in dispatch modes, such as that of
    fake tensors.
    """
    return peek_interpreter_stack() is not None or _len_torch_dispatch_stack() > 0


def values_are_known(*tensors: Tensor) -> bool:
    """Whether the values of tensors can be read, and steps and shapes may depend on them.

    Example:
        >>> values_are_known(torch.zeros(2)), values_are_known(torch.zeros(2, device="meta"))
        (True, False)
        >>> torch.func.vmap(lambda x: x * values_are_known(x))(torch.ones(2))
        tensor([0., 0.])
    """
    if is_recorded() or is_transformed():
        return False
    return all(type(tensor) in _ORDINARY and not tensor.is_meta for tensor in tensors)


def check_tensor(name: str, value: object) -> None:
    """Raise ``TypeError`` for an argument that is no tensor, such as a list or a NumPy array.

    A sparse tensor is refused too.
    """
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} is of type {type(value).__name__}; give a tensor, such as "
            f"torch.as_tensor({name})"
        )
    if value.layout is not torch.strided:
        raise TypeError(
            f"{name} is a tensor of the layout {str(value.layout).removeprefix('torch.')}; give a "
            f"dense one, such as {name}.to_dense()"
        )


def tokens_given(
    input_ids: Tensor | None, inputs_embeds: Tensor | None, *, batched: bool = True
) -> Tensor:
    """Check that a model is given either ids or the embeddings of tokens.

    Args:
        input_ids: integers, or None.
        inputs_embeds: floating-point vectors, one for each token, or None.
        batched: whether they must have two dimensions, and three.

    Returns:
        A tensor with one number for each token: the ids, or the first number of each vector.

    Raises:
        TypeError: if neither is a tensor.
        ValueError: if both are given, or the vectors are no floating-point numbers.

    Example:
        >>> tokens_given(None, torch.zeros(2, 3, 8)).shape
        torch.Size([2, 3])
        >>> tokens_given(torch.tensor([[1]]), torch.zeros(1, 1, 8))
        Traceback (most recent call last):
        ...
        ValueError: input_ids and inputs_embeds are both given; vectors stand for ids, so give one
    """
    if inputs_embeds is None:
        if input_ids is None:
            raise TypeError(
                "input_ids is of type NoneType; give a tensor of ids, or give inputs_embeds"
            )
        if batched:
            check_batch("input_ids", input_ids)
        else:
            check_tensor("input_ids", input_ids)
            check_length("input_ids", input_ids.shape)
        return input_ids
    if input_ids is not None:
        raise ValueError(
            "input_ids and inputs_embeds are both given; vectors stand for ids, so give one"
        )
    check_tensor("inputs_embeds", inputs_embeds)
    wrong = inputs_embeds.dim() != 3 if batched else inputs_embeds.dim() < 2
    if wrong or not inputs_embeds.is_floating_point():
        raise ValueError(
            f"inputs_embeds is of type {inputs_embeds.dtype} and has shape "
            f"{tuple(inputs_embeds.shape)}; give one floating-point vector for each token: "
            "(batch, length, width)"
        )
    tokens = inputs_embeds[..., 0]
    check_length("inputs_embeds", tokens.shape)
    return tokens


def check_length(name: str, shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` for texts of no tokens; a batch of no texts is allowed.

    Example:
        >>> check_length("input_ids", (2, 0))
        Traceback (most recent call last):
        ...
        ValueError: input_ids has shape (2, 0); give at least one token for each text
    """
    if not is_recorded() and shape and not shape[-1]:
        raise ValueError(f"{name} has shape {tuple(shape)}; give at least one token for each text")


def check_integers(name: str, ids: Tensor, what: str = "integers") -> None:
    """Raise ``ValueError`` for ids that are no integers of a type that embeddings take."""
    if ids.dtype not in _INTEGERS:
        raise ValueError(f"{name} is of type {ids.dtype}; give {what}, such as {name}.long()")


class Ids(NamedTuple):
    """Ids that are to be looked up in a table.

    Args:
        ids: integers of any shape.
        limit: number of rows.
        name: name of the argument, for the message.
        remedy: what to do about a wrong one, for the message.
    """

    ids: Tensor
    limit: int
    name: str
    remedy: str


def check_ids(*checked: Ids, counted: Sequence[Tensor] = ()) -> list[int]:
    """Raise an error for ids that are no numbers of rows, or that an embedding has no row for.

    No values are checked where they are not known. On an accelerator the check waits for the
    device. Without it a wrong id would make the device unusable for the rest of the process. So
    everything is read at once, and what else must be read for a call can be given too.

    Args:
        *checked: what is checked, all on one device.
        counted: tensors of True and False, on that device too; only where values are known.

    Returns:
        How many are True in each of ``counted``.

    Raises:
        TypeError: if ids are no tensor.
        ValueError: if they are no integers, or an id is negative or not below the limit.

    Example:
        >>> check_ids(Ids(torch.tensor([0, 9]), 5, "input_ids", "use its tokenizer"))
        Traceback (most recent call last):
        ...
        ValueError: input_ids holds 9, and this model takes 0 to 4; use its tokenizer
    """
    for ids, _, name, _ in checked:
        check_tensor(name, ids)
        check_integers(name, ids)
    known = [each for each in checked if values_are_known(each.ids) and each.ids.numel()]
    extremes = [extreme for each in known for extreme in torch.aminmax(each.ids)]
    numbers = read_together(*extremes, *(each.sum() for each in counted))
    for (_, limit, name, remedy), lowest, highest in zip(
        known, numbers[: 2 * len(known) : 2], numbers[1 : 2 * len(known) : 2], strict=True
    ):
        if lowest < 0 or highest >= limit:
            wrong = lowest if lowest < 0 else highest
            raise ValueError(
                f"{name} holds {wrong}, and this model takes 0 to {limit - 1}; {remedy}"
            )
    return numbers[2 * len(known) :]


def read_together(*numbers: Tensor) -> list[int]:
    """Read integers from a device, and wait for it only once.

    Example:
        >>> read_together(torch.tensor(3), torch.tensor(True))
        [3, 1]
    """
    if not numbers:
        return []
    if numbers[0].is_cpu or len({number.device for number in numbers}) > 1:  # a CPU does not wait
        return [int(number) for number in numbers]
    read: list[int] = torch.stack([number.long() for number in numbers]).tolist()
    return read


def places_of(chosen: Tensor, number: int) -> Tensor:
    """Return where a tensor (N,) is True, in ascending order, without waiting for the device.

    Args:
        chosen: (N,) of True and False.
        number: how many are True.

    Returns:
        (number,).

    Example:
        >>> places_of(torch.tensor([False, True, True]), 2)
        tensor([1, 2])
    """
    if chosen.is_cpu:
        return chosen.nonzero()[:, 0]
    return chosen.logical_not().byte().argsort(stable=True)[:number]


def check_batch(name: str, ids: object) -> None:
    """Raise an error if ids are no tensor of one row for each text.

    Example:
        >>> check_batch("input_ids", torch.tensor([1, 2]))
        Traceback (most recent call last):
        ...
        ValueError: input_ids has shape (2,); give one row for each text: (batch, length)
    """
    check_tensor(name, ids)
    if not isinstance(ids, Tensor):
        return
    if ids.dim() != 2:
        raise ValueError(
            f"{name} has shape {tuple(ids.shape)}; give one row for each text: (batch, length)"
        )
    check_length(name, ids.shape)


def check_fits(name: str, ids: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` if ids cannot stand beside those of a batch.

    As in 2019, one row may stand for all texts, and one id for a whole text.

    Example:
        >>> check_fits("token_type_ids", torch.zeros(3), (2, 3))
        >>> check_fits("token_type_ids", torch.zeros(2, 4), (2, 3))
        Traceback (most recent call last):
        ...
        ValueError: token_type_ids has shape (2, 4) and the batch (2, 3); give one for each token
    """
    sizes = tuple(ids.shape)
    wanted = shape[len(shape) - len(sizes) :]
    if len(sizes) > len(shape) or any(
        have not in (1, want) for have, want in zip(sizes, wanted, strict=True)
    ):
        raise ValueError(
            f"{name} has shape {sizes} and the batch {tuple(shape)}; give one for each token"
        )


def flat_texts(name: str, tensor: Any) -> Any:
    """Join all dimensions but the last: (B, C, L) → (B * C, L); None stays None.

    Example:
        >>> flat_texts("input_ids", torch.zeros(2, 3, 5)).shape
        torch.Size([6, 5])
    """
    if tensor is None:
        return None
    check_tensor(name, tensor)
    return tensor.flatten(0, -2) if tensor.dim() > 2 else tensor


def flat_mask_of_choices(attention_mask: Tensor | None) -> Tensor | None:
    """Join the questions and choices of a mask: (B, C, L) → (B * C, L), or both with queries.

    Example:
        >>> flat_mask_of_choices(torch.ones(2, 3, 5, 5)).shape
        torch.Size([6, 5, 5])
    """
    if isinstance(attention_mask, Tensor) and attention_mask.dim() == 4:
        return attention_mask.flatten(0, 1)
    return flat_texts("attention_mask", attention_mask)


def check_mask(
    attention_mask: Tensor, shape: tuple[int, ...], *, queries: int | None = None
) -> None:
    """Raise an error if a mask does not say for each token of a batch whether it is real.

    Args:
        attention_mask: (B, K), or (1, K) for the same in all texts; or one row for each of the
            tokens that look, (B, Q, K) or (1, Q, K).
        shape: (B, K), where K is the number of tokens that can be seen.
        queries: Q; all K when None.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if it has another shape, or values as a mask that is to be added to scores.

    Example:
        >>> check_mask(torch.ones(2, 3), (2, 4))
        Traceback (most recent call last):
        ...
        ValueError: attention_mask has shape (2, 3) and the batch (2, 4); give 1 or 0 for each token
    """
    check_tensor("attention_mask", attention_mask)
    if is_traced():
        return
    batch, keys = shape
    rows = keys if queries is None else queries
    if tuple(attention_mask.shape) not in (
        (batch, keys),
        (1, keys),
        (batch, rows, keys),
        (1, rows, keys),
    ):
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)} and the batch "
            f"{tuple(shape)}; give 1 or 0 for each token"
        )
    check_mask_values(attention_mask)


def check_mask_values(attention_mask: Tensor) -> None:
    """Raise ``ValueError`` for a mask that is to be added to scores, or with values like NaN.

    Such a mask has negative values and none above 0. Other values than 0 and 1 are computed with,
    as in 2019. On an accelerator no values are read.
    """
    if attention_mask.dtype is torch.bool or not attention_mask.is_cpu:
        return
    if not values_are_known(attention_mask) or not attention_mask.numel():
        return
    lowest, highest = (extreme.item() for extreme in torch.aminmax(attention_mask))
    if not (math.isfinite(lowest) and math.isfinite(highest)) or (lowest < 0 and highest <= 0):
        raise ValueError(
            f"attention_mask holds numbers from {lowest} to {highest}; give 1 for a real token and "
            "0 for padding, and no numbers that are added to scores"
        )


def without_none(**arguments: Any) -> dict[str, Any]:
    """Leave out arguments that are None, because a program's own parts may not accept them.

    Example:
        >>> without_none(head_mask=None, attention_bias=1)
        {'attention_bias': 1}
    """
    return {name: value for name, value in arguments.items() if value is not None}
