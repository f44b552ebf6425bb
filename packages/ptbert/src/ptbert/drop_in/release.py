"""The two states of 2019's library, and how drop-in mode chooses between them."""

from __future__ import annotations

import sys

RELEASES = ("april", "june")


def check_release(release: str) -> None:
    """Refuse the name of a release that does not exist.

    Args:
        release: "april" or "june".

    Raises:
        ValueError: if there is no such release.
    """
    if release not in RELEASES:
        raise ValueError(f"release={release!r} is unknown; choose one of {', '.join(RELEASES)}")


def play_release(release: str) -> None:
    """Make the GPT families behave as they did in a release; June is the default behaviour.

    Args:
        release: see `ptbert.install_as`.
    """
    april = release == "april"
    if not april and "ptbert_models.gpt.decoder" not in sys.modules:
        return
    from ptbert_models.gpt import GPT2Config, OpenAIGPTConfig
    from ptbert_models.gpt.decoder import GPTDecoder
    from ptbert_tokenizers import GPT2Tokenizer

    GPTDecoder.last_hidden_state_only = april
    GPT2Tokenizer.leaves_spaces = april
    # Release 0.6.2 had no dropout in GPT-2, and GPT did not apply that of the embeddings.
    every = {"embd_pdrop", "attn_pdrop", "resid_pdrop"}
    GPT2Config.unknown_rates = frozenset(every if april else ())
    OpenAIGPTConfig.unknown_rates = frozenset({"embd_pdrop"} if april else ())
