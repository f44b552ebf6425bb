"""The end of texts: tokens and strings that end them, and what follows the end.

Letters: B batch, T tokens so far.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

_MARGIN = 4  # tokens, because decoding may change the beginning of a text: it removes spaces


def shared_length(one: str, other: str) -> int:
    """How many characters two texts have in common at the beginning.

    Example:
        >>> shared_length("stop", "still")
        2
    """
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


class StopStrings:
    """Strings that end a text, wherever the borders of tokens are.

    A text ends with the first new token with which ``tokenizer.decode`` shows one of the strings,
    before it removes spaces. A string may begin in the prompt.

    Args:
        strings: one string or several.
        tokenizer: what decodes ids.

    Raises:
        TypeError: if a string is none.
        ValueError: if a string is empty, or the tokenizer is missing.
    """

    def __init__(self, strings: str | Collection[str], tokenizer: Any) -> None:
        self.strings = (strings,) if isinstance(strings, str) else tuple(strings)
        for string in self.strings:
            if not isinstance(string, str):
                raise TypeError(f"stop_strings holds {string!r}; give strings, or ids as stop_ids")
            if not string:
                raise ValueError(
                    "stop_strings holds an empty string, which every text has; leave it out"
                )
        if not hasattr(tokenizer, "decode"):
            raise ValueError(
                f"tokenizer={tokenizer!r} decodes nothing, and stop_strings are looked for in "
                "decoded text; pass the tokenizer of the model"
            )
        self._decode: Callable[[list[int]], str] = partial(
            tokenizer.decode, clean_up_tokenization_spaces=False
        )
        # Every token spells at least one byte, so a string ends where this many tokens end.
        self._reach = max(len(each.encode("utf-8", "replace")) for each in self.strings)
        self._reach += _MARGIN

    def reached(self, texts: Tensor, padding: Tensor | None = None) -> Tensor:
        """Whether each of the texts (B, T) ends with its last token: (B,).

        Args:
            texts: prompts and what was written.
            padding: how many tokens on the left of each text are padding, (B,); none when None.
        """
        starts = [0] * len(texts) if padding is None else padding.tolist()
        first = max(0, texts.size(1) - self._reach)
        rows = texts[:, first:].tolist()
        ended = [
            self.is_end(row[max(0, start - first) :])
            for row, start in zip(rows, starts, strict=True)
        ]
        return torch.tensor(ended, device=texts.device)

    def is_end(self, ids: list[int]) -> bool:
        """Whether the last of the ids ends a text."""
        text = self._decode(ids)
        known = shared_length(self._decode(ids[:-1]), text)
        return any(each in text[max(0, known - len(each) + 1) :] for each in self.strings)


@dataclass(frozen=True)
class Ending:
    """Which tokens and strings end a text, and what follows its end.

    Args:
        stops: tokens that end a text, (number of them,).
        pad_id: token after the end; the last token again when None.
        strings: strings that end a text; none when None.
    """

    stops: Tensor
    pad_id: int | None
    strings: StopStrings | None = None

    @classmethod
    def of(
        cls,
        stop_ids: Collection[int],
        pad_id: int | None,
        device: torch.device,
        strings: StopStrings | None = None,
    ) -> Ending:
        """Make one from the arguments of ``generate``."""
        if not isinstance(stop_ids, Collection):
            raise ValueError(f"stop_ids={stop_ids!r} must be a collection of ids, such as [0]")
        if not (pad_id is None or _is_integer(pad_id)):
            raise ValueError(f"pad_id={pad_id!r} must be a token id, an integer from 0 up")
        wrong = [stop for stop in stop_ids if not _is_integer(stop) or stop < 0]
        if wrong:
            raise ValueError(f"stop_ids holds {wrong[0]!r}; give token ids, integers from 0 up")
        stops = torch.tensor(sorted(stop_ids), dtype=torch.long, device=device)
        return cls(stops, pad_id, strings)

    def check(self, vocabulary: int) -> None:
        """Raise an error for a token that the model does not know."""
        last = int(self.stops[-1]) if self.stops.numel() else 0
        for name, token in {"stop_ids holds ": last, "pad_id=": self.pad_id or 0}.items():
            if not 0 <= token < vocabulary:
                raise ValueError(
                    f"{name}{token}, and this model scores tokens 0 to {vocabulary - 1}; "
                    "give tokens of its vocabulary"
                )

    def can_come(self) -> bool:
        """Whether anything ends a text early."""
        return bool(self.stops.numel()) or self.strings is not None

    def fill(self, tokens: Tensor, ended: Tensor, last: Tensor) -> Tensor:
        """Replace tokens where the text has ended already."""
        return torch.where(ended, last if self.pad_id is None else self.pad_id, tokens)

    def reached(self, texts: Tensor, padding: Tensor | None) -> Tensor:
        """Whether each of the texts (B, T) ends with its last token: (B,)."""
        ended = torch.isin(texts[:, -1], self.stops)
        return ended if self.strings is None else ended | self.strings.reached(texts, padding)


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral)  # those of NumPy too
