"""OpenAI GPT: blocks that normalize last, and the three models.

Letters: B batch, C choices, L sequence length, T tokens of past and input together, H heads, E
model width, V vocabulary with special tokens, N layers.

Source:
    Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training".
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from ptbert_models.config import PreTrainedConfig
from ptbert_models.gpt import layers
from ptbert_models.gpt.authors import read_openai_shards
from ptbert_models.gpt.bare import (
    GPTDecoder,
    GPTInputs,
    GPTPreTrainedModel,
    decode,
    wanted_layers,
)
from ptbert_models.gpt.cache import LayerCache, LayerPast
from ptbert_models.gpt.config import OpenAIGPTConfig
from ptbert_models.gpt.heads import LMHead, MultipleChoiceHead
from ptbert_models.gpt.layers import CausalAttention, project_and_mix
from ptbert_models.gpt.with_head import (
    GPTWithHead,
    GPTWithTwoHeads,
    run_transformer,
    scores_or_loss,
    scores_or_losses,
)
from ptbert_models.parts import conv1d
from ptbert_models.parts.inputs import without_none
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.parts.outputs import split_attentions, with_attentions


class Conv1D(conv1d.Conv1D):
    """The linear layer, with the three sizes that programs pass.

    Args:
        nf: size of the output.
        rf: width of the convolution, which is always 1.
        nx: size of the input.

    Raises:
        ValueError: if the width is not 1.
    """

    def __init__(self, nf: int, rf: int, nx: int) -> None:
        if rf != 1:
            raise ValueError(f"Conv1D: rf={rf!r} is not supported; GPT needs rf=1")
        super().__init__(nf, nx)
        self.rf = rf


class Attention(CausalAttention):
    """``CausalAttention`` without keys and values among its outputs."""

    config_class = OpenAIGPTConfig

    def forward(
        self,
        x: Tensor,
        head_mask: Tensor | None = None,
        layer_past: LayerPast | None = None,
        attention_bias: Tensor | None = None,
    ) -> Any:
        """Return the output (B, L, E).

        With ``output_attentions`` the weights (B, H, L, T) come first. Arguments as in
        ``project_and_mix``.
        """
        weights, output, _ = project_and_mix(self, x, layer_past, head_mask, attention_bias)
        return with_attentions(weights, output)


class MLP(layers.MLP):
    """``layers.MLP`` with the activation and the rates of this family."""

    config_class = OpenAIGPTConfig


class Block(nn.Module):
    """One layer: attention, then the feed-forward network, each sum normalized.

    Args:
        n_ctx: see ``CausalAttention``.
        config: sizes and rates.
        scale: see ``CausalAttention``.
        output_attentions: see ``CausalAttention``.
        keep_multihead_output: see ``CausalAttention``.

    Example:
        >>> import torch
        >>> Block(12, OpenAIGPTConfig(10, n_embd=8, n_head=2))(torch.zeros(1, 3, 8)).shape
        torch.Size([1, 3, 8])
    """

    def __init__(
        self,
        n_ctx: int,
        config: OpenAIGPTConfig,
        scale: bool = False,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        width = config.n_embd
        self.attn = Attention(width, n_ctx, config, scale, output_attentions, keep_multihead_output)
        self.ln_1 = BertLayerNorm(width, eps=config.layer_norm_epsilon)
        self.mlp = MLP(OpenAIGPTConfig.feed_forward_size(config), config)
        self.ln_2 = BertLayerNorm(width, eps=config.layer_norm_epsilon)

    def forward(
        self,
        x: Tensor,
        head_mask: Tensor | None = None,
        layer_past: LayerPast | None = None,
        attention_bias: Tensor | None = None,
    ) -> Any:
        """(B, L, E) → (B, L, E); arguments and attention weights as in ``Attention``."""
        weights, attended = split_attentions(
            self.attn(
                x,
                **without_none(
                    head_mask=head_mask, layer_past=layer_past, attention_bias=attention_bias
                ),
            )
        )
        x = self.ln_1(x + attended)
        return with_attentions(weights, self.ln_2(x + self.mlp(x)))


class OpenAIGPTLMHead(LMHead):
    """``LMHead``, under its name of 2019."""


class OpenAIGPTMultipleChoiceHead(MultipleChoiceHead):
    """``MultipleChoiceHead``, under its name of 2019."""

    config_class = OpenAIGPTConfig


class OpenAIGPTPreTrainedModel(GPTPreTrainedModel):
    """Base of the OpenAI GPT models, and of models that programs build on OpenAI GPT."""

    config: OpenAIGPTConfig
    config_class = OpenAIGPTConfig
    family = "gpt"
    token_table = "tokens_embed"
    kept_sizes: ClassVar[Mapping[str, str]] = {
        **GPTPreTrainedModel.kept_sizes,
        "vocab_size": "tokens_embed.num_embeddings",
        "n_positions": "positions_embed.num_embeddings",
    }
    legacy_suffixes: ClassVar[Mapping[str, str]] = {
        **GPTPreTrainedModel.legacy_suffixes,
        ".g": ".weight",
        ".b": ".bias",
        ".w": ".weight",
    }
    ignored_suffixes = (*GPTPreTrainedModel.ignored_suffixes, ".attn.b")

    @classmethod
    def read_tensorflow(
        cls, path: str | os.PathLike[str], config: PreTrainedConfig
    ) -> dict[str, Tensor]:
        """Read a folder of OpenAI's numpy files as a state dict."""
        return read_openai_shards(path)

    @classmethod
    def from_pretrained(  # the number of special tokens comes second in this family
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        num_special_tokens: int | None = None,
        *inputs: Any,
        **kwargs: Any,
    ) -> Self:
        """Build a model with the configuration and the weights of a checkpoint.

        Args:
            pretrained_model_name_or_path: as in ``PreTrainedModel.from_pretrained``.
            num_special_tokens: as in ``GPTPreTrainedModel.from_pretrained``.
            *inputs: further arguments of the class.
            **kwargs: as in ``GPTPreTrainedModel.from_pretrained``.
        """
        return super().from_pretrained(
            pretrained_model_name_or_path,
            *inputs,
            num_special_tokens=num_special_tokens,
            **kwargs,
        )


