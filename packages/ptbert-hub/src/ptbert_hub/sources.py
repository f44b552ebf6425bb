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
from ptbert_hub.naming import redacted, split_s3_path


@dataclass(frozen=True)
class Wanted:
    """A file that is asked for: its identity, what it must be, and where to try."""

    url: str
    pin: Pin | None
    checkpoint: Checkpoint | None
    sources: tuple[str, ...]

    @property
    def is_published(self) -> bool:
        """Whether it is a file of the catalog, which never changes once it is there."""
        return self.checkpoint is not None


def wanted(url: str) -> Wanted:
    """Return what is known about the file at ``url``.

    Raises:
        BadSource: if nothing may be asked for it.

    Example:
        >>> wanted(CATALOG["gpt2"].merges).sources[0]
        'https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/merges.txt'
    """
    file = published_file(url)
    found, pin = _published().get(url), file.pin
    mirrors = _mirrors(url, found)
    others = [] if settings.uses_mirrors_only() else [*_hub(found), *_original(url, found, pin)]
    if not mirrors and not others:
        raise BadSource(
            f"no mirror in PTBERT_HUB_MIRROR offers {redacted(url)}",
            hint="unset PTBERT_HUB_MIRROR_ONLY, or name a mirror that has it",
            url=redacted(url),
        )
    return replace(file, sources=tuple(dict.fromkeys(mirrors + others)))


def published_file(url: str) -> Wanted:
    """Return what is known about the file at ``url``, without asking where it could come from."""
    found = _published().get(url)
    pin = PINS.get((found[0].name, found[1])) if found else None
    return Wanted(url, pin, found[0] if found else None, ())


def _hub(found: tuple[Checkpoint, Kind] | None) -> list[str]:
    if found is None:
        return []
    row, kind = found
    path = published_name(row.family, kind)
    return [f"{settings.hub_endpoint()}/{row.repository}/resolve/{row.revision}/{path}"]


def _original(url: str, found: tuple[Checkpoint, Kind] | None, pin: Pin | None) -> list[str]:
    if found is not None and pin is None and url.endswith(".bin"):
        return []
    return [s3_address(url) if url.startswith("s3://") else url]


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


def _mirrors(url: str, found: tuple[Checkpoint, Kind] | None) -> list[str]:
    """The mirrors' addresses for a catalog file; other files have no mirrors."""
    if found is None:
        return []
    row, kind = found
    facts = {
        "filename": urlsplit(url).path.rpartition("/")[2],
        "repo": row.repository,
        "revision": row.revision,
        "path": published_name(row.family, kind),
    }
    return [_filled(template, facts) for template in settings.mirrors()]


def _filled(template: str, facts: Mapping[str, str]) -> str:
    if urlsplit(template).scheme not in {"http", "https", "file"}:
        raise BadSource(
            f"PTBERT_HUB_MIRROR names {redacted(template)!r}",
            hint="give addresses that begin with https:// or file://",
        )
    if "{" not in template:
        template = template.rstrip("/") + "/{filename}"
    try:
        return template.format_map(facts)
    except (KeyError, ValueError, IndexError) as error:
        raise BadSource(
            f"PTBERT_HUB_MIRROR has the template {redacted(template)!r}, which cannot be filled",
            hint="use {filename}, {repo}, {revision} and {path}",
        ) from error


@cache
def _published() -> dict[str, tuple[Checkpoint, Kind]]:
    return {url: (row, kind) for row in CATALOG.values() for kind, url in row.files().items()}
