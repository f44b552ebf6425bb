"""Continuing texts: as strings, with their log-probabilities, or while they are written."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, Self, overload

import torch

from ptbert.tasks.batches import device_of
from ptbert.tasks.given import Given, given_texts
from ptbert_hub import DownloadOptions, pinned
from ptbert_hub.options import divided
from ptbert_hub.progress import watched
from ptbert_models import (
    GPT2LMHeadModel,
    OpenAIGPTLMHeadModel,
    TransfoXLLMHeadModel,
    generate_scored,
    generate_stream,
)
from ptbert_models.generation.ending import shared_length
from ptbert_tokenizers.families import family_of_place, load_tokenizer
from ptbert_tokenizers.loading import checkpoint_or_path
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_MODELS: dict[str, Any] = {
    "gpt": OpenAIGPTLMHeadModel,
    "gpt2": GPT2LMHeadModel,
    "transfo_xl": TransfoXLLMHeadModel,
}
END_TOKENS = ("<|endoftext|>", "<eos>")
_LONG_INPUT = 10  # batches; fewer are done before a progress bar is of use


class Written(NamedTuple):
    """A text that was continued.

    Args:
        text: prompt and continuation.
        new_text: the continuation.
        ids: the new tokens, and the one that ended the text.
        log_probability: of all new tokens together, by the model.
    """

    text: str
    new_text: str
    ids: list[int]
    log_probability: float


class Writer:
    """Continues texts.

    All options of ``ptbert_models.generate`` are options of each call. A text ends with its first
    stop string, or before a token of ``stop_ids``. Those are the tokens for the end of a text, if
    a call does not say otherwise. GPT-2's text is left as the model wrote it; that of the other
    families is what ``tokenizer.decode`` makes of it.

    Args:
        model: a model with a language-model head.
        tokenizer: the tokenizer with the model's vocabulary.
        batch_size: texts at a time.

    Raises:
        TypeError: if the model has another head.
        ValueError: if the batch size is not positive.

    Example:
        >>> from ptbert_models import GPT2Config
        >>> from ptbert_tokenizers import GPT2Tokenizer
        >>> from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
        >>> write_json_vocabulary("vocab.json", {"a": 0, "b": 1})
        >>> write_merges("merges.txt", [])
        >>> _ = torch.manual_seed(0)
        >>> model = GPT2LMHeadModel(GPT2Config(2, n_embd=8, n_layer=1, n_head=2))
        >>> writer = Writer(model, GPT2Tokenizer("vocab.json", "merges.txt"))
        >>> text = writer("ab", 3, temperature=0)
        >>> len(text), text == "".join(writer.stream("ab", 3, temperature=0))
        (5, True)
    """

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizer, *, batch_size: int = 8) -> None:
        if not hasattr(model, "start_decoding"):
            raise TypeError(
                f"Writer needs a model with a language-model head, such as GPT2LMHeadModel, and "
                f"not a {type(model).__name__}"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.model, self.tokenizer, self.batch_size = model, tokenizer, batch_size
        known: Any = tokenizer
        ends = (*END_TOKENS, getattr(tokenizer, "eos_token", None))
        self.stop_ids = sorted({known.vocabulary[end] for end in ends if end in known.vocabulary})
        # Removing spaces would change what GPT-2 wrote, and the prompt.
        is_exact = tokenizer.family == "gpt2"
        self._decoding = {"clean_up_tokenization_spaces": False} if is_exact else {}

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        batch_size: int = 8,
        **options: Any,
    ) -> Self:
        """Load a GPT, GPT-2 or Transformer-XL with its tokenizer.

        Args:
            name_or_path: as for ``from_pretrained`` of the model.
            cache_dir: where downloads are kept; the hub's own cache folder when None.
            batch_size: see the class.
            **options: for ``from_pretrained`` of the model. Those that say where files come from,
                such as ``revision``, count for the tokenizer too.

        Raises:
            OSError: if something cannot be found, reached or read.
            ValueError: if it is a BERT.
        """
        download, options = divided(options, DownloadOptions, cls.__init__)
        download = pinned(name_or_path, cache_dir, download)
        family = family_of_place(checkpoint_or_path(name_or_path, cache_dir, options=download))
        if family == "bert":
            raise ValueError(
                f"{os.fspath(name_or_path)!r} is a BERT, which does not continue texts; see ptbert "
                "fill-mask, or FillMask in Python"
            )
        source = {"cache_dir": cache_dir, **download.arguments()}
        tokenizer = load_tokenizer(name_or_path, family, **source)
        model = _MODELS[tokenizer.family].from_pretrained(name_or_path, **source, **options)
        return cls(model.eval(), tokenizer, batch_size=batch_size)

    @overload
    def __call__(
        self, texts: str, max_new_tokens: int = ..., *, progress: bool = ..., **options: Any
    ) -> str: ...

    @overload
    def __call__(
        self,
        texts: Iterable[str],
        max_new_tokens: int = ...,
        *,
        progress: bool = ...,
        **options: Any,
    ) -> list[str]: ...

    def __call__(
        self, texts: Any, max_new_tokens: int = 50, *, progress: bool = True, **options: Any
    ) -> Any:
        """Return a text with its continuation, or a list of many.

        Args:
            texts: a text or many.
            max_new_tokens: how many tokens are added to each at most.
            progress: whether long input shows a progress bar, on a terminal.
            **options: keyword arguments of ``ptbert_models.generate``.

        Raises:
            TypeError: if something is no string; it is named with its position.
            ValueError: if a text has no tokens, or as in ``generate``.
        """
        number = options.get("num_return_sequences", 1)
        if number != 1:
            raise ValueError(
                f"num_return_sequences={number}, and a call gives one continuation of each text; "
                "use results(...) instead"
            )
        found = self.results(texts, max_new_tokens, progress=progress, **options)
        return found[0].text if isinstance(texts, str) else [each.text for each in found]

    def results(
        self,
        texts: str | Iterable[str],
        max_new_tokens: int = 50,
        *,
        progress: bool = True,
        **options: Any,
    ) -> list[Written]:
        """Return the continuations of texts, those of one text after the other, the best first.

        Arguments and errors as for a call; with ``num_return_sequences`` each text has several.
        """
        prompts = self._encoded(given_texts(texts))
        found: list[list[Written]] = [[]] * len(prompts)
        groups = self._groups(prompts)
        is_long = progress and len(groups) >= _LONG_INPUT
        for group in watched(groups, unit="batches", label="writing", verbose=is_long):
            several = self._written([prompts[place] for place in group], max_new_tokens, options)
            for place, written in zip(group, several, strict=True):
                found[place] = written
        return [each for written in found for each in written]

    def stream(self, text: str, max_new_tokens: int = 50, **options: Any) -> Iterator[str]:
        """Return an iterator over a text and its continuation, in pieces, while it is written.

        The pieces together are what a call returns. Arguments and errors as for a call, without
        beam search; arguments are checked at once.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is of type {type(text).__name__}; give one string to stream")
        (prompt,) = self._encoded(given_texts(text))
        options = self._with_usual(options)
        ids = torch.tensor([prompt], device=device_of(self.model))
        number = options.get("num_return_sequences", 1)
        if number != 1:
            raise ValueError(
                f"num_return_sequences={number}, and a stream is one text; call stream several "
                "times"
            )
        tokens = generate_stream(self.model, ids, max_new_tokens, **options)
        return self._pieces(prompt, tokens, options)

    def _encoded(self, given: Given) -> list[list[int]]:
        prompts = [self.tokenizer.encode(text) for text in given.texts]
        if not all(prompts):
            name = "the prompt" if given.is_one else f"texts[{prompts.index([])}]"
            raise ValueError(f"{name} has no tokens; give at least one word")
        return prompts

    def _groups(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Positions of prompts that go together; they have one length if a model has no padding."""
        has_padding = "attention_mask" in self.tokenizer.model_inputs
        groups: list[list[int]] = []
        for place in sorted(range(len(prompts)), key=lambda place: -len(prompts[place])):
            last = groups[-1] if groups else []
            fits = 0 < len(last) < self.batch_size
            if fits and (has_padding or len(prompts[last[0]]) == len(prompts[place])):
                last.append(place)
            else:
                groups.append([place])
        return groups

    def _written(
        self, prompts: Sequence[list[int]], max_new_tokens: int, options: dict[str, Any]
    ) -> list[list[Written]]:
        """Continue a batch of prompts, with padding on the left."""
        options = self._with_usual(options)
        width, device = max(map(len, prompts)), device_of(self.model)
        ids = torch.tensor([[0] * (width - len(each)) + each for each in prompts], device=device)
        lengths = torch.tensor([len(each) for each in prompts], device=device)
        mask = torch.arange(width, device=device) >= width - lengths[:, None]
        found = generate_scored(self.model, ids, max_new_tokens, attention_mask=mask, **options)
        rows = zip(
            found.ids[:, width:].tolist(),
            found.lengths.tolist(),
            found.log_probabilities.sum(1).tolist(),
            strict=True,
        )
        number = len(found.ids) // len(prompts)
        several = [prompt for prompt in prompts for _ in range(number)]
        written = [
            self._result(prompt, row[:length], log_probability, options)
            for prompt, (row, length, log_probability) in zip(several, rows, strict=True)
        ]
        return [written[start : start + number] for start in range(0, len(written), number)]

    def _result(
        self, prompt: list[int], ids: list[int], log_probability: float, options: dict[str, Any]
    ) -> Written:
        shown = ids[:-1] if ids[-1] in options["stop_ids"] else ids
        before = self.tokenizer.decode(prompt, **self._decoding)
        text = self.tokenizer.decode(prompt + shown, **self._decoding)
        text = _to_stop(text, len(before), options.get("stop_strings", ()))
        return Written(text, text[shared_length(before, text) :], ids, log_probability)

    def _pieces(
        self, prompt: list[int], tokens: Iterator[torch.Tensor], options: dict[str, Any]
    ) -> Iterator[str]:
        new = (token for token in map(int, tokens) if token not in options["stop_ids"])
        begin = len(self.tokenizer.decode(prompt, **self._decoding))
        text = shown = ""
        for piece in self.tokenizer.decode_stream(chain(prompt, new), **self._decoding):
            text += piece
            whole = _to_stop(text, begin, options.get("stop_strings", ()))
            if len(whole) > len(shown):
                yield whole[len(shown) :]
            shown = whole

    def _with_usual(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"stop_ids": self.stop_ids, "tokenizer": self.tokenizer, **options}


def _to_stop(text: str, begin: int, strings: str | Collection[str]) -> str:
    """The text up to the end of the first stop string that ends behind the prompt."""
    several = (strings,) if isinstance(strings, str) else strings
    found = [(text.find(each, max(0, begin - len(each) + 1)), len(each)) for each in several]
    return text[: min((place + length for place, length in found if place >= 0), default=len(text))]
