"""The embeddings of a GPT: adding them, counting positions, and room for special tokens.

Letters: B batch, L sequence length, T tokens of past and input together, E model width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ptbert_models.parts.inputs import check_mask, check_tensor, flat_texts
from ptbert_models.parts.tables import Lookup, check_fit, check_rows, rows_of

_REMEDY = "use the tokenizer of this model, and set_num_special_tokens for special tokens"


def embedded(
    tokens: nn.Module,
    positions: nn.Module,
    input_ids: Tensor | None,
    position_ids: Tensor,
    token_type_ids: Tensor | None,
    inputs_embeds: Tensor | None = None,
) -> Tensor:
    """Add the embeddings of tokens, positions and token types.

    Args:
        tokens: embedding of tokens, special tokens and token types.
        positions: embedding of positions.
        input_ids: (B, L), or None where there are vectors.
        position_ids: (B, L), see ``chosen_positions``.
        token_type_ids: (B, L), tokens whose embeddings are added; none when None.
        inputs_embeds: (B, L, E), vectors that are used instead of the embeddings of ids.

    Returns:
        (B, L, E).

    Raises:
        ValueError: if an id is outside its table.
    """
    lookups = []
    if inputs_embeds is not None:
        check_fit(inputs_embeds, positions)
        shape = inputs_embeds.shape[:-1]
    else:
        assert input_ids is not None
        shape = input_ids.shape
        lookups.append(Lookup(input_ids, tokens, "input_ids", _REMEDY))
    if token_type_ids is not None:
        lookups.append(Lookup(token_type_ids, tokens, "token_type_ids", _REMEDY, shape))
    check_rows(*lookups)
    vectors = tokens(input_ids) if inputs_embeds is None else inputs_embeds
    total = vectors + positions(position_ids)
    if token_type_ids is not None:
        total = total + tokens(token_type_ids)
    return total


def chosen_positions(
    position_ids: Tensor | None,
    new: Tensor,
    attention_mask: Tensor | None,
    positions: nn.Module,
    total: int,
) -> Tensor:
    """Return the positions of the new tokens; where none are given, they are counted.

    Args:
        position_ids: (..., L), or None.
        new: (B, L), a number for each new token.
        attention_mask: (B, T), 0 for padding; no padding when None, or where it has a row for each
            new token.
        positions: embedding of positions.
        total: number of tokens T.

    Returns:
        (B, L): every text has its own positions, for gradients of single texts.

    Raises:
        ValueError: if the texts are too long.
    """
    if attention_mask is not None and attention_mask.dim() == 3:
        attention_mask = None  # what a token sees does not say where it is
    longest = rows_of(positions)  # counted positions are in range if this is large enough
    if position_ids is None and attention_mask is None:
        if longest is not None and total > longest:
            raise ValueError(
                f"a text of {total} tokens ({total - new.size(1)} of them in past) is longer "
                f"than n_positions={longest}; shorten it"
            )
        return counted_positions(new, None, total=total)
    if position_ids is None:
        position_ids = counted_positions(new, attention_mask, total=total)
        if longest is not None and total <= longest:
            return position_ids
    else:
        position_ids = flat_texts("position_ids", position_ids)
    check_rows(Lookup(position_ids, positions, "position_ids", "shorten the texts", new.shape))
    return position_ids


def counted_positions(new: Tensor, attention_mask: Tensor | None, *, total: int) -> Tensor:
    """Number the new tokens, after those of the past; padding on the left is not counted.

    Args:
        new: (B, L), a number for each new token.
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
    length = new.size(1)
    if attention_mask is None:
        positions = torch.arange(total - length, total, device=new.device)
    else:
        positions = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, total - length :]
    return positions.expand_as(new)


def flat_mask(attention_mask: Tensor, shape: tuple[int, ...], batch: int, total: int) -> Tensor:
    """Check the shape of a mask (..., T) or (..., L, T), and join the dimensions of texts.

    Args:
        attention_mask: 1 for real tokens and 0 for padding; with one dimension more than the
            texts have, for each new token.
        shape: (..., L), that of the new tokens.
        batch: number of texts B.
        total: number of tokens of past and input together T.

    Returns:
        (B, T) or (1, T), or (B, L, T) or (1, L, T).
    """
    check_tensor("attention_mask", attention_mask)
    covered = attention_mask.size(-1) if attention_mask.dim() else 0
    if covered != total:
        raise ValueError(
            f"attention_mask covers {covered} tokens, and past and input together "
            f"have {total}; give 1 or 0 for each of them"
        )
    if attention_mask.dim() > len(shape) and attention_mask.dim() > 2:
        attention_mask = attention_mask.flatten(0, -3)
    else:
        attention_mask = flat_texts("attention_mask", attention_mask)
    check_mask(attention_mask, (batch, total), queries=shape[-1])
    return attention_mask
