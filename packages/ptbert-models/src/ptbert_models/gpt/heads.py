"""The heads of GPT models: scores of the next token, and of choices.

Letters: B batch, C choices, L sequence length, E model width, V vocabulary with special tokens.

Source:
    Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training",
    sections 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ptbert_models.gpt.config import GPTConfig, dropout_rate
from ptbert_models.gpt.layers import add_missing_dropout
from ptbert_models.parts.inputs import Ids, check_ids, is_recorded, is_traced
from ptbert_models.parts.quantized import QuantizedLinear
from ptbert_models.parts.untouched import is_plain


class TiedLinear(nn.Linear):
    """A linear layer whose weights (V, E) are the token embeddings.

    Args:
        weight: the embeddings, which this layer shares.
    """

    def __init__(self, weight: Tensor) -> None:
        tokens, width = weight.shape
        super().__init__(width, tokens, bias=False, device="meta")
        self.weight = cast("nn.Parameter", weight)


class LMHead(nn.Module):
    """Scores of the next token, computed with the token embeddings.

    Args:
        model_embeddings_weights: the token embeddings (V, E), which this head shares.
        config: its ``vocab_size`` tells how many are not special tokens.
    """

    # For whole-model pickles that are older than this attribute.
    predict_special_tokens = True

    def __init__(self, model_embeddings_weights: Tensor, config: GPTConfig) -> None:
        super().__init__()
        self.n_embd = config.n_embd
        self.vocab_size = config.vocab_size
        # As in 2019, a new head ignores config.predict_special_tokens.
        self.set_embeddings_weights(model_embeddings_weights)

    def set_embeddings_weights(
        self, model_embeddings_weights: Tensor, predict_special_tokens: bool = True
    ) -> None:
        """Share these token embeddings (V, E), and set whether special tokens are scored."""
        self.predict_special_tokens = predict_special_tokens
        self.decoder = TiedLinear(model_embeddings_weights)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """(..., E) → (..., V), or without special tokens where they are not to be scored."""
        scores = self.decoder(hidden_state)
        return scores if self.predict_special_tokens else scores[..., : self.vocab_size]


def scored_weight(head: Any) -> Tensor | None:
    """Return the embeddings of the tokens that an untouched ``LMHead`` scores: (V, E).

    None if it is of 8 bits, and has no such weights.
    """
    if isinstance(head.decoder, QuantizedLinear):
        return None
    weight: Tensor = head.decoder.weight
    return weight if head.predict_special_tokens else weight[: head.vocab_size]


def weight_seen_by_compiler(head: Any) -> Tensor | None:
    """Return the same while a model is compiled, or None if a head or its decoder must be called.

    Then less can be known of a module: its class, and that nothing watches it alone.
    """
    kind = type(head)
    if not isinstance(head, LMHead) or kind.forward is not LMHead.forward:
        return None
    decoder: Any = head.decoder
    if not (is_plain(head, kind) and type(decoder) in (TiedLinear, nn.Linear)):
        return None
    if not is_plain(decoder, type(decoder)) or type(decoder.weight) is not nn.Parameter:
        return None
    return scored_weight(head) if decoder.bias is None else None


class MultipleChoiceHead(nn.Module):
    """One score for each choice, from the hidden state of its classification token.

    Args:
        config: width and rate of dropout.
    """

    config_class: ClassVar[type[GPTConfig] | None] = None  # of the family, for other configurations

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_embd = config.n_embd
        # Drops a feature of all choices of a text together.
        self.dropout = nn.Dropout1d(dropout_rate(config, "resid_pdrop", self.config_class))
        self.linear = nn.Linear(config.n_embd, 1)
        nn.init.normal_(self.linear.weight, std=config.initializer_range)
        nn.init.zeros_(self.linear.bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        add_missing_dropout(self, "dropout")

    def forward(self, hidden_states: Tensor, mc_token_ids: Tensor) -> Tensor:
        """Score choices.

        Args:
            hidden_states: (B, C, L, E).
            mc_token_ids: (B, C), the position of each choice's classification token.

        Returns:
            (B, C).
        """
        check_choices(hidden_states, mc_token_ids)
        return self.scores(hidden_states, mc_token_ids)

    def scores(self, hidden_states: Tensor, mc_token_ids: Tensor) -> Tensor:
        """The same for positions that are checked already, see ``check_choices``."""
        positions = mc_token_ids[..., None, None].expand(-1, -1, -1, hidden_states.size(-1))
        chosen = hidden_states.gather(2, positions).squeeze(2)  # (B, C, L, E) → (B, C, E)
        dropped = self.dropout(chosen.transpose(1, 2)).transpose(1, 2)
        return self.linear(dropped).squeeze(-1)


def check_choices(
    hidden_states: Tensor, mc_token_ids: Tensor, counted: Sequence[Tensor] = ()
) -> list[int]:
    """Raise ``ValueError`` if positions of classification tokens are none of the texts.

    Args:
        hidden_states: (B, C, L, E).
        mc_token_ids: (B, C).
        counted: tensors of True and False.

    Returns:
        How many are True in each of ``counted``; all is read from the device at once.
    """
    length, remedy = hidden_states.size(2), "give positions in the text"
    if not is_recorded():  # there a message with a length would fix that length
        remedy += f", which has {length} tokens"
    numbers = check_ids(Ids(mc_token_ids, length, "mc_token_ids", remedy), counted=counted)
    if not is_traced() and mc_token_ids.shape != hidden_states.shape[:2]:
        raise ValueError(
            f"mc_token_ids has shape {tuple(mc_token_ids.shape)} and the choices "
            f"{tuple(hidden_states.shape[:2])}; give one position for each choice"
        )
    return numbers
