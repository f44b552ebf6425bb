"""GPT-2: blocks that normalize first, and the three models.

Letters: B batch, C choices, L sequence length, T tokens of past and input together, H heads, D
features per head, E model width, V vocabulary with special tokens, N layers.

Source:
    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from ptbert_models.config import PreTrainedConfig
from ptbert_models.gpt import layers
from ptbert_models.gpt.authors import read_gpt2_checkpoint, seen_values
from ptbert_models.gpt.bare import (
    GPTDecoder,
    GPTInputs,
    GPTPreTrainedModel,
    decode,
    wanted_layers,
)
from ptbert_models.gpt.cache import LayerPast
from ptbert_models.gpt.config import GPT2Config
from ptbert_models.gpt.heads import LMHead, MultipleChoiceHead
from ptbert_models.gpt.layers import CausalAttention, project_and_mix
from ptbert_models.gpt.with_head import (
    GPTWithHead,
    GPTWithTwoHeads,
    run_transformer,
    scores_or_loss,
    scores_or_losses,
)
from ptbert_models.parts.inputs import without_none
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.parts.outputs import with_attentions
from ptbert_models.tensorflow import model_shapes


class Attention(CausalAttention):
    """``CausalAttention`` that returns keys and values for later calls."""

    config_class = GPT2Config

    def forward(
        self,
        x: Tensor,
        layer_past: LayerPast | None = None,
        head_mask: Tensor | None = None,
        attention_bias: Tensor | None = None,
    ) -> Any:
        """Return the output (B, L, E) and keys and values (2, B, H, T, D).

        With ``output_attentions`` the weights (B, H, L, T) come first. Arguments as in
        ``project_and_mix``.
        """
        return with_attentions(*project_and_mix(self, x, layer_past, head_mask, attention_bias))


class MLP(layers.MLP):
    """``layers.MLP`` with the activation and the rates of this family."""

    config_class = GPT2Config


class Block(nn.Module):
    """One layer: attention, then the feed-forward network, each on a normalized copy.

    Args:
        n_ctx: see ``CausalAttention``.
        config: sizes and rates.
        scale: see ``CausalAttention``.
        output_attentions: see ``CausalAttention``.
        keep_multihead_output: see ``CausalAttention``.

    Example:
        >>> import torch
        >>> output, present = Block(12, GPT2Config(10, n_embd=8, n_head=2))(torch.zeros(1, 3, 8))
        >>> output.shape, present.shape
        (torch.Size([1, 3, 8]), torch.Size([2, 1, 2, 3, 4]))
    """

    def __init__(
        self,
        n_ctx: int,
        config: GPT2Config,
        scale: bool = False,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        width = config.n_embd
        self.ln_1 = BertLayerNorm(width, eps=config.layer_norm_epsilon)
        self.attn = Attention(width, n_ctx, config, scale, output_attentions, keep_multihead_output)
        self.ln_2 = BertLayerNorm(width, eps=config.layer_norm_epsilon)
        self.mlp = MLP(GPT2Config.feed_forward_size(config), config)

    def forward(
        self,
        x: Tensor,
        layer_past: LayerPast | None = None,
        head_mask: Tensor | None = None,
        attention_bias: Tensor | None = None,
    ) -> Any:
        """(B, L, E) → (B, L, E); arguments and further outputs as in ``Attention``."""
        *weights, attended, present = self.attn(
            self.ln_1(x),
            layer_past,
            **without_none(head_mask=head_mask, attention_bias=attention_bias),
        )
        x = x + attended
        x = x + self.mlp(self.ln_2(x))
        return *weights, x, present


class GPT2LMHead(LMHead):
    """``LMHead``, under its name of 2019."""


class GPT2MultipleChoiceHead(MultipleChoiceHead):
    """``MultipleChoiceHead``, under its name of 2019."""

    config_class = GPT2Config


class GPT2PreTrainedModel(GPTPreTrainedModel):
    """Base of the GPT-2 models, and of models that programs build on GPT-2.

    Example:
        >>> class Generator(GPT2PreTrainedModel):
        ...     def __init__(self, config):
        ...         super().__init__(config)
        ...         self.transformer = GPT2Model(config)
        ...         self.lm_head = GPT2LMHead(self.transformer.wte.weight, config)
        ...         self.apply(self.init_weights)
    """

    config: GPT2Config
    config_class = GPT2Config
    family = "gpt2"
    token_table = "wte"
    kept_sizes: ClassVar[Mapping[str, str]] = {
        **GPTPreTrainedModel.kept_sizes,
        "vocab_size": "wte.num_embeddings",
        "n_positions": "wpe.num_embeddings",
    }
    returns_presents = True

    @classmethod
    def read_tensorflow(
        cls, path: str | os.PathLike[str], config: PreTrainedConfig
    ) -> dict[str, Tensor]:
        """Read a TensorFlow checkpoint of OpenAI's code as a state dict."""
        return read_gpt2_checkpoint(path)

    @classmethod
    def seen_in_tensorflow(cls, path: str | os.PathLike[str], config: Any = None) -> dict[str, Any]:
        """Return what shows in a checkpoint: all sizes but the number of heads."""
        return seen_values(model_shapes(path))


