"""Download one file: sources in order, interruptions resumed, failures tried again."""

import errno
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptbert_hub import answers
from ptbert_hub.addresses import redacted
from ptbert_hub.answers import Step
from ptbert_hub.entries import Entry
from ptbert_hub.entry_names import url_to_filename, work_folder
from ptbert_hub.errors import (
    CacheError,
    CacheWriteError,
    DigestMismatch,
    HubError,
    IntegrityError,
    NotFound,
    SourcesExhausted,
)
from ptbert_hub.options import ORDINARY, DownloadOptions
from ptbert_hub.partials import Partial, sweep
from ptbert_hub.receiving import append, begin, finish
from ptbert_hub.records import is_header_value, record_path
from ptbert_hub.sources import RemoteFile
from ptbert_hub.transport import Answer, Waits, get
from ptbert_hub.writers import claim

log = logging.getLogger(__name__)


@dataclass
class Pace:
    """How often and after how long to try again.

    Args:
        tries: rounds over all sources without a new byte.
        base: longest first pause in seconds; it doubles each round.
        cap: longest pause that this package chooses itself.
        longest: longest pause that a server may ask for.
        sleep: waits for so many seconds.
        uniform: returns a random number between two limits.
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
        file: what to download.
        cache: where it goes.
        known: the version that is there already; the sources are asked for a newer one.
        pace: how often to try.
        options: the token for the Hugging Face Hub, and proxies.
    """

    def __init__(
        self,
        file: RemoteFile,
        cache: Path,
        known: Entry | None = None,
        pace: Pace | None = None,
        options: DownloadOptions = ORDINARY,
    ) -> None:
        self.file = file
        self.cache = cache
        self.known = known
        self.pace = pace or PACE
        self.options = options
        self.partial: Partial  # set by run()
        self.best = 0  # largest number of bytes so far

    def run(self) -> Path:
        """Return the path of the published file.

        Raises:
            NetworkError: if no source gave the file.
            IntegrityError: if what they gave is not the file.
            CacheError: if it could not be written.
        """
        folder, key = work_folder(self.cache, "partial"), url_to_filename(self.file.url)
        with claim() as tag:
            self.partial = Partial(folder, key, tag, self.file.pin)
            try:
                self.partial.copy_largest()
                path = self._try_twice()
            except CacheError:
                self.partial.discard()
                raise
            except BaseException:
                self.partial.release()
                raise
            self.partial.discard()
        sweep(folder, key)
        return path

    def _try_twice(self) -> Path:
        """Ask the sources; after a failed sync, with a new file."""
        try:
            return self._ask_sources()
        except CacheWriteError as error:
            if error.errno != errno.EIO:
                raise
            log.warning("the disk failed once (%s); starting over", error)
            self.partial.start_over()  # what a failed sync leaves on disk is not known
            return self._ask_sources()

    def _ask_sources(self) -> Path:
        """Ask each source in turn; pause only when all have failed."""
        alive, attempts, failures = list(self.file.sources), [], 0
        causes: dict[str, HubError] = {}  # the last one of each source
        last: HubError | None = None
        asked, is_nowhere = 0.0, True
        while alive and failures < (1 if self.known else self.pace.tries):
            if failures:
                self.pace.sleep(self.pace.pause(failures - 1, asked))
            asked = 0.0
            for source in tuple(alive):
                try:
                    return self._ask_while_it_helps(source)
                except CacheError:
                    raise
                except HubError as error:
                    last = error
                is_nowhere = is_nowhere and isinstance(last, NotFound)
                shown = redacted(source)
                causes[shown] = last
                attempts.append(f"{shown}: {str(last).removeprefix(shown).lstrip()}")
                log.info("%s", attempts[-1])
                if self._has_grown():
                    failures = 0
                wait = getattr(last, "retry_after", None) or 0.0
                if not last.transient or wait > self.pace.longest:
                    alive.remove(source)
                else:
                    asked = max(asked, wait)
            failures += 1
        if last is not None and len(self.file.sources) == 1:
            raise last
        shown = redacted(self.file.url)
        raise SourcesExhausted(
            f"no source gave {shown}:\n  {_one_line_each(causes, shown)}\n",
            hint=", ".join([*_hints(causes), "or name a mirror in PTBERT_HUB_MIRROR"]),
            url=shown,
            attempts=tuple(attempts),
            status=404 if is_nowhere else None,
        )

    def _ask_while_it_helps(self, source: str) -> Path:
        """Ask a source again while each try brings new bytes, and once more after wrong ones."""
        is_suspect, asked = False, 0
        while True:
            asked += 1
            try:
                return self._ask(source)
            except IntegrityError:
                self.partial.start_over()
                if is_suspect:
                    raise
                is_suspect = True
            except HubError as error:
                is_patient = self.known is None or asked < self.pace.tries
                if not (error.transient and self._has_grown() and is_patient):
                    raise
                log.info("stopped at byte %s: %s", self.partial.size, error)
                self.pace.sleep(self.pace.pause(0))

    def _has_grown(self) -> bool:
        """Whether there are more bytes than ever before."""
        grown = self.partial.size > self.best
        self.best = max(self.best, self.partial.size)
        return grown

    def _ask(self, source: str) -> Path:
        """Ask a source once for the file, or for what is missing of it."""
        held = self.partial.held(redacted(source))
        if held is not None and held.size == held.total:
            return finish(self.partial, self.file, self.cache)
        known = self._known_version(source)
        has_copy = self.known is not None  # then a newer version is not worth a long wait
        waits = (
            Waits(2.0, 2.0, True) if has_copy and self.best == 0 else Waits(10.0, 30.0, has_copy)
        )
        headers = answers.request_headers(held, known)
        with get(source, headers, waits, self.options) as answer:
            self._check_commit(answer)
            step = answers.step(answer.status, answer.headers, held, known, answer.url)
            match step:
                case Step.WHOLE:
                    begin(self.partial, answer, self.file)
                    append(self.partial, answer)
                case Step.CONTINUE:
                    append(self.partial, answer)
                case Step.UNCHANGED if self.known is not None:
                    with suppress(OSError):  # another user's folder
                        os.utime(record_path(self.known.path))  # when it was last asked for
                    return self.known.path
                case Step.AGAIN:
                    self.partial.start_over()
        return (
            self._ask(source) if step is Step.AGAIN else finish(self.partial, self.file, self.cache)
        )

    def _check_commit(self, answer: Answer) -> None:
        """Refuse a file of another commit, as a mirror without revisions may send it."""
        found, place = answer.headers.get("x-repo-commit"), self.file.place
        if place is not None and found not in {None, place.commit}:
            raise DigestMismatch(
                f"{answer.url} sent a file of another commit than {place.commit}",
                hint="name another mirror, or none",
                url=answer.url,
            )

    def _known_version(self, source: str) -> dict[str, str]:
        """The header that names the cached version, if it came from this source."""
        record = self.known.record if self.known else {}
        if record.get("source", record.get("url")) != redacted(source):
            return {}
        for header, part in (("If-None-Match", "etag"), ("If-Modified-Since", "last_modified")):
            if record.get(part) and is_header_value(record[part]):
                return {header: record[part]}
        return {}


def _one_line_each(causes: Mapping[str, HubError], url: str) -> str:
    """What each source answered, one a line, with the name of the source once and no advice."""
    lines = []
    for source, error in causes.items():
        what = str(error.args[0]).removeprefix(source).lstrip(" :")
        lines.append(f"{'that address itself' if source == url else source}: {what}")
    return ";\n  ".join(lines)


def _hints(causes: Mapping[str, HubError]) -> list[str]:
    """The advice of all errors, each piece once."""
    return list(dict.fromkeys(filter(None, (error.hint for error in causes.values()))))
