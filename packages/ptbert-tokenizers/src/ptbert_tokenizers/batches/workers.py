"""Encoding in several processes. They send back arrays, which is faster than lists."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ptbert_tokenizers.batches.flat import EncodesFlat, FlatIds

if TYPE_CHECKING:
    from concurrent.futures import Future

_AHEAD = 2  # blocks in the queue for each process

_tokenizers: list[EncodesFlat] = []  # holds the tokenizer of this worker process


def flat_blocks(
    tokenizer: EncodesFlat, blocks: Iterable[Sequence[str]], workers: int
) -> Iterator[FlatIds]:
    """Yield the ids of each block of texts, in order; only a few blocks are encoded in advance.

    Args:
        tokenizer: is pickled to each process.
        blocks: lists of texts; read as they are needed.
        workers: number of processes; 1 for this one alone.
    """
    if workers < 1:
        raise ValueError(f"workers={workers} is not a number of processes; choose 1 or more")
    if workers == 1:
        yield from map(tokenizer.encode_flat, blocks)
        return
    from concurrent.futures import ProcessPoolExecutor  # slow to import, and seldom needed

    with ProcessPoolExecutor(workers, initializer=_take, initargs=(tokenizer,)) as pool:
        waiting: deque[Future[FlatIds]] = deque()
        try:
            for block in blocks:
                waiting.append(pool.submit(_encode, block))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _take(tokenizer: EncodesFlat) -> None:
    _tokenizers[:] = [tokenizer]


def _encode(block: Sequence[str]) -> FlatIds:
    return _tokenizers[0].encode_flat(block)
