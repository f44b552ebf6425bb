"""Encoding in several processes. They send back arrays, which is faster than lists."""

import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.batches.channels import SLOTS, Channel, Parts, SharedMemory, parts_of
from ptbert_tokenizers.errors import WorkerDied

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_MOST = 1024  # processes
_AHEAD = 4  # blocks for each process that may be done before it is their turn

_ENDING = [
    getattr(signal, each) for each in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, each)
]

# This process's ends of the pipes to its workers. A forked worker inherits and closes them, so that
# it notices when this process ends, however it does.
_our_ends: "list[Connection]" = []


class _Starting:
    """Who starts a process holds the lock; in a fork nobody does, whoever did when it was made."""

    lock = threading.Lock()

    @classmethod
    def renew(cls) -> None:
        cls.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Starting.renew)

T = TypeVar("T")
Encode = Callable[[Sequence[str]], T]


def flat_blocks(
    encode: Encode[T], blocks: Iterable[Sequence[str]], workers: int
) -> Generator[T, None, None]:
    """Yield what ``encode`` makes of each block, in order; only a few are encoded in advance.

    When the generator ends or is closed, its processes have ended too.

    Args:
        encode: such as the method ``encode_flat`` of a tokenizer; it is pickled to each process
            where processes are not forked.
        blocks: lists of texts; read as they are needed.
        workers: number of processes; 1 for this one alone.

    Raises:
        RuntimeError: if the generator goes on in a fork of the process in which it began.
        ValueError: if that is no number of processes, or processes cannot be started here.
        WorkerDied: if a process ended before it answered.
    """
    if checked_workers(workers) == 1:
        yield from map(encode, blocks)
        return
    team: list[_Worker[T]] = []

    def start() -> _Worker[T]:
        with _signals_held():
            team.append(_Worker(encode))
        return team[-1]

    owner = os.getpid()
    try:
        for answer in _in_order(start, workers, blocks):
            yield answer
            if os.getpid() != owner:
                raise RuntimeError(
                    f"the worker processes belong to process {owner}, of which this one is a fork, "
                    "and cannot answer both; begin anew in this process, or use workers=1"
                )
    finally:
        with _signals_held():
            for worker in team:
                worker.end()


def encoded_blocks(
    encode: Encode[T], blocks: Iterable[Sequence[str]], workers: int
) -> Generator[T, None, None]:
    """Yield what a tokenizer makes of each block, in order, as ``flat_blocks`` does.

    The first block is encoded in this process. So where processes are forked, each of them begins
    with what the tokenizer has built and learned, and one block alone needs none.

    Args:
        encode: such as the method ``encode_flat`` of a tokenizer.
        blocks: as for ``flat_blocks``.
        workers: as for ``flat_blocks``.

    Raises:
        RuntimeError: as for ``flat_blocks``.
        ValueError: as for ``checked_workers``.
        WorkerDied: if a process ended before it answered.
    """
    checked_workers(workers)
    waiting = iter(blocks)
    yield from map(encode, islice(waiting, 1))
    following = next(waiting, None)
    if following is not None:  # it may have no texts
        yield from flat_blocks(encode, chain([following], waiting), workers)


def checked_workers(workers: int) -> int:
    """Return a number of processes.

    Raises:
        ValueError: if it is no whole number from 1 to 1024, or more than 1 and this process may
            start none.
    """
    workers = checked_whole(workers, "workers", most=_MOST)
    if workers > 1:
        import multiprocessing  # slow to import, and seldom needed

        if multiprocessing.current_process().daemon:
            raise ValueError(
                "this process is a worker that may not start processes of its own; use workers=1"
            )
    return workers


def _in_order(
    start: "Callable[[], _Worker[T]]", workers: int, blocks: Iterable[Sequence[str]]
) -> Iterator[T]:
    """The answers, of processes that are started when there is a block for them."""
    team: list[_Worker[T]] = []
    done: dict[int, T | BaseException] = {}
    upcoming = enumerate(_packed(blocks))
    following = next(upcoming, None)
    turn = 0
    while following is not None or any(worker.numbers for worker in team):
        while following is not None and following[0] < turn + _AHEAD * workers:
            number, parts = following
            if isinstance(parts, Exception):
                done[number], following = parts, None
                break
            if all(worker.numbers for worker in team) and len(team) < workers:
                team.append(start())
            idlest = min(team, key=lambda worker: len(worker.numbers))
            if not idlest.may_have(parts):
                break
            idlest.send(number, parts)
            following = next(upcoming, None)
        for worker in _ready([worker for worker in team if worker.numbers]):
            number, answer = worker.receive()
            done[number] = answer
        while turn in done:
            answer = done.pop(turn)
            if isinstance(answer, BaseException):  # of the first block that has one
                raise answer
            yield answer
            turn += 1