class OpenAIGPTModel(GPTDecoder, OpenAIGPTPreTrainedModel):
    """The bare model: hidden states of all layers.

    Arguments as in ``GPTDecoder``.

    Example:
        >>> import torch
        >>> config = OpenAIGPTConfig(10, n_embd=8, n_layer=3, n_head=2)
        >>> hidden_states = OpenAIGPTModel(config)(torch.tensor([[1, 2, 3]]))
        >>> len(hidden_states), hidden_states[-1].shape
        (4, torch.Size([1, 3, 8]))
    """

    block_type = Block
    token_embedding_name = "tokens_embed"
    position_embedding_name = "positions_embed"

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past: Sequence[LayerCache] | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Run a batch of token sequences.

        Args:
            input_ids: (B, L) integers below ``config.total_tokens_embeddings``.
            position_ids: (B, L), below ``config.n_positions``; when None they continue those of
                ``past`` and do not count padding.
            token_type_ids: (B, L), tokens whose embeddings are added; none when None.
            head_mask: (H,) or (N, H); 1 keeps a head, 0 silences it.
            attention_mask: (B, T), 1 for real tokens and 0 for padding, those of ``past`` first;
                all 1 when None. Or (B, L, T), whose row i says what token i sees, of itself and
                the tokens before it.
            past: N caches of the tokens before these, which are filled in place.
            inputs_embeds: (B, L, E), embeddings of tokens, instead of ``input_ids``; those of
                positions and token types are added to them.

        Returns:
            Hidden states, a list of N + 1 tensors (B, L, E): the embeddings, then each block's
            output.
        """
        hidden_states, _, weights = decode(
            self,
            self.tokens_embed,
            self.positions_embed,
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
        return with_attentions(weights, wanted_layers(self, hidden_states))


def _run_block(
    block: nn.Module, hidden_state: Tensor, layer_past: LayerPast | None, **masks: Any
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    output = block(hidden_state, **without_none(layer_past=layer_past), **masks)
    weights, hidden_state = split_attentions(output)
    return hidden_state, None, weights


class OpenAIGPTLMHeadModel(GPTWithHead, OpenAIGPTPreTrainedModel):
    """Prediction of the next token. Arguments as in ``OpenAIGPTModel``.

    Example:
        >>> import torch
        >>> model = OpenAIGPTLMHeadModel(OpenAIGPTConfig(10, n_embd=8, n_layer=2, n_head=2))
        >>> model(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 10])
    """

    bare_type = OpenAIGPTModel
    lm_head_type = OpenAIGPTLMHead

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        lm_labels: Tensor | None = None,
        head_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Score the next tokens; inputs as in ``OpenAIGPTModel``.

        Args:
            input_ids: (B, L).
            position_ids: (B, L).
            token_type_ids: (B, L).
            lm_labels: (B, L), usually ``input_ids``: what follows is predicted, so position i is
                scored against label i + 1; -1 leaves a label out.
            head_mask: (H,) or (N, H).
            attention_mask: (B, L).
            inputs_embeds: as in ``OpenAIGPTModel``.

        Returns:
            The loss when labels are given; else scores (B, L, V).
        """
        ran = run_transformer(
            self,
            input_ids,
            position_ids,
            token_type_ids,
            has_presents=False,
            head_mask=head_mask,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
        )
        return scores_or_loss(self, ran, lm_labels)


