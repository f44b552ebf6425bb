"""Names: from an address to the name of its cache entry and back, and addresses without secrets.

A cache entry is named as in 2019: ``sha256(url)``, then if the server gave an entity tag a dot
and ``sha256(etag)``, the tag exactly as sent, quotes included. Beside it lies ``<name>.json``
with at least ``url`` and ``etag``.
"""

import re
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from ptbert_hub.errors import BadSource

WORK_FOLDER = ".ptbert-hub"
"""Sub-folder of a cache for locks, partial downloads and unpacked archives.

Programs of 2019 take any ``<hash>.*`` at the top of a cache for data, so nothing of ours may stand
there.
"""
ENTRY_NAME = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{64})?")
"""What a data file at the top of a cache folder is called."""


def url_to_filename(url: str, etag: str | None = None) -> str:
    """Return the name of the cache entry for ``url`` in the version ``etag``.

    Example:
        >>> url_to_filename("https://example.org/vocab.txt")[:12]
        'bb8d3c1ceb20'
        >>> len(url_to_filename("https://example.org/vocab.txt", etag='"1"'))
        129
    """
    name = _digest(url)
    return f"{name}.{_digest(etag)}" if etag else name


def split_s3_path(url: str) -> tuple[str, str]:
    """Return bucket and key of an ``s3://bucket/key`` address.

    Raises:
        BadSource: if either is missing; a ``ValueError`` as in 2019.

    Example:
        >>> split_s3_path("s3://models/bert/config.json")
        ('models', 'bert/config.json')
    """
    parts = urlsplit(url)
    if not parts.netloc or not parts.path.lstrip("/"):
        shown = redacted(url)
        raise BadSource(f"bad s3 path {shown!r}", hint="write it as s3://bucket/key", url=shown)
    return parts.netloc, parts.path.removeprefix("/")


def redacted(url: str) -> str:
    """Return ``url`` fit for logs and records: without login, password, signature or token.

    A value is taken out when its name has one of these words, written as in ``access_token``,
    ``X-Amz-Signature`` or ``accessToken``. Everything else stays as it was written.

    Example:
        >>> redacted("https://me:secret@example.org/a?X-Amz-Signature=abc&tokenizer=bert")
        'https://example.org/a?X-Amz-Signature=REDACTED&tokenizer=bert'
    """
    path = re.split("[?#]", url, maxsplit=1)[0]
    query = url[len(path) :]
    return _IN_PATH.sub(_hide, _LOGIN.sub("//", path, count=1)) + _IN_QUERY.sub(_hide, query)


_LOGIN = re.compile(r"//[^/]*@")
_IN_PATH = re.compile(r"(?<=;)([^/;=]+)=([^/;]+)")
_IN_QUERY = re.compile(r"(?<=[?&;#])([^?&;#=]+)=([^&;#]+)")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(
    "(access|api|secret)?key|(access|auth)?token|auth(orization)?|credentials?|jwt|pass(wd|word)|"
    "policy|pwd|rlkey|secret|session|j?sessionid|sig(nature)?"
)


def _hide(parameter: re.Match[str]) -> str:
    name, value = parameter.groups()
    words = _WORD.findall(unquote(name))
    is_secret = any(_SECRET.fullmatch(word.lower()) for word in words)
    return f"{name}={'REDACTED' if is_secret else value}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
