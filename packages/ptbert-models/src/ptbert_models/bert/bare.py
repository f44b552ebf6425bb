"""The bare BERT model, and the base class of all BERT models.

Letters: B batch, L sequence length, H heads, D features per head, E model width, N layers. With
``output_attentions`` every output is a tuple whose first member is the list of N attention weights
(B, H, L, L), except where a loss is returned: a loss is returned alone.

Source:
    Devlin et al. 2018, arXiv:1810.04805.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ptbert_models.bert.authors import read_bert_checkpoint, seen_values
from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.heads import BertLMPredictionHead, resize_head
from ptbert_models.bert.layers import (
    BertAttention,
    BertEmbeddings,
    BertEncoder,
    BertLayer,
    BertPooler,
    BertSelfAttention,
)
from ptbert_models.bert.token_types import check_types
from ptbert_models.bert.without_padding import Packing, unpadded_states
from ptbert_models.config import PreTrainedConfig
from ptbert_models.parts.attention import is_known_full, split_head_mask, visibility_bias
from ptbert_models.parts.initialization import initialize_normal
from ptbert_models.parts.inputs import (
    check_mask,
    check_tensor,
    is_recorded,
    values_are_known,
    without_none,
)
from ptbert_models.parts.outputs import with_attentions
from ptbert_models.parts.pruning import heads_by_layer
from ptbert_models.parts.tables import resized_embedding
from ptbert_models.parts.untouched import is_plain, is_untouched
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.tensorflow import model_shapes

_POOLER = (".pooler.dense.weight", ".pooler.dense.bias")


class BertPreTrainedModel(PreTrainedModel):
    """Base of the BERT models, and of models that programs build on BERT.

    Example:
        >>> from torch import nn
        >>> class Tagger(BertPreTrainedModel):
        ...     def __init__(self, config):
        ...         super().__init__(config)
        ...         self.bert = BertModel(config)
        ...         self.tag = nn.Linear(config.hidden_size, 3)
        ...         self.apply(self.init_bert_weights)
    """

    config: BertConfig
    config_class = BertConfig
    family = "bert"
    base_model_prefix = "bert"
    token_table = "embeddings.word_embeddings"
    legacy_suffixes: ClassVar[Mapping[str, str]] = {
        ".gamma": ".weight",
        ".beta": ".bias",
        "cls.predictions.decoder.bias": "cls.predictions.bias",  # of later libraries
    }
    kept_sizes: ClassVar[Mapping[str, str]] = {
        "vocab_size": "embeddings.word_embeddings.num_embeddings",
        "pad_token_id": "embeddings.word_embeddings.padding_idx",
        "max_position_embeddings": "embeddings.position_embeddings.num_embeddings",
        "type_vocab_size": "embeddings.token_type_embeddings.num_embeddings",
        "num_hidden_layers": "encoder.layer",
    }
    attention_of_layers: ClassVar[tuple[str, str] | None] = ("encoder.layer", "attention")
    # Buffers of later libraries.
    ignored_suffixes: ClassVar[tuple[str, ...]] = (
        ".embeddings.position_ids",
        ".embeddings.token_type_ids",
    )
    output_attentions = False  # for whole-model pickles that are older than this attribute

    @property
    def leave_out_padding(self) -> bool:
        """Whether layers compute no padding, in training and after it; off unless it is set.

        The states of padding are then zeros, and no part of a layer sees any padding: it gets the
        real tokens of all texts as one row (T, E), so it must not ask where a text begins. Padding
        is computed if a pooler reads it. Some heads leave it out anyway, where nothing can notice.
        """
        return bool(getattr(self, self.base_model_prefix).leave_out_padding)

    @leave_out_padding.setter
    def leave_out_padding(self, wanted: bool) -> None:
        getattr(self, self.base_model_prefix).leave_out_padding = wanted

    @classmethod
    def read_tensorflow(
        cls, path: str | os.PathLike[str], config: PreTrainedConfig
    ) -> dict[str, Tensor]:
        """Read a TensorFlow checkpoint as a state dict."""
        return read_bert_checkpoint(path)

    @classmethod
    def seen_in_tensorflow(cls, path: str | os.PathLike[str], config: Any = None) -> dict[str, Any]:
        """Return what shows in a checkpoint: all sizes but the number of heads."""
        return seen_values(model_shapes(path))

    def tie_weights(self) -> None:
        """Let head and embeddings share what they share; most BERT models share nothing."""

    def _resize_vocabulary(self, table: nn.Module, tokens: int) -> None:
        config = self._config_with(tokens)
        self.set_input_embeddings(resized_embedding(table, tokens, self.init_weights))
        for part in self.modules():
            if isinstance(part, BertLMPredictionHead):
                resize_head(part, tokens, self.init_weights)
        self._replace_config(config)

    def init_bert_weights(self, module: nn.Module) -> None:
        """Initialise one module; programs also call this with a part of a model as self."""
        initialize_normal(module, self.config.initializer_range)

    def init_weights(self, module: nn.Module) -> None:
        """Initialise one module; the name that all families share."""
        self.init_bert_weights(module)


class BertModel(BertPreTrainedModel):
    """The bare model: hidden states of all layers, and the pooled first token.

    Args:
        config: sizes and rates.
        output_attentions: whether attention weights are returned, in front.
        keep_multihead_output: whether each head's output and its gradient are kept, see
            ``get_multihead_outputs``.
        add_pooling_layer: whether there is a pooler; without one, None is returned in its place.

    Example:
        >>> import torch
        >>> config = BertConfig(10, hidden_size=8, num_hidden_layers=3, num_attention_heads=2,
        ...                     intermediate_size=16)
        >>> layers, pooled = BertModel(config)(torch.tensor([[1, 2, 3], [4, 5, 0]]),
        ...                                    attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]]))
        >>> len(layers), layers[-1].shape, pooled.shape
        (3, torch.Size([2, 3, 8]), torch.Size([2, 8]))
    """

    saved_arguments: ClassVar[Mapping[str, str | None]] = {"add_pooling_layer": None}

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
        *,
        add_pooling_layer: bool = True,
    ) -> None:
        super().__init__(config)
        self.output_attentions = output_attentions
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config, output_attentions, keep_multihead_output)
        self.pooler = BertPooler(config) if add_pooling_layer else None
        if not add_pooling_layer:  # files with a pooler fit nevertheless
            self.ignored_suffixes = (*self.ignored_suffixes, *_POOLER)  # type: ignore[misc]
        self.apply(self.init_bert_weights)
        self.prune_heads(config.heads_to_prune())

    @property
    def add_pooling_layer(self) -> bool:
        """Whether there is a pooler; saved in the configuration."""
        return self.pooler is not None

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether training keeps only the inputs of layers, and computes the rest again."""
        return self.encoder.gradient_checkpointing

    @gradient_checkpointing.setter
    def gradient_checkpointing(self, wanted: bool) -> None:
        self.encoder.gradient_checkpointing = wanted

    @property
    def leave_out_padding(self) -> bool:
        """Whether layers compute no padding; see ``BertPreTrainedModel``."""
        return self.encoder.leave_out_padding

    @leave_out_padding.setter
    def leave_out_padding(self, wanted: bool) -> None:
        self.encoder.leave_out_padding = wanted

    def prune_heads(self, heads_to_prune: Mapping[int, Iterable[int]]) -> None:
        """Remove heads permanently, given as layer index → head indices."""
        layers: Any = self.encoder.layer
        counts = [getattr(each.attention.self, "num_attention_heads", None) for each in layers]
        for layer, heads in heads_by_layer(heads_to_prune, counts).items():
            layers[layer].attention.prune_heads(heads)

    def get_multihead_outputs(self) -> list[Tensor | None]:
        """Return each layer's context (B, H, L, D) of the last call, before heads are joined.

        After ``backward()`` the ``grad`` of each says how important its heads are. All None unless
        the model was made with ``keep_multihead_output=True``.
        """
        layers: Any = self.encoder.layer
        return [layer.attention.self.multihead_output for layer in layers]

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        output_all_encoded_layers: bool = True,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Encode a batch of token sequences.

        Args:
            input_ids: (B, L) integers below ``config.vocab_size``.
            token_type_ids: (B, L), 0 for the first text and 1 for the second; all 0 when None.
            attention_mask: (B, L), 1 for real tokens and 0 for padding; all 1 when None. Or
                (B, L, L), whose row i says what token i sees.
            output_all_encoded_layers: whether to return all layers or only the last.
            head_mask: (H,) or (N, H); 1 keeps a head, 0 silences it.
            position_ids: (B, L) or (1, L), below ``config.max_position_embeddings``; counted from
                0 when None.
            inputs_embeds: (B, L, E), embeddings of tokens, instead of ``input_ids``; positions and
                token types are added to them.

        Returns:
            Layer outputs, a list of N tensors (B, L, E), or only the last tensor; and the pooled
            first token (B, E).
        """
        if attention_mask is None and token_type_ids is not None and input_ids is not None:
            check_types(input_ids, token_type_ids)
        more = without_none(position_ids=position_ids, inputs_embeds=inputs_embeds)
        hidden_states = embedded(self, input_ids, token_type_ids, **more)
        head_masks = None
        packing = None if head_mask is not None else _packing(self, attention_mask, hidden_states)
        if packing is not None:
            states = unpadded_states(
                self.encoder, hidden_states, packing, all_layers=output_all_encoded_layers
            )
            pooled = None if self.pooler is None else self.pooler(states[-1])
            return states if output_all_encoded_layers else states[-1], pooled
        if head_mask is not None:
            layers, heads = len(self.encoder.layer), self.config.num_attention_heads
            head_masks = split_head_mask(head_mask, layers, heads, hidden_states.dtype)
        encoded = self.encoder(
            hidden_states,
            _bias(self, attention_mask, hidden_states),
            output_all_encoded_layers=output_all_encoded_layers,
            **without_none(head_mask=head_masks),
        )
        weights, states = encoded if getattr(self, "output_attentions", False) else (None, encoded)
        pooled = None if self.pooler is None else self.pooler(states[-1])
        return with_attentions(weights, states if output_all_encoded_layers else states[-1], pooled)


# Programs call ``forward`` with objects of their own as self. So what follows are no methods.


def embedded(
    bert: Any, input_ids: Tensor | None, token_type_ids: Tensor | None, **more: Tensor
) -> Tensor:
    """Embed tokens (B, L) as (B, L, E); programs may have replaced ``embeddings``.

    So what 2019 did not have is given only where it is not None.
    """
    if token_type_ids is None:  # in 2019 they were always given
        if "inputs_embeds" in more:
            return bert.embeddings(input_ids, **more)
        check_tensor("input_ids", input_ids)
        token_type_ids = torch.zeros_like(input_ids)  # type: ignore[arg-type]
    return bert.embeddings(input_ids, token_type_ids, **more)


def is_usual(bert: nn.Module) -> bool:
    """Whether a bare model is untouched, and returns and keeps nothing that is rarely wanted."""
    has_pooler = isinstance(bert, nn.Module) and vars(bert)["_modules"].get("pooler") is not None
    return is_untouched(bert, _usual_bert, has_pooler)


def smallest_config() -> BertConfig:
    """Return a configuration in which every size is 1, for models that only show their parts."""
    return BertConfig(
        vocab_size=1,
        hidden_size=1,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=1,
        max_position_embeddings=1,
        type_vocab_size=1,
    )


def _usual_bert(add_pooling_layer: bool) -> BertModel:
    return BertModel(smallest_config(), add_pooling_layer=add_pooling_layer)


def _bias(bert: Any, attention_mask: Tensor | None, hidden_states: Tensor) -> Tensor | None:
    """Return the mask as a bias, or None if it hides nothing and all parts accept None."""
    if attention_mask is not None:
        check_mask(attention_mask, hidden_states.shape[:2])
    hides_nothing = attention_mask is None or is_known_full(attention_mask)
    if hides_nothing and _mask_may_be_left_out(bert):
        return None
    if attention_mask is None:
        attention_mask = hidden_states.new_ones(hidden_states.shape[:2])
    return visibility_bias(attention_mask, hidden_states.dtype)


def _packing(bert: Any, attention_mask: Tensor | None, hidden_states: Tensor) -> Packing | None:
    """Return what leaves padding out; None unless the program asked for it, and all allows it."""
    if attention_mask is None or not leaves_out_padding(bert) or hidden_states.dim() != 3:
        return None
    is_known = values_are_known(hidden_states, attention_mask)
    if getattr(bert, "output_attentions", False) or not is_known:
        return None
    tokens, dtype, pools = hidden_states[..., 0], hidden_states.dtype, bert.pooler is not None
    return Packing.of(bert.encoder, tokens, attention_mask, dtype, pools=pools)


def leaves_out_padding(bert: Any) -> bool:
    """Whether a program asked for that, and all layers compute what those of this library do.

    What watches a layer, as sharding does, may do so; the encoder itself is not called.
    """
    return (
        getattr(bert.encoder, "leave_out_padding", False)
        and is_plain(bert.encoder, BertEncoder)
        and all(
            isinstance(layer, BertLayer)
            and type(layer).forward is BertLayer.forward
            and "forward" not in layer.__dict__
            and is_plain(layer.attention, BertAttention)
            and is_plain(layer.attention.self, BertSelfAttention)
            and not any(getattr(layer.attention.self, name, False) for name in _KEPT)
            for layer in bert.encoder.layer
        )
    )


def is_usual_but_for_layers(bert: Any) -> bool:
    """Whether a short cut past a bare model's forward is wanted, and nothing sees that."""
    return is_plain(bert, BertModel) and not bert.output_attentions and leaves_out_padding(bert)


_KEPT = ("output_attentions", "keep_multihead_output")


def _mask_may_be_left_out(bert: Any) -> bool:
    """Whether all parts that take an attention mask also take None, and nobody sees it.

    In 2019 there was always a mask, and programs of that time add it to the scores.
    """
    if not is_recorded():
        return is_usual(bert)
    encoder = bert.encoder
    return is_plain(encoder, BertEncoder) and all(
        is_plain(layer, BertLayer)
        and is_plain(layer.attention, BertAttention)
        and is_plain(layer.attention.self, BertSelfAttention)
        for layer in encoder.layer
    )
