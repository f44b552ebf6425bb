"""Files in the cache of the Hugging Face client, used where they are and never changed.

There, the file of a commit is ``models--OWNER--NAME/snapshots/REVISION/FILE``, a link to a
file in ``blobs`` that is named by its digest. It is used if its bytes have the digest of the
catalog or, where the catalog has none, the digest that is its name. So it is read each time.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ptbert_hub import settings
from ptbert_hub.catalog import published_name
from ptbert_hub.digests import Digest, hash_file, is_hex, named
from ptbert_hub.files import open_plain
from ptbert_hub.options import MAIN, is_revision
from ptbert_hub.sources import RemoteFile


def find_in_client_cache(file: RemoteFile) -> Path | None:
    """Return where the client has stored a file of the Hub, if it is the right one."""
    for path in _places(file):
        with suppress(OSError):
            pin = file.pin and Digest("sha256", file.pin.sha256)
            digest = pin or named(os.path.basename(os.path.realpath(path)))
            if digest is not None and hash_file(path, digest).agrees():
                return path
    return None


def client_commit(repository: str, revision: str) -> str | None:
    """Return the commit that the client last found at a branch or tag, if it knows one."""
    if not is_revision(revision):
        return None
    place = _folder(repository) / "refs" / revision
    with suppress(OSError, ValueError), open_plain(place) as file:
        commit = file.read(64).decode().strip()
        return commit if is_hex(commit, 40) else None
    return None


def _places(file: RemoteFile) -> Iterator[Path]:
    """Where a file may be, the most certain place first."""
    row = file.checkpoint
    if file.place is not None:
        folder = _folder(file.place.repository)
        yield folder / "snapshots" / file.place.commit / file.place.path
    elif row is not None and file.kind is not None:
        for repository in (row.repository, row.name):  # of today, and of before there were owners
            for commit in (row.revision, client_commit(repository, MAIN)):
                if is_hex(commit, 40):
                    folder = _folder(repository) / "snapshots" / str(commit)
                    yield folder / published_name(row.family, file.kind)


def _folder(repository: str) -> Path:
    return settings.client_cache() / f"models--{repository.replace('/', '--')}"
