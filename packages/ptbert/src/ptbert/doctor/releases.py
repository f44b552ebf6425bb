"""Which names, methods and arguments each release of 2019 had, from the table `names_2019.json`"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

LIBRARY = "pytorch_pretrained_bert"
RELEASES = ("0.4.0", "0.5.0", "0.5.1", "0.6.0", "0.6.1", "0.6.2", "june")
ALL = frozenset(RELEASES)
JUNE = frozenset({"june"})
_HEADS = ("BertFor", "GPT2", "OpenAIGPT", "TransfoXL")
_BASES = {
    "modeling": ("BertPreTrainedModel", "PreTrainedBertModel"),  # the second until 0.4.0
    "modeling_gpt2": ("GPT2PreTrainedModel",),
    "modeling_openai": ("OpenAIGPTPreTrainedModel",),
    "modeling_transfo_xl": ("TransfoXLPreTrainedModel",),
}


@cache
def _modules() -> dict[str, dict[str, dict[str, Any]]]:
    text = files("ptbert.doctor").joinpath("names_2019.json").read_text(encoding="utf-8")
    return json.loads(text)["modules"]


def has_module(module: str) -> bool:
    """Whether any release had a submodule of this name; the package itself is ``""``."""
    return module in _modules()


def names_of(module: str) -> list[str]:
    """Return the names that a module itself defines, as a star import gives them."""
    rows = _modules().get(module, {})
    return [name for name, row in rows.items() if "brought" not in row]


def modules_with(name: str) -> list[str]:
    """Return the modules that any release had a name in."""
    return [module for module, rows in _modules().items() if name in rows]


def releases_with(module: str, name: str) -> frozenset[str]:
    """Return the releases that had a name in a module, or a module in the package ``""``.

    Example:
        >>> sorted(releases_with("modeling", "PreTrainedBertModel"))
        ['0.4.0']
    """
    rows = [_row(module, name)]
    if not module and has_module(name):
        rows = list(_modules()[name].values())
    return _releases("".join(row.get("in", "") for row in rows))


def is_missing_today(module: str, name: str) -> bool:
    """Whether ptbert does not have a name that a release had."""
    return "lacks" in _row(module, name)


def home_of(module: str, name: str) -> str:
    """Return the module that defines a name which another module brings along."""
    if _row(module, name).get("takes") is not None:
        return module
    homes = [each for each in modules_with(name) if _row(each, name).get("takes") is not None]
    same_family = [each for each in homes if each.partition("_")[2] == module.partition("_")[2]]
    return (same_family or homes or [module])[0]


@cache
def classes() -> Mapping[str, str]:
    """Return the module of each class, for names that mean the same in all modules."""
    found: dict[str, str] = {}
    for module, rows in _modules().items():
        for name, row in rows.items():
            if "__init__" in row.get("takes", {}) or name.startswith(_HEADS):
                found.setdefault(name, home_of(module, name))
    return MappingProxyType(found)


def arguments_of(module: str, name: str, method: str) -> dict[frozenset[str], list[str]]:
    """Return the arguments of a method, without ``self``, for each group of releases.

    ``*`` and ``**`` stand for any further ones. For a function the method is ``""``. Methods of a
    base class are found for the classes that have them.

    Example:
        >>> arguments_of("optimization", "BertAdam", "get_lr")
        {frozenset(...): []}
    """
    module = home_of(module, name)
    found: dict[frozenset[str], list[str]] = {}
    for owner in (name, *_bases_of(module, name)):
        takes = _row(module, owner).get("takes", {}).get(method, {})
        for words, digits in takes.items():
            if group := _releases(digits) - frozenset().union(*found):
                found[group] = words.split()
    return found


def _bases_of(module: str, name: str) -> tuple[str, ...]:
    """The classes whose methods a class has besides its own."""
    if name.endswith("Schedule") or name == "ConstantLR":
        return ("_LRSchedule",)
    if not name.startswith((*_HEADS, "BertModel")):
        return ()
    return _BASES.get(module, ())


def _row(module: str, name: str) -> dict[str, Any]:
    return _modules().get(module, {}).get(name, {})


def _releases(digits: str) -> frozenset[str]:
    return frozenset(RELEASES[int(digit)] for digit in digits)


def in_words(releases: Iterable[str]) -> str:
    """Return a set of releases as text.

    Example:
        >>> in_words({"0.5.0", "0.5.1", "0.6.0"})
        '0.5.0 to 0.6.0'
        >>> in_words({"0.6.2", "june"})
        '0.6.2 and June 2019'
    """
    numbers = sorted(RELEASES.index(each) for each in releases)
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(map(_span, spans))


def _span(span: list[int]) -> str:
    first, last = (
        "June 2019" if RELEASES[each] == "june" else RELEASES[each] for each in (span[0], span[-1])
    )
    if first == last:
        return first
    return f"{first} {'and' if len(span) == 2 else 'to'} {last}"
