"""The longest input that a model takes, in tokens."""

import logging

logger = logging.getLogger(__name__)

NO_LIMIT = int(1e12)
"""``max_len`` of a tokenizer whose model takes inputs of any length."""


def warn_if_long(length: int, max_len: int) -> None:
    """Warn of more tokens than a model takes."""
    if length > max_len:
        logger.warning(
            "%d tokens are more than the model's longest input of %d; it will fail on them "
            "unless they are cut, as encode_batch(max_len=...) does",
            length,
            max_len,
        )
