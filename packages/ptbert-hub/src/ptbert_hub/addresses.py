"""Addresses: the parts of an S3 address, and addresses without secrets."""

import re
from urllib.parse import unquote

from ptbert_hub.errors import BadSource
from ptbert_hub.messages import printable


def split_s3_path(url: str) -> tuple[str, str]:
    """Return bucket and key of an ``s3://bucket/key`` address.

    Raises:
        BadSource: if either is missing; a ``ValueError`` as in 2019.

    Example:
        >>> split_s3_path("s3://models/bert/config.json")
        ('models', 'bert/config.json')
    """
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket or not key.lstrip("/"):
        shown = redacted(url)
        raise BadSource(f"bad s3 path {shown!r}", hint="write it as s3://bucket/key", url=shown)
    return bucket, key


def redacted(url: str) -> str:
    """Return ``url`` fit for logs and records: without login, password, signature or token.

    A value is taken out when its name has one of these words, written as in ``access_token``,
    ``X-Amz-Signature`` or ``accessToken``. What cannot be printed, and could change a terminal,
    becomes a question mark. Everything else stays as it was written.

    Example:
        >>> redacted("https://me:secret@example.org/a?X-Amz-Signature=abc&tokenizer=bert")
        'https://example.org/a?X-Amz-Signature=REDACTED&tokenizer=bert'
    """
    path = re.split("[?#]", url, maxsplit=1)[0]
    query = url[len(path) :]
    shown = _LOGIN.sub("//", _IN_PATH.sub(_hide, path) + _IN_QUERY.sub(_hide, query))
    return printable(shown).replace("\n", "?")


_LOGIN = re.compile("//[^/?#&]*@")
_IN_PATH = re.compile("(?<=[;/])([^/;=&]+)=([^/;]+)")
_IN_QUERY = re.compile("(?<=[?&;#])([^?&;#=]+)=([^&;#]+)")
_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(
    "access|(access|account|api|private|secret)?key|auth(orization)?|bearer|code|credentials?|"
    "hmac|jwt|otp|pass(code|phrase|wd|word)?|policy|pwd|rlkey|sas|[a-z]*secret|session|"
    "j?sessionid|sig(nature)?|[a-z]*token"
)


def _hide(parameter: re.Match[str]) -> str:
    name, value = parameter.groups()
    words = _WORD.findall(unquote(name))
    is_secret = any(_SECRET.fullmatch(word.lower()) for word in words)
    return f"{name}={'REDACTED' if is_secret else value}"
