"""Added tokens in files: from the JSON of other libraries, and as this package writes them

Their ids are under ``added_tokens_decoder`` in ``tokenizer_config.json``, in ``added_tokens.json``
or in ``tokenizer.json``, whichever library wrote them.
"""

import re
from collections.abc import Mapping
from typing import Any

from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.plain.added_tokens import FLAGS, AddedToken, AddedTokens


def added_token(entry: Any, path: str, number: Any = None) -> tuple[AddedToken, int]:
    """Return an added token and its id.

    Args:
        entry: an object with the token's ``content``, flags, and ``id`` unless ``number`` is given.
        path: of the file, for messages.
        number: the id, also as a string.

    Raises:
        BadVocabulary: if it is none.
    """
    index = entry.get("id") if number is None and isinstance(entry, dict) else number
    if isinstance(index, str) and re.fullmatch("[0-9]{1,18}", index):
        index = int(index)
    token = marked_token(entry, path)
    if type(index) is not int or index < 0:
        raise BadVocabulary(
            f"{path!r} gives the added token {token.content!r} the id {index!r}; ids count from 0"
        )
    return token, index


def marked_token(entry: Any, path: str, special: bool = False) -> AddedToken:
    """Return an added token from its name or its object in a file.

    Raises:
        BadVocabulary: if it is neither.
    """
    if isinstance(entry, str) and entry:
        return AddedToken(entry, special=special)
    if isinstance(entry, dict) and isinstance(entry.get("content"), str) and entry["content"]:
        flags = {name: entry[name] for name in FLAGS if entry.get(name) is not None}
        if all(isinstance(flag, bool) for flag in flags.values()):
            return AddedToken(entry["content"], **({"special": special} | flags))
    raise BadVocabulary(
        f"{path!r} has {entry!r} as an added token; give its text, or an object with its content "
        "and flags that are true or false"
    )


def written(added: AddedTokens) -> Mapping[str, Any]:
    """Return added tokens as the value of ``added_tokens_decoder``.

    Example:
        >>> written(AddedTokens({AddedToken("[E1]", special=True): 7}))["7"]["content"]
        '[E1]'
    """
    return {str(index): token.flags() for token, index in added.entries.items()}
