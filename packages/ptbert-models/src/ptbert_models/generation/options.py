"""The options of generation, and what each of them stands for.

Letters: B batch, L prompt length.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Protocol

import torch
from torch import Tensor

from ptbert_models.generation.beams import BeamOptions
from ptbert_models.generation.choosing import Choice
from ptbert_models.generation.constraints import Constraints
from ptbert_models.generation.ending import Ending, StopStrings


class Streamer(Protocol):
    """What gets the tokens while they are written, such as the streamers of transformers."""

    def put(self, value: Tensor) -> None:
        """Take the prompts (B, L), then the next tokens (B,) each time."""
        ...

    def end(self) -> None:
        """Take note that all texts have ended."""
        ...


@dataclass(frozen=True)
class Options:
    """The keyword arguments of ``generate``, which describes them."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    num_beams: int = 1
    stop_ids: Collection[int] = ()
    pad_id: int | None = None
    generator: torch.Generator | None = None
    attention_mask: Tensor | None = None
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    min_new_tokens: int = 0
    num_return_sequences: int = 1
    length_penalty: float | None = None
    early_stopping: bool | str | None = None
    stop_strings: str | Collection[str] = ()
    tokenizer: Any = None
    streamer: Streamer | None = None
    sliding_window: int | None = None
    compile: bool | Mapping[str, Any] = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Options:
        """Make them from keyword arguments.

        Raises:
            TypeError: if there is no such option.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                advice = f"did you mean {near[0]!r}?" if near else f"options: {', '.join(known)}"
                raise TypeError(f"generation has no option {name!r}; {advice}")
        return cls(**options)

    def __post_init__(self) -> None:
        check_count("num_beams", self.num_beams)
        check_count("num_return_sequences", self.num_return_sequences)
        if self.sliding_window is not None:
            check_count("sliding_window", self.sliding_window)
        if self.streamer is not None and not (
            hasattr(self.streamer, "put") and hasattr(self.streamer, "end")
        ):
            raise TypeError(
                f"streamer is of type {type(self.streamer).__name__}, which has no put and end; "
                "give one such as ptbert_tokenizers.TextStreamer(tokenizer)"
            )

        if not isinstance(self.compile, (bool, Mapping)):
            raise TypeError(
                f"compile is of type {type(self.compile).__name__}; give True, or keyword "
                'arguments of torch.compile, such as {"mode": "reduce-overhead"}'
            )

    def compile_options(self) -> dict[str, Any] | None:
        """How a step is compiled, as keyword arguments of ``torch.compile``; None if it is not."""
        if self.compile is False:
            return None
        return {} if self.compile is True else dict(self.compile)

    def choice(self) -> Choice:
        """How a token is chosen."""
        choice = Choice(self.temperature, self.top_k, self.top_p, self.generator)
        if self.num_beams > 1 and not choice.is_default():
            raise ValueError(
                f"num_beams={self.num_beams} is beam search, which samples nothing; leave out "
                "temperature, top_k, top_p and generator, or use num_beams=1"
            )
        if self.num_beams == 1 and self.num_return_sequences > 1 and self.temperature == 0:
            raise ValueError(
                f"num_return_sequences={self.num_return_sequences} with temperature=0 would give "
                "the same text each time; sample with a temperature above 0, or use num_beams"
            )
        return choice

    def beams(self) -> BeamOptions | None:
        """How beams are compared; None for no beam search."""
        if self.num_beams > 1:
            return BeamOptions(
                self.num_beams,
                self.length_penalty,
                self.early_stopping,
                self.num_return_sequences,
            )
        for name in ("length_penalty", "early_stopping"):
            value = getattr(self, name)
            if value is not None:
                raise ValueError(
                    f"{name}={value!r} is for beam search; use num_beams above 1, or leave it out"
                )
        return None

    def constraints(self, max_new_tokens: int) -> Constraints | None:
        """What changes the scores; None for nothing."""
        constraints = Constraints(
            self.repetition_penalty, self.no_repeat_ngram_size, self.min_new_tokens
        )
        if self.min_new_tokens > max_new_tokens:
            raise ValueError(
                f"min_new_tokens={self.min_new_tokens} is above max_new_tokens={max_new_tokens}; "
                "ask for fewer, or allow more"
            )
        return None if constraints.are_off() else constraints

    def ending(self, device: torch.device) -> Ending:
        """What ends a text."""
        strings = StopStrings(self.stop_strings, self.tokenizer) if self.has_strings() else None
        return Ending.of(self.stop_ids, self.pad_id, device, strings)

    def has_strings(self) -> bool:
        """Whether strings end a text."""
        strings = self.stop_strings
        if not isinstance(strings, Collection):
            raise TypeError(
                f"stop_strings is of type {type(strings).__name__}; give a string, or a list of "
                "strings"
            )
        return isinstance(strings, str) or len(strings) > 0


def check_count(name: str, value: object) -> None:
    """Raise an error for a number of things that is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}={value!r} must be an integer above 0")
