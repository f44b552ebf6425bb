"""The longest input that a model takes, in tokens."""

import logging

from ptbert_tokenizers.arguments import checked_whole

logger = logging.getLogger(__name__)

NO_LIMIT = int(1e12)
"""``max_len`` of a tokenizer whose model takes inputs of any length."""


def checked_max_len(max_len: int | None) -> int | None:
    """Return the largest number of tokens that a caller asks for; None for no limit.

    Raises:
        ValueError: if it is no whole number from 1 on.

    Example:
        >>> checked_max_len(512)
        512
    """
    if max_len is None:
        return None
    # Other libraries have larger numbers for no limit.
    return min(checked_whole(max_len, "max_len", what="a length"), NO_LIMIT)


def model_limit(max_len: int | None) -> int:
    """Return the ``max_len`` of a tokenizer; ``NO_LIMIT`` for None.

    Raises:
        ValueError: if it is less than 1.

    Example:
        >>> model_limit(512)
        512
    """
    limit = NO_LIMIT if max_len is None else int(max_len)
    if limit < 1:
        raise ValueError(
            f"max_len={max_len!r} is not a length; choose a whole number from 1 on, or None for no "
            "limit"
        )
    return limit


def warn_if_long(length: int, max_len: int) -> None:
    """Warn of more tokens than a model takes."""
    if length > max_len:
        logger.warning(
            "%d tokens are more than the model's longest input of %d; it will fail on them "
            "unless they are cut, as encode_batch(max_len=...) does",
            length,
            max_len,
        )
