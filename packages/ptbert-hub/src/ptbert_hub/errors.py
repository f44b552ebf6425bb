"""Every error this package raises; each is also the builtin a caller would guess.

::

    OSError
    └── HubError
        ├── NotFound             (FileNotFoundError)  404, or no such file
        │   └── UnknownName                           no checkpoint, file, folder or address
        ├── WrongFamily          (ValueError)         a checkpoint of another family of models
        ├── AccessDenied         (PermissionError)    401, 403
        ├── NetworkError         (ConnectionError)    nothing usable came back
        │   ├── Timeout          (TimeoutError)
        │   ├── TLSError
        │   ├── ProxyError
        │   ├── RateLimited                           .retry_after
        │   └── SourcesExhausted                      .attempts
        ├── OfflineMiss          (FileNotFoundError)  offline, and not in the cache
        ├── IntegrityError                            bytes came, but the wrong ones
        │   ├── SizeMismatch
        │   ├── DigestMismatch
        │   ├── NotAModelFile
        │   └── Unverifiable
        ├── CacheError                                this machine's disk
        │   ├── CacheReadOnly    (PermissionError)
        │   ├── CacheWriteError
        │   ├── DiskFull                              .needed, .free
        │   └── CorruptCache
        ├── BadSource            (ValueError)         an address nothing can be read from
        └── UnsafeArchive        (ValueError)         an archive that reaches outside or explodes
"""

from collections.abc import Callable
from typing import Any


class HubError(OSError):
    """What went wrong, and after a dash what to do about it.

    Args:
        message: what was given and what is wrong with it.
        hint: what the reader can do next.
        url: the address concerned, without secrets.
        path: the file or folder concerned.
        errno: the operating system's number, where there is one.
        transient: whether the same request may well succeed later.

    Example:
        >>> str(NotFound("no such file: 'x'", hint="check the spelling"))
        "no such file: 'x' - check the spelling"
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        url: str | None = None,
        path: str | None = None,
        errno: int | None = None,
        transient: bool = False,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.url = url
        self.path = path
        self.errno = errno
        self.transient = transient

    def __str__(self) -> str:
        return f"{self.args[0]} - {self.hint}" if self.hint else str(self.args[0])

    def __reduce__(self) -> tuple[Callable[..., "HubError"], tuple[Any, ...]]:
        return _rebuilt, (type(self), self.args, self.__dict__, self.errno)


def _rebuilt(
    cls: type[HubError], args: tuple[Any, ...], attributes: dict[str, Any], errno: int | None
) -> HubError:
    """The error of another process, with its attributes and its class."""
    error = cls(*args)
    error.__dict__.update(attributes)
    error.errno = errno
    return error


class NotFound(HubError, FileNotFoundError):
    """Nothing exists at that address or path."""


class UnknownName(NotFound):
    """A name that is no known checkpoint and no existing file or folder."""


class WrongFamily(HubError, ValueError):
    """A published checkpoint of another family than the one that is wanted."""


class AccessDenied(HubError, PermissionError):
    """The server wants credentials, or refuses the ones it got."""


class NetworkError(HubError, ConnectionError):
    """No usable answer came back; trying again later may help."""


class Timeout(NetworkError, TimeoutError):
    """The server was silent for too long."""


class TLSError(NetworkError):
    """The server's certificate could not be verified; never retried without verification."""


class ProxyError(NetworkError):
    """The configured proxy refused or could not be reached."""


class RateLimited(NetworkError):
    """The server asks to wait longer than we are willing to; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.retry_after = retry_after


class SourcesExhausted(NetworkError):
    """Every source failed; ``attempts`` says how, one line for each."""

    def __init__(self, message: str, *, attempts: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(message, **more)
        self.attempts = attempts


class OfflineMiss(HubError, FileNotFoundError):
    """The network is switched off and no cache holds the file."""


class IntegrityError(HubError):
    """Bytes arrived that are not the file that was asked for."""


class SizeMismatch(IntegrityError):
    """More or fewer bytes than announced."""


class DigestMismatch(IntegrityError):
    """The right number of bytes, but not the right ones."""


class NotAModelFile(IntegrityError):
    """An error page or a pointer file stands where a model file should be."""


class Unverifiable(IntegrityError):
    """Neither a length nor a digest says whether the answer is whole."""


class CacheError(HubError):
    """The cache folder could not be used."""


class CacheReadOnly(CacheError, PermissionError):
    """The file is not in the cache and the cache cannot be written."""


class CacheWriteError(CacheError):
    """Writing into the cache failed."""


class DiskFull(CacheError):
    """Not enough room; ``needed`` and ``free`` are in bytes where they are known."""

    def __init__(
        self, message: str, *, needed: int | None = None, free: int | None = None, **more: Any
    ) -> None:
        super().__init__(message, **more)
        self.needed, self.free = needed, free


class CorruptCache(CacheError):
    """A cached file changed after it was verified, and cannot be fetched again now."""


class BadSource(HubError, ValueError):
    """An address of a kind that cannot be read from."""


class UnsafeArchive(HubError, ValueError):
    """An archive with a member that must not be unpacked."""
