"""Which tokens of a text are masked, and by what, as functions of a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ptbert.training.examples import IGNORED
from ptbert.training.order import random_shares, random_words

_MASKED, _REPLACED = 0.8, 0.1  # shares of the chosen tokens; the others stay as they are
_CHOICE, _WHAT, _BY = range(3)  # what is drawn


@dataclass(frozen=True)
class Masks:
    """How texts are masked.

    Args:
        share: of the tokens that are chosen; at least one is.
        mask: the token that masks others.
        special: tokens that are never chosen, and never put in the place of others.
        continues: (V,), whether each token continues a word, which is then chosen as a whole or not
            at all; all False where tokens are chosen one by one.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 3.1 and appendix A.1; whole words as in
        version 2019-05-31 of the authors' README.

    Example:
        >>> masks = Masks(0.5, mask=1, special=(0, 1), continues=np.zeros(4, np.bool_))
        >>> ids, labels = masks.masked(np.array([0, 2, 3, 2, 3, 0]), 7, 1, 0)
        >>> int((labels != IGNORED).sum()), labels[[0, -1]].tolist()
        (2, [-100, -100])
    """

    share: float
    mask: int
    special: Sequence[int]
    continues: NDArray[np.bool_]
    _ordinary: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        ordinary = np.setdiff1d(np.arange(len(self.continues)), self.special)
        object.__setattr__(self, "_ordinary", ordinary)

    def masked(
        self, ids: NDArray[np.int64], *key: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return a text with some tokens masked, and labels: the tokens that were chosen.

        Args:
            ids: (L,), the tokens.
            *key: whole numbers; the same tokens and key give the same masks.
        """
        places = np.flatnonzero(~np.isin(ids, self.special))
        chosen = self._chosen(ids, places, key)
        masked, labels = ids.copy(), np.full(len(ids), IGNORED, np.int64)
        labels[chosen] = ids[chosen]
        what = random_shares(chosen, *key, _WHAT)
        others = random_words(chosen, *key, _BY) % np.uint64(len(self._ordinary))
        masked[chosen] = np.where(
            what < _MASKED,
            self.mask,
            np.where(
                what < _MASKED + _REPLACED, self._ordinary[others.astype(np.int64)], ids[chosen]
            ),
        )
        return masked, labels

    def _chosen(
        self, ids: NDArray[np.int64], places: NDArray[np.int64], key: tuple[int, ...]
    ) -> NDArray[np.int64]:
        number = max(1, round(self.share * len(places)))
        begins = ~self.continues[ids[places]]
        if begins.all():
            order = np.argsort(random_words(places, *key, _CHOICE), kind="stable")
            return places[order[:number]]
        begins[:1] = True
        words = np.split(places, np.flatnonzero(begins)[1:])
        order = np.argsort(random_words(np.arange(len(words)), *key, _CHOICE), kind="stable")
        chosen: list[int] = []
        for word in order.tolist():  # a word for which there is no room is left out
            if not chosen or len(chosen) + len(words[word]) <= number:
                chosen += words[word].tolist()
            if len(chosen) >= number:
                break
        return np.array(chosen, np.int64)
