"""Models whose files come with the packages: the folder with what a package has of one"""

import atexit
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.resources.abc import Traversable, TraversableResources
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from ptbert_hub.errors import NotFound

Part = Literal["model", "tokenizer"]

PACKAGES: Mapping[Part, str] = MappingProxyType(
    {"model": "ptbert-models", "tokenizer": "ptbert-tokenizers"}
)
"""Which distribution has a part of each embedded model, in its folder ``embedded/NAME``."""


@cache
def embedded_folder(name: str, part: Part) -> Path:
    """Return the folder of an embedded model that a package has; nothing is downloaded.

    If the package is in a zip file, its files are copied to a temporary folder, which is deleted
    when the process ends.

    Args:
        name: one of :data:`~ptbert_hub.EMBEDDED`.
        part: ``"model"`` for configuration, weights and card; ``"tokenizer"`` for the vocabulary.

    Raises:
        NotFound: if the package is not installed, or lacks the files.
    """
    distribution = PACKAGES[part]
    module = distribution.replace("-", "_")
    spec = importlib.util.find_spec(module)  # does not import it, which takes seconds with torch
    if spec is None or spec.loader is None:
        raise NotFound(
            f"the {part} of {name!r} comes with the package {distribution}, which is not installed",
            hint=f"install it with: pip install {distribution}",
        )
    # mypy's stubs do not know that loaders of files and zip files have this method.
    resources = spec.loader.get_resource_reader(module)  # type: ignore[attr-defined]
    folder = cast("TraversableResources", resources).files() / "embedded" / name
    if not folder.is_dir():
        raise NotFound(
            f"the package {distribution} lacks the folder {str(folder)!r} with the {part} of "
            f"{name!r}",
            hint=f"install it again with: pip install --force-reinstall {distribution}",
        )
    return folder if isinstance(folder, Path) else _copied(folder)


def _copied(folder: Traversable) -> Path:
    target = Path(tempfile.mkdtemp(prefix="ptbert-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked process has the same handlers
            shutil.rmtree(target, ignore_errors=True)

    atexit.register(remove)
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target
