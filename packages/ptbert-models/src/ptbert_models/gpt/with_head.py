"""What the GPT models with a head share, in both families.

Letters: B batch, C choices, L sequence length, E model width, V vocabulary with special tokens.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from ptbert_models.gpt.bare import GPTDecoder, GPTPreTrainedModel
from ptbert_models.gpt.config import GPTConfig
from ptbert_models.gpt.generation import CachedDecoding
from ptbert_models.gpt.heads import LMHead, MultipleChoiceHead
from ptbert_models.parts.inputs import without_none
from ptbert_models.parts.losses import class_loss, labelled_only, token_loss
from ptbert_models.parts.outputs import with_attentions


class Ran(NamedTuple):
    """What the bare model returned; see ``GPTPreTrainedModel.split_output``."""

    weights: Any
    hidden: Tensor
    presents: tuple[Any, ...]


class GPTWithHead(GPTPreTrainedModel):
    """A bare model as ``transformer`` and a language-model head that shares its embeddings.

    Arguments as in ``GPTDecoder``.
    """

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
        self.transformer.set_num_special_tokens(num_special_tokens)
        self.config = self.transformer.config
        self.lm_head.set_embeddings_weights(
            self.transformer.token_embedding().weight, predict_special_tokens
        )

    def start_decoding(self, capacity: int, attention_mask: Tensor | None) -> CachedDecoding:
        """Begin a run over growing texts; ``ptbert_models.generate`` calls this."""
        return CachedDecoding(self.transformer, self.lm_head, capacity, attention_mask)

    def run_transformer(self, *inputs: Any, **masks: Tensor | None) -> Ran:
        """Run the bare model on its inputs; masks that are None are left out."""
        return Ran(*self.split_output(self.transformer(*inputs, **without_none(**masks))))

    def scores_or_loss(self, ran: Ran, lm_labels: Tensor | None) -> Any:
        """Return the loss where there are labels (..., L), else scores, weights and presents."""
        if lm_labels is not None:
            return self.lm_loss(ran.hidden, lm_labels)
        return with_attentions(ran.weights, self.lm_head(ran.hidden), *ran.presents)

    def lm_loss(self, hidden_states: Tensor, lm_labels: Tensor) -> Tensor:
        """Mean cross entropy of the tokens that follow, scored only where they are labelled.

        Args:
            hidden_states: (..., L, E).
            lm_labels: (..., L), usually the input itself: position i is scored against label i + 1.
                -1 leaves a position out.
        """
        states, labels = labelled_only(hidden_states[..., :-1, :], lm_labels[..., 1:])
        return token_loss(self.lm_head(states), labels)


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

    def scores_or_losses(
        self,
        ran: Ran,
        mc_token_ids: Tensor,
        lm_labels: Tensor | None,
        mc_labels: Tensor | None,
    ) -> Any:
        """Return the losses for which there are labels, language model first, else all scores."""
        if lm_labels is None and mc_labels is None:
            choices = self.multiple_choice_head(ran.hidden, mc_token_ids)
            return with_attentions(ran.weights, self.lm_head(ran.hidden), choices, *ran.presents)
        losses = []
        if lm_labels is not None:
            losses.append(self.lm_loss(ran.hidden, lm_labels))
        if mc_labels is not None:
            scores = self.multiple_choice_head(ran.hidden, mc_token_ids)
            losses.append(class_loss(scores, mc_labels))
        return losses
