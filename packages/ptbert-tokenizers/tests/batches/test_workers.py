"""Worker processes: order, errors, and that none of them is left."""

import errno
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import BertTokenizer, FlatIds, TransfoXLTokenizer, WorkerDied
from ptbert_tokenizers.batches.workers import encoded_blocks, flat_blocks
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

posix = pytest.mark.skipif(os.name != "posix", reason="has no signals for one process")


def lengths(texts: Sequence[str]) -> FlatIds:
    """One id for each text, its length; words of the texts say what else happens."""
    for text in texts:
        word, _, value = text.partition(" ")
        if word == "sleep":
            time.sleep(float(value))
        elif word == "exit":
            os._exit(int(value))
        elif word == "signal":
            os.kill(os.getpid(), int(value))
            time.sleep(10)
        elif word == "raise":
            raise {"odd": OddError("one", "two")}.get(value, ValueError(value))
    return FlatIds(np.array([len(text) for text in texts], np.int32), np.arange(len(texts) + 1))


class OddError(Exception):
    """An exception that pickle cannot make again."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def found(blocks: Sequence[Sequence[str]], workers: int) -> list[list[int]]:
    return [flat.ids.tolist() for flat in flat_blocks(lengths, blocks, workers)]


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_blocks(workers: int) -> None:
    blocks = [[f"sleep {0.01 * (number % 3)}", "x" * number] for number in range(30)]

    assert found(blocks, workers) == [[len(a), len(b)] for a, b in blocks]
    assert found([], workers) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_block_without_texts_ends_nothing(workers: int) -> None:
    blocks = [["a"], [], ["bc"], [], ["def"]]
    answers = encoded_blocks(lengths, blocks, workers)
    assert [flat.ids.tolist() for flat in answers] == [[1], [], [2], [], [3]]


def test_only_a_few_blocks_are_read_in_advance() -> None:
    read = 0

    def blocks() -> Iterator[list[str]]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield ["a"]

    generator = flat_blocks(lengths, blocks(), 2)
    next(generator)
    generator.close()

    assert read < 20


def test_large_blocks_and_answers_do_not_wait_for_each_other() -> None:
    blocks = [["x" * 10] * 300_000] * 8  # megabytes each way; a pipe holds 64 KB

    assert [len(flat.ids) for flat in flat_blocks(lengths, blocks, 2)] == [300_000] * 8


def test_a_system_without_room_for_processes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.Process, "start", full)
    said = r"no other worker process can be started \(Resource .* unavailable\); use fewer workers"
    with pytest.raises(OSError, match=said):
        found([["a"], ["b"], ["c"]], 2)


def test_errors_come_back_as_they_are() -> None:
    with pytest.raises(ValueError, match=r"^value$"):
        found([["a"], ["raise value"], ["a"]], 2)
    with pytest.raises(RuntimeError, match=r"^OddError: one two$"):
        found([["raise odd"]], 2)


def test_the_error_is_that_of_the_first_block_that_has_one() -> None:
    blocks = [["a"], ["sleep 0.5", "raise first"], ["raise second"], ["a"]]
    generator = flat_blocks(lengths, blocks, 2)
    assert next(generator).ids.tolist() == [1]
    with pytest.raises(ValueError, match=r"^first$"):
        next(generator)


def test_arrays_of_workers_can_be_changed() -> None:
    for flat in flat_blocks(lengths, [["a"], []], 2):
        assert [array.flags.writeable for array in flat] == [True, True]


def test_the_first_block_is_encoded_here_and_workers_begin_with_what_it_taught() -> None:
    places: list[int] = []

    def encode(texts: Sequence[str]) -> tuple[int, int]:
        places.append(len(texts))
        return os.getpid(), len(places)

    assert list(encoded_blocks(encode, [["a"]], 2)) == [(os.getpid(), 1)]
    assert list(encoded_blocks(encode, [], 2)) == []
    if multiprocessing.get_start_method() == "fork":
        places.clear()
        found = list(encoded_blocks(encode, [["a"], ["b"], ["c"]], 3))
        assert found[0] == (os.getpid(), 1)
        assert [count for _, count in found[1:]] == [2, 2]
        assert len({process for process, _ in found}) == 3


@pytest.mark.parametrize("workers", ["2", 2.0, True, None, 0, -1, 1025, int])
def test_what_is_no_number_of_processes_is_refused(workers: Any) -> None:
    for blocks in (encoded_blocks, flat_blocks):
        with pytest.raises(ValueError, match=f"workers={workers!r} is no whole number from 1 to"):
            list(blocks(lengths, [["a"]], workers))


@posix
def test_a_worker_that_is_killed_is_told() -> None:
    message = (
        "ended by SIGKILL; if memory ran out, which the system answers with SIGKILL, use fewer"
    )
    start = time.monotonic()
    with pytest.raises(WorkerDied, match=message):
        found([["a"], [f"signal {signal.SIGKILL:d}"], *[["sleep 0.1"]] * 10], 2)
    with pytest.raises(ChildProcessError, match="a worker process was ended by SIGTERM"):
        found([[f"signal {signal.SIGTERM:d}"]], 2)
    assert time.monotonic() - start < 8


def test_a_worker_that_ends_by_itself_is_told() -> None:
    with pytest.raises(WorkerDied, match=r"ended by itself, with exit code 7; .*workers=1 shows"):
        found([["exit 7"]], 2)


@posix
def test_ctrl_c_is_for_the_process_that_started_the_workers() -> None:
    """A worker ignores it, so that only one process prints something."""
    generator = flat_blocks(lengths, (["sleep 0.01"] for _ in range(100)), 2)
    next(generator)
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGINT)
    assert len(list(generator)) == 99


def test_a_generator_that_is_closed_has_ended_its_processes() -> None:
    generator = flat_blocks(lengths, [["a"], ["sleep 30"], ["sleep 30"], ["sleep 30"]], 2)
    start = time.monotonic()
    next(generator)
    assert len(multiprocessing.active_children()) == 2

    generator.close()

    assert multiprocessing.active_children() == []
    assert time.monotonic() - start < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
@pytest.mark.parametrize("use", ["goes on", "is closed"])
def test_a_fork_neither_takes_answers_nor_ends_the_processes(use: str) -> None:
    """As a data loader's process that was forked while the generator had begun."""
    generator = flat_blocks(lengths, (["x" * number] for number in range(20)), 2)
    begun = [next(generator).ids.tolist() for _ in range(3)]
    receiver, sender = multiprocessing.Pipe(duplex=False)

    child = os.fork()
    if not child:
        try:
            generator.close() if use == "is closed" else next(generator)
            sender.send("nothing raised")
        except BaseException as error:
            sender.send(f"{type(error).__name__}: {error}")
        os._exit(0)
    os.waitpid(child, 0)

    told = (
        "nothing raised"
        if use == "is closed"
        else f"RuntimeError: the worker processes belong to process {os.getpid()}, of which this "
        "one is a fork, and cannot answer both; begin anew in this process, or use workers=1"
    )
    assert receiver.recv() == told
    assert begun + [flat.ids.tolist() for flat in generator] == [[each] for each in range(20)]


