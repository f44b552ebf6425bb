"""Where the bytes of a file may come from, in order.

A file's identity is the address it is asked for. For files of the catalog the order is: mirrors
named in the environment, the Hugging Face Hub at a revision, the address of 2019. The buckets of
2019 are no longer looked after and their names could be taken over, so a pickle without a pinned
digest is not fetched from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import urlsplit

from ptbert_hub import settings
from ptbert_hub.catalog import CATALOG, PINS, Checkpoint, Kind, Pin, published_name
from ptbert_hub.errors import BadSource
from ptbert_hub.naming import redacted, split_s3_path, url_to_filename


@dataclass(frozen=True)
class RemoteFile:
    """A file that is asked for.

    Args:
        url: its identity.
        pin: what its bytes must be, where that is known.
        checkpoint: the row of the catalog that it belongs to, if it is a published file.
        sources: the addresses to try, in this order.
        kind: which file of the checkpoint it is.
    """

    url: str
    pin: Pin | None = None
    checkpoint: Checkpoint | None = None
    sources: tuple[str, ...] = ()
    kind: Kind | None = None


def known_file(url: str, name: str | None = None) -> RemoteFile:
    """Return what is known about a file, without its sources.

    Args:
        url: its address.
        name: the name of its entry in a cache, if that is known. It tells the files of the
            catalog even if the record with the address is lost.
    """
    key = (name or url_to_filename(url)).partition(".")[0]
    if key not in _published():
        return RemoteFile(url)
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
    sources = _mirrors(file)
    if not settings.uses_mirrors_only():
        sources += _hub(file) + _original(file)
    if not sources:
        raise BadSource(
            f"no mirror in PTBERT_HUB_MIRROR offers {redacted(url)}",
            hint="unset PTBERT_HUB_MIRROR_ONLY, or name a mirror that has it",
            url=redacted(url),
        )
    return replace(file, sources=tuple(dict.fromkeys(sources)))


def _hub(file: RemoteFile) -> list[str]:
    row = file.checkpoint
    if row is None or file.kind is None:
        return []
    path = published_name(row.family, file.kind)
    return [f"{settings.hub_endpoint()}/{row.repository}/resolve/{row.revision}/{path}"]


def _original(file: RemoteFile) -> list[str]:
    if file.checkpoint is not None and file.pin is None and file.url.endswith(".bin"):
        return []
    return [s3_address(file.url) if file.url.startswith("s3://") else file.url]


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


def _mirrors(file: RemoteFile) -> list[str]:
    """The mirrors' addresses for a catalog file; other files have no mirrors."""
    row = file.checkpoint
    if row is None or file.kind is None:
        return []
    parts = {
        "filename": file.url.rpartition("/")[2],
        "repo": row.repository,
        "revision": row.revision,
        "path": published_name(row.family, file.kind),
    }
    return [_fill(template, parts) for template in settings.mirrors()]


def _fill(template: str, parts: Mapping[str, str]) -> str:
    if urlsplit(template).scheme not in {"http", "https", "file"}:
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


@cache
def _published() -> dict[str, tuple[Checkpoint, Kind, str]]:
    """The files of the catalog by the name of their entry in a cache."""
    rows = CATALOG.values()
    return {
        url_to_filename(url): (row, kind, url) for row in rows for kind, url in row.files().items()
    }
