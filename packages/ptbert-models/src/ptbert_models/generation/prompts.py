"""Prompts: a tensor of ids or a batch of a tokenizer, and the padding on its left.

Letters: B batch, L prompt length.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_models.parts.inputs import check_integers, check_tensor

logger = logging.getLogger(__name__)


class Prompts(NamedTuple):
    """The beginnings of texts.

    Args:
        ids: (B, L).
        attention_mask: (B, L), 0 for padding on the left; no padding when None.
    """

    ids: Tensor
    attention_mask: Tensor | None

    def padding(self, repeats: int = 1) -> Tensor | None:
        """How many tokens on the left of each prompt are padding, (B,); None where none are.

        Args:
            repeats: how often each number is repeated.
        """
        if self.attention_mask is None:
            return None
        return (self.attention_mask == 0).sum(1).repeat_interleave(repeats)


def read_prompts(
    model: Any,
    ids: Tensor | Mapping[str, Any],
    attention_mask: Tensor | None,
) -> Prompts:
    """Check the prompts that ``generate`` is given.

    Args:
        model: on whose device a batch goes.
        ids: tensor, or batch with arrays ``input_ids`` and ``attention_mask``.
        attention_mask: for a tensor.

    Raises:
        TypeError: if something is no tensor.
        ValueError: if a prompt has no tokens, or padding is not on the left.
    """
    if isinstance(ids, Mapping):
        if attention_mask is not None:
            raise ValueError(
                "attention_mask is given beside a batch, which has its own; give the ids of the "
                "batch alone, or no attention_mask"
            )
        ids, attention_mask = _tensors_of(ids, model)
    _check_ids(ids)
    return Prompts(ids, None if attention_mask is None else _checked_mask(attention_mask, ids))


def _tensors_of(batch: Mapping[str, Any], model: Any) -> tuple[Tensor, Tensor | None]:
    if "input_ids" not in batch:
        raise ValueError(
            f"a batch has no input_ids, only {list(batch)}; give a tensor of ids, or what "
            'encode_batch(texts, padding_side="left") returns'
        )
    device = next((parameter.device for parameter in model.parameters()), None)
    found = (batch.get(name) for name in ("input_ids", "attention_mask"))
    ids, mask = (None if each is None else torch.as_tensor(each, device=device) for each in found)
    assert ids is not None
    return ids, mask


def _check_ids(ids: Tensor) -> None:
    check_tensor("ids", ids)
    if ids.dim() != 2 or not ids.numel():
        raise ValueError(
            f"ids has shape {tuple(ids.shape)}; give at least one token for each text: "
            "(batch, length)"
        )
    check_integers("ids", ids, "token ids, integers")


def warn_if_padded(ids: Tensor, tokens: Collection[int]) -> None:
    """Warn once if some texts, but not all, begin or end with a token that may be padding."""
    for token in tokens if len(ids) > 1 else ():
        for edge in (ids[:, 0], ids[:, -1]):
            padded = int((edge == token).sum())
            if 0 < padded < len(ids):
                warn_of_padding(token)


@cache
def warn_of_padding(token: int) -> None:
    """Say, once in a process for each token, how padding is passed."""
    logger.warning(
        "some of the texts to be continued begin or end with token %d; if that is padding, put it "
        "on the left and pass attention_mask with 0 where it is, or continue the texts one by one",
        token,
    )


def _checked_mask(attention_mask: Tensor, ids: Tensor) -> Tensor | None:
    check_tensor("attention_mask", attention_mask)
    if attention_mask.shape != ids.shape:
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)} and ids has "
            f"{tuple(ids.shape)}; give 1 or 0 for each token"
        )
    real = attention_mask != 0
    empty = (~real.any(1)).nonzero().flatten().tolist()
    if empty:
        raise ValueError(
            f"text {empty[0]} of the batch has no tokens; give each text at least one, such as the "
            "token that begins texts"
        )
    if not bool(real[:, -1].all()) or bool((real[:, :-1] & ~real[:, 1:]).any()):
        raise ValueError(
            "attention_mask hides tokens on the right or between others; put the padding on the "
            'left, as encode_batch(texts, padding_side="left") does, so that every text ends where '
            "its continuation begins"
        )
    return None if bool(real.all()) else real.long()
