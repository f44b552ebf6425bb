"""Which tokens of a text belong to one word, and where the word is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ptbert.tasks.windows import Window, joined
from ptbert_tokenizers import Batch, BertTokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Words(NamedTuple):
    """The W words of a text that has T tokens.

    Args:
        firsts: (W,), the number of each word's first token.
        spans: (W, 2), where each begins and ends: in characters of the text, or as the number of
            the word and the next number if the words were given.
    """

    firsts: NDArray[np.int64]
    spans: NDArray[np.int64]

    def of_tokens(self, tokens: int) -> NDArray[np.int64]:
        """Return the number of the word of each token, (T,)."""
        import numpy as np

        return np.repeat(np.arange(len(self.firsts)), np.diff(self.firsts, append=tokens))


def continued(batch: Batch, tokenizer: BertTokenizer) -> NDArray[np.bool_]:
    """Return which tokens of a batch continue the word before them: (B, L).

    Args:
        batch: of texts that were not split into words.
        tokenizer: that made the batch.
    """
    import numpy as np

    ids, places = np.unique(batch.input_ids, return_inverse=True)
    tokens = tokenizer.convert_ids_to_tokens(ids.tolist())
    is_piece = np.array([token.startswith("##") for token in tokens], np.bool_)
    return is_piece[places].reshape(batch.input_ids.shape)


def words_of_text(
    batch: Batch, windows: Sequence[Window], stride: int, continues: NDArray[np.bool_] | None
) -> Words:
    """Return the words of a text.

    Args:
        batch: with offsets, or with word numbers.
        windows: the text's rows of the batch.
        stride: tokens that neighbouring windows share.
        continues: (B, L), see ``continued``; None if the words were given.
    """
    import numpy as np

    def tokens_of(array: NDArray[Any]) -> NDArray[Any]:
        return joined([array[window.row, window.places] for window in windows], stride)

    if continues is None:
        numbers = tokens_of(batch["word_index"])
        firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
        return Words(firsts, numbers[firsts, None] + np.array([0, 1]))
    begins = ~tokens_of(continues)
    begins[:1] = True
    firsts = np.flatnonzero(begins)
    offsets = tokens_of(batch["offsets"])
    lasts = np.append(firsts[1:], len(begins)) - 1
    return Words(firsts, np.stack((offsets[firsts, 0], offsets[lasts[: len(firsts)], 1]), 1))
