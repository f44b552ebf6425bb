"""Manifests: what a token file was made from, with which settings, and the digests of its files

``NAME.manifest.json`` beside a token file says that it is complete. It names neither folders nor
times, so the same documents make the same manifest anywhere.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ptbert_hub import atomic_write
from ptbert_hub.digests import file_digest
from ptbert_hub.files import remove
from ptbert_hub.messages import shown

_VERSION = 1
_BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class Manifest:
    """What is known about a token file.

    Args:
        settings: all that the ids depend on, besides the input: names and values for JSON.
        inputs: bytes and SHA-256 of each file that was read.
        files: name, bytes and SHA-256 of each file that was written; the file of ids comes first.
        documents: how many there are.
        tokens: how many ids there are.
    """

    settings: Mapping[str, Any]
    inputs: Sequence[Mapping[str, Any]]
    files: Sequence[Mapping[str, Any]]
    documents: int
    tokens: int

    def describes(self, folder: str) -> bool:
        """Tell whether the files in a folder are there and have the digests that they had."""
        return all(
            os.path.isfile(path := os.path.join(folder, file["name"]))
            and os.path.getsize(path) == file["bytes"]
            and file_digest(path) == file["sha256"]
            for file in self.files
        )

    def differences(
        self, settings: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]] | None = None
    ) -> list[str]:
        """Return what differs from other settings, and from other inputs if they are given."""
        found = [
            f"{name} is {shown(self.settings.get(name))} there and {shown(settings.get(name))} here"
            for name in {**self.settings, **settings}
            if self.settings.get(name) != settings.get(name)
        ]
        if inputs is not None and list(self.inputs) != list(inputs):
            found.append("the input has changed")
        return found


def manifest_path(path: str) -> str:
    """Return where the manifest of a token file is."""
    return f"{path}.manifest.json"


def read_manifest(path: str) -> Manifest | None:
    """Return the manifest of a token file; None if there is none.

    Raises:
        ValueError: if it is damaged.
    """
    name = manifest_path(path)
    try:
        with open(name, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.pop("manifest", None) != _VERSION or not _is_one(found):
        raise ValueError(
            f"{name!r} is not a manifest of version {_VERSION}; remove it, and make {path!r} again"
        )
    return Manifest(**found)


def _is_one(found: Mapping[str, Any]) -> bool:
    kinds = {"settings": dict, "inputs": list, "files": list, "documents": int, "tokens": int}
    return (
        found.keys() == kinds.keys()
        and all(isinstance(found[key], kind) for key, kind in kinds.items())
        and all(
            isinstance(file, dict)
            and file.keys() == {"name", "bytes", "sha256"}
            and isinstance(file["name"], str)
            and os.path.basename(file["name"]) == file["name"]
            for file in found["files"]
        )
    )


def write_manifest(path: str, manifest: Manifest) -> None:
    """Write the manifest of a token file."""
    facts = {"manifest": _VERSION, **asdict(manifest)}
    text = json.dumps(facts, indent=1, ensure_ascii=False, default=int)  # numbers of NumPy
    with atomic_write(manifest_path(path)) as file:
        file.write(text.encode() + b"\n")


def remove_manifest(path: str) -> None:
    """Remove the manifest of a token file, if there is one, before the file is made again."""
    remove(Path(manifest_path(path)))


def written_files(paths: Sequence[str], files: Sequence[BinaryIO]) -> list[dict[str, Any]]:
    """Return name, bytes and digest of files that are being written, for a manifest.

    They are read through the open files, because another run may replace what has these names.

    Args:
        paths: what the files will be called.
        files: open for reading too.
    """
    return [
        {"name": os.path.basename(path), **_content(file)}
        for path, file in zip(paths, files, strict=True)
    ]


def _content(file: BinaryIO) -> dict[str, Any]:
    file.flush()
    digest = hashlib.sha256()
    with open(os.dup(file.fileno()), "rb") as reader:
        reader.seek(0)
        while block := reader.read(_BLOCK):
            digest.update(block)
        return {"bytes": reader.tell(), "sha256": digest.hexdigest()}


def refuse_other_settings(paths: Sequence[str]) -> list[Manifest]:
    """Return the manifests of token files; refuse those that were made with different settings.

    Raises:
        ValueError: if two of them differ, or a manifest is damaged.
    """
    known = [(path, found) for path in paths if (found := read_manifest(path)) is not None]
    for path, manifest in known[1:]:
        first, of_first = known[0]
        if differences := of_first.differences(manifest.settings):
            raise ValueError(
                f"{first!r} and {path!r} were made with different settings: "
                f"{'; '.join(differences)} (there is the first, here the second); make one of "
                "them again"
            )
    return [manifest for _, manifest in known]
