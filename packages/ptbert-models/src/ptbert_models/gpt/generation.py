"""Running a GPT on a batch of growing texts, with keys and values of the tokens before.

Letters: B batch, L tokens fed, T tokens so far, C tokens that there is room for, H heads,
D features per head, E model width, V vocabulary with special tokens, N layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ptbert_models.gpt.bare import GPTDecoder, smallest_bare, split_output
from ptbert_models.gpt.cache import LayerCache, StaticCache
from ptbert_models.gpt.config import GPTConfig
from ptbert_models.gpt.heads import LMHead
from ptbert_models.parts.compiled_steps import Kind, check_compilable, compiled_steps
from ptbert_models.parts.inputs import without_none
from ptbert_models.parts.tables import rows_of
from ptbert_models.parts.untouched import is_untouched


def scores_rows(lm_head: nn.Module) -> bool:
    """Whether a head may be given some positions only, because it is untouched."""
    return isinstance(lm_head, LMHead) and is_untouched(lm_head, _smallest_head, type(lm_head))


def _smallest_head(kind: type[LMHead]) -> LMHead:
    config = GPTConfig.__new__(GPTConfig)
    config.n_embd = config.vocab_size = 1  # type: ignore[misc]
    return kind(nn.Parameter(torch.empty(1, 1)), config)


class GPTDecoding:
    """Feeds tokens to a model; the subclasses differ in what they keep of those before.

    Args:
        transformer: the bare model.
        lm_head: scores the tokens that may follow.
        capacity: final length of the texts, in tokens.
        attention_mask: (B, L) for the prompts, 0 for padding on the left; no padding when None.

    Raises:
        ValueError: if a text may become longer than the positions that the model has.
    """

    def __init__(
        self,
        transformer: GPTDecoder,
        lm_head: nn.Module,
        capacity: int,
        attention_mask: Tensor | None,
    ) -> None:
        longest = capacity
        if attention_mask is not None:
            padding = attention_mask.size(1) - attention_mask.long().sum(1)
            longest -= int(padding.min())
        limit = rows_of(transformer.position_embedding())
        if limit is not None and longest > limit:
            raise ValueError(
                f"a text would grow to {longest} tokens and n_positions={limit}; "
                "shorten it or ask for fewer new tokens, or let the model forget the beginning "
                f"with sliding_window={max(1, limit // 2)}"
            )
        self._transformer = transformer
        self._lm_head = lm_head
        self._attention_mask = attention_mask
        self._started = False

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        mask = self._attention_mask
        if mask is not None and self._started:
            mask = self._attention_mask = torch.cat((mask, mask.new_ones(ids.shape)), dim=1)
        self._started = True
        hidden = self._run(ids, without_none(attention_mask=mask))
        if scores_rows(self._lm_head):
            # Only the last position is scored: a row of scores is as wide as the vocabulary.
            return self._lm_head(hidden[:, -1])
        return self._lm_head(hidden)[:, -1]

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        if self._attention_mask is not None:
            self._attention_mask = self._attention_mask.index_select(0, rows)

    def _run(self, ids: Tensor, masks: dict[str, Tensor]) -> Tensor:
        """Return the hidden states (B, L or more, E) of new tokens."""
        raise NotImplementedError


class CachedDecoding(GPTDecoding):
    """Keeps keys and values in memory that is reserved once; for untouched models."""

    def __init__(self, transformer: GPTDecoder, *others: Any) -> None:
        super().__init__(transformer, *others)
        self._caches = [LayerCache(others[1]) for _ in transformer.h]

    def _run(self, ids: Tensor, masks: dict[str, Tensor]) -> Tensor:
        output = self._transformer(ids, past=self._caches, **masks)
        return split_output(output, has_presents=self._transformer.returns_presents)[1]

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts."""
        super().select(rows)
        for cache in self._caches:
            cache.select(rows)


_ROUND = 128  # room for tokens is a multiple of this, so that texts of many lengths share a graph


