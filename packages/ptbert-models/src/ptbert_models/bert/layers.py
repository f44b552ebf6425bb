"""The layers of BERT, small before large.

Letters: B batch, L sequence length, H heads, D features per head, E model width, F feed-forward
width, N layers. Attribute names are key names of 2019 checkpoints, and every ``forward`` keeps its
2019 form: with ``output_attentions`` the attention weights come first, else there is no tuple.
Parts read the attributes of a configuration and nothing else, because programs pass their own.
Programs slice ``encoder.layer``, call layers by hand and replace parts. So all modules here are
modules of 2019, and attention and activation are functions.

Source:
    Devlin et al. 2018, arXiv:1810.04805; Vaswani et al. 2017, arXiv:1706.03762, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.without_padding import Packing, packed_layer
from ptbert_models.parts.attention import attend, dropout_of, merge_heads, split_heads
from ptbert_models.parts.inputs import tokens_given, without_none
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.parts.outputs import split_attentions, with_attentions
from ptbert_models.parts.pruning import (
    head_numbers,
    original_numbers,
    prune_linear_layer,
    remaining_features,
)
from ptbert_models.parts.recomputing import recomputed
from ptbert_models.parts.settings import setting
from ptbert_models.parts.tables import Lookup, check_fit, check_rows, rows_of

_REMEDY = "use this model's tokenizer"


def layer_norm(config: BertConfig) -> BertLayerNorm:
    """Make a normalization of the model's width; configurations of 2019 may lack ``eps``."""
    return BertLayerNorm(config.hidden_size, eps=setting(config, "layer_norm_eps", 1e-12))


class BertEmbeddings(nn.Module):
    """Sum of token, position and token-type embeddings, normalized."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        # The padding token gets no gradient.
        padding = setting(config, "pad_token_id", 0)
        self.word_embeddings = nn.Embedding(config.vocab_size, width, padding_idx=padding)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        self.LayerNorm = layer_norm(config)  # key name of 2019
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """Embed tokens as (B, L, E).

        Args:
            input_ids: (B, L).
            token_type_ids: (B, L); 0 when None.
            position_ids: (B, L) or (1, L); counted from 0 when None.
            inputs_embeds: (B, L, E), embeddings of tokens that are used instead of ids.

        Raises:
            ValueError: if a text is too long, or an id is outside the vocabulary.
        """
        tokens = tokens_given(input_ids, inputs_embeds)
        types_table, lookups = self.token_type_embeddings, []
        if position_ids is None:
            position_ids = _counted_positions(self, tokens)
        else:
            remedy = "cut the texts, or split them into overlapping windows"
            table = self.position_embeddings
            lookups.append(Lookup(position_ids, table, "position_ids", remedy, tokens.shape))
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(tokens, dtype=torch.long)
        if inputs_embeds is None:
            lookups.append(Lookup(tokens, self.word_embeddings, "input_ids", _REMEDY))
        else:
            check_fit(inputs_embeds, self.position_embeddings)
        lookups.append(Lookup(token_type_ids, types_table, "token_type_ids", _REMEDY, tokens.shape))
        check_rows(*lookups)
        embeddings = (
            (self.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds)
            + self.position_embeddings(position_ids)
            + self.token_type_embeddings(token_type_ids)
        )
        return self.dropout(self.LayerNorm(embeddings))


def _counted_positions(embeddings: Any, tokens: Tensor) -> Tensor:
    """Number the tokens (B, L) of each text, if there are so many positions."""
    length, longest = tokens.size(1), rows_of(embeddings.position_embeddings)
    if longest is not None and length > longest:
        raise ValueError(
            f"a text of {length} tokens is longer than max_position_embeddings={longest}; "
            "cut it, or split it into overlapping windows"
        )
    # Every text has its own positions, for gradients of single texts.
    return torch.arange(length, device=tokens.device).expand_as(tokens)


class BertSelfAttention(nn.Module):
    """Attention of every token to every token of the same text."""

    # Class-level defaults, for whole-model pickles that are older than these attributes.
    output_attentions = False
    keep_multihead_output = False
    multihead_output: Tensor | None = None

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        self.attention_head_size = BertConfig.head_size(config)
        self.num_attention_heads = config.num_attention_heads
        self.all_head_size = self.num_attention_heads * self.attention_head_size
        self.output_attentions = output_attentions
        self.keep_multihead_output = keep_multihead_output
        self.multihead_output = None
        width, features = config.hidden_size, self.all_head_size
        self.query, self.key, self.value = (nn.Linear(width, features) for _ in range(3))
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def transpose_for_scores(self, x: Tensor) -> Tensor:
        """(B, L, H * D) → (B, H, L, D)."""
        return split_heads(x, self.num_attention_heads)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
    ) -> Any:
        """Return the context (B, L, H * D).

        Args:
            hidden_states: (B, L, E).
            attention_mask: added to the scores, broadcastable to (B, H, L, L): a ``padding_bias``.
            head_mask: factor of the weights, broadcastable to (B, H, L, L).
        """
        need_weights = getattr(self, "output_attentions", False)
        context, weights = attend(
            self.transpose_for_scores(self.query(hidden_states)),
            self.transpose_for_scores(self.key(hidden_states)),
            self.transpose_for_scores(self.value(hidden_states)),
            attention_mask,
            dropout=dropout_of(self.dropout),
            head_mask=head_mask,
            need_weights=need_weights,
        )
        if getattr(self, "keep_multihead_output", False):
            self.multihead_output = context  # (B, H, L, D), for the importance of heads
            if context.requires_grad:
                context.retain_grad()
        return with_attentions(weights if need_weights else None, merge_heads(context))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the kept output: it belongs to a call, and cannot be copied."""
        return {**vars(self), "multihead_output": None}


