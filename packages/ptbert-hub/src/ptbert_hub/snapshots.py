"""The files of one commit of a repository of the Hugging Face Hub, in a folder with their names

A branch or a tag becomes a commit once, and then all files are those of that commit, also if
somebody pushes in between. Each file is a file of the cache like any other; the folder has links.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from ptbert_hub import settings
from ptbert_hub.addresses import redacted
from ptbert_hub.cache import get_from_cache
from ptbert_hub.client_cache import client_commit
from ptbert_hub.digests import is_hex
from ptbert_hub.errors import (
    BadContent,
    BadSource,
    CorruptCache,
    NetworkError,
    NotFound,
    OfflineMiss,
    RepositoryNotFound,
    RevisionNotFound,
    SourcesExhausted,
)
from ptbert_hub.files import open_plain
from ptbert_hub.links import Links
from ptbert_hub.locating import locate, what_it_is_not
from ptbert_hub.options import MAIN, ORDINARY, DownloadOptions
from ptbert_hub.readers.json_text import MAX_BYTES, parse_json
from ptbert_hub.refusals import in_words
from ptbert_hub.repositories import RepositoryFile, is_file_name, is_repository, listing_address

log = logging.getLogger(__name__)


class Snapshot:
    """One commit of a repository.

    Args:
        repository: ``owner/name``.
        revision: what was asked for: a branch, a tag or a commit.
        commit: what that is now: 40 hexadecimal digits.
        cache_dir: the only cache folder to use; the usual ones when None.
        options: how to download.
        files: the names of its files, where they are known already.
    """

    def __init__(
        self,
        repository: str,
        revision: str,
        commit: str,
        cache_dir: str | os.PathLike[str] | None = None,
        options: DownloadOptions = ORDINARY,
        files: frozenset[str] | None = None,
    ) -> None:
        self.repository, self.revision, self.commit = repository, revision, commit
        self.cache_dir, self.options, self._listed = cache_dir, options, files
        key = sha256(f"{repository}@{commit}".encode()).hexdigest()
        cache = settings.default_cache() if cache_dir is None else settings.expand(cache_dir)
        self._links = Links(key, cache)
        self._missed: OfflineMiss | None = None

    @cached_property
    def files(self) -> frozenset[str] | None:
        """The names of its files; None where neither a server nor a cache says them."""
        if self._listed is not None:
            return self._listed
        try:
            with self._in_words():
                url = listing_address(settings.hub_endpoint(), self.repository, self.commit)
                return _listing(url, self.cache_dir, self.options, self.commit)[1]
        except (NetworkError, OfflineMiss, BadSource, BadContent):
            return None
        except NotFound as error:
            if error.code:  # the Hub's own word; a mirror may have files and no lists
                raise
            return None

    @property
    def folder(self) -> Path:
        """The folder in which the files that were fetched have their own names."""
        return self._links.folder

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        return f"{self.repository!r} at {self.revision!r} (commit {self.commit[:7]})"

    def find(self, name: str) -> Path | None:
        """Return where a cache has a file, after downloading it if needed; None if there is none.

        Args:
            name: its name in the repository.

        Raises:
            BadSource: if that is no plain name of a file.
            HubError: if it could not be downloaded.
        """
        if not is_file_name(name):
            raise BadSource(
                f"{name[:200]!r} is not a name that a file of a model has",
                hint="give the name of a file at the top of the repository",
            )
        url = RepositoryFile(self.repository, self.commit, name).address
        if not self.options.force_download:
            with suppress(OfflineMiss, CorruptCache):
                return Path(get_from_cache(url, self.cache_dir, local_only=True))
        if self.files is not None and name not in self.files:
            return None
        try:
            with self._in_words():
                return Path(get_from_cache(url, self.cache_dir, options=self.options))
        except OfflineMiss as error:
            if self.files is not None:
                raise
            self._missed = self._missed or error
        except NotFound as error:
            if self.files is not None or isinstance(error, RepositoryNotFound | RevisionNotFound):
                raise
        except SourcesExhausted as error:
            if self.files is not None or error.status != 404:
                raise
        return None

    def fetch(self, name: str) -> Path | None:
        """Return a file under its own name in :attr:`folder`; see :meth:`find`."""
        found = self.find(name)
        return None if found is None else self._links.add(found, name)

    def fetch_first(self, names: Iterable[str]) -> Path | None:
        """Return the first of some files that there is; None if there is none of them.

        Raises:
            OfflineMiss: if that cannot be known without the network.
            HubError: if it could not be downloaded.
        """
        for name in names:
            try:
                if (found := self.fetch(name)) is not None:
                    return found
            except OfflineMiss as error:
                self._missed = self._missed or error  # a later one may be there
        if self._missed is not None:
            raise self._missed
        return None

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        with in_words(self.repository, self.revision, self.options):
            yield


def open_snapshot(
    repository: str,
    cache_dir: str | os.PathLike[str] | None = None,
    options: DownloadOptions = ORDINARY,
) -> Snapshot:
    """Find out which commit of a repository is meant.

    A commit of 40 digits needs no question. For a branch or a tag the Hub is asked, once for each
    call. If it does not answer, or the network is not used, it is the commit that was last known:
    to this cache, or else to that of the Hugging Face client.

    Args:
        repository: ``owner/name``.
        cache_dir: the only cache folder to use; None for the default and the read-only ones.
        options: which revision, and how to download.

    Raises:
        BadSource: if that is no name of a repository.
        RepositoryNotFound: if the Hub shows no such repository.
        RevisionNotFound: if the repository has no such revision.
        AccessDenied: if it may not be read.
        OfflineMiss: if the network is not used and no commit is known.
        HubError: if the Hub does not answer.
    """
    if not is_repository(repository):
        raise BadSource(
            f"{repository[:200]!r} is not the name of a repository of the Hugging Face Hub",
            hint="write it as owner/name",
        )
    revision = options.revision or MAIN
    if is_hex(revision, 40):
        return Snapshot(repository, revision, revision, cache_dir, options)
    url = listing_address(settings.hub_endpoint(), repository, revision)
    files: frozenset[str] | None = None
    with in_words(repository, revision, options):
        try:
            commit, files = _listing(url, cache_dir, options)
        except (NetworkError, OfflineMiss) as error:
            known = client_commit(repository, revision)
            if known is None or options.force_download:
                error.args = (f"{what_it_is_not(repository)}, and on the Hub: {error.args[0]}",)
                raise
            if not isinstance(error, OfflineMiss):
                log.warning("using the commit of %s that was last known: %s", repository, error)
            commit = known
    return Snapshot(repository, revision, commit, cache_dir, options, files)


def pinned(
    name: str | os.PathLike[str],
    cache_dir: str | os.PathLike[str] | None = None,
    options: DownloadOptions = ORDINARY,
) -> DownloadOptions:
    """Return options with the commit as revision, so that several loads are of the same one.

    Args:
        name: of a model, as for :func:`~ptbert_hub.locate`.
        cache_dir: as for :func:`open_snapshot`.
        options: which revision, and how to download.

    Raises:
        HubError: as :func:`open_snapshot`, if the name is a repository.
    """
    try:
        repository = locate(name, revision=options.revision).repository
    except NotFound:
        return options  # who loads it says what is wrong
    if repository is None:
        return options
    return replace(options, revision=open_snapshot(repository, cache_dir, options).commit)


def _listing(
    url: str,
    cache_dir: str | os.PathLike[str] | None,
    options: DownloadOptions,
    wanted: str | None = None,
) -> tuple[str, frozenset[str] | None]:
    """The commit of a revision, which must be the wanted one, and its files, as the Hub says."""
    force = options.force_download
    for again in (False, True):
        path = get_from_cache(
            url,
            cache_dir,
            options=options,
            force=force or again,
            revalidate="never" if wanted else None,
        )
        with suppress(BadContent, KeyError, TypeError):
            value = read_json_file(Path(path))
            commit, siblings = value["sha"], value.get("siblings")
            if is_hex(commit, 40) and wanted in {None, commit}:
                if siblings is None:  # as some mirrors answer
                    return commit, None
                names = (each["rfilename"] for each in siblings)
                return commit, frozenset(name for name in names if isinstance(name, str))
        if options.local_files_only or settings.is_offline():
            break
    raise BadContent(
        f"what {redacted(url)} answers is no description of a repository",
        hint="check HF_ENDPOINT; a server without an interface for programs needs a commit of 40 "
        "digits as revision",
        url=redacted(url),
    )


def read_json_file(path: Path) -> Any:
    """Return the value of a JSON file of a cache.

    Raises:
        BadContent: if it is none, or too large.
    """
    with open_plain(path) as file:
        data = file.read(MAX_BYTES + 1)
    try:
        text = data.decode("utf-8-sig") if len(data) <= MAX_BYTES else ""
    except UnicodeDecodeError as error:
        raise BadContent(f"it is not UTF-8 ({error})") from None
    return parse_json(text)
