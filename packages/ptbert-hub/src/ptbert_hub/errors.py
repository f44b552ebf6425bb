"""Every error of this package. Each is also the built-in error that a caller would expect.

::

    OSError
    └── HubError
        ├── NotFound             (FileNotFoundError)  404, or no such file
        │   ├── UnknownName                           no known checkpoint, no file or folder
    │   │   └── RepositoryNotFound                no such repository, or a private one
    │   └── RevisionNotFound                      no such branch, tag or commit
        ├── WrongFamily          (ValueError)         a checkpoint of another family of models
        ├── AccessDenied         (PermissionError)    401, 403
    │   └── GatedRepository                       whose authors decide who may download it
        ├── NetworkError         (ConnectionError)    nothing usable came back
        │   ├── Timeout          (TimeoutError)
        │   ├── TLSError
        │   ├── ProxyError
        │   ├── RateLimited                           .retry_after
        │   └── SourcesExhausted                      .attempts
        ├── OfflineMiss          (FileNotFoundError)  offline, and not in the cache
        ├── IntegrityError                            what was downloaded is not the file
        │   ├── SizeMismatch
        │   ├── DigestMismatch
        │   ├── NotAModelFile
        │   └── Unverifiable
        ├── CacheError                                this machine's disk
        │   ├── CacheReadOnly    (PermissionError)
        │   ├── CacheWriteError
        │   ├── DiskFull                              .needed, .free
        │   └── CorruptCache
        ├── BadSource            (ValueError)         not an address that can be read
        ├── BadContent           (ValueError)         bytes that are not what their format asks for
        └── UnsafeArchive        (ValueError)         an archive that must not be unpacked
"""

from typing import Any

from ptbert_hub.messages import ShortMessage


class HubError(ShortMessage, OSError):
    """An error whose text says what went wrong and, after a dash, what to do.

    Args:
        message: what was given and what is wrong with it.
        hint: what to do next.
        url: the address concerned, without secrets.
        path: the file or folder concerned.
        errno: the number of the operating system's error, where there is one.
        transient: whether the same request may succeed later.
        status: the HTTP status of the answer, where there was one.
        code: the word that the Hugging Face Hub has for the error, such as ``GatedRepo``.

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
        status: int | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.url = url
        self.path = path
        self.errno = errno
        self.transient = transient
        self.status = status
        self.code = code

    def __str__(self) -> str:
        return f"{self.args[0]} - {self.hint}" if self.hint else str(self.args[0])

    def __reduce__(self) -> tuple[type["HubError"], tuple[Any, ...], dict[str, Any]]:
        return type(self), self.args, {**self.__dict__, "errno": self.errno}


class NotFound(HubError, FileNotFoundError):
    """Nothing exists at that address or path."""


class UnknownName(NotFound):
    """A name that is no known checkpoint and no existing file or folder."""


class RepositoryNotFound(UnknownName):
    """The Hugging Face Hub shows no such repository; it may be private."""


class RevisionNotFound(NotFound):
    """A repository has no branch, tag or commit of that name."""


class WrongFamily(HubError, ValueError):
    """A published checkpoint of another family than the one that is wanted."""


class AccessDenied(HubError, PermissionError):
    """The server wants credentials, or refuses the ones it got."""


class GatedRepository(AccessDenied):
    """The authors of a repository decide who may download it."""


class NetworkError(HubError, ConnectionError):
    """There was no usable answer; trying again later may help."""


class Timeout(NetworkError, TimeoutError):
    """The server was silent for too long."""


class TLSError(NetworkError):
    """The server's certificate could not be verified. There is no retry without verification."""


class ProxyError(NetworkError):
    """The proxy refused the request or could not be reached."""


class RateLimited(NetworkError):
    """The server asks to wait longer than this package does; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.retry_after = retry_after


class SourcesExhausted(NetworkError):
    """Every source failed; ``attempts`` has one line for each.

    ``status`` is 404 if none of them has the file.
    """

    def __init__(self, message: str, *, attempts: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(message, **more)
        self.attempts = attempts


class OfflineMiss(HubError, FileNotFoundError):
    """The network is switched off and the file is in no cache."""


class IntegrityError(HubError):
    """What was downloaded, or is in the cache, is not the file that was asked for."""


class SizeMismatch(IntegrityError):
    """There are more or fewer bytes than announced."""


class DigestMismatch(IntegrityError):
    """The bytes do not have the digest that they should have."""


class NotAModelFile(IntegrityError):
    """An error page or a git-lfs pointer came instead of a model file."""


class Unverifiable(IntegrityError):
    """Neither a length nor a digest tells whether the file is complete."""


class CacheError(HubError):
    """The cache folder could not be used."""


class CacheReadOnly(CacheError, PermissionError):
    """The file is not in the cache and the cache cannot be written to."""


class CacheWriteError(CacheError):
    """Writing into the cache failed."""


class DiskFull(CacheError):
    """There is not enough room; ``needed`` and ``free`` are in bytes, where they are known."""

    def __init__(
        self, message: str, *, needed: int | None = None, free: int | None = None, **more: Any
    ) -> None:
        super().__init__(message, **more)
        self.needed, self.free = needed, free


class CorruptCache(CacheError):
    """A cached file is damaged, and it cannot be downloaded again now."""


class BadSource(HubError, ValueError):
    """An address that cannot be read, or of an unknown kind."""


class BadContent(HubError, ValueError):
    """Bytes are not what their format asks for; the text begins with "it" and means the file."""


class UnsafeArchive(HubError, ValueError):
    """An archive with a member that must not be unpacked."""
