"""Token types, and masks that are passed in their place"""

from __future__ import annotations

import logging
from functools import cache

from torch import Tensor

from ptbert_models.parts.inputs import values_are_known

logger = logging.getLogger(__name__)


def check_types(input_ids: Tensor, token_type_ids: Tensor) -> None:
    """Warn once if token types look like a mask that was passed in their place.

    Types begin with 0 in every text, and padding, which has the id 0, begins in none.
    """
    if not values_are_known(input_ids, token_type_ids) or not token_type_ids.is_cpu:
        return
    if token_type_ids.shape != input_ids.shape or not bool((token_type_ids[..., 0] == 1).all()):
        return
    if input_ids.numel() and bool(((token_type_ids == 1) | (input_ids == 0)).all()):
        warn_of_types()


@cache
def warn_of_types() -> None:
    """Say, once in a process, how a mask is passed."""
    logger.warning(
        "token_type_ids is 1 for all tokens but padding, and there is no attention_mask; the "
        "second argument of BERT models is token_type_ids, so pass a mask as attention_mask=mask"
    )
