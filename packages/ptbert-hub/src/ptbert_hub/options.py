"""How files are found and downloaded: revision, token, proxies, and whether to use the network"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from inspect import signature
from typing import Any, TypeVar

from ptbert_hub import settings
from ptbert_hub.errors import AccessDenied, BadSource

MAIN = "main"
"""The branch that is meant where no revision is given."""


@dataclass(frozen=True)
class DownloadOptions:
    """What a program says about its downloads; it goes along to wherever files are asked for.

    Args:
        revision: a branch, a tag or a commit of a repository of the Hugging Face Hub; ``main``
            when None. What is no repository has no revisions, and ignores it; a model that comes
            with the packages refuses it.
        token: for the Hugging Face Hub. None takes ``HF_TOKEN`` or the file that the Hub's client
            keeps; True does too, and is an error where there is none; False sends none.
        local_files_only: whether the network is not used.
        force_download: whether to download even what is cached.
        proxies: the proxy for a scheme or a server, such as ``{"https": "http://proxy:8080"}``;
            those of the environment are used for all others.

    Raises:
        TypeError: if a value has the wrong type.
        ValueError: if the revision cannot be the name of one, if the token cannot be sent, or if a
            download is both forced and forbidden.

    Example:
        >>> DownloadOptions(revision="v1.0", token="hf_secret")
        DownloadOptions(revision='v1.0', local_files_only=False, force_download=False)
        >>> DownloadOptions(revision="../main")
        Traceback (most recent call last):
        ptbert_hub.errors.BadSource: revision='../main' is not the name of a branch, a tag or a \
commit - leave it out for the branch 'main'
    """

    revision: str | None = None
    token: str | bool | None = field(default=None, repr=False)
    local_files_only: bool = False
    force_download: bool = False
    proxies: Mapping[str, str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.revision, str | None):
            raise TypeError(f"revision={self.revision!r} must be a string or None")
        if not isinstance(self.token, str | bool | None):
            raise TypeError(f"token is a {type(self.token).__name__}; give a string or a bool")
        if self.proxies is not None and not (
            isinstance(self.proxies, Mapping)
            and all(isinstance(part, str) for pair in self.proxies.items() for part in pair)
        ):
            raise TypeError(
                "proxies must be a dictionary such as {'https': 'http://proxy.example.org:8080'}"
            )
        if self.revision is not None and not is_revision(self.revision):
            raise BadSource(
                f"revision={self.revision[:200]!r} is not the name of a branch, a tag or a commit",
                hint=f"leave it out for the branch {MAIN!r}",
            )
        if isinstance(self.token, str):
            _sendable(self.token)
        if self.force_download and self.local_files_only:
            raise ValueError(
                "force_download=True needs the network, which local_files_only=True forbids; "
                "give one of them"
            )

    def arguments(self) -> dict[str, Any]:
        """Return what is said, as arguments of the functions that take it one by one."""
        given = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in given if value is not None and value is not False}

    def bearer(self) -> str | None:
        """Return the token to send to the Hugging Face Hub, or None for no token.

        Raises:
            AccessDenied: if there must be one and is none.
            BadSource: if it cannot be sent in a header.
        """
        if isinstance(self.token, str):
            return _sendable(self.token)
        if self.token is False or (self.token is None and settings.hides_token()):
            return None
        found = settings.hub_token()
        if found is None and self.token:
            raise AccessDenied(
                "token=True, and neither HF_TOKEN nor the file of the Hugging Face client has one",
                hint="set HF_TOKEN, or give the token itself",
            )
        return found and _sendable(found)


ORDINARY = DownloadOptions()
"""Nothing said."""


Kind = TypeVar("Kind")


def divided(
    arguments: Mapping[str, Any], kind: type[Kind], constructor: Callable[..., Any]
) -> tuple[Kind, dict[str, Any]]:
    """Divide arguments into those that a dataclass has as its fields, and all others.

    Args:
        arguments: by name.
        kind: the dataclass, such as :class:`DownloadOptions`.
        constructor: keeps the arguments that it has parameters for, because the classes of a
            program may have had, for example, a ``token`` of their own before downloads had one.

    Example:
        >>> divided({"revision": "v1.0", "max_len": 9}, DownloadOptions, print)
        (DownloadOptions(revision='v1.0', local_files_only=False, force_download=False), \
{'max_len': 9})
        >>> divided({"revision": 3, "token": None}, DownloadOptions, lambda revision: revision)[1]
        {'revision': 3}
    """
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # only dataclasses
    own = names & signature(constructor).parameters.keys()
    told = {name: value for name, value in arguments.items() if name in names - own}
    others = {
        name: value
        for name, value in arguments.items()
        if name not in told and not (name in own and (value is None or value is False))
    }
    return kind(**told), others


def is_revision(name: str) -> bool:
    """Whether git allows ``name`` as the name of a branch, a tag or a commit.

    Example:
        >>> is_revision("refs/pr/1"), is_revision("a..b"), is_revision("")
        (True, False, False)
    """
    return _REVISION.fullmatch(name) is not None and not any(
        part.startswith(".") or part.endswith((".", ".lock")) for part in name.split("/")
    )


# What git forbids: blanks, control characters, ~^:?*[\, two dots, @{, and empty parts of a path.
# Bytes that are no UTF-8, which Python has as half characters, cannot be in an address.
_FORBIDDEN = r"\s~^:?*\[\\\x00-\x1f\x7f\ud800-\udfff"
_REVISION = re.compile(rf"(?!.*(\.\.|@\{{|//))[^{_FORBIDDEN}/-][^{_FORBIDDEN}]{{0,199}}(?<!/)")
_TOKEN = re.compile("[!-~]{1,4096}")


def _sendable(token: str) -> str:
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise BadSource(
            "the token for the Hugging Face Hub is empty, or has characters that no token has",
            hint="copy it again, or pass token=False to send none",
        )
    return token
