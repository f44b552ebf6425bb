"""Channels: what is sent arrives as it was, through shared memory or through the pipe."""

import multiprocessing
import threading
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import FlatIds
from ptbert_tokenizers.batches.channels import (
    ANSWER_BYTES,
    BLOCK_BYTES,
    SLOTS,
    Channel,
    SharedMemory,
    parts_of,
)


def two_ends(memory: SharedMemory | None) -> tuple[Channel, Channel]:
    ours, theirs = multiprocessing.Pipe()
    if memory is None:
        return Channel(ours), Channel(theirs)
    return (
        Channel(ours, memory.blocks, memory.answers),
        Channel(theirs, memory.answers, memory.blocks),
    )


@pytest.mark.parametrize("is_shared", [True, False])
def test_values_arrive_in_both_directions_and_in_order(is_shared: bool) -> None:
    ours, theirs = two_ends(SharedMemory() if is_shared else None)
    for number in range(5):
        flat = FlatIds(np.arange(number, dtype=np.int32), np.array([0, number]))
        ours.send(parts_of([f"text {number}", "ü"]))
        assert theirs.receive() == [f"text {number}", "ü"]
        theirs.send(parts_of(flat))
        received = ours.receive()
        assert [array.tolist() for array in received] == [array.tolist() for array in flat]
        assert [array.dtype for array in received] == [np.int32, np.int64]


def test_as_many_values_as_there_are_slots_can_be_on_their_way() -> None:
    ours, theirs = two_ends(SharedMemory())
    values = ["x" * (BLOCK_BYTES - 100), "y" * (BLOCK_BYTES - 100)]  # a pipe holds 64 KB
    assert len(values) == SLOTS
    for value in values:
        assert ours.fits(parts_of(value))
        ours.send(parts_of(value))
    assert [theirs.receive() for _ in values] == values


def test_received_arrays_are_not_those_in_shared_memory() -> None:
    ours, theirs = two_ends(SharedMemory())
    theirs.send(parts_of(np.array([1, 2])))
    first = ours.receive()
    for _ in range(SLOTS):
        theirs.send(parts_of(np.array([7, 7])))
        ours.receive()
    assert first.tolist() == [1, 2]
    first[0] = 5  # it can be changed


@pytest.mark.parametrize("size", [ANSWER_BYTES - 8, ANSWER_BYTES])
def test_what_does_not_fit_goes_through_the_pipe(size: int) -> None:
    """An array of that size is sent with a pickle of more than 8 bytes that says what it is."""
    ours, theirs = two_ends(SharedMemory())
    array = np.arange(size // 8)
    assert not theirs.fits(parts_of(array))
    received: list[Any] = []
    reader = threading.Thread(target=lambda: received.extend([ours.receive(), ours.receive()]))
    reader.start()
    theirs.send(parts_of(array))  # waits for the reader
    theirs.send(parts_of("after"))
    reader.join(60)
    assert np.array_equal(received[0], array)
    assert received[1] == "after"


def test_what_fills_a_slot_exactly_fits() -> None:
    ours, _ = two_ends(SharedMemory())
    assert ours.fits([b"x" * BLOCK_BYTES])
    assert not ours.fits([b"x" * BLOCK_BYTES, b"y"])
    assert not two_ends(None)[0].fits([b""])


def test_the_end_of_the_other_process_is_told() -> None:
    ours, theirs = two_ends(SharedMemory())
    theirs.pipe.close()
    with pytest.raises(EOFError):
        ours.receive()
