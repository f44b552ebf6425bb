"""One file, downloaded: sources in order, interruptions resumed, bytes verified, then published.

The file gets its name in four steps that survive a crash at any point: the bytes are synced, the
record is replaced, the file is renamed, the folder is synced.
"""

import errno
import logging
import os
import random
import time
from collections.abc import Callable
from concurrent.futures.thread import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptbert_hub import answers, settings
from ptbert_hub.answers import Step
from ptbert_hub.digests import Digest, Hashing, announced, sniff
from ptbert_hub.entries import Entry, publish
from ptbert_hub.errors import (
    CacheError,
    CacheWriteError,
    DigestMismatch,
    HubError,
    IntegrityError,
    NetworkError,
    SizeMismatch,
    SourcesExhausted,
    Unverifiable,
)
from ptbert_hub.files import check_room, disk, write_all
from ptbert_hub.naming import WORK_FOLDER, redacted, url_to_filename
from ptbert_hub.partials import Partial, sweep
from ptbert_hub.progress import Progress
from ptbert_hub.records import record_path, verified_record
from ptbert_hub.sources import RemoteFile
from ptbert_hub.transport import CHUNK, Answer, Waits, opened

log = logging.getLogger(__name__)

SYNC_SECONDS = 30.0
"""How much downloading a power cut may undo; a killed process loses nothing of it."""


@dataclass
class Pace:
    """How often and after how long to try again.

    Args:
        tries: rounds over all sources without a new byte.
        base: longest first pause in seconds; it doubles each round.
        cap: longest pause that is our own choice.
        longest: longest pause that a server may ask for.
    """

    tries: int = 6
    base: float = 0.5
    cap: float = 30.0
    longest: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    def pause(self, failures: int, asked: float = 0.0) -> float:
        """Return how long to wait: what was asked for, and a random share of a growing limit."""
        return asked + self.uniform(0.0, min(self.cap, self.base * 2.0**failures))


PACE = Pace()