def test_an_error_of_reading_comes_in_its_turn() -> None:
    """As with one process: after the answers of the blocks before it, or their errors."""

    def blocks(text: str) -> Iterator[list[str]]:
        yield ["sleep 0.3"]
        yield [text]
        raise ValueError("a bad file")

    for workers in (1, 2):
        answers = flat_blocks(lengths, blocks("ab"), workers)
        assert [next(answers).ids.tolist(), next(answers).ids.tolist()] == [[9], [2]]
        with pytest.raises(ValueError, match=r"^a bad file$"):
            next(answers)
        with pytest.raises(ValueError, match=r"^worse$"):
            list(flat_blocks(lengths, blocks("raise worse"), workers))


def test_a_block_that_is_larger_than_shared_memory_is_encoded_too() -> None:
    large = ["x" * 300_000] * 10
    blocks = [["a"], large, ["b"], large, ["c", "d"], ["e"], large]
    for workers in (2, 3):
        assert found(blocks, workers) == [[len(text) for text in block] for block in blocks]


def test_a_worker_has_the_next_block_before_it_has_answered() -> None:
    """So it does not wait for this process."""
    if multiprocessing.get_start_method() != "fork":
        pytest.skip("shares no memory with its workers")
    read: list[int] = []

    def blocks() -> Iterator[list[str]]:
        for number in range(6):
            read.append(number)
            yield ["sleep 0.5"] if number < 2 else ["a"]

    generator = flat_blocks(lengths, blocks(), 2)
    next(generator)
    assert len(read) >= 5  # two with each worker, and one that waits for its turn
    generator.close()


