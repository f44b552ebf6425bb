"""Learning masked words, and whether one piece of text follows another: BERT on texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ptbert.tasks.fill_mask import FillMask
from ptbert.training.examples import IGNORED, padded, padded_inputs
from ptbert.training.masks import Masks
from ptbert.training.metrics import entropy_of_counts, perplexity
from ptbert.training.pieces import Pieces, pieces_of
from ptbert.training.rows import one_line
from ptbert.training.task import Measured, Scores, Usage
from ptbert.training.text_task import TextTask, scored_in_slices
from ptbert.training.texts import read_lines_of_tokens, vocabulary_size
from ptbert_models import BertForMaskedLM, BertForPreTraining
from ptbert_models.bert.with_head import Inputs, encode_labelled
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_EVALUATION = 2**40  # stands for the epoch in evaluation


class MaskedBatch(NamedTuple):
    """Some pieces, as tensors.

    Args:
        inputs: what the model takes, by name, each (B, L).
        labels: (B, L), the token that was masked; ``IGNORED`` elsewhere.
        labelled: number of masked tokens.
        follows: (B,), 0 if the second part of a piece follows the first, 1 if not; None without
            pairs.
    """

    inputs: dict[str, Tensor]
    labels: Tensor
    labelled: int
    follows: Tensor | None


class MaskedPieces(NamedTuple):
    """Pieces of a text and how they are masked, as ``MaskedLM.encode`` returns them."""

    pieces: Pieces
    masks: Masks
    tokens: int  # size of the vocabulary
    frame: tuple[int, int]  # [CLS] and [SEP]
    has_pairs: bool
    cut: int = 0

    @property
    def names(self) -> Sequence[str]:
        """Where each piece begins."""
        return self.pieces.names

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each piece with its frame."""
        return self.pieces.lengths + (3 if self.has_pairs else 2)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows that evaluation keeps: one for each piece."""
        return np.ones(len(self.pieces), np.int64)

    def __len__(self) -> int:
        return len(self.pieces)


class MaskedLM(TextTask):
    """Say which words were masked. Arguments as in ``Task``.

    A piece is lines of one document, as many as fit. Of its tokens ``mask_share`` are learned: 80%
    of these are [MASK] in the input, 10% are another token, and 10% are as they were. Which they
    are depends on seed, epoch and piece alone.

    With ``next_sentence`` a piece has two parts, divided at the end of one of its lines. Of two
    pieces one has the part that follows, and the other a part of another document. The loss of this
    choice counts as that of the masked tokens: each token has its own loss and that of its piece.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 3.1.
    """

    name = "masked-lm"
    model_classes = MappingProxyType({"bert": BertForMaskedLM})

    @property
    def usage(self) -> Usage:
        """What fills masks."""
        return Usage("FillMask", '"It was a [MASK]."', '"It was a [MASK]."')

    @property
    def smallest_input(self) -> tuple[int, str]:
        """Two words, which may be a pair."""
        return (5 if self.settings.next_sentence else 4), "two words"

    def model_class(self, family: str) -> type[PreTrainedModel]:
        """Return the class with one head, or with two where pairs are learned."""
        found = super().model_class(family)
        return BertForPreTraining if self.settings.next_sentence else found

    def encode(
        self, examples: Sequence[str], tokenizer: PreTrainedTokenizer, max_length: int
    ) -> MaskedPieces:
        """Return the text in a file as pieces that have at most ``max_length`` tokens."""
        (path,) = examples
        has_pairs = self.settings.next_sentence
        room = max_length - (3 if has_pairs else 2)
        ids = special_ids(tokenizer, self.settings.model)
        lines = read_lines_of_tokens(path, tokenizer)
        counts = lines.token_counts(vocabulary_size(tokenizer))
        if counts.sum() == counts[list(ids.values())].sum():
            raise ValueError(
                f"{path!r} has special tokens only, of which none is learned; give a text"
            )
        pieces = pieces_of(lines, room)
        if has_pairs:
            pieces = pieces.divisible()
            if pieces.documents < 2 or not len(pieces):
                raise ValueError(
                    f"{path!r} has one document only, or no document of two words, so there are no "
                    "parts of other documents; put empty lines between documents, or leave out "
                    "--next-sentence"
                )
        tokens = vocabulary_size(tokenizer)
        continues = np.zeros(tokens, np.bool_)
        if self.settings.whole_words:
            continues[
                [i for token, i in tokenizer.vocabulary.items() if token.startswith("##")]
            ] = True
        masks = Masks(self.settings.mask_share, ids["mask"], tuple(ids.values()), continues)
        return MaskedPieces(pieces, masks, tokens, (ids["cls"], ids["sep"]), has_pairs)

    def batch(  # type: ignore[override]
        self,
        examples: MaskedPieces,
        indices: NDArray[np.int64],
        epoch: int | None,
        device: torch.device,
    ) -> MaskedBatch:
        """Return pieces with the masks of an epoch; evaluation has its own, for any seed."""
        key = (0, _EVALUATION) if epoch is None else (self.settings.seed, epoch)
        cls, sep = examples.frame
        ids, types, labels = [], [], []
        follows = np.zeros(len(indices), np.int64)
        for row, index in enumerate(indices.tolist()):
            parts = [examples.pieces.tokens(index)]
            if examples.has_pairs:
                first, second, is_other = examples.pieces.pair(index, *key)
                parts, follows[row] = [first, second], is_other
            whole = np.concatenate([[cls], *(part for each in parts for part in (each, [sep]))])
            masked, wanted = examples.masks.masked(whole, *key, index)
            ids.append(masked)
            types.append(np.arange(len(whole)) >= len(parts[0]) + 2)
            labels.append(wanted)
        placed = padded(labels, IGNORED)
        return MaskedBatch(
            padded_inputs(ids, types, device),
            torch.from_numpy(placed).to(device),
            int((placed != IGNORED).sum()),
            torch.from_numpy(follows).to(device) if examples.has_pairs else None,
        )

    def loss(self, model: PreTrainedModel, batch: Any) -> Tensor:
        """Return the sum of the losses of all masked tokens, and with pairs of those of pieces."""
        if not batch.labelled:  # all tokens are special ones
            return next(model.parameters()).sum() * 0.0
        if batch.follows is None:
            loss: Tensor = model(**batch.inputs, masked_lm_labels=batch.labels)
            return loss * batch.labelled
        found: Tensor = _loss_of_pairs(model, batch)
        return found

    def measured(self, model: PreTrainedModel, batch: Any) -> Measured:
        """Return for each piece loss, right guesses and number of its masked tokens; for pairs
        also whether the piece was judged rightly.
        """
        return Measured(*_rows_and_loss(model, batch))

    def chance_loss(self, examples: MaskedPieces) -> float:
        """Return the entropy of the tokens, and with pairs that of a coin."""
        counts = examples.pieces.lines.token_counts(examples.tokens)
        return entropy_of_counts(counts) + (math.log(2) if examples.has_pairs else 0.0)

    def metrics(self, scores: Scores, examples: MaskedPieces) -> dict[str, float]:
        """Return perplexity and accuracy of masked tokens, and accuracy of pairs."""
        loss, right, number, *of_pieces = scores.astype(np.float64).T
        masked = max(1, int(number.sum()))
        found = {
            "perplexity": perplexity(float(loss.sum()), masked),
            "accuracy": float(right.sum() / masked),
        }
        if of_pieces:
            found["next_sentence_accuracy"] = float(of_pieces[0].mean())
        return found

    def written(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizer, texts: Sequence[str]
    ) -> list[str]:
        """Return for each text the best word for each mask, their probabilities, and the text."""
        if not isinstance(model, BertForMaskedLM):
            device = next(model.parameters()).device
            state = {
                name: each for name, each in model.state_dict().items() if "seq_rel" not in name
            }
            model = BertForMaskedLM.from_pretrained("", state_dict=state, config=model.config)
            model.to(device).eval()
        found = FillMask(model, tokenizer)(list(texts), top_k=1)
        return [
            "\t".join(
                (
                    " ".join(best[0].token for best in masks),
                    " ".join(f"{best[0].score:.4f}" for best in masks),
                    one_line(text),
                )
            )
            for masks, text in zip(found, texts, strict=True)
        ]


def special_ids(tokenizer: Any, source: str) -> dict[str, int]:
    """Return the ids of a tokenizer's mask, beginning, separator and padding.

    Raises:
        ValueError: if it has none.
    """
    found = {}
    for name in ("mask", "cls", "sep", "pad"):
        token = getattr(tokenizer, f"{name}_token")
        if token not in tokenizer.vocabulary:
            raise ValueError(
                f"the vocabulary of {source!r} has no {token}, which masked-lm needs; give a model "
                "with one"
            )
        found[name] = tokenizer.vocabulary[token]
    return found


def _loss_of_pairs(model: Any, batch: MaskedBatch) -> Tensor:
    """The sum of the losses of masked tokens, each with that of its pair."""
    states, tokens, pooled = _encoded(model, batch)
    scores = model.cls.predictions(states).float()
    loss = F.cross_entropy(scores, tokens, reduction="sum")
    of_pairs = _losses_of_pairs(model.cls.seq_relationship(pooled), batch)
    return loss + (of_pairs * _masked(batch)).sum()


def _rows_and_loss(model: Any, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
    """What ``MaskedLM.measured`` returns."""
    states, _, pooled = _encoded(model, batch)
    found, right = scored_in_slices(model.cls.predictions, states, batch.labels)
    losses, hits = (torch.zeros(batch.labels.shape, device=states.device) for _ in range(2))
    losses[batch.labels != IGNORED] = found
    hits[batch.labels != IGNORED] = right.float()
    masked = _masked(batch)
    columns = [losses.sum(1), hits.sum(1), masked.float()]
    total = losses.double().sum()
    if batch.follows is not None:
        scores = model.cls.seq_relationship(pooled)
        total = total + (_losses_of_pairs(scores, batch) * masked).sum()
        columns.append((scores.argmax(1) == batch.follows).float())
    return torch.stack(columns, 1), total


def _encoded(model: Any, batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor]:
    """The states of masked tokens (R, E), these tokens (R,), and the pooled states (B, E)."""
    given = batch.inputs
    inputs = Inputs(
        given["input_ids"], given["token_type_ids"], given["attention_mask"], None, None, None
    )
    return encode_labelled(model, inputs, batch.labels, rows_suffice=True)


def _masked(batch: MaskedBatch) -> Tensor:
    """The number of masked tokens of each piece: (B,)."""
    return (batch.labels != IGNORED).sum(1)


def _losses_of_pairs(scores: Tensor, batch: MaskedBatch) -> Tensor:
    """The loss of saying whether the parts follow each other: (B, 2) → (B,)."""
    follows: Any = batch.follows
    return F.cross_entropy(scores.float(), follows, reduction="none")
