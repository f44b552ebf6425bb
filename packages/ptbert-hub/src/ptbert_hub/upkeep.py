"""Looking after a cache: list, verify, prune, remove, and carry to another machine.

Each function returns rows about what it found or did. Only :func:`import_files`, and the functions
with ``apply=True``, change anything in the cache.
"""

import io
import json
import shutil
import tarfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ptbert_hub.addresses import redacted
from ptbert_hub.archives import unpacked
from ptbert_hub.catalog import Kind
from ptbert_hub.digests import hash_file, sniff
from ptbert_hub.entries import Entry, entries, examine, newest_good, publish, quarantine
from ptbert_hub.entry_names import (
    ENTRY_NAME,
    WorkFolder,
    path_in,
    url_to_filename,
    work_folder,
)
from ptbert_hub.errors import DigestMismatch, IntegrityError, NotFound
from ptbert_hub.files import atomic_write, disk, open_work_folder, remove
from ptbert_hub.locating import locate
from ptbert_hub.locking import entry_lock
from ptbert_hub.partials import discard_files
from ptbert_hub.records import Record, read_record, record_path
from ptbert_hub.repositories import is_of_repository
from ptbert_hub.sources import RemoteFile, known_file
from ptbert_hub.writers import is_written

DAY = 86_400.0
SUPERSEDED_SECONDS = DAY
"""How long an old version stays after a newer one came; a program may have just been given it."""
LITTER_SECONDS = 7 * DAY
"""How long unfinished, damaged and orphaned files stay."""


@dataclass(frozen=True)
class Row:
    """A file of a cache folder, or what a download left behind.

    Args:
        state: ``file``, ``old`` (a newer version is there too), ``good`` or ``damaged`` (after
            verification), ``partial``, ``quarantine``, ``orphan`` (a record without a file, or a
            folder of links to files that were removed) or ``extracted``.
        size: in bytes.
        age: seconds since it was last written.
        path: where it is.
        name: the checkpoint it belongs to, if it is a file of the catalog.
        file: which file of the checkpoint it is.
        verified: how it was verified: ``sha256``, ``md5``, another digest, or ``sniffed``.
        pinned: whether the catalog knows its digest; None for what is no file of the cache.
        source: where its bytes came from.
        url: the address it stands for.
        problem: what is wrong with it.
    """

    state: str
    size: int
    age: float
    path: str
    name: str | None = None
    file: str | None = None
    verified: str | None = None
    pinned: bool | None = None
    source: str | None = None
    url: str | None = None
    problem: str | None = None

    def __str__(self) -> str:
        title = f"{self.name} {self.file}" if self.name else self.url or self.path
        pinned = "unpinned" if self.pinned is False else ""
        lines = [
            f"{self.state:<10} {self.size:>12}  {self.age / DAY:>6.1f} d  "
            f"{self.verified or '-':<8} {pinned:<8}  {title}"
        ]
        lines += [f"           source: {self.source}"] if self.source else []
        lines += [f"           problem: {self.problem}"] if self.problem else []
        return "\n".join(lines)


def listing(cache: Path) -> list[Row]:
    """Return a row for every file and every leftover of a cache folder, the newest first."""
    rows = [
        _file_row(entry, "file" if entry is newest else "old")
        for entry, newest in _with_newest(cache)
    ]
    return rows + [_leftover_row(path, state) for path, state in _leftovers(cache)]


def disk_usage(cache: Path) -> int:
    """Return how many bytes of the disk the cache takes, folders and records included."""
    sizes: dict[tuple[int, int], int] = {}
    for path in (cache, *cache.rglob("*")):
        with suppress(FileNotFoundError):
            status = path.lstat()
            sizes[status.st_dev, status.st_ino] = getattr(status, "st_blocks", 0) * 512
    return sum(sizes.values())


def addresses(
    name: str, kinds: Sequence[Kind] | None = None, *, with_corpus: bool = False
) -> list[str]:
    """Return the addresses that the name of a checkpoint, or an address, stands for.

    Args:
        name: as for :func:`~ptbert_hub.locate`.
        kinds: the files of the checkpoint that are wanted; all when None.
        with_corpus: whether the corpus, which few programs need, is one of all.

    Raises:
        NotFound: if the name is unknown or that of a local file, or the checkpoint has no such
            file.
    """
    place = locate(name)
    if place.address is not None:
        return [place.address]
    if place.is_embedded:
        raise NotFound(
            f"{name!r} comes with the installed packages, and nothing of it is in a cache",
            hint=f"`ptbert-hub path {name}` says where its files are",
        )
    if place.checkpoint is None:
        raise NotFound(
            f"{name!r} is a local path, and the cache only has files with an address",
            hint="give the name of a checkpoint or an address",
        )
    files = place.checkpoint.files()
    if kinds is None:
        return [url for kind, url in files.items() if with_corpus or kind != "corpus"]
    for kind in kinds:
        if kind not in files:
            raise NotFound(f"{name!r} has no {kind}", hint=f"it has {', '.join(files)}")
    return [files[kind] for kind in kinds]


