"""Values on their way to a worker process and back: in memory that both see, or through a pipe"""

import mmap
import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SLOTS = 2
"""How many values can be in shared memory on their way in one direction."""

BLOCK_BYTES = 2**20  # pages that no value reaches take no memory
ANSWER_BYTES = 2**21

Parts = Sequence["bytes | memoryview"]
"""A pickle, and the arrays that belong to it."""


def parts_of(value: Any) -> Parts:
    """Return a pickle of a value, and its arrays, which are not copied into the pickle."""
    arrays: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(value, 5, buffer_callback=arrays.append)
    return [rest, *(array.raw() for array in arrays)]


class SharedMemory:
    """Memory that a process and the worker that it forks both see.

    It has no name, so nothing is left of it when both have ended, however they end.
    """

    def __init__(self) -> None:
        memory = memoryview(mmap.mmap(-1, SLOTS * (BLOCK_BYTES + ANSWER_BYTES)))
        self.blocks = _slots(memory[: SLOTS * BLOCK_BYTES], BLOCK_BYTES)
        self.answers = _slots(memory[SLOTS * BLOCK_BYTES :], ANSWER_BYTES)


def _slots(memory: memoryview, size: int) -> list[memoryview]:
    return [memory[start : start + size] for start in range(0, len(memory), size)]


class Channel:
    """One end of the way between a process and its worker.

    What is in shared memory was sent as soon as the pipe has told how long it is, so the sender
    goes on at once. Of a value that does not fit, or where there is no such memory, the bytes go
    through the pipe too, and the sender waits until they are read.

    Args:
        pipe: to the other end.
        outgoing: ``SLOTS`` pieces of shared memory for what is sent, or none. They are used in
            turn, so a value must have arrived before the second one after it is sent.
        incoming: the same for what is received; ``outgoing`` of the other end.
    """

    def __init__(
        self,
        pipe: "Connection",
        outgoing: Sequence[memoryview] = (),
        incoming: Sequence[memoryview] = (),
    ) -> None:
        self.pipe = pipe
        self._outgoing, self._incoming = outgoing, incoming
        self._sent = self._received = 0

    def fits(self, parts: Parts) -> bool:
        """Tell whether a value can be sent without waiting for the other end."""
        return bool(self._outgoing) and sum(map(len, parts)) <= len(self._outgoing[0])

    def send(self, parts: Parts) -> None:
        """Send a value."""
        is_shared = self.fits(parts)
        if is_shared:
            slot, end = self._outgoing[self._sent % SLOTS], 0
            for part in parts:
                slot[end : end + len(part)] = part
                end += len(part)
        self.pipe.send((is_shared, [len(part) for part in parts]))
        if not is_shared:
            for part in parts:
                self.pipe.send_bytes(part)
        self._sent += 1

    def receive(self) -> Any:
        """Wait for the next value. Its arrays can be changed.

        Raises:
            EOFError: if the other end is closed; or an ``OSError``.
        """
        is_shared, sizes = self.pipe.recv()
        parts: list[bytes | memoryview] = []
        end = 0
        for size in sizes:
            if is_shared:
                slot = self._incoming[self._received % SLOTS]
                parts.append(slot[end : end + size])
            else:
                parts.append(self.pipe.recv_bytes())
            end += size
        self._received += 1
        return pickle.loads(parts[0], buffers=list(map(bytearray, parts[1:])))
