"""Drop-in mode in the Python processes that a program starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module

from ptbert.drop_in.install import IMPORT_PATH, install_as

_RELEASE_VARIABLE = "PTBERT_RELEASE"
_COPIES_VARIABLE = "PTBERT_RUN_AS"  # read by ``sitecustomize``


def install_in_children(*, release: str, copies: Iterable[str] = ()) -> None:
    """Let Python processes started from now on find ptbert as ``pytorch_pretrained_bert`` too.

    The folder ``import_path`` beside this module goes to the front of where new processes look for
    modules. It has a package of that name, which only calls ``replace_by_ptbert``, and a
    ``sitecustomize``, which lets processes find that package before any other. Nothing else changes
    for a process that does not import the name.

    Args:
        release: see ``ptbert.install_as``.
        copies: names of packages that are copies of the library, which ptbert stands for too.
    """
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = IMPORT_PATH + (f"{os.pathsep}{others}" if others else "")
    os.environ[_RELEASE_VARIABLE] = release
    os.environ.pop(_COPIES_VARIABLE, None)
    if names := ",".join(copies):
        os.environ[_COPIES_VARIABLE] = names


def replace_by_ptbert(name: str) -> None:
    """Put ptbert in the place of a module that is being imported; see ``install_in_children``.

    Args:
        name: the module's name.
    """
    del sys.modules[name]
    install_as(name, release=os.environ.get(_RELEASE_VARIABLE, "april"))
    import_module(name)