def addresses_of_repository(cache: Path, repository: str) -> list[str]:
    """Return the addresses of what a cache has of a repository of the Hugging Face Hub.

    Raises:
        NotFound: if it has nothing of it.
    """
    urls = [entry.record.get("url", "") for entry in entries(cache)]
    found = list(dict.fromkeys(url for url in urls if is_of_repository(url, repository)))
    if not found:
        raise NotFound(f"nothing of {repository!r} is in {cache}", hint="see `ptbert-hub ls`")
    return found


def verify(cache: Path, urls: Iterable[str] = (), *, apply: bool = False) -> list[Row]:
    """Read every file, or those of some addresses, and compare it with what is known of it.

    With ``apply`` damaged files are moved to quarantine.
    """
    rows = []
    for entry in _chosen(cache, urls):
        row = _file_row(entry, "good")
        try:
            rows.append(replace(row, verified=examine(entry, _known(entry))["verified"]))
        except OSError as error:
            rows.append(replace(row, state="damaged", verified=None, problem=str(error)))
            if apply and isinstance(error, IntegrityError):
                quarantine(entry.path)
    return rows


def prune(cache: Path, *, apply: bool = False, now: float | None = None) -> list[Row]:
    """Return what is no longer needed, and with ``apply`` delete it.

    These are versions that a newer one replaced a day ago, and unfinished downloads of dead
    processes, damaged files, and records without a file that are a week old. What another
    process is writing is left alone.
    """
    moment = time.time() if now is None else now
    rows = [
        _file_row(entry, "old")
        for entry, newest in _with_newest(cache)
        if newest is not entry and moment - newest.mtime_ns / 1e9 > SUPERSEDED_SECONDS
    ]
    for path, state in _leftovers(cache):
        with suppress(FileNotFoundError):
            is_old = moment - path.lstat().st_mtime > LITTER_SECONDS
            if is_old and state != "extracted" and not (state == "partial" and is_written(path)):
                rows.append(_leftover_row(path, state))
    if apply:
        _delete(rows)
    return rows


def remove_files(cache: Path, urls: Iterable[str], *, apply: bool = False) -> list[Row]:
    """Return the cached files of some addresses, all versions, and with ``apply`` delete them.

    Raises:
        NotFound: if none of them is cached.
    """
    urls = list(urls)
    rows = [
        _file_row(entry, "file") for url in urls for entry in entries(cache, url_to_filename(url))
    ]
    if not rows:
        shown = ", ".join(map(redacted, urls))
        raise NotFound(f"nothing of {shown} is in {cache}", hint="see `ptbert-hub ls`")
    if apply:
        _delete(rows)
    return rows