def test_blocks_that_cannot_be_read_end_the_processes() -> None:
    def blocks() -> Iterator[list[str]]:
        yield ["a"]
        raise ValueError("a bad file")

    with pytest.raises(ValueError, match="a bad file"):
        list(flat_blocks(lengths, blocks(), 2))


def encode_in_a_worker(tokenizer: BertTokenizer) -> str:
    try:
        tokenizer.encode_flat(["a"], workers=2)
    except ValueError as error:
        return str(error)
    return "no error"


def test_a_worker_that_may_start_no_processes_says_so() -> None:
    Path("vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\na\n")
    with multiprocessing.Pool(1) as pool:
        message = pool.apply(encode_in_a_worker, [BertTokenizer("vocab.txt")])
        pool.close()
        pool.join()

    assert message.endswith("may not start processes of its own; use workers=1")


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_every_way_to_start_processes_works(method: str) -> None:
    Path("vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\na\n")
    Path("program.py").write_text(
        "import multiprocessing\n"
        "from ptbert_tokenizers import BertTokenizer\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    tokenizer = BertTokenizer('vocab.txt')\n"
        "    print(tokenizer.encode_flat(['a', 'b'] * 2, workers=2).ids.tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "program.py"], capture_output=True, text=True, check=False, timeout=100
    )

    assert (done.stdout, done.stderr) == ("[3, 0, 3, 0]\n", "")


def has_ended(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_workers_end_with_the_process_that_started_them_however_it_ends() -> None:
    Path("vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\na\n")
    program = (
        "import multiprocessing, time\n"
        "from ptbert_tokenizers import BertTokenizer\n"
        "from ptbert_tokenizers.batches.workers import flat_blocks\n"
        "tokenizer = BertTokenizer('vocab.txt')\n"
        "blocks = flat_blocks(tokenizer.encode_flat, iter(lambda: ['a'], 0), 3)\n"
        "next(blocks)\n"
        "print(*(child.pid for child in multiprocessing.active_children()), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        workers = [int(pid) for pid in process.stdout.readline().split()]
        assert len(workers) == 3
        process.kill()

    end = time.monotonic() + 20
    while not all(map(has_ended, workers)):
        assert time.monotonic() < end
        time.sleep(0.01)


def tokenizer_of(name: str, published: Callable[[str], Path]) -> PreTrainedTokenizer:
    if name != "transfo_xl":
        return load_tokenizer(published(name))
    counted = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    counted.count_sents([["the", "cat", "the"]])
    counted.build_vocab()
    return counted


@pytest.mark.parametrize("name", ["bert-base-uncased", "openai-gpt", "gpt2", "transfo_xl"])
@pytest.mark.parametrize("added", [[], ["<x>"]], ids=["", "with added tokens"])
def test_the_pickle_of_a_tokenizer_does_not_change_by_using_it(
    name: str, added: list[str], published: Callable[[str], Path], texts: list[str]
) -> None:
    tokenizer = tokenizer_of(name, published)
    tokenizer.add_tokens(added)
    before = pickle.dumps(tokenizer)

    for text in texts[:50]:
        tokenizer.tokenize(text)
        tokenizer.decode(tokenizer.encode(text))
        tokenizer.tokenize_with_special_tokens(text)
    tokenizer.encode_batch(texts[:50], return_offsets=name != "openai-gpt")
    tokenizer.encode_flat(texts)

    assert pickle.dumps(tokenizer) == before


def test_threads_start_processes_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one process would keep open the pipe of another, whose end nobody would notice."""
    starting, most = [0], [0]
    start = multiprocessing.Process.start

    def slowly(process: multiprocessing.Process) -> None:
        starting[0] += 1
        most[0] = max(most[0], starting[0])
        time.sleep(0.05)
        start(process)
        starting[0] -= 1

    monkeypatch.setattr(multiprocessing.Process, "start", slowly)
    blocks = [["x" * number] for number in range(1, 9)]
    want = [[number] for number in range(1, 9)]
    with ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(list, flat_blocks(lengths, blocks, 2)) for _ in range(3)]
        answers = [[answer.ids.tolist() for answer in run.result()] for run in runs]
    assert most == [1]
    assert answers == [want] * 3
