import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.distributed as dist

from ptbert.training.processes import Processes, joined, store_of_this_start


@pytest.fixture
def broken(monkeypatch):
    """Two processes, of which the other one has ended."""

    def fail(*_, **__):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer")

    monkeypatch.setattr(dist, "all_reduce", fail)
    monkeypatch.setattr(dist, "broadcast", fail)
    return Processes(0, 2, torch.device("cpu"))


@pytest.fixture
def doubled(monkeypatch):
    """Two processes that do the same; what is summed is noted."""
    sizes = []

    def double(tensor):
        sizes.append(tensor.numel())
        tensor *= 2

    monkeypatch.setattr(dist, "all_reduce", double)
    return Processes(0, 2, torch.device("cpu")), sizes


def test_a_process_that_has_ended_is_told(broken):
    message = (
        "another process of the training has ended; its message says why, and the same command"
    )
    for call in (lambda: broken.total(1), lambda: broken.from_first(1)):
        with pytest.raises(ConnectionError, match=message):
            call()


def test_gradients_are_summed_in_buckets_and_a_missing_one_is_zeros(doubled, monkeypatch):
    processes, sizes = doubled
    monkeypatch.setattr("ptbert.training.processes._BUCKET", 5)
    parameters = [torch.nn.Parameter(torch.ones(shape)) for shape in ((2, 2), (3,), (4,))]
    parameters[0].grad = torch.full((2, 2), 1.5)
    parameters[2].grad = torch.arange(4.0)

    processes.add_up_gradients([{"params": parameters[:1]}, {"params": parameters[1:]}])

    assert sizes == [7, 4]
    assert parameters[0].grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert parameters[1].grad.tolist() == [0.0, 0.0, 0.0]
    assert parameters[2].grad.tolist() == [0.0, 2.0, 4.0, 6.0]


def test_alone_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as alone:
        assert alone == Processes(0, 1, torch.device("cpu"))
        assert alone.total(2.5) == 2.5
        assert alone.from_first(3) == 3
        alone.add_up_gradients([{"params": [torch.nn.Parameter(torch.ones(1))]}])


def test_a_device_without_values_is_told():
    message = "device='meta' cannot be used .*; give cpu or cuda"
    with pytest.raises(ValueError, match=message), joined("meta"):
        pass


@pytest.mark.parametrize("asked", ["", "cuda", "cuda:1"])
def test_a_gpu_is_known_by_its_number(monkeypatch, asked):
    made, chosen = torch.zeros, []
    monkeypatch.setattr(torch, "zeros", lambda size, device: made(size))  # stands for a GPU's
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "set_device", lambda place: chosen.append(place.index))
    with joined(asked) as alone:
        number = 1 if asked == "cuda:1" else 3
        assert alone.device == torch.device("cuda", number)
    assert chosen == [number]


def test_several_numbers_are_summed_at_once(doubled):
    processes, sizes = doubled
    assert processes.totals(3, 2**52 - 1) == [6, 2**53 - 2]
    assert sizes == [2]


def test_processes_with_other_files_are_told(doubled, monkeypatch):
    processes, _ = doubled
    monkeypatch.setattr(dist, "broadcast", lambda tensor, src: tensor.fill_(7))
    processes.refuse_differences("the model", 7)
    message = "the model differs between the processes: 2 of 2 have another one than the first; g"
    with pytest.raises(ValueError, match=message):
        processes.refuse_differences("the model", 8)


def started(store, count, delays):
    """Start as many processes, as threads, of which some are late; return what they share."""

    def start(rank):
        time.sleep(delays.get(rank, 0))
        return store_of_this_start(store, rank, count)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(start, range(count)))


@pytest.mark.parametrize("delays", [{}, {0: 0.3}, {1: 0.2}, {2: 0.2}, {0: 0.2, 2: 0.3}])
def test_processes_that_are_started_again_do_not_read_what_was_there_before(delays):
    """As if the launcher had killed those before, whose addresses are in its store."""
    store = dist.HashStore()
    for addresses in ("before", "again", "once more"):
        shared = started(store, 3, delays)
        for rank, each in enumerate(shared):
            assert not each.check([f"address {rank}"])
        for rank, each in enumerate(shared):
            each.set(f"address {rank}", f"{addresses} {rank}")
        found = [each.get(f"address {2 - rank}").decode() for rank, each in enumerate(shared)]
        assert found == [f"{addresses} {2 - rank}" for rank in range(3)]


def test_a_start_that_was_killed_before_all_had_joined_is_forgotten():
    store = dist.HashStore()
    store.set("ptbert/start", "killed")
    store.set("ptbert/killed/1", "killed too")

    first, second = started(store, 2, {0: 0.2})

    first.set("address", "new")
    assert second.get("address") == b"new"
