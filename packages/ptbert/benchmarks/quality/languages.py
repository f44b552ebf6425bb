"""Small language models without weights for a novel, with their vocabularies, and a baseline."""

import math
import re
from pathlib import Path

import numpy as np

from ptbert import GPT2Config, TransfoXLConfig
from ptbert.training import Settings
from ptbert.training.language_model import LanguageModel
from ptbert_tokenizers import train_byte_bpe, train_words
from ptbert_tokenizers.families import load_tokenizer

_PIECES, _WORDS = 2000, 4000  # sizes of the vocabularies


def gpt2(text: str, folder: Path) -> None:
    """Write a GPT-2 of 0.9 million parameters, without weights.

    Args:
        text: of which its vocabulary is made.
        folder: where; it must be new.
    """
    vocabulary = train_byte_bpe(text.splitlines(), _PIECES)
    vocabulary.save(folder)
    tokens = len(load_tokenizer(folder).vocabulary)
    sizes = {"n_positions": 128, "n_ctx": 128, "n_embd": 128, "n_layer": 3, "n_head": 4}
    GPT2Config(tokens, **sizes).save_pretrained(folder)


def transfo_xl(text: str, folder: Path) -> None:
    """Write a Transformer-XL of 1 million parameters, without weights; see ``gpt2``.

    Its layers normalize their input. With layers that normalize their output, the hidden states of
    all positions became alike, and three epochs taught it the frequencies of tokens only.
    """
    train_words(text.splitlines(), _WORDS).save(folder)
    tokens = len(load_tokenizer(folder).vocabulary)
    sizes = {"d_model": 128, "d_embed": 128, "n_head": 4, "d_head": 32, "d_inner": 256}
    lengths = {"tgt_len": 64, "mem_len": 64, "clamp_len": -1, "same_length": False}
    clusters = {"cutoffs": [500, 2000], "div_val": 1}
    layers = {"n_layer": 3, "pre_lnorm": True}
    config = TransfoXLConfig(tokens, **clusters, **layers, **sizes, **lengths)
    config.save_pretrained(folder)


def in_words(text: str) -> str:
    """Return a text whose words and marks have spaces between them, in lower case.

    Example:
        >>> in_words("Mr. Bennet's wife")
        "mr . bennet ' s wife"
    """
    return re.sub(r" +", " ", re.sub(r"([^\w\s])", r" \1 ", text.lower())).strip()


def unigram_perplexity(model: Path, train: Path, test: Path) -> float:
    """Return the perplexity of a model that knows how frequent each token is, and nothing else.

    Each token of the vocabulary is counted once more than the training text has it.

    Args:
        model: a folder with a vocabulary.
        train: a text in which tokens are counted.
        test: a text whose perplexity is measured; its tokens are those that ``ptbert evaluate``
            sees.
    """
    tokenizer = load_tokenizer(model)
    counts = []
    for path in (train, test):
        settings = Settings(task="language-model", model=str(model), data=str(path), output="-")
        found = LanguageModel(settings).encode([str(path)], tokenizer, 100)
        counts.append(found.stream.counts(found.tokens))
    shares = (counts[0] + 1) / (counts[0] + 1).sum()
    return math.exp(-float(counts[1] @ np.log(shares)) / int(counts[1].sum()))
