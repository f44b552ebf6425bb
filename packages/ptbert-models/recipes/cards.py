"""The cards of the models that come with the packages: how they were made, how good they are."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ptbert import CONFIG_NAME, BertConfig, GPT2Config
from ptbert.tasks.fill_mask import FillMask
from ptbert.tasks.writer import Writer

SENTENCES = (
    "The LORD is my [MASK].",
    "And God [MASK] unto Moses.",
    "She was very [MASK] to see her sister.",
    "Mr. Darcy [MASK] at her.",
)
PROMPTS = ("And it came to pass", "It is a truth universally acknowledged")
NEW_TOKENS, TEMPERATURE, SEED = 60, 0.8, 0


class Facts(NamedTuple):
    """What a card says about one model.

    Args:
        name: of the model.
        settings: of its training.
        found: its metrics on the held-out text, by the type of its weights.
        baselines: metrics of counting, by their names.
        minutes: of the training.
        steps: of the training.
        parameters: how many numbers it has.
        processor: that trained it.
        torch: the version of PyTorch that trained it.
    """

    name: str
    settings: Any
    found: Mapping[str, Mapping[str, float]]
    baselines: Mapping[str, float]
    minutes: float
    steps: int
    parameters: int
    processor: str
    torch: str


def bert_card(facts: Facts, folder: Path) -> str:
    """Return the card of the BERT."""
    found, counted = facts.found["float16"], facts.baselines
    config = BertConfig.from_json_file(str(folder / CONFIG_NAME))
    return "\n".join(
        [
            *_head(facts, "BERT with both heads of pretraining", "BertForPreTraining"),
            f"It has {config.num_hidden_layers} layers of width {config.hidden_size} with "
            f"{config.num_attention_heads} heads, and {config.max_position_embeddings} positions.",
            *_made(facts, "wordpiece", "bert"),
            "## How good it is",
            "",
            f"Of the tokens {facts.settings.mask_share:.0%} are masked, as BERT masks them. Of two",
            "pairs of texts one has a second part that does not follow the first.",
            "",
            "| on the held-out text | perplexity of masked tokens | found | next sentence |",
            "|---|---|---|---|",
            f"| this model | {found['perplexity']:.1f} | {found['accuracy']:.1%} | "
            f"{found['next_sentence_accuracy']:.1%} |",
            f"| shares of single tokens (unigram) | {counted['unigram perplexity']:.1f} | "
            f"{counted['unigram accuracy']:.1%} | 50.0% |",
            "",
            *_rounding(facts),
            "| text | most probable words |",
            "|---|---|",
            *_filled(folder),
            "",
            *_LIMITS,
        ]
    )


def gpt2_card(facts: Facts, folder: Path) -> str:
    """Return the card of the GPT-2."""
    found, counted = facts.found["float16"], facts.baselines
    config = GPT2Config.from_json_file(str(folder / CONFIG_NAME))
    return "\n".join(
        [
            *_head(facts, "GPT-2", "GPT2LMHeadModel"),
            f"It has {config.n_layer} layers of width {config.n_embd} with {config.n_head} heads, "
            f"and {config.n_positions} positions.",
            *_made(facts, "byte-bpe", "gpt2"),
            "## How good it is",
            "",
            "| on the held-out text | perplexity of tokens |",
            "|---|---|",
            f"| this model | {found['perplexity']:.1f} ({found['word_perplexity']:.1f} of words) |",
            f"| interpolated trigram | {counted['trigram perplexity']:.1f} |",
            f"| shares of single tokens (unigram) | {counted['unigram perplexity']:.1f} |",
            "",
            *_rounding(facts),
            f"Drawn with temperature {TEMPERATURE} and the seed {SEED}:",
            "",
            *_written(folder),
            *_LIMITS,
        ]
    )


def _head(facts: Facts, what: str, model_class: str) -> list[str]:
    return [
        f"# {facts.name}",
        "",
        f"A tiny {what}, for examples and tests. It comes with the packages, so that this needs no",
        "network:",
        "",
        "```python",
        f"from ptbert_models import {model_class}",
        "",
        f'model = {model_class}.from_pretrained("{facts.name}")',
        "```",
        "",
        f"There are {facts.parameters / 1e6:.2f} million parameters and 8,000 tokens. The weights",
        "are float16, and become float32 when they are read, unless `dtype` says otherwise.",
    ]


def _made(facts: Facts, vocabulary: str, work: str) -> list[str]:
    settings = facts.settings
    recipes = "packages/ptbert-models/recipes"
    return [
        "",
        "## How it was made",
        "",
        "The texts are the King James Bible (Debian's `bible-kjv-text` 4.38) and the six novels of",
        "Jane Austen (`r-cran-janeaustenr` 1.0.0). Both are in the public domain; in the United",
        "Kingdom the Crown decides who may print that Bible. Of ten chapters nine are the training",
        "text and one is held out. Weights and vocabulary have the licence of the package.",
        "",
        "`python3 noxfile.py -s tiny_models` runs these commands, with one thread for a training:",
        "",
        "```bash",
        f"python {recipes}/public_domain.py texts",
        f"ptbert-tokenizers train {vocabulary} texts/train.txt --size 8000 -o start_{work}",
        f"cp {recipes}/tiny_{work}/config.json start_{work}",
        *_TRAININGS[work],
        "```",
        "",
        f"These were {facts.steps:,} steps with the seed {settings.seed}. They took",
        f"{facts.minutes:.0f} minutes of one thread that was shared with other work",
        f"({facts.processor}; PyTorch {facts.torch}). The result is that of the best epoch on the",
        "held-out text. Other processors and releases of PyTorch round in another way, so weights",
        "differ there, and measures a little. The training used no dropout, because it sees each",
        "text a few times only; the configuration has the usual rates for those who train the",
        "model further.",
        "",
    ]


_TRAININGS: Mapping[str, list[str]] = {
    "bert": [
        "ptbert train masked-lm start_bert --output short_bert --data texts/train.txt \\",
        "    --settings packages/ptbert-models/recipes/tiny_bert/short.toml",
        "ptbert train masked-lm short_bert --output trained_bert --data texts/train.txt \\",
        "    --settings packages/ptbert-models/recipes/tiny_bert/settings.toml \\",
        "    --validation texts/held_out.txt",
    ],
    "gpt2": [
        "ptbert train language-model start_gpt2 --output trained_gpt2 --data texts/train.txt \\",
        "    --settings packages/ptbert-models/recipes/tiny_gpt2/settings.toml \\",
        "    --validation texts/held_out.txt",
    ],
}


def _rounding(facts: Facts) -> list[str]:
    losses = {kind: found["loss"] for kind, found in facts.found.items()}
    more = {kind: losses[kind] - losses["float32"] for kind in ("float16", "bfloat16")}
    return [
        f"Rounding the weights to float16 changed the held-out loss of {losses['float32']:.4f} by",
        f"{more['float16']:+.6f}. With bfloat16 it would have been {more['bfloat16']:+.6f}.",
        "",
    ]


def _filled(folder: Path) -> Iterator[str]:
    fill = FillMask.from_pretrained(folder)
    for text in SENTENCES:
        (best,) = fill(text, top_k=3)
        shown = ", ".join(f"{each.token} ({each.score:.0%})" for each in best)
        yield f"| {text} | {shown} |"


def _written(folder: Path) -> Iterator[str]:
    writer = Writer.from_pretrained(folder)
    for prompt in PROMPTS:
        generator = torch.Generator().manual_seed(SEED)
        text = writer(prompt, NEW_TOKENS, temperature=TEMPERATURE, generator=generator)
        yield from ("> " + " ".join(text.split()), "")


_LIMITS = [
    "## What it is not for",
    "",
    "It knows words of two kinds of old books, and little of the world. Use it to try programs, to",
    "learn and to test, and not to judge texts, to answer questions, or to write what somebody",
    "relies on. It repeats what its texts say of women, peoples and religions.",
    "",
]
CARDS: Mapping[str, Callable[[Facts, Path], str]] = {"bert": bert_card, "gpt2": gpt2_card}
"""Makes the card, by the end of the names of the model's folders."""