def _packed(blocks: Iterable[Sequence[str]]) -> Iterator[Parts | Exception]:
    """Blocks as they are sent; in the end the error, if they cannot be read to their end.

    It is raised in its turn, as with one process, after the answers of the blocks before.
    """
    try:
        for block in blocks:
            yield parts_of(block)
    except Exception as error:
        yield error


def _ready(workers: "list[_Worker[T]]") -> "list[_Worker[T]]":
    """Those that have answered or ended; wait until there is one of them."""
    from multiprocessing.connection import wait

    found = wait([each for worker in workers for each in worker.signs]) if workers else []
    return [worker for worker in workers if any(sign in found for sign in worker.signs)]


@contextmanager
def _named_remedy() -> Iterator[None]:
    """Say what to do if the system has no room for another process."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"no other worker process can be started ({reason}); use fewer workers"
        raise OSError(error.errno, message) from error


class _Worker(Generic[T]):
    """A process that encodes one block of texts after the other.

    While it encodes a block, it may have the next one in memory that it shares with this process.
    So it does not wait for this process. A block that does not fit there goes through the pipe,
    and only to a worker that has nothing to do: else it and this process could wait for each other.
    """

    def __init__(self, encode: Encode[T]) -> None:
        import multiprocessing

        self._owner = os.getpid()
        self.numbers: deque[int] = deque()
        """The blocks that it has and has not answered, in order."""
        with _named_remedy():
            memory = SharedMemory() if multiprocessing.get_start_method() == "fork" else None
            self._start(encode, memory)

    def _start(self, encode: Encode[T], memory: SharedMemory | None) -> None:
        import multiprocessing

        # One at a time: a process that is forked meanwhile would keep the other end of this pipe
        # open, and nobody would learn that this worker has ended.
        with _Starting.lock:
            pipe, theirs = multiprocessing.Pipe()
            self._channel = Channel(pipe)
            if memory is not None:
                self._channel = Channel(pipe, memory.blocks, memory.answers)
            _our_ends.append(pipe)
            self._process = multiprocessing.Process(
                target=_serve, args=(encode, theirs, memory), daemon=True
            )
            try:
                self._process.start()
            except BaseException:
                _our_ends.remove(pipe)
                raise
            theirs.close()

    @property
    def signs(self) -> tuple[Any, ...]:
        """What to wait for: an answer, or the end of the process."""
        return self._channel.pipe, self._process.sentinel

    def may_have(self, parts: Parts) -> bool:
        """Tell whether a block can be sent to it now."""
        return not self.numbers or (len(self.numbers) < SLOTS and self._channel.fits(parts))

    def send(self, number: int, parts: Parts) -> None:
        """Send a block."""
        with self._alive():
            self._channel.send(parts)
        self.numbers.append(number)

    def receive(self) -> tuple[int, T | BaseException]:
        """The number of its first block, and the answer, or the error of the block."""
        with self._alive():
            answer: T | BaseException = self._channel.receive()
        return self.numbers.popleft(), answer

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as error:
            self._process.join(1)
            code = self._process.exitcode
            if code is not None and -code in _ENDING:
                time.sleep(0.2)  # a signal to all processes; let this one act on its own
            raise WorkerDied(_cause(code)) from error

    def end(self) -> None:
        """End the process at once; a fork of the process that started it only lets go of it."""
        _our_ends.remove(self._channel.pipe)
        self._channel.pipe.close()
        if os.getpid() != self._owner:
            return
        self._process.kill()
        self._process.join()
        self._process.close()


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return (
            f"a worker process was ended by {signal.Signals(-code).name}; if memory ran out, which "
            "the system answers with SIGKILL, use fewer workers"
        )
    return (
        f"a worker process ended by itself, with exit code {code}; a program that starts processes "
        "needs `if __name__ == '__main__':`, and workers=1 shows other reasons"
    )


def _serve(encode: Encode[Any], pipe: "Connection", memory: SharedMemory | None) -> None:
    """Encode blocks until the other side is closed. This runs in the worker process."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    for end in _our_ends:
        end.close()
    channel = Channel(pipe) if memory is None else Channel(pipe, memory.answers, memory.blocks)
    with suppress(EOFError, OSError):  # the other process is done, or has ended
        while True:
            block = channel.receive()
            try:
                answer: Any = encode(block)
            except Exception as error:
                answer = _portable(error)
            channel.send(parts_of(answer))


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back the signals that end a program until the block is done."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