class OpenAIGPTDoubleHeadsModel(GPTWithTwoHeads, OpenAIGPTPreTrainedModel):
    """Prediction of the next token, and a choice between texts. Arguments as in ``OpenAIGPTModel``.

    Example:
        >>> import torch
        >>> model = OpenAIGPTDoubleHeadsModel(OpenAIGPTConfig(10, n_embd=8, n_layer=2, n_head=2))
        >>> two_choices = torch.tensor([[[1, 2, 3], [1, 4, 3]]])
        >>> scores, choices = model(two_choices, mc_token_ids=torch.tensor([[2, 2]]))
        >>> scores.shape, choices.shape
        (torch.Size([1, 2, 3, 10]), torch.Size([1, 2]))
    """

    bare_type = OpenAIGPTModel
    lm_head_type = OpenAIGPTLMHead
    choice_head_type = OpenAIGPTMultipleChoiceHead

    def forward(
        self,
        input_ids: Tensor | None = None,
        mc_token_ids: Tensor | None = None,
        lm_labels: Tensor | None = None,
        mc_labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Score next tokens and choices; inputs as in ``OpenAIGPTModel``, with choices in between.

        Args:
            input_ids: (B, C, L).
            mc_token_ids: (B, C), the position of each choice's classification token.
            lm_labels: (B, C, L), as in ``OpenAIGPTLMHeadModel``.
            mc_labels: (B,), the number of the right choice.
            token_type_ids: (B, C, L).
            position_ids: (B, C, L).
            head_mask: (H,) or (N, H).
            attention_mask: (B, C, L).
            inputs_embeds: as in ``OpenAIGPTModel``.

        Returns:
            A list of the losses for which there are labels, language model first; else scores of
            tokens (B, C, L, V) and of choices (B, C).
        """
        ran = run_transformer(
            self,
            input_ids,
            position_ids,
            token_type_ids,
            has_presents=False,
            head_mask=head_mask,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
        )
        return scores_or_losses(self, ran, mc_token_ids, lm_labels, mc_labels)
