"""Public names of a package whose modules are imported when a name is first used"""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def homes_of(names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the module of each name, from a table of the names of each module.

    Example:
        >>> homes_of({"package.one": ("A", "B"), "package.two": ("C",)})
        {'A': 'package.one', 'B': 'package.one', 'C': 'package.two'}
    """
    return {name: module for module, its_names in names.items() for name in its_names}


def names_on_demand(
    package: str, homes: Mapping[str, str], computed: Mapping[str, Callable[[], Any]] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the functions ``__getattr__`` and ``__dir__`` of a package.

    A name is imported when it is first used, and is an ordinary attribute of the package from
    then on. So are the modules of the package that names come from. ``__version__`` is that of
    the distribution, which is named like the package, with hyphens.

    Args:
        package: the ``__name__`` of the package.
        homes: the module of each name, or the name is that of the module itself.
        computed: names whose value is computed again at each use, and the functions that do it.

    Example:
        >>> get, names = names_on_demand("ptbert_hub", {"locate": "ptbert_hub.locating"})
        >>> get("locate").__name__
        'locate'
        >>> "locate" in names()
        True
    """
    computed = computed or {}
    modules = frozenset(homes.values())

    def get(name: str) -> Any:
        if name in computed:
            return computed[name]()
        if f"{package}.{name}" in modules:
            return import_module(f"{package}.{name}")
        if name in homes:
            value = getattr(import_module(homes[name]), name)
            setattr(sys.modules[package], name, value)
            return value
        if name == "__version__":
            from importlib.metadata import version  # takes longer than all of this

            return version(package.replace("_", "-"))
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *computed, "__version__"})

    return get, names
