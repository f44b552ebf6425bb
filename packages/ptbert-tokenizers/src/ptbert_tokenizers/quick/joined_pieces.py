"""WordPieces joined to a text: what each adds to it is remembered by its id."""

from collections.abc import Sequence

from ptbert_tokenizers.edits import TokensById

_GAP = " ##"


class JoinedPieces(dict[int, str]):
    """What a token that is not the first one adds to a text, for one state of the names of ids.

    By definition, a text is all tokens with a space before each but the first, and without any
    " ##". This can be told for each token alone, because " ##" has no space but at its beginning.

    Args:
        names: the token of each id.

    Example:
        >>> joined = JoinedPieces(TokensById({0: "play", 1: "##ing", 2: "!"}))
        >>> joined.text([0, 1, 2, 0]), joined.text([1, 1])
        ('playing ! play', '##inging')
    """

    def __init__(self, names: TokensById) -> None:
        super().__init__()
        self._names, self._edits = names, names.edits

    def are_those_of(self, names: TokensById) -> bool:
        """Tell whether the names are the same, and were not changed."""
        return self._names is names and self._edits == names.edits

    def __missing__(self, index: int) -> str:
        self[index] = added = f" {self._names[index]}".replace(_GAP, "")
        return added

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of ids.

        Raises:
            KeyError: if an id has no name.
        """
        if not ids:
            return ""
        first = self._names[ids[0]].replace(_GAP, "")
        return first + "".join(map(self.__getitem__, ids[1:]))
