"""Filling masks: the words that a masked language model expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import torch
from torch import Tensor

from ptbert.tasks.given import Given, checked_top_k, given_texts
from ptbert.tasks.task import Task
from ptbert_models import BertForMaskedLM
from ptbert_tokenizers import Batch, BertTokenizer
from ptbert_tokenizers.batches.texts import checked_texts

if TYPE_CHECKING:
    from ptbert.tasks.task import Rows


class Candidate(NamedTuple):
    """A token for a mask, its probability, and the text with the token in place of the mask."""

    token: str
    score: float
    text: str


class FillMask(Task):
    """Gives the words that a model expects in place of each mask of a text.

    Scores are probabilities over the whole vocabulary, as in the library transformers. Unlike
    there, the result has the same form for one mask and for several, texts keep their spelling,
    and a word that is not a single token is refused.

    Args:
        model: a ``BertForMaskedLM``.
        tokenizer: its ``mask_token`` is what texts have where a word is wanted.
        max_len: see ``Task``.
        token_budget: likewise.

    Example:
        >>> from pathlib import Path
        >>> from ptbert import BertConfig, BertTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "##s"]
        >>> _ = Path("vocab.txt").write_text("".join(f"{word}\\n" for word in words))
        >>> config = BertConfig(8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
        >>> model = BertForMaskedLM(config)
        >>> model.cls.predictions.bias.data[6:] = torch.tensor([30.0, 20.0])
        >>> fill_mask = FillMask(model, BertTokenizer("vocab.txt"))
        >>> (candidates,) = fill_mask("A [MASK].", top_k=2)
        >>> [(each.token, each.text) for each in candidates]
        [('cat', 'A cat.'), ('##s', 'As.')]
    """

    model_class = BertForMaskedLM
    head = "cls.predictions."
    does = "predicts words"
    action = "filling masks"
    tokenizer_class = BertTokenizer

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is also many strings
        self,
        texts: str,
        *,
        top_k: int | None = ...,
        targets: Sequence[str] | None = ...,
        progress: bool = ...,
    ) -> list[list[Candidate]]: ...

    @overload
    def __call__(
        self,
        texts: Iterable[str],
        *,
        top_k: int | None = ...,
        targets: Sequence[str] | None = ...,
        progress: bool = ...,
    ) -> list[list[list[Candidate]]]: ...

    def __call__(
        self,
        texts: Any,
        *,
        top_k: int | None = 5,
        targets: Sequence[str] | None = None,
        progress: bool = True,
    ) -> Any:
        """Return the candidates for each mask of a text, the best first; or a list of these.

        Args:
            texts: a text or many, with one mask or more. In ``text`` of a candidate the other masks
                stay.
            top_k: number of candidates for each mask; all when None.
            targets: words to choose from; the whole vocabulary when None.
            progress: whether long input shows a progress bar, on a terminal.

        Raises:
            TypeError: if something is no string; it is named with its position.
            ValueError: if a text has no mask or is longer than the model takes, or a target is not
                a single token.
        """
        given = given_texts(texts)
        checked_top_k(top_k)
        mask = self.tokenizer.mask_token
        for text in given.texts:
            if mask not in text:
                raise ValueError(
                    f"there is no {mask} in {text!r}; put one where BERT should predict a word"
                )
        kept = None if targets is None else self._ids_of(targets)
        read, finish = partial(self._best, kept, top_k), partial(self._candidates, given)
        return given.result(self._map(given, read, finish, progress=progress))

    def _ids_of(self, targets: Sequence[str]) -> list[int]:
        ids = []
        for target in checked_texts(targets, "targets"):
            tokens = self.tokenizer.tokenize(target)
            known = target in self.tokenizer.vocabulary
            if not known and (len(tokens) != 1 or tokens == [self.tokenizer.unk_token]):
                raise ValueError(
                    f"the target {target!r} is {tokens}, and not a token of the vocabulary; give "
                    "words that are"
                )
            ids += self.tokenizer.convert_tokens_to_ids([target] if known else tokens)
        if not ids:
            raise ValueError("targets is empty; give words to choose from, or None for all")
        return list(dict.fromkeys(ids))

    def _encode(self, given: Given, group: Sequence[int], **options: Any) -> Batch:
        import numpy as np

        tokenizer, limit = self.tokenizer, self._max_len()
        rows = []
        for position in group:
            tokens = tokenizer.tokenize_with_special_tokens(
                given.texts[position], [tokenizer.mask_token]
            )
            tokens = [tokenizer.cls_token, *tokens, tokenizer.sep_token]
            if limit is not None and len(tokens) > limit:
                called = "the text" if given.is_one else f"texts[{position}]"
                raise ValueError(
                    f"{called} has {len(tokens)} tokens and the model takes {limit}; shorten it"
                )
            rows.append(tokenizer.convert_tokens_to_ids(tokens))
        mask = np.zeros((len(rows), max(map(len, rows))), np.int64)
        ids = mask.copy()
        for row, found in enumerate(rows):
            ids[row, : len(found)], mask[row, : len(found)] = found, 1
        zeros = np.zeros_like(ids)
        return Batch(ids, zeros, mask, np.arange(len(rows)), model_inputs=tokenizer.model_inputs)

    def _best(
        self, kept: list[int] | None, top_k: int | None, output: Any, inputs: dict[str, Tensor]
    ) -> Tensor:
        """The best tokens at each mask of a row, and their scores: (B, masks of a row, 2, top_k).

        Ids are floats here, which hold whole numbers up to 2 ** 24.
        """
        scores: Tensor = output[-1] if isinstance(output, tuple) else output  # (B, L, V)
        (mask_id,) = self.tokenizer.convert_tokens_to_ids([self.tokenizer.mask_token])
        masked = inputs["input_ids"] == mask_id
        places = masked.int().argsort(dim=1, descending=True, stable=True)[
            :, : int(masked.sum(1).max())
        ]
        rows = torch.arange(len(places), device=places.device)[:, None]
        scores = scores[rows, places].float().softmax(-1)
        if kept is None:
            found = scores.topk(min(top_k or scores.size(-1), scores.size(-1)))
            return torch.stack((found.values, found.indices.float()), 2)
        ids = torch.tensor(kept, device=scores.device)
        found = scores[..., ids].topk(min(top_k or len(ids), len(ids)))
        return torch.stack((found.values, ids[found.indices].float()), 2)

    def _candidates(
        self, given: Given, group: Sequence[int], batch: Batch, rows: Rows
    ) -> list[list[list[Candidate]]]:
        return [
            [
                [
                    Candidate(token, float(score), f"{_with_token(before, token)}{after}")
                    for score, token in zip(
                        scores, self.tokenizer.convert_ids_to_tokens(ids.astype(int)), strict=True
                    )
                ]
                for (before, after), (scores, ids) in zip(
                    _around(given.texts[position], self.tokenizer.mask_token), row, strict=False
                )
            ]
            for position, row in zip(group, rows, strict=True)
        ]


def _around(text: str, mask: str) -> list[tuple[str, str]]:
    """What stands before and after each mask.

    Example:
        >>> _around("a M M.", "M")
        [('a ', ' M.'), ('a M ', '.')]
    """
    parts = text.split(mask)
    return [(mask.join(parts[:n]), mask.join(parts[n:])) for n in range(1, len(parts))]


def _with_token(before: str, token: str) -> str:
    """A text with a token after it; a piece belongs to the word before.

    Example:
        >>> _with_token("a cat ", "##s"), _with_token("a ", "cat")
        ('a cats', 'a cat')
    """
    is_piece = token.startswith("##") and before
    return before.rstrip() + token[2:] if is_piece else before + token
