"""The embeddings of a GPT: adding them, counting positions, and room for special tokens.

Letters: B batch, L sequence length, T tokens of past and input together, E model width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ptbert_models.parts.inputs import check_ids

_REMEDY = "use the tokenizer of this model, and set_num_special_tokens for special tokens"


def embedded(
    tokens: nn.Embedding,
    positions: nn.Embedding,
    input_ids: Tensor,
    position_ids: Tensor,
    token_type_ids: Tensor | None,
) -> Tensor:
    """Add the embeddings of tokens, positions and token types.

    Args:
        tokens: embedding of tokens, special tokens and token types.
        positions: embedding of positions.
        input_ids: (B, L).
        position_ids: (L,) or (B, L).
        token_type_ids: (B, L), tokens whose embeddings are added; none when None.

    Returns:
        (B, L, E).

    Raises:
        ValueError: if an id is outside its table.
    """
    known = tokens.num_embeddings
    check_ids(input_ids, known, name="input_ids", remedy=_REMEDY)
    if position_ids.dim() > 1:  # otherwise they were counted here, and are in range
        check_ids(
            position_ids,
            positions.num_embeddings,
            name="position_ids",
            remedy="shorten the texts",
        )
    total = tokens(input_ids) + positions(position_ids)
    if token_type_ids is not None:
        check_ids(token_type_ids, known, name="token_type_ids", remedy=_REMEDY)
        total = total + tokens(token_type_ids)
    return total


def counted_positions(
    input_ids: Tensor, attention_mask: Tensor | None, *, total: int, longest: int
) -> Tensor:
    """Number the new tokens, after those of the past; padding on the left is not counted.

    Args:
        input_ids: (B, L), the new tokens.
        attention_mask: (B, T), 0 for padding; no padding when None.
        total: number of tokens T.
        longest: number of positions that the model has.

    Returns:
        (L,), or (B, L) with a mask.

    Raises:
        ValueError: if the texts are too long. With a mask ``embedded`` checks that.

    Example:
        >>> new = torch.tensor([[7, 8]])
        >>> counted_positions(new, None, total=5, longest=9)
        tensor([3, 4])
        >>> counted_positions(new, torch.tensor([[0, 1, 1, 1]]), total=4, longest=9)
        tensor([[1, 2]])
    """
    length = input_ids.size(1)
    if attention_mask is not None:
        return (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, -length:]
    if total > longest:
        raise ValueError(
            f"a text of {total} tokens ({total - length} of them in past) is longer than "
            f"n_positions={longest}; shorten it"
        )
    return torch.arange(total - length, total, device=input_ids.device)


def flat_mask(attention_mask: Tensor, total: int) -> Tensor:
    """Check the length of a mask (..., T), and return it as (B, T)."""
    if attention_mask.size(-1) != total:
        raise ValueError(
            f"attention_mask covers {attention_mask.size(-1)} tokens, and past and input together "
            f"have {total}; give 1 or 0 for each of them"
        )
    return attention_mask.reshape(-1, total)


def copy_rows(old: nn.Embedding, new: nn.Embedding) -> None:
    """Copy the rows that both tables have, and whether the table is trained."""
    kept = min(old.num_embeddings, new.num_embeddings)
    with torch.no_grad():
        new.weight[:kept] = old.weight[:kept]
    new.weight.requires_grad_(old.weight.requires_grad)
    new.train(old.training)