class CompiledDecoding(GPTDecoding):
    """Keeps keys and values in memory of one size, so that one compiled step fits every token.

    Prompts are read as by ``CachedDecoding``. For untouched models.

    Args:
        options: keyword arguments of ``torch.compile``.
        transformer: as in ``GPTDecoding``.
        *others: likewise.
    """

    def __init__(self, options: Mapping[str, Any], transformer: GPTDecoder, *others: Any) -> None:
        super().__init__(transformer, *others)
        self._capacity = -(-others[1] // _ROUND) * _ROUND
        self._prompts: list[LayerCache] = []  # until the first step
        self._of_prompts: list[Kind] = []  # what they were, from then on
        self._steps = compiled_steps(transformer, _step, options)
        self._memory: tuple[Tensor, ...] = ()  # see ``_step``; none before the first step

    def _run(self, ids: Tensor, masks: dict[str, Tensor]) -> Tensor:
        self._prompts = [LayerCache(ids.size(1)) for _ in self._transformer.h]
        output = self._transformer(ids, past=self._prompts, **masks)
        return split_output(output, has_presents=self._transformer.returns_presents)[1]

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        if not self._started:
            return super().feed(ids)
        if not self._memory:
            self._memory = self._filled_memory()
        return self._steps(ids, self._transformer, self._lm_head, *self._memory)

    def _filled_memory(self) -> tuple[Tensor, ...]:
        """Return what steps after the prompts need; of the prompts' own caches nothing stays."""
        filled = [cache.filled() for cache in self._prompts]  # (2, B, H, L, D)
        self._prompts = []
        self._of_prompts = [Kind.of(each) for each in filled]
        batch, length = filled[0].size(1), filled[0].size(3)
        place, positions, mask, *rooms = memory = self._lent(batch)
        place.fill_(length)
        positions.fill_(length)
        mask.fill_(1)
        if self._attention_mask is not None:
            mask[:, :length] = self._attention_mask
            positions.copy_(self._attention_mask.sum(1, keepdim=True))
        for room, keys_and_values in zip(rooms, filled, strict=True):
            room[..., :length, :] = keys_and_values
        return memory

    def _lent(self, batch: int) -> tuple[Tensor, ...]:
        kinds = [
            Kind(torch.Size(size), torch.long, self._of_prompts[0].device)
            for size in ((1,), (batch, 1), (batch, self._capacity))
        ]
        for (_, _, heads, _, width), dtype, device in self._of_prompts:  # layers may be pruned
            shape = torch.Size((2, batch, heads, self._capacity, width))
            kinds.append(Kind(shape, dtype, device))
        return self._steps.memory(self, *kinds)

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts."""
        super().select(rows)
        if not self._memory:
            for cache in self._prompts:
                cache.select(rows)
            return
        place, *of_texts = self._memory
        if rows.numel() != of_texts[0].size(0):
            self._memory = self._lent(rows.numel())
            self._memory[0].copy_(place)
        for number, (old, new) in enumerate(zip(of_texts, self._memory[1:], strict=True)):
            new.copy_(old.index_select(0 if number < 2 else 1, rows))  # rooms have texts second


def _step(
    ids: Tensor,
    transformer: GPTDecoder,
    lm_head: nn.Module,
    place: Tensor,
    positions: Tensor,
    mask: Tensor,
    *rooms: Tensor,
) -> Tensor:
    """Feed one token of each text, and move to the next place.

    Args:
        ids: (B, 1).
        transformer: the bare model.
        lm_head: scores the tokens that may follow.
        place: (1,), where keys and values of the token go.
        positions: (B, 1), positions of the token, which do not count padding.
        mask: (B, C), 0 for padding.
        *rooms: N tensors (2, B, H, C, D), keys and values; layers may have different H.

    Returns:
        Scores (B, V).
    """
    caches = [StaticCache(room, place) for room in rooms]
    output = transformer(ids, position_ids=positions, past=caches, attention_mask=mask)
    hidden = split_output(output, has_presents=transformer.returns_presents)[1]
    scores: Tensor = lm_head(hidden)[:, -1]
    place.add_(1)
    positions.add_(1)
    return scores


class PastDecoding(GPTDecoding):
    """Keeps the tensors of keys and values that GPT-2 returned, as programs of 2019 did."""

    _past: list[Tensor] | None = None

    def _run(self, ids: Tensor, masks: dict[str, Tensor]) -> Tensor:
        output = self._transformer(ids, **without_none(past=self._past), **masks)
        _, hidden, (self._past,) = split_output(output, has_presents=True)
        return hidden

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts."""
        super().select(rows)
        if self._past is not None:
            self._past = [present.index_select(1, rows) for present in self._past]


class RereadingDecoding(GPTDecoding):
    """Reads the whole texts for each token: in 2019, blocks of GPT took no keys and values."""

    _ids: Tensor | None = None

    def _run(self, ids: Tensor, masks: dict[str, Tensor]) -> Tensor:
        self._ids = ids if self._ids is None else torch.cat((self._ids, ids), dim=1)
        return split_output(self._transformer(self._ids, **masks), has_presents=False)[1]

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts."""
        super().select(rows)
        if self._ids is not None:
            self._ids = self._ids.index_select(0, rows)


class SlidingDecoding:
    """Goes on with only the last tokens of a text that has filled all positions.

    A text that would need one position more keeps its last ``window`` tokens, and all are read
    again. Other texts of the batch keep all of theirs.

    Args:
        start: begins a run that holds a number of tokens, with a mask for the first of them.
        positions: how many positions the model has.
        window: how many tokens a text keeps.
        attention_mask: (B, L) for the prompts, 0 for padding on the left; no padding when None.

    Raises:
        ValueError: if the window is as large as the model.
    """

    def __init__(
        self,
        start: Callable[[int, Tensor | None], GPTDecoding],
        positions: int,
        window: int,
        attention_mask: Tensor | None,
    ) -> None:
        if window >= positions:
            raise ValueError(
                f"sliding_window={window} leaves no room for new tokens, with n_positions="
                f"{positions}; keep fewer, such as {max(1, positions // 2)}"
            )
        self._start, self._positions, self._window = start, positions, window
        self._attention_mask = attention_mask
        self._decoding: GPTDecoding | None = None
        self._ids: Tensor | None = None  # (B, T), the last ones that any text may need
        self._lengths: Tensor | None = None  # (B,) on the CPU: tokens that each text keeps of them

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        if self._ids is None or self._lengths is None:
            known, mask = ids, self._attention_mask
            real = torch.ones_like(ids) if mask is None else mask
            self._lengths = real.sum(1).cpu()
        else:
            known = torch.cat((self._ids, ids), dim=1)
            self._lengths = self._lengths + ids.size(1)
        self._ids = known[:, -self._positions :]
        too_long = self._lengths > self._positions
        if self._decoding is not None and not bool(too_long.any()):
            return self._decoding.feed(ids)
        self._lengths = self._lengths.where(~too_long, self._window)
        return self._read_again(int(self._lengths.max()), self._lengths.to(ids.device))

    def _read_again(self, longest: int, lengths: Tensor) -> Tensor:
        assert self._ids is not None
        kept = self._ids[:, -longest:]
        real = torch.arange(longest, device=kept.device) >= longest - lengths[:, None]
        mask = None if bool(real.all()) else real.long()
        self._decoding = self._start(self._positions, mask)
        return self._decoding.feed(kept)

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        if self._decoding is not None and self._ids is not None and self._lengths is not None:
            self._decoding.select(rows)
            self._ids = self._ids.index_select(0, rows)
            self._lengths = self._lengths.index_select(0, rows.cpu())


def start_decoding(
    transformer: GPTDecoder,
    lm_head: nn.Module,
    capacity: int,
    attention_mask: Tensor | None,
    sliding_window: int | None = None,
    compile_options: Mapping[str, Any] | None = None,
) -> GPTDecoding | SlidingDecoding:
    """Begin a run; arguments as in ``GPTDecoding``, and others as in ``generate``.

    Raises:
        ValueError: as in ``GPTDecoding``, or if a step is to be compiled of a model that a program
            changed or watches.
    """
    kind = type(transformer)
    untouched = (
        isinstance(transformer, GPTDecoder)
        and not (transformer.gradient_checkpointing and transformer.training)
        and is_untouched(transformer, smallest_bare, kind, transformer.last_hidden_state_only)
    )
    way: Callable[..., GPTDecoding]
    if compile_options is not None:
        check_compilable(transformer, lm_head, is_known=untouched)
        way = partial(CompiledDecoding, compile_options)
    elif untouched:
        way = CachedDecoding
    else:
        way = PastDecoding if transformer.returns_presents else RereadingDecoding
    start = partial(way, transformer, lm_head)
    positions = rows_of(transformer.position_embedding())
    if sliding_window is None or positions is None:
        return start(capacity, attention_mask)
    return SlidingDecoding(start, positions, sliding_window, attention_mask)