def export(cache: Path, target: Path, urls: Iterable[str] = ()) -> list[Row]:
    """Write the newest good files, all or those of some addresses, into a tar archive.

    Raises:
        NotFound: if there is nothing to write.
    """
    files: dict[str, tuple[Entry, Record]] = {}
    for entry in _chosen(cache, urls):  # of each file, the newest version comes first
        with suppress(OSError):  # damaged, or not readable by this user
            if entry.key not in files:
                files[entry.key] = entry, _fit_to_travel(examine(entry, _known(entry)))
    if not files:
        raise NotFound(f"nothing to export in {cache}", hint="see `ptbert-hub ls`")
    with (
        disk(target),
        atomic_write(target) as file,
        tarfile.open(fileobj=file, mode="w|", dereference=True) as tar,
    ):
        for entry, record in files.values():
            tar.add(entry.path, entry.path.name)
            data = json.dumps(record).encode()
            member = tarfile.TarInfo(record_path(entry.path).name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return [_file_row(entry, "file") for entry, _ in files.values()]


def _fit_to_travel(record: Record) -> Record:
    """The record without the secrets that programs of 2019 left in its address."""
    shown = redacted(record["url"])
    return record if shown == record["url"] else {**record, "url": shown, "redacted": True}


def import_files(cache: Path, archive: Path) -> list[Row]:
    """Take the files of an exported archive into a cache, each only if its digest is right.

    Nobody has to believe an archive: a file that the catalog knows must have the digest of the
    catalog. Any other counts as verified by its looks alone, whatever its record says, and does not
    take the place of another file that was compared with a digest.

    Raises:
        UnsafeArchive: if the archive holds anything but plain files.
        NotAModelFile: if a file whose digest is not known looks like an error page.
        DigestMismatch: if a file is not what its record or the catalog says, or if the cache has a
            better verified one; those before it stay.
    """
    with unpacked(archive, cache, url_to_filename(str(archive))) as folder:
        paths = [path for path in sorted(folder.iterdir()) if ENTRY_NAME.fullmatch(path.name)]
        return [_take_in(path, cache, archive) for path in paths]


def _take_in(path: Path, cache: Path, archive: Path) -> Row:
    record, sha256 = read_record(path), hash_file(path).sha256.hexdigest()
    url, key = record.get("url", ""), path.name[:64]
    file = known_file(url, path.name)
    # An address without its secrets cannot give the name again; those of the catalog have none.
    is_named = bool(record.get("redacted")) and file.checkpoint is None
    is_named = is_named or url_to_filename(url, record.get("etag")) == path.name
    if not is_named or {record.get("sha256"), file.pin.sha256 if file.pin else sha256} != {sha256}:
        raise _refusal(path, archive, "is not what its record says", "export it again")
    if file.pin is None:
        sniff(path, file.url)
    status, target = path.stat(), path_in(cache, path.name)
    record |= {"mtime_ns": status.st_mtime_ns, "size": status.st_size}
    record["verified"] = "sha256" if file.pin else "sniffed"
    with entry_lock(open_work_folder(cache, "locks"), key):
        found = newest_good(cache, file, key=key)[0]
        is_other = found is None or found.record.get("sha256") != sha256
        if found is not None and is_other and found.record.get("verified") != "sniffed":
            what = f"is another file than {str(found.path)!r}, which is better verified"
            raise _refusal(path, archive, what, "remove that one with `ptbert-hub rm` first")
        if found is None or is_other or found.path != target:
            with disk(cache):
                publish(path, target, record, path_in(path.parent, f"{path.name}.tmp"))
    return _file_row(Entry.at(target), "file")


def _refusal(path: Path, archive: Path, what: str, hint: str) -> DigestMismatch:
    return DigestMismatch(f"{path.name} in {str(archive)!r} {what}", hint=hint, path=str(archive))


def _chosen(cache: Path, urls: Iterable[str]) -> Iterator[Entry]:
    """The entries of some addresses, or all if there are none."""
    for key in [url_to_filename(url) for url in urls] or [""]:
        yield from entries(cache, key)


def _with_newest(cache: Path) -> Iterator[tuple[Entry, Entry]]:
    """Each entry and the newest version of the same file."""
    newest: dict[str, Entry] = {}
    for entry in entries(cache):
        yield entry, newest.setdefault(entry.key, entry)


def _known(entry: Entry) -> RemoteFile:
    return known_file(entry.record.get("url", ""), entry.path.name)


def _file_row(entry: Entry, state: str) -> Row:
    file, record = _known(entry), entry.record
    return Row(
        state=state,
        size=entry.size,
        age=max(0.0, time.time() - entry.mtime_ns / 1e9),
        path=str(entry.path),
        name=file.checkpoint.name if file.checkpoint else None,
        file=file.kind,
        verified=record.get("verified"),
        pinned=file.pin is not None,
        source=record.get("source"),
        url=redacted(file.url) or None,
    )


def _leftover_row(path: Path, state: str) -> Row:
    status = path.lstat()
    size = status.st_size
    if _is_folder(path):
        size = sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
    return Row(state, size, max(0.0, time.time() - status.st_mtime), str(path))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _leftovers(cache: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(work_folder(cache, "snapshots").glob("*")):
        if not any(link.exists() for link in path.glob("*")):
            yield path, "orphan"
    names: tuple[WorkFolder, ...] = ("partial", "quarantine", "extracted")
    for name in names:
        for path in sorted(work_folder(cache, name).glob("*")):
            is_unfinished = name == "extracted" and len(path.name) != 64
            yield path, "partial" if is_unfinished else name
    for path in sorted(cache.glob("*.json")):
        entry = path.with_suffix("")
        if ENTRY_NAME.fullmatch(entry.name) and not entry.exists():
            yield path, "orphan"


def _delete(rows: Iterable[Row]) -> None:
    for row in rows:
        path = Path(row.path)
        with disk(path):
            if _is_folder(path):
                shutil.rmtree(path)
            elif row.state == "partial" and path.suffix == ".part":
                discard_files(path)
            else:
                remove(path)
                if row.state in {"file", "old"}:
                    remove(record_path(path))  # last: it says what the file is
