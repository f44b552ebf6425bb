"""Which words a language model expects at each place of a text, and what it says of the real one"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from ptbert.see.page import escaped, page
from ptbert_hub.messages import printable
from ptbert_models.parts.evaluation import evaluating

_STYLE = """
.bar { display: inline-block; height: .7em; border-radius: 2px;
  background: rgb(var(--strong)); vertical-align: baseline; }
details { border-bottom: 1px solid var(--faint); padding: 4px 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary .number { display: inline-block; min-width: 4.2em; color: var(--quiet);
  font-variant-numeric: tabular-nums; }
ol { list-style: none; margin: 4px 0 4px 1.2em; padding: 0; font-size: .9rem; }
li { display: flex; gap: 8px; align-items: center; }
li code { min-width: 8em; max-width: 50%; overflow-wrap: anywhere; } li span { flex: none; }
"""


class Prediction(NamedTuple):
    """What a model expects at a place.

    Args:
        text: of the token that is there; empty behind the end of the text.
        probability: that the model gave it; None for the first token and behind the end.
        candidates: the likeliest tokens' texts with their probabilities, the likeliest first;
            empty for the first token, which nothing comes before.
    """

    text: str
    probability: float | None
    candidates: list[tuple[str, float]]


def next_words(model: Any, tokenizer: Any, text: str, *, top_k: int = 5) -> list[Prediction]:
    """Return what a model expects at each place of a text, and behind its end.

    Args:
        model: a GPT, GPT-2 or Transformer-XL with a language-model head; it runs in evaluation
            mode, and is afterwards as it was.
        tokenizer: the tokenizer with the model's vocabulary.
        text: of at least one token, and no more than the model takes.
        top_k: how many candidates a place gets.

    Raises:
        TypeError: if the model has no such head.
        ValueError: if the text has no tokens, or ``top_k`` is not positive.
    """
    if not hasattr(model, "start_decoding"):
        raise TypeError(
            "next words need a model with a language-model head, such as GPT2LMHeadModel, and "
            f"not a {type(model).__name__}"
        )
    if top_k < 1:
        raise ValueError(f"top_k={top_k} must be at least 1")
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError("the text has no tokens; give at least one word")
    device = next(model.parameters()).device
    with torch.no_grad(), evaluating(model):
        outputs = model(torch.tensor([ids], device=device))
    # With output_attentions the attention weights come before the scores.
    first = int(getattr(model.transformer, "output_attentions", False))
    scores = outputs if isinstance(outputs, torch.Tensor) else outputs[first]  # (1, L, V)
    chances = scores[0].float().softmax(-1)  # also of log-probabilities, which add up to 1
    best = chances.topk(min(top_k, chances.shape[-1]))
    given = chances[:-1].gather(1, torch.tensor(ids[1:], device=device)[:, None]).flatten().tolist()
    rows = [
        [(_text(tokenizer, each), chance) for each, chance in zip(*row, strict=True)]
        for row in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
    texts = [_text(tokenizer, each) for each in ids]
    return [
        Prediction(text, chance, candidates)
        for text, chance, candidates in zip(
            [*texts, ""], [None, *given, None], [[], *rows], strict=True
        )
    ]


def _text(tokenizer: Any, token: int) -> str:
    """The text of one token, with the space that is before or behind it."""
    if tokenizer.family == "gpt2":
        return str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    (name,) = tokenizer.convert_ids_to_tokens([token])
    return f"{name} " if tokenizer.family == "transfo_xl" else str(name).replace("</w>", " ")


def next_words_page(predictions: Sequence[Prediction], title: str = "Next words") -> str:
    """Return a page with the text, coloured by how expected each word was, and what was expected.

    Args:
        predictions: from :func:`next_words`.
        title: of the page.
    """
    spans = "".join(
        f'<span class="token" style="background: rgba(var(--strong), {each.probability or 0:.2f})" '
        f'title="{_percent(each.probability)}">{escaped(each.text)}</span>'
        for each in predictions
        if each.text
    )
    legend = "<p>The stronger a word's colour, the more the model expected it.</p>"
    places = "\n".join(_place(each) for each in predictions if each.candidates)
    body = f'<div class="text">{spans}</div>\n{legend}\n<h2>What was expected</h2>\n{places}'
    return page(title, body, style=_STYLE)


def _place(prediction: Prediction) -> str:
    name = prediction.text if prediction.text else "(behind the end)"
    items = "".join(
        f'<li><code>{escaped(repr(text)[1:-1])}</code><span class="bar" '
        f'style="width: {max(chance * 40, 0.3):.1f}%"></span><span>{_percent(chance)}</span></li>'
        for text, chance in prediction.candidates
    )
    is_open = "" if prediction.text else " open"
    return (
        f'<details{is_open}><summary><span class="number">{_percent(prediction.probability)}</span>'
        f"<code>{escaped(name)}</code></summary><ol>{items}</ol></details>"
    )


def _percent(chance: float | None) -> str:
    if chance is None:
        return "–"
    return f"{chance:.1%}" if chance >= 0.001 else "&lt;0.1%"


def next_words_lines(predictions: Sequence[Prediction]) -> Iterator[str]:
    """Yield a line for each place: the chance of its token, the token, and what was expected."""
    for each in predictions:
        chance = "     –" if each.probability is None else f"{each.probability:6.3f}"
        expected = "  ".join(f"{_shown(text)} {value:.3f}" for text, value in each.candidates)
        yield f"{chance}  {_shown(each.text) if each.text else '(end)':<16}  {expected}".rstrip()


def _shown(text: str) -> str:
    return printable(text).replace("\n", "⏎").replace(" ", "␣")