class GPT2Model(GPTDecoder, GPT2PreTrainedModel):
    """The bare model: hidden states of all layers, keys and values.

    Arguments as in ``GPTDecoder``.

    Example:
        >>> import torch
        >>> config = GPT2Config(10, n_embd=8, n_layer=3, n_head=2)
        >>> hidden_states, presents = GPT2Model(config)(torch.tensor([[1, 2, 3]]))
        >>> len(hidden_states), hidden_states[-1].shape, len(presents), presents[0].shape
        (4, torch.Size([1, 3, 8]), 3, torch.Size([2, 1, 2, 3, 4]))
    """

    block_type = Block
    token_embedding_name = "wte"
    position_embedding_name = "wpe"

    def __init__(
        self,
        config: GPT2Config,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.ln_f = BertLayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        past: Sequence[LayerPast] | None = None,
        head_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Run a batch of token sequences.

        Args:
            input_ids: (B, L) integers below ``config.total_tokens_embeddings``.
            position_ids: (B, L), below ``config.n_positions``; when None they continue those of
                ``past`` and do not count padding.
            token_type_ids: (B, L), tokens whose embeddings are added; none when None.
            past: the presents of an earlier call with the tokens before these: N tensors
                (2, B, H, T - L, D), or N caches (``LayerCache``), which are filled in place.
            head_mask: (H,) or (N, H); 1 keeps a head, 0 silences it.
            attention_mask: (B, T), 1 for real tokens and 0 for padding, those of ``past`` first;
                all 1 when None. Or (B, L, T), whose row i says what token i sees, of itself and
                the tokens before it.
            inputs_embeds: (B, L, E), embeddings of tokens, instead of ``input_ids``; those of
                positions and token types are added to them.

        Returns:
            Hidden states, a list of N + 1 tensors (B, L, E): the embeddings, then each block's
            output, the last one normalized; and presents, a list of N tensors (2, B, H, T, D) that
            hold keys and values.
        """
        hidden_states, presents, weights = decode(
            self,
            self.wte,
            self.wpe,
            _run_block,
            GPTInputs(
                input_ids,
                position_ids,
                token_type_ids,
                past,
                head_mask,
                attention_mask,
                inputs_embeds,
            ),
        )
        hidden_states[-1] = self.ln_f(hidden_states[-1])
        return with_attentions(weights, wanted_layers(self, hidden_states), presents)


def _run_block(
    block: nn.Module, hidden_state: Tensor, layer_past: LayerPast | None, **masks: Any
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    *weights, hidden_state, present = block(hidden_state, layer_past, **masks)
    return hidden_state, present, weights[0] if weights else None


class GPT2LMHeadModel(GPTWithHead, GPT2PreTrainedModel):
    """Prediction of the next token. Arguments as in ``GPT2Model``.

    Example:
        >>> import torch
        >>> model = GPT2LMHeadModel(GPT2Config(10, n_embd=8, n_layer=2, n_head=2))
        >>> scores, presents = model(torch.tensor([[1, 2, 3]]))
        >>> scores.shape
        torch.Size([1, 3, 10])
    """

    bare_type = GPT2Model
    lm_head_type = GPT2LMHead
    set_tied = GPTWithHead.tie_weights  # its name in release 0.6.2

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        lm_labels: Tensor | None = None,
        past: Sequence[LayerPast] | None = None,
        head_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Score the next tokens; inputs as in ``GPT2Model``.

        Args:
            input_ids: (B, L).
            position_ids: (B, L).
            token_type_ids: (B, L).
            lm_labels: (B, L), usually ``input_ids``: what follows is predicted, so position i is
                scored against label i + 1; -1 leaves a label out.
            past: as in ``GPT2Model``.
            head_mask: (H,) or (N, H).
            attention_mask: (B, T).
            inputs_embeds: as in ``GPT2Model``.

        Returns:
            The loss when labels are given; else scores (B, L, V) and presents.
        """
        ran = run_transformer(
            self,
            input_ids,
            position_ids,
            token_type_ids,
            past,
            has_presents=True,
            head_mask=head_mask,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
        )
        return scores_or_loss(self, ran, lm_labels)


class GPT2DoubleHeadsModel(GPTWithTwoHeads, GPT2PreTrainedModel):
    """Prediction of the next token, and a choice between texts. Arguments as in ``GPT2Model``.

    Example:
        >>> import torch
        >>> model = GPT2DoubleHeadsModel(GPT2Config(10, n_embd=8, n_layer=2, n_head=2))
        >>> two_choices = torch.tensor([[[1, 2, 3], [1, 4, 3]]])
        >>> scores, choices, presents = model(two_choices, mc_token_ids=torch.tensor([[2, 2]]))
        >>> scores.shape, choices.shape
        (torch.Size([1, 2, 3, 10]), torch.Size([1, 2]))
    """

    bare_type = GPT2Model
    lm_head_type = GPT2LMHead
    choice_head_type = GPT2MultipleChoiceHead
    set_tied = GPTWithHead.tie_weights  # its name in release 0.6.2

    def forward(
        self,
        input_ids: Tensor | None = None,
        mc_token_ids: Tensor | None = None,
        lm_labels: Tensor | None = None,
        mc_labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        past: Sequence[LayerPast] | None = None,
        head_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Score next tokens and choices; inputs as in ``GPT2Model``, with choices in between.

        Args:
            input_ids: (B, C, L).
            mc_token_ids: (B, C), the position of each choice's classification token.
            lm_labels: (B, C, L), as in ``GPT2LMHeadModel``.
            mc_labels: (B,), the number of the right choice.
            token_type_ids: (B, C, L).
            position_ids: (B, C, L).
            past: as in ``GPT2Model``, for B * C texts.
            head_mask: (H,) or (N, H).
            attention_mask: (B, C, T).
            inputs_embeds: as in ``GPT2Model``.

        Returns:
            A list of the losses for which there are labels, language model first; else scores of
            tokens (B, C, L, V), scores of choices (B, C) and presents.
        """
        ran = run_transformer(
            self,
            input_ids,
            position_ids,
            token_type_ids,
            past,
            has_presents=True,
            head_mask=head_mask,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
        )
        return scores_or_losses(self, ran, mc_token_ids, lm_labels, mc_labels)
