"""Where the bytes of a file may come from, in order.

A file is known by the address that it is asked for, wherever its bytes come from. The order for
files of the catalog is: the mirrors named in the environment, the Hugging Face Hub, the address of
2019. Nobody maintains the storage of 2019 any more, and somebody else could register its name. So a
pickle is downloaded from there only if the catalog knows its digest.

A file of a commit of any other repository comes from the mirrors that have repositories, then from
the Hugging Face Hub. The folder of a mirror that only has names of files is not asked, because
every repository has a ``config.json``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from ptbert_hub import settings
from ptbert_hub.addresses import redacted, split_s3_path
from ptbert_hub.catalog import CATALOG, PINS, Checkpoint, Kind, Pin, published_name
from ptbert_hub.entry_names import url_to_filename
from ptbert_hub.errors import BadSource
from ptbert_hub.repositories import HUB, RepositoryFile, repository_file


@dataclass(frozen=True)
class RemoteFile:
    """A file that is asked for.

    Args:
        url: its identity.
        pin: what its bytes must be, where that is known.
        checkpoint: the row of the catalog that it belongs to, if it is a published file.
        sources: the addresses to try, in this order.
        kind: which file of the checkpoint it is.
        place: where it is on the Hugging Face Hub, if it is a file of a commit.
    """

    url: str
    pin: Pin | None = None
    checkpoint: Checkpoint | None = None
    sources: tuple[str, ...] = ()
    kind: Kind | None = None
    place: RepositoryFile | None = None

    @property
    def is_final(self) -> bool:
        """Whether it never changes, so that a cached copy needs no question."""
        return self.checkpoint is not None or self.place is not None


def known_file(url: str, name: str | None = None) -> RemoteFile:
    """Return what is known about a file, without its sources.

    Args:
        url: its address.
        name: the name of its entry in a cache, if that is known. It tells the files of the
            catalog even if the record with the address is lost.
    """
    key = (name or url_to_filename(url)).partition(".")[0]
    if key not in _published():
        place = repository_file(url)
        is_named = name is None or key == url_to_filename(url)
        return RemoteFile(url, place=place if is_named else None)
    row, kind, address = _published()[key]
    return RemoteFile(address, PINS.get((row.name, kind)), row, kind=kind)


def file_with_sources(url: str) -> RemoteFile:
    """Return what is known about the file at ``url`` and where to try.

    Raises:
        BadSource: if no source may be asked for it.

    Example:
        >>> file_with_sources(CATALOG["gpt2"].merges).sources[0]
        'https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/merges.txt'
    """
    file = known_file(url)
    row, mirrors, hub = file.checkpoint, [], []
    if row is not None and file.kind is not None:
        parts = {
            "filename": url.rpartition("/")[2],
            "repo": row.repository,
            "revision": row.revision,
            "path": published_name(row.family, file.kind),
        }
        mirrors = [_fill(template, parts) for template in settings.mirrors()]
        hub = [settings.hub_endpoint() + "/{repo}/resolve/{revision}/{path}".format_map(parts)]
    if file.place is not None:
        parts = {
            "filename": file.place.path.rpartition("/")[2],
            "repo": file.place.repository,
            "revision": file.place.commit,
            "path": file.place.path,
        }
        templates = (text for text in settings.mirrors() if all(map(text.__contains__, _NEEDED)))
        mirrors = [_fill(template, parts) for template in templates]
        hub = [settings.hub_endpoint() + url.removeprefix(HUB)]
    is_unsafe = row is not None and file.pin is None and url.endswith(".bin")
    original = (
        [] if is_unsafe or file.place else [s3_address(url) if url.startswith("s3://") else url]
    )
    sources = mirrors if settings.uses_mirrors_only() else mirrors + hub + original
    if not sources:
        raise BadSource(
            f"no mirror in PTBERT_HUB_MIRROR offers {redacted(url)}",
            hint="unset PTBERT_HUB_MIRROR_ONLY, or name a mirror that has it"
            + ("; its template needs {repo}, {revision} and {path}" if file.place else ""),
            url=redacted(url),
        )
    return replace(file, sources=tuple(dict.fromkeys(sources)))


def s3_address(url: str) -> str:
    """Return where ``s3://bucket/key`` is read without credentials.

    ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` name a server that is not Amazon's.

    Example:
        >>> s3_address("s3://models/bert/config.json")
        'https://models.s3.amazonaws.com/bert/config.json'
    """
    bucket, key = split_s3_path(url)
    if server := settings.s3_server():
        return f"{server}/{bucket}/{key}"
    if "." in bucket:  # a certificate for *.s3.amazonaws.com covers no further dots
        return f"https://s3.amazonaws.com/{bucket}/{key}"
    return f"https://{bucket}.s3.amazonaws.com/{key}"


def _fill(template: str, parts: Mapping[str, str]) -> str:
    if not re.match("(https?|file)://", template):
        raise BadSource(
            f"PTBERT_HUB_MIRROR names {redacted(template)!r}",
            hint="give addresses that begin with https:// or file://",
        )
    if "{" not in template:
        template = template.rstrip("/") + "/{filename}"
    try:
        return template.format_map(parts)
    except (KeyError, ValueError, IndexError) as error:
        raise BadSource(
            f"PTBERT_HUB_MIRROR has the template {redacted(template)!r}, which cannot be filled",
            hint="use {filename}, {repo}, {revision} and {path}",
        ) from error


_NEEDED = ("{repo}", "{revision}", "{path}")
"""What the template of a mirror must have to tell the files of repositories apart."""


@cache
def _published() -> dict[str, tuple[Checkpoint, Kind, str]]:
    """The files of the catalog by the name of their entry in a cache."""
    rows = CATALOG.values()
    return {
        url_to_filename(url): (row, kind, url) for row in rows for kind, url in row.files().items()
    }
