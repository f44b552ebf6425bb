"""The bare GPT of both families: embeddings, special tokens, and the loop over the blocks.

Letters: B batch, L sequence length, T tokens of past and input together, H heads, D features per
head, E model width, N layers. With ``output_attentions`` every output is a tuple whose first member
is the list of N attention weights (B, H, L, T), except where a loss is returned: a loss is
returned alone.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor, nn

from ptbert_hub.release import current_release
from ptbert_models.config import PreTrainedConfig
from ptbert_models.gpt.cache import LayerPast, StaticCache, checked_past, past_length
from ptbert_models.gpt.config import GPTConfig
from ptbert_models.gpt.embeddings import chosen_positions, embedded, flat_mask
from ptbert_models.gpt.heads import LMHead
from ptbert_models.gpt.layers import add_missing_dropout
from ptbert_models.parts.attention import causal_padding_bias, is_known_full, split_head_mask
from ptbert_models.parts.inputs import flat_texts, tokens_given, without_none
from ptbert_models.parts.pruning import heads_by_layer
from ptbert_models.parts.recomputing import recomputed
from ptbert_models.parts.tables import resize_scores, resized_embedding
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.saving import is_ours


def last_layer(hidden: Any) -> Tensor:
    """Return the last hidden states, whether a model returned all layers or only the last."""
    return hidden[-1] if isinstance(hidden, (list, tuple)) else hidden


class GPTPreTrainedModel(PreTrainedModel):
    """Base of the models of both families, and of models that programs build on them."""

    config: GPTConfig
    base_model_prefix = "transformer"
    later_suffixes: ClassVar[Mapping[str, str]] = {
        "lm_head.weight": "lm_head.decoder.weight",
        "multiple_choice_head.summary.weight": "multiple_choice_head.linear.weight",
        "multiple_choice_head.summary.bias": "multiple_choice_head.linear.bias",
    }
    legacy_suffixes: ClassVar[Mapping[str, str]] = later_suffixes
    kept_sizes: ClassVar[Mapping[str, str]] = {
        "n_layer": "h",
        "predict_special_tokens": "lm_head.predict_special_tokens",
    }
    attention_of_layers: ClassVar[tuple[str, str] | None] = ("h", "attn")
    # Causal masks and positions are no weights.
    ignored_suffixes: ClassVar[tuple[str, ...]] = (
        ".attn.bias",
        ".attn.masked_bias",
        ".position_ids",
    )
    output_attentions = False  # for whole-model pickles that are older than this attribute
    returns_presents: ClassVar[bool] = False  # whether outputs end in keys and values

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *inputs: Any,
        num_special_tokens: int | None = None,
        predict_special_tokens: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """Build a model with the configuration and the weights of a checkpoint.

        Args:
            pretrained_model_name_or_path: as in ``PreTrainedModel.from_pretrained``.
            *inputs: further arguments of the class.
            num_special_tokens: number of special tokens to make room for; as many as the
                checkpoint has when None.
            predict_special_tokens: whether a language-model head scores them too; what the
                configuration says when None.
            **kwargs: as in ``PreTrainedModel.from_pretrained``.
        """
        model = super().from_pretrained(pretrained_model_name_or_path, *inputs, **kwargs)
        if num_special_tokens is not None or predict_special_tokens is not None:
            number = model.config.n_special if num_special_tokens is None else num_special_tokens
            wanted = model.config.predict_special_tokens
            model.set_num_special_tokens(
                number, wanted if predict_special_tokens is None else predict_special_tokens
            )
        tie = getattr(cls, "set_tied", None)  # subclasses written for release 0.6.2 have their own
        if tie not in (None, cls.tie_weights):
            tie(model)
        return model

    @classmethod
    def from_config(cls, config: PreTrainedConfig, *inputs: Any, **kwargs: Any) -> Self:
        """Build the model that a saved configuration describes, with new weights.

        Where the configuration says so, the head does not score special tokens.
        """
        model = super().from_config(config, *inputs, **kwargs)
        if is_ours(cls) and not model.config.predict_special_tokens:
            model.set_num_special_tokens(model.config.n_special, predict_special_tokens=False)
        return model

    def tie_weights(self) -> None:
        """Let head and embeddings share what they share by design; a bare model has no head."""

    def _resize_vocabulary(self, table: nn.Module, tokens: int) -> None:
        special, vocabulary = self.config.n_special, self.config.vocab_size
        if special:  # they come last, so what comes after the vocabulary is theirs
            if tokens < vocabulary:
                raise ValueError(
                    f"{tokens} tokens are fewer than vocab_size={vocabulary}, and this model has "
                    f"{special} special tokens after them; call set_num_special_tokens(0) first"
                )
            predict = getattr(getattr(self, "lm_head", None), "predict_special_tokens", True)
            self.set_num_special_tokens(tokens - vocabulary, predict)
            return
        config = self._config_with(tokens)
        self.set_input_embeddings(resized_embedding(table, tokens, self.init_weights))
        for part in self.modules():
            if isinstance(part, LMHead):
                resize_scores(part.decoder, tokens, self.init_weights)
                part.vocab_size = tokens
        self._replace_config(config)

    def set_num_special_tokens(
        self, num_special_tokens: int, predict_special_tokens: bool = True
    ) -> None:
        """Make room for special tokens after the vocabulary. Models with embeddings define this."""
        raise NotImplementedError(
            f"{type(self).__name__} has no token embeddings of its own; "
            "define set_num_special_tokens in it"
        )


def split_output(output: Any, *, has_presents: bool) -> tuple[Any, Tensor, tuple[Any, ...]]:
    """Split what a bare model returned.

    Args:
        output: of a model, or of what a program put in its place.
        has_presents: whether the output ends in keys and values.

    Returns:
        Attention weights or None; the last hidden states (B, L, E); and a tuple that holds the
        presents, or is empty in families without them.
    """
    parts = output if isinstance(output, tuple) else (output,)
    end = len(parts) - has_presents
    *weights, hidden = parts[:end]
    return weights[0] if weights else None, last_layer(hidden), parts[end:]


class Decoded(NamedTuple):
    """What the blocks returned.

    Args:
        hidden_states: N + 1 tensors (B, L, E): the embeddings, then each block's output.
        presents: N tensors (2, B, H, T, D), keys and values; empty where a family keeps none.
        weights: N attention weights (B, H, L, T), or None.
    """

    hidden_states: list[Tensor]
    presents: list[Tensor]
    weights: list[Tensor] | None


class GPTDecoder(GPTPreTrainedModel):
    """The bare model; the families differ in their blocks and in the names of embeddings.

    Setting ``gradient_checkpointing = True`` on a model trades time for memory in training: of each
    block only the input is kept, and the rest is computed again for the gradients.

    Args:
        config: sizes and rates.
        output_attentions: whether attention weights are returned, in front.
        keep_multihead_output: whether each head's output and its gradient are kept, see
            ``get_multihead_outputs``.
    """

    block_type: ClassVar[Callable[..., nn.Module]]
    token_embedding_name: ClassVar[str]
    position_embedding_name: ClassVar[str]
    # Class-level defaults, for whole-model pickles that are older than these attributes.
    gradient_checkpointing = False
    keep_multihead_output = False
    free_attributes: ClassVar[tuple[str, ...]] = ("gradient_checkpointing",)  # off in evaluation
    # Whether ``forward`` returns only the last layer's hidden states, as release 0.6.2 did. Models
    # with a head work with either.
    last_hidden_state_only: bool

    def __init__(
        self,
        config: GPTConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config)
        self.output_attentions = output_attentions
        self.keep_multihead_output = keep_multihead_output
        self.last_hidden_state_only = current_release().last_layer_only
        tokens = nn.Embedding(config.total_tokens_embeddings, config.n_embd)
        positions = nn.Embedding(config.n_positions, config.n_embd)
        setattr(self, self.token_embedding_name, tokens)
        setattr(self, self.position_embedding_name, positions)
        self.drop = nn.Dropout(config.rate("embd_pdrop"))
        self.h = nn.ModuleList(
            self.block_type(config.n_ctx, config, True, output_attentions, keep_multihead_output)
            for _ in range(config.n_layer)
        )
        self.apply(self.init_weights)
        self.prune_heads(config.heads_to_prune())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        add_missing_dropout(self, "drop")
        if "last_hidden_state_only" not in state:  # a whole-model file that is older
            self.last_hidden_state_only = current_release().last_layer_only

    def token_embedding(self) -> nn.Embedding:
        """Return the embedding of tokens, special tokens and token types."""
        return getattr(self, self.token_embedding_name)

    def position_embedding(self) -> nn.Embedding:
        """Return the embedding of positions."""
        return getattr(self, self.position_embedding_name)

    def set_num_special_tokens(
        self, num_special_tokens: int, predict_special_tokens: bool = True
    ) -> None:
        """Make room for special tokens, whose embeddings follow those of the vocabulary.

        Rows that exist already are kept, those of special tokens too; new ones are initialised.
        ``config`` is replaced by a changed copy.

        Args:
            num_special_tokens: how many there will be.
            predict_special_tokens: for the models with a language-model head.

        Raises:
            ValueError: if the number is negative.
        """
        if num_special_tokens == self.config.n_special:
            return
        config = copy.copy(self.config)
        config.n_special = num_special_tokens
        config.validate()
        total = config.total_tokens_embeddings
        new = resized_embedding(self.token_embedding(), total, self.init_weights)
        setattr(self, self.token_embedding_name, new)
        self.config = config

    def prune_heads(self, heads_to_prune: Mapping[int, Iterable[int]]) -> None:
        """Remove heads permanently, given as layer index → head indices."""
        blocks: Any = self.h
        counts = [getattr(each.attn, "n_head", None) for each in blocks]
        for layer, heads in heads_by_layer(heads_to_prune, counts).items():
            blocks[layer].attn.prune_heads(heads)

    def get_multihead_outputs(self) -> list[Tensor | None]:
        """Return each layer's context (B, H, L, D) of the last call, before heads are joined.

        After ``backward()`` the ``grad`` of each says how important its heads are. All None unless
        the model was made with ``keep_multihead_output=True``.
        """
        blocks: Any = self.h
        return [block.attn.multihead_output for block in blocks]


class GPTInputs(NamedTuple):
    """What a bare model is given; see the ``forward`` of the families."""

    input_ids: Tensor | None
    position_ids: Tensor | None
    token_type_ids: Tensor | None
    past: Sequence[LayerPast] | None
    head_mask: Tensor | None
    attention_mask: Tensor | None
    inputs_embeds: Tensor | None


RunBlock = Callable[..., tuple[Tensor, Tensor | None, Tensor | None]]


def decode(
    model: Any, tokens: Any, positions: Any, run_block: RunBlock, inputs: GPTInputs
) -> Decoded:
    """Embed the tokens and run all blocks.

    A function, because programs call ``forward`` with objects of their own as self.

    Args:
        model: the bare model, or an object with its attributes of 2019.
        tokens: embedding of tokens, special tokens and token types.
        positions: embedding of positions.
        run_block: runs one block on a hidden state and its past, with masks by name; returns
            its output, its keys and values, and its attention weights.
        inputs: see ``GPTInputs``.
    """
    given = tokens_given(inputs.input_ids, inputs.inputs_embeds, batched=False)
    shape, vectors = given.shape, inputs.inputs_embeds
    new = given.flatten(0, -2) if given.dim() > 1 else given[None]
    if vectors is not None:
        vectors = vectors.flatten(0, -3) if vectors.dim() > 2 else vectors[None]
    layer_pasts = checked_past(inputs.past, len(model.h))
    total = new.size(1) + (past_length(layer_pasts[0]) if layer_pasts else 0)
    attention_mask = inputs.attention_mask
    if attention_mask is not None:
        attention_mask = flat_mask(attention_mask, shape, new.size(0), total)
        attention_mask = None if is_known_full(attention_mask) else attention_mask
    position_ids = chosen_positions(inputs.position_ids, new, attention_mask, positions, total)
    types = flat_texts("token_type_ids", inputs.token_type_ids)
    ids = new if vectors is None else None
    hidden = model.drop(embedded(tokens, positions, ids, position_ids, types, vectors))
    bias = (
        None
        if attention_mask is None
        else causal_padding_bias(attention_mask, new.size(1), hidden.dtype)
    )
    if layer_pasts and isinstance(layer_pasts[0], StaticCache):
        unwritten = layer_pasts[0].hidden(hidden.dtype)
        bias = unwritten[None, None, None] if bias is None else bias + unwritten
    head_masks: list[Tensor | None] = [None] * len(model.h)
    if inputs.head_mask is not None:
        head_masks = split_head_mask(
            inputs.head_mask, len(model.h), model.config.n_head, hidden.dtype
        )
    hidden_states, presents, weights = [hidden], [], []
    # Gradients must reach the kept outputs of heads, so these are not computed a second time.
    recompute = getattr(model, "gradient_checkpointing", False) and model.training
    recompute = recompute and not getattr(model, "keep_multihead_output", False)
    run = recomputed(run_block, wanted=recompute)
    for block, layer_past, layer_mask in zip(model.h, layer_pasts, head_masks, strict=True):
        hidden, present, layer_weights = run(
            block, hidden, layer_past, **without_none(head_mask=layer_mask, attention_bias=bias)
        )
        hidden_states.append(hidden)
        if present is not None:
            presents.append(present)
        if layer_weights is not None:
            weights.append(layer_weights)
    return Decoded(
        [states.view(*shape, states.size(-1)) for states in hidden_states],
        presents,
        weights if getattr(model, "output_attentions", False) else None,
    )


def wanted_layers(model: Any, hidden_states: list[Tensor]) -> Any:
    """Return all hidden states, or only the last ones, as the model's release did."""
    usual = current_release().last_layer_only
    return hidden_states[-1] if getattr(model, "last_hidden_state_only", usual) else hidden_states


def smallest_bare(kind: type[GPTDecoder], last_hidden_state_only: bool) -> GPTDecoder:
    """Make a model in which every size is 1, which only shows its parts."""
    make_config: Any = kind.config_class
    model = kind(make_config(1, n_positions=1, n_ctx=1, n_embd=1, n_layer=1, n_head=1))
    model.last_hidden_state_only = last_hidden_state_only
    return model
