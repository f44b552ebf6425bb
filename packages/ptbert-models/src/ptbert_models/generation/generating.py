"""The functions that continue texts: all at once, with log-probabilities, or token by token.

Letters: B batch, R texts for each prompt, L prompt length, T tokens so far, V vocabulary.

A model that can generate has a method ``start_decoding(capacity, attention_mask)``, which returns
a ``Decoding``. This object stores the tokens read so far in the way that its family needs. For
``sliding_window`` and ``compile`` the method has keyword arguments ``sliding_window`` and
``compile_options``, a dictionary for ``torch.compile``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from ptbert_models.generation.beams import BeamOptions, BeamSearch
from ptbert_models.generation.decoding import Decoding
from ptbert_models.generation.options import Options, Streamer, check_count
from ptbert_models.generation.prompts import read_prompts, warn_if_padded
from ptbert_models.generation.sampling import Sampling
from ptbert_models.generation.scored import Generated, Record
from ptbert_models.parts.evaluation import evaluating
from ptbert_models.parts.inputs import without_none


def generate(
    model: Any,
    ids: Tensor | Mapping[str, Any],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    num_beams: int = 1,
    stop_ids: Collection[int] = (),
    pad_id: int | None = None,
    generator: torch.Generator | None = None,
    attention_mask: Tensor | None = None,
    repetition_penalty: float = 1.0,
    no_repeat_ngram_size: int = 0,
    min_new_tokens: int = 0,
    num_return_sequences: int = 1,
    length_penalty: float | None = None,
    early_stopping: bool | str | None = None,
    stop_strings: str | Collection[str] = (),
    tokenizer: Any = None,
    streamer: Streamer | None = None,
    sliding_window: int | None = None,
    compile: bool | Mapping[str, Any] = False,
) -> Tensor:
    """Continue a batch of texts.

    Tokens are sampled from the model's probabilities. With ``temperature=0`` the most likely token
    is taken each time, and with ``num_beams`` above 1 beam search looks for the most likely
    continuation as a whole. During the call dropout is off, also if the model is in training mode.

    Each text of a batch is continued as it would be alone. The options from
    ``repetition_penalty`` on mean what they mean in transformers, except that padding never counts
    as text.

    Args:
        model: a model with a language-model head, such as ``GPT2LMHeadModel``.
        ids: (B, L) integers, the prompts; shorter ones are padded on the left. Or a batch: what
            ``tokenizer.encode_batch(texts, padding_side="left")`` returns.
        max_new_tokens: how many tokens are added at most.
        temperature: divides the scores; below 1 likely tokens become likelier, 0 always takes the
            most likely one.
        top_k: sample among the k most likely tokens only; 0 for all.
        top_p: sample among the most likely tokens that together have this probability; 1 for all.
        num_beams: number of continuations of each text that beam search keeps while it looks for
            the one with the highest total log-probability; 1 for no beam search.
        stop_ids: tokens that end a text.
        pad_id: fills the rows of texts that ended before others; their stop token when None.
        generator: source of randomness; PyTorch's own when None.
        attention_mask: (B, L), 1 for real tokens and 0 for padding on the left; all 1 when None.
        repetition_penalty: makes tokens that the text has already less likely if above 1: positive
            scores are divided by it, negative ones multiplied.
        no_repeat_ngram_size: so many tokens in a row never occur twice; 0 for no such rule.
        min_new_tokens: so many tokens are written before one of ``stop_ids`` may be.
        num_return_sequences: how many continuations of each prompt are returned, one after the
            other: sampled ones, or the best ones of beam search.
        length_penalty: beam search compares texts by their total log-probability divided by
            their number of new tokens to this power.
        early_stopping: when beam search is over: with True if ``num_beams`` texts have ended; with
            False if no text that goes on is better than these by its score so far; with
            ``"never"`` if none could become better.
        stop_strings: strings that end a text; the token in which one ends is kept.
        tokenizer: the tokenizer of the model, for ``stop_strings``.
        streamer: its ``put`` gets the prompts and then the tokens as they are written, and its
            ``end`` is called in the end; not with beam search.
        sliding_window: if a text has filled all positions of the model, only so many of its last
            tokens are read from then on; such a text is an error when None. A small number makes
            the model forget more, a large one makes it read them again more often. Transformer-XL
            forgets by itself and needs no number.
        compile: whether ``torch.compile`` makes one graph of the step that writes a token, which
            all tokens, and texts of similar length, share; or keyword arguments for it, such as
            ``{"mode": "reduce-overhead"}`` for CUDA graphs. The first call compiles and takes long.

    Returns:
        (B, T) prompts and continuations, where T is at most L + ``max_new_tokens``. With
        ``num_return_sequences`` R it is (B * R, T).

    Raises:
        TypeError: if the model cannot generate.
        ValueError: if an argument is invalid, or a text would become too long for the model.

    Note:
        If ``length_penalty``, ``early_stopping`` and ``num_return_sequences`` are left out, beams
        that have ended keep their places among the ``num_beams``, and the search is over when the
        best one has ended; otherwise so many beams always go on, as in transformers, and the
        defaults are 1.0 and False.

    Source:
        Holtzman et al. 2019, arXiv:1904.09751, for ``top_p``; Fan et al. 2018, arXiv:1805.04833,
        for ``top_k``; Wu et al. 2016, arXiv:1609.08144, section 7, for lengths in beam search.

    Example:
        >>> from ptbert_models import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(10, n_embd=8, n_layer=2, n_head=2))
        >>> generate(model, torch.tensor([[1, 2, 3]]), 4, temperature=0).shape
        torch.Size([1, 7])
    """
    options = Options(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        num_beams=num_beams,
        stop_ids=stop_ids,
        pad_id=pad_id,
        generator=generator,
        attention_mask=attention_mask,
        repetition_penalty=repetition_penalty,
        no_repeat_ngram_size=no_repeat_ngram_size,
        min_new_tokens=min_new_tokens,
        num_return_sequences=num_return_sequences,
        length_penalty=length_penalty,
        early_stopping=early_stopping,
        stop_strings=stop_strings,
        tokenizer=tokenizer,
        streamer=streamer,
        sliding_window=sliding_window,
        compile=compile,
    )
    return _Run(model, ids, max_new_tokens, options).texts()


def generate_scored(
    model: Any, ids: Tensor | Mapping[str, Any], max_new_tokens: int, **options: Any
) -> Generated:
    """Continue a batch of texts, and return the log-probabilities of what was written as well.

    Args:
        model: as in ``generate``.
        ids: as in ``generate``.
        max_new_tokens: as in ``generate``.
        **options: the keyword arguments of ``generate``.

    Raises:
        TypeError: as in ``generate``, and for an option that it does not have.
        ValueError: as in ``generate``.

    Example:
        >>> from ptbert_models import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(10, n_embd=8, n_layer=2, n_head=2))
        >>> written = generate_scored(model, torch.tensor([[1, 2, 3]]), 4, temperature=0)
        >>> written.ids.shape, written.log_probabilities.shape, written.lengths
        (torch.Size([1, 7]), torch.Size([1, 4]), tensor([4]))
    """
    return _Run(model, ids, max_new_tokens, Options.of(options)).scored()


def generate_stream(
    model: Any, ids: Tensor | Mapping[str, Any], max_new_tokens: int, **options: Any
) -> Iterator[Tensor]:
    """Continue a batch of texts, and yield the tokens (B,) while they are written.

    The arguments are checked at once. Between two tokens the model is in the mode in which the
    caller left it.

    Args:
        model: as in ``generate``.
        ids: as in ``generate``.
        max_new_tokens: as in ``generate``.
        **options: the keyword arguments of ``generate``, without beam search.

    Raises:
        TypeError: as in ``generate``, and for an option that it does not have.
        ValueError: as in ``generate``, and for beam search, which decides at the end.

    Example:
        >>> from ptbert_models import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(10, n_embd=8, n_layer=2, n_head=2))
        >>> tokens = generate_stream(model, torch.tensor([[1, 2, 3]]), 4)
        >>> [token.shape for token in tokens]
        [torch.Size([1]), torch.Size([1]), torch.Size([1]), torch.Size([1])]
    """
    return _Run(model, ids, max_new_tokens, Options.of(options)).stream()


class _Run:
    """One call: its arguments, checked.

    Args:
        model: as in ``generate``.
        ids: as in ``generate``.
        max_new_tokens: as in ``generate``.
        options: the others.
    """

    def __init__(
        self,
        model: Any,
        ids: Tensor | Mapping[str, Any],
        max_new_tokens: int,
        options: Options,
    ) -> None:
        if not hasattr(model, "start_decoding"):
            raise TypeError(
                f"{type(model).__name__} cannot continue texts; give a model with a language-model "
                "head, such as GPT2LMHeadModel"
            )
        check_count("max_new_tokens", max_new_tokens)
        self._model, self._max_new_tokens, self._options = model, max_new_tokens, options
        self._choice, self._beams = options.choice(), options.beams()
        self._constraints = options.constraints(max_new_tokens)
        self._prompts = read_prompts(model, ids, options.attention_mask)
        self._ending = options.ending(self._prompts.ids.device)
        if self._beams is not None and options.streamer is not None:
            raise _no_stream(options.num_beams, "leave out streamer")
        if options.attention_mask is None and isinstance(ids, Tensor):
            pad_id = options.pad_id
            warn_if_padded(ids, {0, *options.stop_ids} if pad_id is None else {pad_id})

    def texts(self) -> Tensor:
        """Return the texts."""
        if self._beams is not None:
            return self._searched(self._beams, is_scored=False).ids
        return self._sampled(None).texts()

    def scored(self) -> Generated:
        """Return the texts and the log-probabilities of their new tokens."""
        if self._beams is not None:
            return self._searched(self._beams, is_scored=True)
        record = Record()
        return record.result(self._sampled(record).texts())

    def stream(self) -> Iterator[Tensor]:
        """Return an iterator over the tokens (B,) of all texts."""
        if self._beams is not None:
            raise _no_stream(self._options.num_beams, "use generate")
        if self._options.streamer is not None:
            raise ValueError(
                "streamer is given, and generate_stream returns the tokens itself; leave it out, "
                "or use generate"
            )
        with torch.no_grad(), evaluating(self._model):
            tokens = iter(self._sampling(None))
        return self._steps(tokens)

    def _steps(self, tokens: Iterator[Tensor]) -> Iterator[Tensor]:
        while True:
            with torch.no_grad(), evaluating(self._model):
                step = next(tokens, None)
            if step is None:
                return
            yield step

    def _searched(self, options: BeamOptions, *, is_scored: bool) -> Generated:
        """Search to the end."""
        with torch.no_grad(), evaluating(self._model):
            return BeamSearch(
                self._decoding(),
                self._prompts,
                self._max_new_tokens,
                options,
                self._ending,
                self._constraints,
                is_scored=is_scored,
            ).run()

    def _sampled(self, record: Record | None) -> Sampling:
        """Write to the end."""
        streamer = self._options.streamer
        with torch.no_grad(), evaluating(self._model):
            late = streamer is None and gains_by_reading_late(self._prompts.ids)
            sampling = self._sampling(record, reads_late=late)
            if streamer is not None:
                streamer.put(sampling.texts().cpu())
            for tokens in sampling:
                if streamer is not None:
                    streamer.put(tokens.cpu())
        if streamer is not None:
            streamer.end()
        return sampling

    def _sampling(self, record: Record | None, *, reads_late: bool = False) -> Sampling:
        return Sampling(
            self._decoding(),
            self._prompts,
            self._max_new_tokens,
            self._choice,
            self._ending,
            self._constraints,
            self._options.num_return_sequences,
            record,
            reads_late=reads_late,
        )

    def _decoding(self) -> Decoding:
        ids, attention_mask = self._prompts
        capacity = ids.size(1) + self._max_new_tokens
        options = without_none(
            sliding_window=self._options.sliding_window,
            compile_options=self._options.compile_options(),
        )
        _check_arguments(self._model, options)
        decoding: Decoding = self._model.start_decoding(capacity, attention_mask, **options)
        return decoding


def gains_by_reading_late(ids: Tensor) -> bool:
    """Whether a step may begin before the last one's tokens are known; for ``Sampling``."""
    return ids.is_cuda


def _check_arguments(model: Any, options: Mapping[str, Any]) -> None:
    """Raise an error for an option that ``start_decoding`` of a program's own class lacks."""
    taken = signature(model.start_decoding).parameters.values() if options else ()
    if any(each.kind is each.VAR_KEYWORD for each in taken):
        return
    for name in options.keys() - {each.name for each in taken}:
        option = {"compile_options": "compile"}.get(name, name)
        raise TypeError(
            f"{option} is given, and start_decoding of {type(model).__name__} has no argument "
            f"{name}; leave out {option}, or give the method this argument, as that of "
            "GPT2LMHeadModel has it"
        )


def _no_stream(num_beams: int, remedy: str) -> ValueError:
    return ValueError(
        f"num_beams={num_beams} is beam search, which knows its tokens only at the end; {remedy}, "
        "or use num_beams=1"
    )
