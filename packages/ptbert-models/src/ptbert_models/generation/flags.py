"""What a step of writing tells the host, read from a GPU while it computes the next step"""

from __future__ import annotations

import torch
from torch import Tensor


class Flags:
    """A few values True or False that are computed on a device.

    On a GPU they are copied when they are ready, whatever is computed afterwards. So whoever begins
    more work before ``read`` keeps the GPU busy while the host waits.

    Args:
        *flags: scalars of type bool, on one device.

    Example:
        >>> Flags(torch.tensor(True), torch.tensor(False)).read()
        [True, False]
    """

    def __init__(self, *flags: Tensor) -> None:
        self._flags, self._copied = torch.stack(flags), None
        if self._flags.is_cuda:
            self._flags = self._flags.to("cpu", non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()

    def read(self) -> list[bool]:
        """Wait until the flags are there, and return them."""
        if self._copied is not None:
            self._copied.synchronize()
        flags: list[bool] = self._flags.tolist()
        return flags
