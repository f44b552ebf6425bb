"""The processes of a training, as torchrun starts them: ranks, sums and devices."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ptbert.devices import usable_device, usual_device

_BUCKET = 8 << 20  # numbers that are sent together


@dataclass(frozen=True)
class Processes:
    """The processes that train one model together.

    Args:
        rank: the number of this one, from 0.
        count: how many there are.
        device: where this one computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def share_of(self, count: int, *, evenly: bool = False) -> list[tuple[int, bool]]:
        """Return the numbers below ``count`` that this process works on, and if the work counts.

        Args:
            count: pieces of work of all processes.
            evenly: give every process equally many, because they need each other for each. What a
                process has too many is done for the others alone, and counts for nothing.

        Example:
            >>> Processes(1, 2, torch.device("cpu")).share_of(3, evenly=True)
            [(1, True), (2, False)]
        """
        mine = [(number, True) for number in range(self.rank, count, self.count)]
        rounds = -(-count // self.count)
        return mine + [(count - 1, False)] * (rounds - len(mine) if evenly else 0)

    def total(self, number: float) -> float:
        """Return the sum of a number over all processes."""
        return self.totals(number)[0]

    def totals(self, *numbers: float) -> list[float]:
        """Return the sum of each number over all processes; exact for whole ones below 2**53."""
        if self.count == 1:
            return list(numbers)
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        found: list[float] = self.add_up(tensor).tolist()
        return found

    def refuse_differences(self, what: str, digest: int) -> None:
        """Raise in all processes if they do not all have the same.

        Args:
            what: what they have, for the message.
            digest: a whole number that tells it; all processes must call this.

        Raises:
            ValueError: if another process has another one.
        """
        others = self.total(float(self.from_first(digest) != digest))
        if others:
            raise ValueError(
                f"{what} differs between the processes: {int(others)} of {self.count} have another "
                "one than the first; give all machines the same files"
            )

    def add_up(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all processes, in place."""
        if self.count > 1:
            with _together():
                dist.all_reduce(tensor)
        return tensor

    def add_up_gradients(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Sum the gradients of an optimizer's groups over all processes; a missing one is zeros.

        They are sent in buckets that depend on nothing but the parameters. So the sums are the same
        in a training that was interrupted, and a process may have computed nothing in a step.
        """
        fill_gradients(each for group in groups for each in group["params"])
        if self.count == 1:
            return
        bucket: list[nn.Parameter] = []
        size = 0
        for parameter in (each for group in groups for each in group["params"]):
            bucket.append(parameter)
            size += parameter.numel()
            if size >= _BUCKET:
                self._add_up_bucket(bucket)
                bucket, size = [], 0
        if bucket:
            self._add_up_bucket(bucket)

    def from_first(self, number: int) -> int:
        """Return the number that the first process has."""
        if self.count == 1:
            return number
        tensor = torch.tensor(number, dtype=torch.int64, device=self.device)
        with _together():
            dist.broadcast(tensor, src=0)
        return int(tensor)

    def _add_up_bucket(self, parameters: list[nn.Parameter]) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.add_up(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(flat, [each.numel() for each in gradients])
        for gradient, summed in zip(gradients, parts, strict=True):
            gradient.copy_(summed.view_as(gradient))


def fill_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give parameters that no loss has reached a gradient of zeros."""
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


def store_of_this_start(store: Store, rank: int, count: int) -> Store:
    """Return a part of a store that the processes of this start share, and no others before them.

    torchrun gives processes that it starts again the store of those that were killed, with their
    addresses in it. So the first process gives each start a name, and the others believe one when
    the first has answered with the names that they gave themselves.

    Args:
        store: of the launcher.
        rank: number of this process.
        count: number of processes; all must call this.
    """
    name, pause = uuid4().hex, 0.02
    if rank == 0:
        store.set("ptbert/start", name)
        others = [store.get(f"ptbert/{name}/{other}").decode() for other in range(1, count)]
        store.set(f"ptbert/{name}/all", " ".join(others))
        return PrefixStore(f"ptbert/{name}", store)
    while True:
        start = store.get("ptbert/start").decode()  # perhaps of the processes before
        store.set(f"ptbert/{start}/{rank}", name)
        while store.get("ptbert/start").decode() == start:
            answer = f"ptbert/{start}/all"
            if store.check([answer]) and name in store.get(answer).decode().split():
                return PrefixStore(f"ptbert/{start}", store)
            time.sleep(pause)


@contextmanager
def joined(device: str = "") -> Iterator[Processes]:
    """Join the processes that torchrun started; alone where it started none.

    Args:
        device: where to compute; a GPU if there is one when empty.

    Raises:
        ValueError: if there is no such device.
    """
    kind = device or usual_device()
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count > 1 and kind == "cuda":
        kind = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    place = usable_device(kind)
    if place.type == "cuda":
        if ":" not in kind:  # NCCL and the random numbers of a GPU ask for its number
            place = torch.device("cuda", torch.cuda.current_device())
        torch.cuda.set_device(place)
    if count == 1:
        yield Processes(0, 1, place)
        return
    ours = not dist.is_initialized()  # else the program has a group already
    if ours:
        store, rank, count = next(rendezvous("env://"))
        dist.init_process_group(
            "nccl" if place.type == "cuda" else "gloo",
            store=store_of_this_start(store, rank, count),
            rank=rank,
            world_size=count,
        )
    try:
        yield Processes(dist.get_rank(), count, place)
    finally:
        if ours:
            dist.destroy_process_group()


@contextmanager
def _together() -> Iterator[None]:
    """Say in words that another process has ended, when something is computed together."""
    try:
        yield
    except RuntimeError as error:
        raise ConnectionError(
            "another process of the training has ended; its message says why, and the same command "
            "again goes on after the newest checkpoint"
        ) from error