class BertSelfOutput(nn.Module):
    """Projection of the context, added to the input and normalized."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = layer_norm(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden_states: Tensor, input_tensor: Tensor) -> Tensor:
        """Combine the context (B, L, H * D) with the layer's input (B, L, E)."""
        return self.LayerNorm(self.dropout(self.dense(hidden_states)) + input_tensor)


class BertAttention(nn.Module):
    """Self-attention with its projection and residual connection."""

    output_attentions = False
    pruned_heads: frozenset[int] = frozenset()  # by their numbers before any was pruned

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        self.output_attentions = output_attentions
        self.self = BertSelfAttention(config, output_attentions, keep_multihead_output)
        self.output = BertSelfOutput(config)

    def prune_heads(self, heads: Iterable[int]) -> None:
        """Remove heads permanently; the remaining ones are numbered from 0 again."""
        heads = head_numbers(heads)
        if not heads:
            return
        attention = self.self
        stay = remaining_features(
            heads, attention.num_attention_heads, attention.attention_head_size
        )
        attention.query = prune_linear_layer(attention.query, stay)
        attention.key = prune_linear_layer(attention.key, stay)
        attention.value = prune_linear_layer(attention.value, stay)
        self.output.dense = prune_linear_layer(self.output.dense, stay, dim=1)
        self.pruned_heads = original_numbers(heads, self.pruned_heads)
        attention.num_attention_heads -= len(heads)
        attention.all_head_size = attention.attention_head_size * attention.num_attention_heads

    def forward(
        self,
        input_tensor: Tensor,
        attention_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
    ) -> Any:
        """(B, L, E) → (B, L, E); arguments as in ``BertSelfAttention``."""
        weights, context = split_attentions(
            self.self(input_tensor, attention_mask, **without_none(head_mask=head_mask))
        )
        return with_attentions(weights, self.output(context, input_tensor))


