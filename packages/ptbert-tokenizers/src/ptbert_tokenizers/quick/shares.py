"""What each token adds to a decoded text, remembered by its id."""

from collections.abc import Callable, Collection, Sequence
from operator import index as as_index
from typing import Any, Generic, TypeVar

K = TypeVar("K")
S = TypeVar("S")
T = TypeVar("T")

_GAP = " ##"
_STATE = "_share_state"  # the attribute of a tokenizer that is not pickled


class Shares(dict[int, S], Generic[S]):
    """What each token adds to a text, for one state of a tokenizer.

    Args:
        share: tells what the token of an id adds; raises ``KeyError`` if there is none.

    Example:
        >>> shares = Shares(lambda index: ["lo", "w"][index])
        >>> "".join(map(shares.__getitem__, [0, 1, 1]))
        'loww'
    """

    def __init__(self, share: Callable[[int], S]) -> None:
        super().__init__()
        self._share = share

    def __missing__(self, key: int) -> S:
        index = as_index(key)  # of any type of integer; TypeError for what is none
        self[index] = added = self._share(index)
        return added


class PieceShares(Shares[str]):
    """What each WordPiece adds to a text.

    By definition, a text is all tokens with a space before each but the first, and without any
    " ##". This can be told for each token alone, because " ##" has no space but at its beginning.

    Args:
        token_of: the token of an id; raises ``KeyError`` if there is none.
        left_out: tokens that add nothing, and no space.

    Example:
        >>> shares = PieceShares(["play", "##ing", "!", "[SEP]"].__getitem__, {"[SEP]"})
        >>> shares[0], shares[1], shares.text([3, 0, 1, 2, 3])
        (' play', 'ing', 'playing !')
    """

    def __init__(
        self, token_of: Callable[[int], str], left_out: Collection[str] = frozenset()
    ) -> None:
        super().__init__(lambda index: f" {token_of(index)}".replace(_GAP, ""))
        self._firsts = Shares(lambda index: token_of(index).replace(_GAP, ""))
        self._are_left_out = Shares(lambda index: token_of(index) in left_out)
        self._leaves_out = bool(left_out)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of WordPieces.

        Raises:
            KeyError: if an id has no token.
        """
        if self._leaves_out:
            ids = [index for index in ids if not self._are_left_out[index]]
        if not ids:
            return ""
        return self._firsts[ids[0]] + "".join(map(self.__getitem__, ids[1:]))


def current_shares(tokenizer: Any, state: Any, key: K, new: Callable[[K], T]) -> T:
    """Return the shares that a tokenizer remembers for a state, or new ones.

    Args:
        tokenizer: remembers them for one state at a time.
        state: all that the tokens of ids depend on, to be compared with an earlier state.
        key: for which way to decode.
        new: makes the shares for a key.
    """
    known: tuple[Any, dict[K, T]] | None = tokenizer.__dict__.get(_STATE)
    if known is None or known[0] != state:
        tokenizer.__dict__[_STATE] = known = state, {}
    shares = known[1].get(key)
    if shares is None:
        known[1][key] = shares = new(key)
    return shares
