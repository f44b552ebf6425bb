"""The command line: ``ptbert-hub COMMAND`` or ``python -m ptbert_hub COMMAND``."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ptbert_hub import catalog, settings, upkeep
from ptbert_hub.addresses import redacted
from ptbert_hub.cache import get_from_cache
from ptbert_hub.command_line import add_version, run_command
from ptbert_hub.errors import NotFound
from ptbert_hub.locating import locate
from ptbert_hub.messages import json_text
from ptbert_hub.model_files import embedded_files, fetch_files, stored_files
from ptbert_hub.options import DownloadOptions
from ptbert_hub.repositories import HUB, is_repository
from ptbert_hub.snapshots import open_snapshot


@dataclass(frozen=True)
class Cached:
    """A file that was asked for and where it is; without an address if it comes with a package."""

    url: str
    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class Setting:
    """What the environment says."""

    key: str
    value: Any

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"


class Result(NamedTuple):
    """What a command found or did: one row a line, a last line, and the exit code."""

    rows: Sequence[upkeep.Row | Cached | Setting]
    summary: str = ""
    code: int = 0


def main(arguments: Sequence[str] | None = None, *, program: str = "ptbert-hub") -> int:
    """Run one command and return its exit code, as :func:`~ptbert_hub.run_command` does.

    Args:
        arguments: the words after the program's name; those of this process when None.
        program: what it is called in messages.
    """
    options = _parser(program).parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")

    def run() -> int:
        named = options.cache_dir
        cache = settings.expand(named) if named else settings.default_cache()
        result: Result = options.run(options, cache)
        if options.json:
            rows = [asdict(row) for row in result.rows]
            print(json_text({"rows": rows, "summary": result.summary}))
        else:
            print(*result.rows, *filter(None, [result.summary]), sep="\n")
        return result.code

    return run_command(run, program, stopped="stopped; what was downloaded so far is kept")


def _ls(_: argparse.Namespace, cache: Path) -> Result:
    size = upkeep.disk_usage(cache) if cache.exists() else 0
    return Result(upkeep.listing(cache), f"{size} bytes in {cache}")


def _path(options: argparse.Namespace, _: Path) -> Result:
    return _cached(options, DownloadOptions(options.revision, local_files_only=True))


def _fetch(options: argparse.Namespace, _: Path) -> Result:
    return _cached(options, DownloadOptions(options.revision, force_download=options.force))


def _cached(options: argparse.Namespace, how: DownloadOptions) -> Result:
    rows: list[Cached] = []
    for name in options.names:
        place = locate(name, revision=options.revision)
        if place.is_embedded:
            rows += [Cached("", str(path)) for path in embedded_files(name, options.file)]
        elif place.repository is None:
            urls = upkeep.addresses(name, options.file)
            paths = (get_from_cache(url, options.cache_dir, options=how) for url in urls)
            rows += [Cached(redacted(url), path) for url, path in zip(urls, paths, strict=True)]
        else:
            rows += _of_repository(place.repository, options, how)
    return Result(rows)


def _of_repository(
    name: str, options: argparse.Namespace, how: DownloadOptions
) -> Iterator[Cached]:
    snapshot = open_snapshot(name, options.cache_dir, how)
    get = stored_files if how.local_files_only else fetch_files
    for path in get(snapshot, options.file):
        yield Cached(f"{HUB}/{name}/tree/{snapshot.commit}", str(path))


def _verify(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.verify(cache, _addresses(options, cache), apply=options.quarantine)
    damaged = sum(row.problem is not None for row in rows)
    return Result(rows, f"{len(rows) - damaged} good, {damaged} damaged", int(damaged > 0))


def _prune(options: argparse.Namespace, cache: Path) -> Result:
    return _deletion(upkeep.prune(cache, apply=options.yes), options.yes)


def _rm(options: argparse.Namespace, cache: Path) -> Result:
    urls = _addresses(options, cache)
    return _deletion(upkeep.remove_files(cache, urls, apply=options.yes), options.yes)


def _export(options: argparse.Namespace, cache: Path) -> Result:
    target = Path(options.archive)
    is_a_name = is_repository(options.archive) and (
        not target.parent.exists() or _has(cache, options.archive)
    )
    if not options.names and (is_a_name or options.archive in catalog.known_names()):
        raise NotFound(
            f"{options.archive!r} is the name of a model, and the archive to write comes first",
            hint=f"write ptbert-hub export FILE {options.archive}",
        )
    rows = upkeep.export(cache, target, _addresses(options, cache))
    return Result(rows, f"{len(rows)} files in {options.archive}")


def _has(cache: Path, repository: str) -> bool:
    try:
        return bool(upkeep.addresses_of_repository(cache, repository))
    except NotFound:
        return False


def _import(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.import_files(cache, Path(options.archive))
    return Result(rows, f"{len(rows)} files taken in")


def _env(_: argparse.Namespace, cache: Path) -> Result:
    from importlib.metadata import version

    values = {
        "version": version("ptbert-hub"),
        "cache": str(cache),
        "searched": [str(folder) for folder in settings.search_path()],
        "offline": settings.is_offline(),
        "endpoint": redacted(settings.hub_endpoint()),
        "mirrors": [redacted(mirror) for mirror in settings.mirrors()],
        "token": "set" if settings.hub_token() else "not set",
        "checkpoints": len(catalog.CATALOG),
        "pinned files": len(catalog.PINS),
    }
    return Result([Setting(key, value) for key, value in values.items()])


def _addresses(options: argparse.Namespace, cache: Path) -> list[str]:
    """What the cache has, or may have, of each name; of a repository all commits that it has."""
    urls: list[str] = []
    for name in options.names:
        place = locate(name)
        if place.repository is not None:
            urls += upkeep.addresses_of_repository(cache, place.repository)
            continue
        urls += upkeep.addresses(name, with_corpus=True)
        if place.checkpoint is not None and place.address is None:
            with suppress(NotFound):  # has only files of other revisions
                urls += upkeep.addresses_of_repository(cache, place.checkpoint.repository)
    return urls


def _deletion(rows: list[upkeep.Row], is_done: bool) -> Result:
    files = f"{len(rows)} files, {sum(row.size for row in rows)} bytes"
    return Result(
        rows, f"deleted {files}" if is_done else f"would delete {files}; add --yes to do it"
    )


def _parser(program: str) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print rows as JSON")
    common.add_argument("--cache-dir", metavar="FOLDER", help="use this cache folder only")
    parser = argparse.ArgumentParser(prog=program, description=__doc__.partition("\n")[0])
    add_version(parser, "ptbert-hub")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: object, text: str, names: str = "", **switches: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=text, description=text)
        added.set_defaults(run=run)
        if names:
            help_ = "name of a checkpoint, owner/name on the Hugging Face Hub, or an address"
            added.add_argument("names", nargs=names, metavar="NAME", help=help_)
        for switch, meaning in switches.items():
            added.add_argument(f"--{switch}", action="store_true", help=meaning)
        return added

    command("ls", _ls, "list what is cached, and what downloads have left behind")
    path = command("path", _path, "print where cached files are, without using the network", "+")
    text = "download what is not cached, and print where it is"
    fetch = command("fetch", _fetch, text, "+", force="download again")
    for added in (path, fetch):
        added.add_argument("--file", action="append", choices=catalog.KINDS, help="only this file")
        text = "branch, tag or commit on the Hugging Face Hub"
        added.add_argument("--revision", metavar="REVISION", help=text)
    text = "read cached files and compare them with their digests"
    command("verify", _verify, text, "*", quarantine="move damaged files aside")
    command("prune", _prune, "show what is no longer needed; --yes deletes it", yes="delete")
    text = "show the cached files of a checkpoint; --yes deletes them"
    command("rm", _rm, text, "+", yes="delete")
    export = command("export", _export, "write cached files into an archive for another machine")
    export.add_argument("archive", metavar="FILE", help="the tar archive to write")
    export.add_argument("names", nargs="*", metavar="NAME", help="only files of these")
    import_ = command("import", _import, "take in an archive written by export")
    import_.add_argument("archive", metavar="FILE", help="the tar archive to read")
    command("env", _env, "show the cache folder and the settings in force")
    return parser


if __name__ == "__main__":
    sys.exit(main())
