"""What the GPT models with a head share, in both families.

Letters: B batch, C choices, L sequence length, E model width, V vocabulary with special tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ptbert_models.gpt.bare import GPTDecoder, GPTPreTrainedModel, split_output
from ptbert_models.gpt.config import GPTConfig
from ptbert_models.gpt.generation import (
    GPTDecoding,
    SlidingDecoding,
    scores_rows,
    start_decoding,
)
from ptbert_models.gpt.heads import (
    LMHead,
    MultipleChoiceHead,
    check_choices,
    scored_weight,
    weight_seen_by_compiler,
)
from ptbert_models.parts.inputs import is_recorded, values_are_known, without_none
from ptbert_models.parts.log_sums import mean_sliced_loss, suits_log_sums
from ptbert_models.parts.losses import (
    check_labels,
    fitted_labels,
    is_labelled,
    label_loss,
    labelled_only,
)
from ptbert_models.parts.outputs import with_attentions
from ptbert_models.parts.sliced_loss import sliced_loss, suits_slices
from ptbert_models.parts.tables import resize_scores
from ptbert_models.parts.untouched import is_plain


class Ran(NamedTuple):
    """What the bare model returned; see ``split_output``."""

    weights: Any
    hidden: Tensor
    presents: tuple[Any, ...]


class GPTWithHead(GPTPreTrainedModel):
    """A bare model as ``transformer`` and a language-model head that shares its embeddings.

    With ``tie_word_embeddings=False`` in the configuration the head has weights of its own.
    Arguments as in ``GPTDecoder``.
    """

    token_scores = "lm_head.decoder"

    bare_type: ClassVar[type[GPTDecoder]]
    lm_head_type: ClassVar[type[LMHead]]

    def __init__(
        self,
        config: GPTConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config)
        self.transformer = self.bare_type(config, output_attentions, keep_multihead_output)
        self.lm_head = self.lm_head_type(self.transformer.token_embedding().weight, config)
        if not config.tie_word_embeddings:
            decoder = self.lm_head.decoder
            decoder.weight = nn.Parameter(torch.empty_like(decoder.weight))
            self.init_weights(decoder)

    def set_num_special_tokens(
        self, num_special_tokens: int, predict_special_tokens: bool = True
    ) -> None:
        """Make room for special tokens in the embeddings and in the head that shares them.

        Args:
            num_special_tokens: how many there will be.
            predict_special_tokens: whether the head scores them too.

        Raises:
            ValueError: if the number is negative.
        """
        self._check_scores()
        self.transformer.set_num_special_tokens(num_special_tokens)
        self.config = self.transformer.config
        table = self.transformer.token_embedding()
        if self.config.tie_word_embeddings:
            self.lm_head.set_embeddings_weights(table.weight, predict_special_tokens)
        else:
            resize_scores(self.lm_head.decoder, table.weight.size(0), self.init_weights)
            self.lm_head.predict_special_tokens = predict_special_tokens

    def start_decoding(
        self,
        capacity: int,
        attention_mask: Tensor | None,
        *,
        sliding_window: int | None = None,
        compile_options: Mapping[str, Any] | None = None,
    ) -> GPTDecoding | SlidingDecoding:
        """Begin a run over growing texts; ``ptbert_models.generate`` calls this."""
        return start_decoding(
            self.transformer,
            self.lm_head,
            capacity,
            attention_mask,
            sliding_window,
            compile_options,
        )

    def tie_weights(self) -> None:
        """Let the head share the embeddings again, if something took them apart.

        Nothing is shared with ``tie_word_embeddings=False`` in the configuration.
        """
        if self.config.tie_word_embeddings:
            self.lm_head.decoder.weight = self.transformer.token_embedding().weight


class GPTWithTwoHeads(GPTWithHead):
    """A second head, ``multiple_choice_head``, that scores choices."""

    choice_head_type: ClassVar[type[MultipleChoiceHead]]

    def __init__(
        self,
        config: GPTConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.multiple_choice_head = self.choice_head_type(config)


# Programs call ``forward`` with objects of their own as self. So what follows are no methods.


def run_transformer(model: Any, *inputs: Any, has_presents: bool, **more: Tensor | None) -> Ran:
    """Run the bare model on its inputs; what has a name and is None is left out."""
    output = model.transformer(*inputs, **without_none(**more))
    return Ran(*split_output(output, has_presents=has_presents))


def scores_or_loss(model: Any, ran: Ran, lm_labels: Tensor | None) -> Any:
    """Return the loss where there are labels (..., L), else scores, weights and presents."""
    if lm_labels is not None:
        return lm_loss(model.lm_head, ran.hidden, lm_labels)
    return with_attentions(ran.weights, model.lm_head(ran.hidden), *ran.presents)


def scores_or_losses(
    model: Any,
    ran: Ran,
    mc_token_ids: Tensor | None,
    lm_labels: Tensor | None,
    mc_labels: Tensor | None,
) -> Any:
    """Return the losses for which there are labels, language model first, else all scores."""
    if lm_labels is None and mc_labels is None:
        choices = model.multiple_choice_head(ran.hidden, mc_token_ids)
        return with_attentions(ran.weights, model.lm_head(ran.hidden), choices, *ran.presents)
    losses, labelled = [], None
    if lm_labels is not None and mc_labels is not None:
        labelled = _labelled(model.multiple_choice_head, ran.hidden, mc_token_ids, lm_labels)
    if lm_labels is not None:
        losses.append(lm_loss(model.lm_head, ran.hidden, lm_labels, labelled))
    if mc_labels is not None:
        head = model.multiple_choice_head
        score = head if labelled is None else head.scores
        losses.append(label_loss(score(ran.hidden, mc_token_ids), mc_labels, name="mc_labels"))
    return losses


def _labelled(head: nn.Module, hidden: Tensor, mc_token_ids: Any, lm_labels: Any) -> int | None:
    """Count the labels while positions are checked: a device is waited for once, not twice.

    None where they are not known, or a head has to check for itself.
    """
    if not (isinstance(mc_token_ids, Tensor) and isinstance(lm_labels, Tensor)):
        return None
    kind = type(head)
    if not is_plain(head, kind) or kind.forward is not MultipleChoiceHead.forward:
        return None
    if not values_are_known(hidden, lm_labels, mc_token_ids):
        return None
    labels = fitted_labels(lm_labels, hidden.shape[:-1], name="lm_labels")[..., 1:]
    return check_choices(hidden, mc_token_ids, counted=[is_labelled(labels)])[0]


def lm_loss(
    lm_head: nn.Module, hidden_states: Tensor, lm_labels: Tensor, labelled: int | None = None
) -> Tensor:
    """Mean cross entropy of the tokens that follow.

    Only labelled positions are scored, if the head is untouched, and many of them in slices; else
    it scores all, as in 2019.

    Args:
        lm_head: scores tokens.
        hidden_states: (..., L, E).
        lm_labels: (..., L), usually the input itself: position i is scored against label i + 1.
            -1 or -100 leaves a position out.
        labelled: how many positions are left; None if that is not known yet.
    """
    labels = fitted_labels(lm_labels, hidden_states.shape[:-1], name="lm_labels")[..., 1:]
    if is_recorded() and (weight := weight_seen_by_compiler(lm_head)) is not None:
        states = hidden_states[..., :-1, :].flatten(0, -2)
        if suits_log_sums(states, weight):
            return mean_sliced_loss(states, weight, None, labels.reshape(-1))
    if not scores_rows(lm_head):
        return label_loss(lm_head(hidden_states)[..., :-1, :], labels, name="lm_labels")
    states, labels = labelled_only(hidden_states[..., :-1, :], labels, labelled, name="lm_labels")
    weight = scored_weight(lm_head)
    if weight is not None and suits_slices(states, weight):
        check_labels(labels, weight.size(0), name="lm_labels")
        return sliced_loss(states, weight, labels)
    return label_loss(lm_head(states), labels, name="lm_labels")
