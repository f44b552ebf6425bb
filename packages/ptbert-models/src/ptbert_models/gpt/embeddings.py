"""The embeddings of a GPT: adding them, counting positions, and room for special tokens.

Letters: B batch, L sequence length, T tokens of past and input together, E model width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ptbert_models.parts.inputs import check_mask, check_tensor, flat_texts
from ptbert_models.parts.tables import check_rows, rows_of

_REMEDY = "use the tokenizer of this model, and set_num_special_tokens for special tokens"


def embedded(
    tokens: nn.Module,
    positions: nn.Module,
    input_ids: Tensor,
    position_ids: Tensor,
    token_type_ids: Tensor | None,
) -> Tensor:
    """Add the embeddings of tokens, positions and token types.

    Args:
        tokens: embedding of tokens, special tokens and token types.
        positions: embedding of positions.
        input_ids: (B, L).
        position_ids: (B, L), see ``chosen_positions``.
        token_type_ids: (B, L), tokens whose embeddings are added; none when None.

    Returns:
        (B, L, E).

    Raises:
        ValueError: if an id is outside its table.
    """
    check_rows(input_ids, tokens, name="input_ids", remedy=_REMEDY)
    total = tokens(input_ids) + positions(position_ids)
    if token_type_ids is not None:
        shape = input_ids.shape
        check_rows(token_type_ids, tokens, name="token_type_ids", remedy=_REMEDY, shape=shape)
        total = total + tokens(token_type_ids)
    return total


def chosen_positions(
    position_ids: Tensor | None,
    input_ids: Tensor,
    attention_mask: Tensor | None,
    positions: nn.Module,
    total: int,
) -> Tensor:
    """Return the positions of the new tokens; where none are given, they are counted.

    Args:
        position_ids: (..., L), or None.
        input_ids: (B, L), the new tokens.
        attention_mask: (B, T), 0 for padding; no padding when None.
        positions: embedding of positions.
        total: number of tokens T.

    Returns:
        (B, L): every text has its own positions, for gradients of single texts.

    Raises:
        ValueError: if the texts are too long.
    """
    if position_ids is None and attention_mask is None:
        longest = rows_of(positions)  # all positions are in range if this is large enough
        if longest is not None and total > longest:
            raise ValueError(
                f"a text of {total} tokens ({total - input_ids.size(1)} of them in past) is longer "
                f"than n_positions={longest}; shorten it"
            )
        return counted_positions(input_ids, None, total=total)
    if position_ids is None:
        position_ids = counted_positions(input_ids, attention_mask, total=total)
    else:
        position_ids = flat_texts("position_ids", position_ids)
    remedy, shape = "shorten the texts", input_ids.shape
    check_rows(position_ids, positions, name="position_ids", remedy=remedy, shape=shape)
    return position_ids


def counted_positions(input_ids: Tensor, attention_mask: Tensor | None, *, total: int) -> Tensor:
    """Number the new tokens, after those of the past; padding on the left is not counted.

    Args:
        input_ids: (B, L), the new tokens.
        attention_mask: (B, T) or (1, T), 0 for padding; no padding when None.
        total: number of tokens T.

    Returns:
        (B, L).

    Example:
        >>> new = torch.tensor([[7, 8]])
        >>> counted_positions(new, None, total=5)
        tensor([[3, 4]])
        >>> counted_positions(new, torch.tensor([[0, 1, 1, 1]]), total=4)
        tensor([[1, 2]])
    """
    length = input_ids.size(1)
    if attention_mask is None:
        positions = torch.arange(total - length, total, device=input_ids.device)
    else:
        positions = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, total - length :]
    return positions.expand_as(input_ids)


def flat_mask(attention_mask: Tensor, batch: int, total: int) -> Tensor:
    """Check the shape of a mask (..., T), and return it as (B, T) or (1, T)."""
    check_tensor("attention_mask", attention_mask)
    if attention_mask.size(-1) != total:
        raise ValueError(
            f"attention_mask covers {attention_mask.size(-1)} tokens, and past and input together "
            f"have {total}; give 1 or 0 for each of them"
        )
    attention_mask = flat_texts("attention_mask", attention_mask)
    check_mask(attention_mask, (batch, total))
    return attention_mask


def copy_rows(old: nn.Embedding, new: nn.Embedding) -> None:
    """Copy the rows that both tables have, and whether the table is trained."""
    kept = min(old.num_embeddings, new.num_embeddings)
    with torch.no_grad():
        new.weight[:kept] = old.weight[:kept]
    new.weight.requires_grad_(old.weight.requires_grad)
    new.train(old.training)
