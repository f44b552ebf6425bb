"""What is installed here, with its devices, cache and network, fit for a bug report"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any
from urllib.request import getproxies

from ptbert_hub import settings
from ptbert_hub.addresses import redacted
from ptbert_hub.catalog import CATALOG
from ptbert_hub.errors import BadSource
from ptbert_hub.locating import existing_path
from ptbert_hub.messages import readable
from ptbert_hub.sources import file_with_sources
from ptbert_hub.upkeep import disk_usage

_OURS = ("ptbert", "ptbert-models", "ptbert-tokenizers", "ptbert-optim", "ptbert-hub")
_OTHERS = ("torch", "numpy", "regex", "requests", "urllib3", "filelock", "tqdm", "safetensors")
_BESIDE = ("transformers", "pytorch-pretrained-bert", "apex")  # no problem, and worth knowing
_ENOUGH = 2 << 30  # free bytes of a disk, for a model of usual size
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*\(?([^;)]*)\)?\s*(;.*)?")

Facts = dict[str, Any]


def installation() -> Facts:
    """Return what a bug report should say about this installation.

    Passwords, tokens and the name of the home folder are not in it.

    Returns:
        ``versions``, ``devices``, ``cache``, ``network`` and ``problems``: the first four are
        dictionaries of plain values, and each problem is a text that ends with its remedy.

    Example:
        >>> sorted(installation())
        ['cache', 'devices', 'network', 'problems', 'versions']
    """
    problems: list[str] = []
    facts: Facts = {
        "versions": _versions(problems),
        "devices": _devices(problems),
        "cache": _cache(problems),
        "network": _network(problems),
        "problems": problems,
    }
    _offline(facts)
    found = _without_home(facts)
    return found if isinstance(found, dict) else facts


def lines_of_installation(facts: Facts) -> Iterator[str]:
    """Yield the facts as lines in two columns, and the problems at the end."""
    width = max(len(key) for part in facts.values() if isinstance(part, dict) for key in part)
    for name, part in facts.items():
        if isinstance(part, dict):
            yield f"{name}:"
            for key, value in part.items():
                shown = ", ".join(map(str, value)) if isinstance(value, list) else value
                yield readable(f"  {key:<{width}}  {shown}").replace("\n", " ")
    if facts["problems"]:
        yield "problems:"
        yield from (readable(f"  {each}") for each in facts["problems"])
    else:
        yield "no problems found"


def _versions(problems: list[str]) -> Facts:
    found = {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
    }
    for name in (*_OURS, *_OTHERS, *_BESIDE):
        installed = _version(name)
        if installed is not None or name in _OURS:
            found[name] = installed or "not installed"
    for name in _OURS:
        problems += _unfitting(name)
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _unfitting(name: str) -> Iterator[str]:
    """What a distribution needs and does not find."""
    try:
        needed = requires(name) or []
    except PackageNotFoundError:
        yield f"{name} is not installed; pip install --upgrade ptbert"
        return
    for each in needed:
        matched = _REQUIREMENT.fullmatch(each)
        if matched is None or "extra" in (matched[3] or ""):
            continue
        installed = _version(matched[1])
        if installed is None:
            yield f"{name} needs {matched[1]}, which is not installed; pip install {matched[1]}"
        elif not is_in_range(installed, matched[2]):
            yield (
                f"{name} needs {matched[1]} {matched[2].strip()}, and {installed} is installed; "
                "pip install --upgrade ptbert"
            )


def is_in_range(installed: str, wanted: str) -> bool:
    """Whether a version is in a range such as ``>=0.5,<0.6``; only these two signs are known.

    Example:
        >>> is_in_range("0.5.2", ">=0.5,<0.6"), is_in_range("0.10", ">=0.5,<0.6")
        (True, False)
    """
    number = _numbers(installed)
    for each in filter(None, wanted.replace(" ", "").split(",")):
        if each.startswith(">=") and number < _numbers(each[2:]):
            return False
        if each.startswith("<") and each[1] != "=" and number >= _numbers(each[1:]):
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    matched = re.match(r"\d+(\.\d+)*", text)
    parts = [int(each) for each in matched[0].split(".")] if matched else [0]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _devices(problems: list[str]) -> Facts:
    found: Facts = {"processors": os.cpu_count() or "unknown", "machine": platform.machine()}
    for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        if name in os.environ:
            found[name] = os.environ[name]
    try:
        import torch
    except Exception as error:  # a broken library may raise anything
        problems.append(f"torch cannot be imported ({type(error).__name__}: {error}); reinstall it")
        return found
    found["threads of torch"] = torch.get_num_threads()
    found["cuda"] = torch.version.cuda or "not in this build of torch"
    names = [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
    found["devices"] = ["cpu", *names, *(["mps"] if torch.backends.mps.is_available() else [])]
    return found


def _cache(problems: list[str]) -> Facts:
    found: Facts = {}
    try:
        folder = settings.default_cache()
    except ValueError as error:
        problems.append(f"{error}")
        return found
    found["folder"] = str(folder)
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    found["size"] = _bytes(disk_usage(folder)) if folder.is_dir() else "not there yet"
    free = shutil.disk_usage(existing).free
    found["free"] = _bytes(free)
    found["writable"] = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    if not found["writable"]:
        problems.append(
            f"{folder} cannot be written; set PYTORCH_PRETRAINED_BERT_CACHE to another folder"
        )
    if free < _ENOUGH:
        problems.append(
            f"{_bytes(free)} are free in {folder}, and models need more; "
            "set PYTORCH_PRETRAINED_BERT_CACHE to a larger disk, or see ptbert cache prune"
        )
    others = [each for each in settings.search_path() if each != folder and each.is_dir()]
    found["other caches"] = [f"{each} ({_bytes(disk_usage(each))})" for each in others] or "none"
    client = settings.client_cache()
    found["Hugging Face cache"] = str(client) if client.is_dir() else "none"
    return found


def _network(problems: list[str]) -> Facts:
    set_ones = [name for name in settings.OFFLINE_VARIABLES if os.environ.get(name)]
    found: Facts = {
        "offline": settings.is_offline(),
        "endpoint": redacted(settings.hub_endpoint()),
        "mirrors": [redacted(each) for each in settings.mirrors()] or "none",
        "token": "set" if settings.hub_token() else "not set",
    }
    if set_ones:
        found["offline because of"] = set_ones
    proxies = {name: address for name, address in getproxies().items() if name != "no"}
    found["proxies"] = [f"{name}: {_proxy(address)}" for name, address in proxies.items()] or "none"
    if without := getproxies().get("no"):
        found["no proxy for"] = without
    bundle = settings.certificates()
    found["certificates"] = bundle or "those of requests"
    if bundle and not os.path.exists(bundle):
        problems.append(f"the file of certificates {bundle!r} is not there; correct the variable")
    problems += [
        f"the proxy {_proxy(address)!r} has no scheme; write http://{_proxy(address)}"
        for address in proxies.values()
        if "://" not in address
    ]
    problems += _problems_of_sources()
    return found


def _problems_of_sources() -> Iterator[str]:
    """What is wrong with the servers that files are downloaded from, as far as their names tell."""
    endpoint = redacted(settings.hub_endpoint())
    if not endpoint.startswith(("https://", "http://")):
        yield f"HF_ENDPOINT is {endpoint!r}, which has no scheme; write https://{endpoint}"
    try:
        file_with_sources(CATALOG["gpt2"].vocabulary)
    except BadSource as error:
        yield str(error)
    folders = [
        each for each in settings.mirrors() if each.startswith("file://") and "{" not in each
    ]
    for each in folders:
        if existing_path(each) is None:
            yield f"PTBERT_HUB_MIRROR names {each!r}, and no folder is there; correct the path"


def _proxy(address: str) -> str:
    """An address of a proxy without its password, also where it has no scheme."""
    return redacted(address if "://" in address else f"//{address}").removeprefix("//")


def _offline(facts: Facts) -> None:
    if facts["network"]["offline"] and facts["cache"].get("size") == "not there yet":
        facts["problems"].append(
            "the network is forbidden and the cache is empty; unset "
            f"{' and '.join(facts['network']['offline because of'])}, or see ptbert cache import"
        )


def _bytes(size: int) -> str:
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if size >= 1 << power:
            return f"{size / (1 << power):,.1f} {unit}"
    return f"{size:,} bytes"


def _without_home(value: Any) -> Any:
    """The same values with ``~`` for the home folder, whose name may be a person's."""
    if isinstance(value, dict):
        return {key: _without_home(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_home(each) for each in value]
    home = os.path.expanduser("~")
    if isinstance(value, str) and len(Path(home).parts) > 1:
        return re.sub(rf"{re.escape(home)}(?=$|[/\\' ])", "~", value)
    return value
