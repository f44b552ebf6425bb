"""What each token adds to a decoded text, remembered by its id."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ptbert_tokenizers.edits import CountingDict, TokensById

S = TypeVar("S")
Names = TokensById | CountingDict[int, str]

_GAP = " ##"


class Shares(dict[int, S], Generic[S]):
    """What each token adds to a text, for one state of the names of ids.

    Args:
        names: the token of each id; counts its edits.
        share: tells what a token adds.

    Example:
        >>> shares = Shares(CountingDict({0: "Ġa", 1: "b"}), lambda token: token.replace("Ġ", " "))
        >>> "".join(map(shares.__getitem__, [0, 1, 1]))
        ' abb'
    """

    def __init__(self, names: Names, share: Callable[[str], S]) -> None:
        super().__init__()
        self.names, self._edits = names, names.edits
        self._share = share

    def are_those_of(self, names: Names) -> bool:
        """Tell whether the names are the same, and were not changed."""
        return self._edits == names.edits

    def __missing__(self, index: int) -> S:
        self[index] = added = self._share(self.names[index])
        return added


def piece_share(token: str) -> str:
    """What a WordPiece adds that is not the first one of a text.

    By definition, a text is all tokens with a space before each but the first, and without any
    " ##". This can be told for each token alone, because " ##" has no space but at its beginning.

    Example:
        >>> piece_share("play"), piece_share("##ing")
        (' play', 'ing')
    """
    return f" {token}".replace(_GAP, "")


def joined_pieces(ids: Sequence[int], shares: Shares[str]) -> str:
    """Return the text of WordPieces, given their shares.

    Raises:
        KeyError: if an id has no name.

    Example:
        >>> names = TokensById({0: "play", 1: "##ing", 2: "!"})
        >>> joined_pieces([0, 1, 2, 0], Shares(names, piece_share))
        'playing ! play'
    """
    if not ids:
        return ""
    first = shares.names[ids[0]].replace(_GAP, "")
    return first + "".join(map(shares.__getitem__, ids[1:]))
