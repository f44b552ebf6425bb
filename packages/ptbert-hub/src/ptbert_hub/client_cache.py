"""Files in the cache of the Hugging Face client, used where they are and never changed.

There, the file of a checkpoint is ``models--OWNER--NAME/snapshots/REVISION/FILE``, a link to a
file in ``blobs`` that is named by its digest. It is used if its bytes have the digest of the
catalog or, where the catalog has none, the digest that is its name. So it is read each time.
"""

from contextlib import suppress
from pathlib import Path

from ptbert_hub import settings
from ptbert_hub.catalog import published_name
from ptbert_hub.digests import Digest, hash_file, is_hex, named
from ptbert_hub.files import open_plain
from ptbert_hub.sources import RemoteFile


def find_in_client_cache(file: RemoteFile) -> Path | None:
    """Return where the client has stored a file of the catalog, if it is the right one."""
    row = file.checkpoint
    if row is None or file.kind is None:
        return None
    for repository in (row.repository, row.name):  # of today, and of before there were owners
        folder = settings.client_cache() / f"models--{repository.replace('/', '--')}"
        for revision in _revisions(folder, row.revision):
            path = folder / "snapshots" / revision / published_name(row.family, file.kind)
            with suppress(OSError):
                pin = file.pin and Digest("sha256", file.pin.sha256)
                digest = pin or named(path.resolve().name)
                if digest is not None and hash_file(path, digest).agrees():
                    return path
    return None


def _revisions(folder: Path, wanted: str) -> list[str]:
    """The commit of the catalog, and the one that the client last found at the head of "main"."""
    found = [wanted]
    with suppress(OSError, ValueError), open_plain(folder / "refs" / "main") as file:
        found.append(file.read(64).decode().strip())
    return [revision for revision in found if is_hex(revision, 40)]