class BertIntermediate(nn.Module):
    """First half of the feed-forward network: widen and activate."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.intermediate_act_fn = BertConfig.activation(config)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(B, L, E) → (B, L, F)."""
        return self.intermediate_act_fn(self.dense(hidden_states))


class BertOutput(nn.Module):
    """Second half of the feed-forward network: narrow, add the input, normalize."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.intermediate_size, config.hidden_size)
        self.LayerNorm = layer_norm(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden_states: Tensor, input_tensor: Tensor) -> Tensor:
        """Combine (B, L, F) with the feed-forward network's input (B, L, E)."""
        return self.LayerNorm(self.dropout(self.dense(hidden_states)) + input_tensor)


class BertLayer(nn.Module):
    """One layer: attention, then the feed-forward network, each with a residual connection.

    Example:
        >>> config = BertConfig(10, hidden_size=8, num_attention_heads=2, intermediate_size=16)
        >>> BertLayer(config)(torch.zeros(1, 3, 8)).shape
        torch.Size([1, 3, 8])
    """

    output_attentions = False

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        self.output_attentions = output_attentions
        self.attention = BertAttention(config, output_attentions, keep_multihead_output)
        self.intermediate = BertIntermediate(config)
        self.output = BertOutput(config)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | Packing | None = None,
        head_mask: Tensor | None = None,
    ) -> Any:
        """(B, L, E) → (B, L, E); arguments as in ``BertSelfAttention``.

        With a ``Packing`` in the place of the mask, real tokens alone: (T, E) → (T, E).
        """
        if isinstance(attention_mask, Packing):
            return packed_layer(self, hidden_states, attention_mask)
        weights, attended = split_attentions(
            self.attention(hidden_states, attention_mask, **without_none(head_mask=head_mask))
        )
        return with_attentions(weights, self.output(self.intermediate(attended), attended))


class BertEncoder(nn.Module):
    """The stack of layers; ``layer`` is an ordinary list that may be sliced and replaced."""

    output_attentions = False
    gradient_checkpointing = False  # True: keep only the layers' inputs, and compute the rest again
    leave_out_padding = False  # True: compute none, and return zeros for its states
    # Short cuts past this module do what these say, so they need not be as they were.
    free_attributes: ClassVar[tuple[str, ...]] = ("gradient_checkpointing", "leave_out_padding")

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        self.output_attentions = output_attentions
        self.layer = nn.ModuleList(
            BertLayer(config, output_attentions, keep_multihead_output)
            for _ in range(config.num_hidden_layers)
        )

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        output_all_encoded_layers: bool = True,
        head_mask: Iterable[Tensor | None] | None = None,
    ) -> Any:
        """Run the layers.

        Args:
            hidden_states: (B, L, E).
            attention_mask: as in ``BertSelfAttention``.
            output_all_encoded_layers: whether to return all outputs or only the last.
            head_mask: one factor of the attention weights for each layer.

        Returns:
            A list of tensors (B, L, E); with ``output_attentions`` a list of N tensors
            (B, H, L, L) comes first.
        """
        head_masks = [None] * len(self.layer) if head_mask is None else list(head_mask)
        recompute = getattr(self, "gradient_checkpointing", False) and self.training
        outputs, all_weights = [], []
        for layer, layer_head_mask in zip(self.layer, head_masks, strict=True):
            run = recomputed(layer, wanted=recompute)
            weights, hidden_states = split_attentions(
                run(hidden_states, attention_mask, **without_none(head_mask=layer_head_mask))
            )
            outputs.append(hidden_states)
            all_weights.append(weights)
        if not output_all_encoded_layers:
            outputs = [hidden_states]  # of the last layer, or the input where there is none
        need_weights = getattr(self, "output_attentions", False)
        return with_attentions(all_weights if need_weights else None, outputs)


class BertPooler(nn.Module):
    """A dense layer with tanh over the first token."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = nn.Tanh()

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(B, L, E) → (B, E)."""
        return self.activation(self.dense(hidden_states[:, 0]))