class Download:
    """The download of one file into one cache folder.

    Args:
        file: what is wanted.
        cache: where it goes.
        known: the version that is there already; asked whether it is still the newest.
        pace: how often to try.
    """

    def __init__(
        self, file: RemoteFile, cache: Path, known: Entry | None = None, pace: Pace | None = None
    ) -> None:
        self.file = file
        self.cache = cache
        self.known = known
        self.pace = pace or PACE
        self.key = url_to_filename(file.url)
        self.folder = cache / WORK_FOLDER / "partial"
        self.partial: Partial  # set by run()
        self.hashing: Hashing | None = None
        self.best = 0

    def run(self) -> Path:
        """Return the path of the published file.

        Raises:
            NetworkError: if no source gave the file.
            IntegrityError: if what they gave is not the file.
            CacheError: if it could not be written.
        """
        with disk(self.folder):
            self.partial = Partial.adopted_or_new(self.folder, self.key)
        try:
            try:
                path = self._from_sources()
            except CacheWriteError as error:
                if error.errno != errno.EIO:
                    raise
                log.warning("the disk failed once (%s); starting over", error)
                self.partial.discard()  # what a failed sync leaves on disk is not known
                self.partial, self.hashing = Partial(self.folder, self.key), None
                path = self._from_sources()
        except CacheError:
            self.partial.discard()
            raise
        except BaseException:
            self.partial.release()
            raise
        self.partial.discard()
        sweep(self.folder, self.key)
        return path

    def _from_sources(self) -> Path:
        """Ask each source in turn; pause only when all have failed."""
        alive, attempts, failures = list(self.file.sources), [], 0
        last: HubError | None = None
        while alive:
            asked = 0.0
            for source in tuple(alive):
                try:
                    return self._from_source(source)
                except CacheError:
                    raise
                except HubError as error:
                    last = error
                attempts.append(f"{redacted(source)}: {last}")
                log.info("%s", attempts[-1])
                if self._has_grown():
                    failures = 0
                wait = getattr(last, "retry_after", None) or 0.0
                if not last.transient or wait > self.pace.longest:
                    alive.remove(source)
                else:
                    asked = max(asked, wait)
            failures += 1
            if self._is_hurried or failures >= self.pace.tries:
                break
            if alive:
                self.pace.sleep(self.pace.pause(failures - 1, asked))
        raise self._final(last, attempts)

    def _from_source(self, source: str) -> Path:
        """Stay with a source while each try brings new bytes, and once more after wrong ones."""
        is_suspect = False
        while True:
            try:
                return self._attempt(source)
            except IntegrityError:
                self._forget()
                if is_suspect:
                    raise
                is_suspect = True
            except HubError as error:
                if not (error.transient and self._has_grown()):
                    raise
                log.info("%s stopped at byte %s: %s", redacted(source), self.partial.size, error)
                self.pace.sleep(self.pace.pause(0))

    def _has_grown(self) -> bool:
        """Whether there are more bytes than ever before."""
        grown = self.partial.size > self.best
        self.best = max(self.best, self.partial.size)
        return grown

    @property
    def _is_hurried(self) -> bool:
        """Whether a good copy is there, so that nobody should wait long for a newer one."""
        return self.known is not None and self.best == 0

    def _attempt(self, source: str) -> Path:
        held = self.partial.held(redacted(source), is_pinned=self.file.pin is not None)
        if held is not None and held.size == held.total:
            return self._finish()
        known = self._known_version(source)
        waits = Waits(2.0, 2.0) if self._is_hurried else Waits()
        with opened(source, answers.request_headers(held, known), waits) as answer:
            step = answers.step(answer.status, answer.headers, held, known)
            if step is Step.UNCHANGED and self.known is not None:
                with suppress(OSError):  # a folder of somebody else's
                    os.utime(record_path(self.known.path))  # when it was last asked for
                return self.known.path
            if step is Step.WHOLE:
                self._begin(source, answer)
            if step in {Step.WHOLE, Step.CONTINUE}:
                self._receive(answer)
        if step is Step.AGAIN:
            self._forget()
            return self._attempt(source)
        return self._finish()

    def _known_version(self, source: str) -> dict[str, str]:
        record = self.known.record if self.known else {}
        if record.get("source", record.get("url")) != redacted(source):
            return {}
        if record.get("etag"):
            return {"If-None-Match": record["etag"]}
        if record.get("last_modified"):
            return {"If-Modified-Since": record["last_modified"]}
        return {}

    def _begin(self, source: str, answer: Answer) -> None:
        """Check what can be checked before the first byte, and note what the bytes belong to."""
        headers, pin, shown = answer.headers, self.file.pin, redacted(source)
        total = answers.body_size(headers)
        digest = announced(headers, pin)
        linked = headers.get("x-linked-size", "")
        expected = pin.size if pin else int(linked) if linked.isdigit() else total
        if digest is not None and digest.algorithm == "git" and expected is None:
            digest = None  # such a digest begins with the size
        if total is not None and total != expected:
            raise SizeMismatch(
                f"{shown} announces {total} bytes where {expected} were expected",
                hint="something on the way may be replacing the file",
                url=shown,
            )
        if digest is None and not answer.has_end and not settings.accepts_unverifiable():
            raise Unverifiable(
                f"{shown} gives neither a length nor a digest, so half a file would look whole",
                hint="set PTBERT_HUB_ALLOW_UNVERIFIABLE=1 to accept it all the same",
                url=shown,
            )
        check_room(self.folder, expected)
        with disk(self.partial.path):
            self.partial.start_over(
                source=shown,
                total=expected,
                validator=answers.strong(headers.get("etag")),
                etag=headers.get("x-linked-etag") or headers.get("etag"),
                last_modified=headers.get("last-modified"),
                digest=[digest.algorithm, digest.value] if digest else None,
            )
        self.hashing = Hashing(digest, expected)

    def _receive(self, answer: Answer) -> None:
        """Append the body to the bytes that are there; digests are made while more arrive."""
        total = self.partial.facts.get("total")
        progress = Progress(redacted(self.file.url), total, self.partial.size)
        hashing = self._hashing_so_far()
        synced = time.monotonic()
        with disk(self.partial.path):
            descriptor = os.open(self.partial.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            with (
                os.fdopen(descriptor, "r+b", buffering=0) as file,
                ThreadPoolExecutor(1, "hashing") as hasher,
            ):
                hashed = hasher.submit(hashing.update, b"")
                file.seek(self.partial.size)
                while chunk := answer.read(CHUNK):
                    if total is not None and self.partial.size + len(chunk) > total:
                        raise SizeMismatch(
                            f"more than the {total} announced bytes came", hint="try again"
                        )
                    with disk(self.partial.path, total):
                        write_all(file.fileno(), chunk)
                    hashed.result()  # of the bytes before these
                    hashed = hasher.submit(hashing.update, chunk)
                    self.partial.size += len(chunk)
                    progress.update(len(chunk))
                    if time.monotonic() - synced >= SYNC_SECONDS:
                        with disk(self.partial.path):
                            os.fsync(file.fileno())
                            self.partial.note(durable=self.partial.size)
                        synced = time.monotonic()
        finally:
            progress.close()
        if total is not None and self.partial.size < total:
            error = NetworkError(
                f"the connection closed after {self.partial.size} of {total} bytes",
                hint="check the connection",
            )
            error.transient = True
            raise error

    def _hashing_so_far(self) -> Hashing:
        """The digests of the bytes that are there; read again if another process wrote them."""
        if self.hashing is None:
            digest = self.partial.digest
            if self.file.pin is not None:
                digest = Digest("sha256", self.file.pin.sha256)
            self.hashing = Hashing(digest, self.partial.facts.get("total"))
            with disk(self.partial.path), open(self.partial.path, "rb") as file:
                self.hashing.read(file, self.partial.size)
        return self.hashing

    def _finish(self) -> Path:
        """Verify the complete bytes and publish them."""
        partial, url = self.partial, redacted(self.file.url)
        hashing = self._hashing_so_far()
        if not hashing.agrees():
            raise DigestMismatch(
                f"what came for {url} is not the file: its digest is wrong",
                hint="something on the way may be changing files",
                url=url,
            )
        if hashing.digest is None:
            sniff(partial.path, self.file.url)
        name = url_to_filename(self.file.url, partial.facts.get("etag"))
        with disk(self.cache):
            descriptor = os.open(partial.path, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            record = verified_record(
                self.file.url,
                partial.facts.get("etag"),
                partial.path,
                hashing.sha256.hexdigest(),
                hashing.digest.algorithm if hashing.digest else "sniffed",
                source=partial.facts.get("source"),
                last_modified=partial.facts.get("last_modified"),
            )
            publish(partial.path, self.cache / name, record, partial.spare)
        return self.cache / name

    def _forget(self) -> None:
        with disk(self.partial.path):
            self.partial.start_over()
        self.hashing = None

    def _final(self, last: HubError | None, attempts: list[str]) -> HubError:
        url = redacted(self.file.url)
        if last is not None and len(self.file.sources) == 1:
            last.url = url
            last.args = (f"{url}: {last.args[0]}" if url not in last.args[0] else last.args[0],)
            return last
        error = SourcesExhausted(
            f"no source gave {url}: " + "; ".join(dict.fromkeys(attempts)),
            hint="check the connection, or name a mirror in PTBERT_HUB_MIRROR",
            url=url,
        )
        error.attempts = tuple(attempts)
        return error
