"""A process that reads damaged files with one reader: ``reader.py READER SEED COUNT FOLDER``.

For ``all`` readers, the files are whole, but for a value in each that has very many
characters, and some that change a terminal.

Every error must be of the types that the reader may raise. The process may use 512 MB more memory
than after importing, and ten seconds of the processor for a file. The last line printed is a JSON
object: how many files were read, how many refused, and the first files that ended otherwise. A
message that repeats so much of a file that it fills a screen or more is wrong too, also one in the
log.
"""

from __future__ import annotations

import json
import logging
import random
import resource
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from damage import case
from long_values import long_files
from readers import READERS, Reader

ROOM = 512 << 20
SECONDS = 10
LONGEST_MESSAGE = 2500


class TooSlow(BaseException):
    """More than ten seconds of the processor, or ten times as long in all."""


def limit_time(seconds: int) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(10 * seconds)  # it may wait for something


def stop(*_: Any) -> None:
    raise TooSlow


def is_hard_to_read(text: str) -> bool:
    """Whether it fills a screen, or changes the terminal."""
    return len(text) > LONGEST_MESSAGE or not text.replace("\n", "").isprintable()


class LongMessages(logging.Handler):
    """Keeps what is logged and cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if is_hard_to_read(text := record.getMessage()):
            self.found.append(f"{record.pathname}, line {record.lineno}: {text[:100]!r}")


def allowed(error: BaseException, types: tuple[type[Exception], ...]) -> bool:
    if is_hard_to_read(str(error)):
        return False
    ours = type(error).__module__.startswith("ptbert")
    return type(error) in types or (ours and isinstance(error, types))


def read_files(reader: Reader, files: Iterable[bytes], folder: Path) -> dict[str, Any]:
    """Read files one after the other, and note what came of it."""
    result: dict[str, Any] = {"read": 0, "refused": 0, "slowest": 0.0, "wrong": []}
    path = folder / reader.name
    for number, content in enumerate(files):
        path.write_bytes(content)
        start = time.process_time()
        limit_time(SECONDS)
        try:
            reader.read(path)
            result["read"] += 1
        except BaseException as error:
            limit_time(0)
            if not allowed(error, reader.errors):
                kept = folder / f"wrong-{number}"
                kept.write_bytes(content)
                text = f"{len(str(error))} characters: {str(error)[:200]!r}"
                result["wrong"].append(f"{type(error).__name__}, {text} ({kept})")
            result["refused"] += 1
        limit_time(0)
        result["slowest"] = max(result["slowest"], time.process_time() - start)
        if len(result["wrong"]) >= 5:
            break
    return result


def prepared(reader: Reader, folder: Path) -> list[bytes]:
    """Good files of a kind, which the reader has read."""
    folder.mkdir(exist_ok=True)
    samples = reader.samples()
    for beside, content in reader.beside().items():
        (folder / beside).write_bytes(content)
    for sample in samples:
        (folder / reader.name).write_bytes(sample)
        reader.read(folder / reader.name)  # a sample that is refused would show nothing
    return samples


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    name, seed, count, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    random.seed(f"{name} {seed}")
    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGPROF, stop)
    logging.captureWarnings(True)
    logging.getLogger().addHandler(long_messages := LongMessages())
    found: Any
    if name == "all":
        folder.mkdir(exist_ok=True)
        samples = {each: prepared(reader, folder / each) for each, reader in READERS.items()}
        limit_memory()
        found = {
            each: read_files(reader, long_files(reader.name, samples[each]), folder / each)
            for each, reader in READERS.items()
        }
        found["log"] = {"wrong": long_messages.found}
    else:
        samples_of_one = prepared(READERS[name], folder)
        limit_memory()
        files = (case(samples_of_one) for _ in range(count))
        found = read_files(READERS[name], files, folder)
        found["wrong"] += long_messages.found[:5]
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
