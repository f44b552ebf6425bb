"""Where something is computed: a device by its name, or a GPU if there is one"""

from __future__ import annotations

import torch


def usual_device() -> str:
    """Return the name of what computes where nobody says it: a GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def usable_device(name: str = "") -> torch.device:
    """Return the device of a name.

    Args:
        name: such as ``"cpu"`` or ``"cuda:1"``; a GPU if there is one when empty.

    Raises:
        ValueError: if there is no such device, or it computes no values.

    Example:
        >>> usable_device("cpu")
        device(type='cpu')
    """
    kind = name or usual_device()
    try:
        place = torch.device(kind)
        torch.zeros(1, device=place).item()  # that of "meta" has no values
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device={kind!r} cannot be used ({reason}); give cpu or cuda") from error
    return place
