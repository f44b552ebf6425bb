"""The command line: ``ptbert-hub COMMAND`` or ``python -m ptbert_hub COMMAND``."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ptbert_hub import catalog, settings, upkeep
from ptbert_hub.cache import get_from_cache
from ptbert_hub.command_line import run_command
from ptbert_hub.naming import redacted

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None, *, program: str = "ptbert-hub") -> int:
    """Run one command; return 0, or 1 after an error told in one line, or 2 for wrong usage.

    Args:
        arguments: the words after the program's name; those of this process when None.
        program: what it is called in messages.
    """
    options = _parser(program).parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    cache = settings.expand(options.cache_dir) if options.cache_dir else settings.default_cache()

    def run() -> int:
        rows, summary, code = options.run(options, cache)
        _show(rows, summary, as_json=options.json)
        return int(code)

    return run_command(run, program, stopped="stopped; what was downloaded so far is kept")


Result = tuple[list[Row], str, int]


def _ls(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.listing(cache)
    return rows, f"{upkeep.disk_usage(cache) if cache.exists() else 0} bytes in {cache}", 0


def _path(options: argparse.Namespace, cache: Path) -> Result:
    urls = [url for name in options.names for url in upkeep.addresses(name, options.file)]
    rows = [
        {"url": redacted(url), "path": get_from_cache(url, options.cache_dir, local_only=True)}
        for url in urls
    ]
    return rows, "", 0


def _fetch(options: argparse.Namespace, cache: Path) -> Result:
    urls = [url for name in options.names for url in upkeep.addresses(name, options.file)]
    rows = [
        {"url": redacted(url), "path": get_from_cache(url, options.cache_dir, force=options.force)}
        for url in urls
    ]
    return rows, "", 0


def _verify(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.verify(cache, _addresses(options), apply=options.quarantine)
    damaged = sum(row["state"] == "damaged" for row in rows)
    return rows, f"{len(rows) - damaged} good, {damaged} damaged", int(damaged > 0)


def _prune(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.prune(cache, apply=options.yes)
    return rows, _deletion(rows, options.yes), 0


def _rm(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.remove_files(cache, _addresses(options), apply=options.yes)
    return rows, _deletion(rows, options.yes), 0


def _export(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.export(cache, Path(options.archive), _addresses(options))
    return rows, f"{len(rows)} files in {options.archive}", 0


def _import(options: argparse.Namespace, cache: Path) -> Result:
    rows = upkeep.import_files(cache, Path(options.archive))
    return rows, f"{len(rows)} files taken in", 0


def _env(options: argparse.Namespace, cache: Path) -> Result:
    from importlib.metadata import version

    facts = {
        "version": version("ptbert-hub"),
        "cache": str(cache),
        "searched": [str(folder) for folder in settings.search_path()],
        "offline": settings.is_offline(),
        "endpoint": redacted(settings.hub_endpoint()),
        "mirrors": [redacted(m) for m in settings.mirrors()],
        "token": "set" if settings.hub_token() else "not set",
        "checkpoints": len(catalog.CATALOG),
        "pinned files": len(catalog.PINS),
    }
    return [{"key": key, "value": value} for key, value in facts.items()], "", 0


def _addresses(options: argparse.Namespace) -> list[str]:
    every = catalog.KINDS
    urls = []
    for name in options.names:
        kinds = [k for k in every if name in catalog.CATALOG and k in catalog.CATALOG[name].files()]
        urls += upkeep.addresses(name, kinds or None)
    return urls


def _deletion(rows: list[Row], applied: bool) -> str:
    size = sum(row["size"] for row in rows)
    if applied:
        return f"deleted {len(rows)} files, {size} bytes"
    return f"would delete {len(rows)} files, {size} bytes; add --yes to do it"


def _show(rows: list[Row], summary: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"rows": rows, "summary": summary}, indent=2))
        return
    for row in rows:
        cells = {key: value for key, value in row.items() if value not in (None, "", False)}
        if set(row) == {"url", "path"}:
            print(row["path"])
        elif set(row) == {"key", "value"}:
            print(f"{row['key']}: {row['value']}")
        else:
            title = " ".join(str(cells[k]) for k in ("name", "file") if k in cells)
            pinned = "" if row.get("pinned") or "pinned" not in row else "unpinned"
            print(
                f"{row['state']:<10} {row['size']:>12}  {row['age'] / upkeep.DAY:>6.1f} d  "
                f"{row.get('verified') or '-':<8} {pinned:<8}  "
                f"{title or cells.get('url') or cells['path']}"
            )
            for key in ("source", "problem"):
                if key in cells:
                    print(f"           {key}: {cells[key]}")
    if summary:
        print(summary)


def _parser(program: str) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print rows as JSON")
    common.add_argument("--cache-dir", metavar="FOLDER", help="use this cache folder only")
    parser = argparse.ArgumentParser(prog=program, description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=text, description=text)
        added.set_defaults(run=run)
        return added

    names = {"metavar": "NAME", "help": "a shortcut name or an address"}
    command("ls", _ls, "list what is cached, and what downloads have left behind")
    for name, run, text in (
        ("path", _path, "print where cached files are, without using the network"),
        ("fetch", _fetch, "download what is not cached, and print where it is"),
    ):
        added = command(name, run, text)
        added.add_argument("names", nargs="+", **names)  # type: ignore[arg-type]
        added.add_argument("--file", action="append", choices=catalog.KINDS, help="only this file")
        if name == "fetch":
            added.add_argument("--force", action="store_true", help="download again")
    added = command("verify", _verify, "read cached files and compare them with their digests")
    added.add_argument("names", nargs="*", **names)  # type: ignore[arg-type]
    added.add_argument("--quarantine", action="store_true", help="move damaged files aside")
    added = command("prune", _prune, "show what nobody needs any more; --yes deletes it")
    added.add_argument("--yes", action="store_true", help="delete")
    added = command("rm", _rm, "show the cached files of a checkpoint; --yes deletes them")
    added.add_argument("names", nargs="+", **names)  # type: ignore[arg-type]
    added.add_argument("--yes", action="store_true", help="delete")
    added = command("export", _export, "write cached files into an archive for another machine")
    added.add_argument("archive", metavar="FILE", help="the tar archive to write")
    added.add_argument("names", nargs="*", **names)  # type: ignore[arg-type]
    added = command("import", _import, "take in an archive written by export")
    added.add_argument("archive", metavar="FILE", help="the tar archive to read")
    command("env", _env, "show the cache folder and the settings in force")
    return parser


if __name__ == "__main__":
    sys.exit(main())
