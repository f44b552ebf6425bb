"""Reading from the network: one GET, its status looked at, its bytes counted."""

from typing import BinaryIO

from ptbert_hub.errors import AccessDenied, HubError, NetworkError, NotFound, SizeMismatch, Timeout
from ptbert_hub.naming import redacted

CHUNK = 1 << 20
CONNECT_SECONDS = 10
SILENT_SECONDS = 30


def http_get(url: str, temp_file: BinaryIO) -> None:
    """Append the body found at ``url`` to an open file.

    Raises:
        HubError: of a class for each cause, for any answer but a complete 200.
    """
    download(url, temp_file)


def download(url: str, file: BinaryIO) -> str | None:
    """Write the body found at ``url`` to ``file`` and return its entity tag."""
    import requests

    shown = redacted(url)
    try:
        with requests.get(
            url,
            stream=True,
            headers={"Accept-Encoding": "identity"},
            timeout=(CONNECT_SECONDS, SILENT_SECONDS),
        ) as response:
            check_status(response.status_code, shown)
            received = 0
            while chunk := response.raw.read(CHUNK, decode_content=False):
                received += len(chunk)
                file.write(chunk)
            announced = response.headers.get("Content-Length")
            etag: str | None = response.headers.get("ETag")
    except requests.Timeout as error:
        raise Timeout(f"{shown} was silent for too long", url=shown) from error
    except requests.RequestException as error:
        raise NetworkError(
            f"{shown} could not be read: {error}", hint="check the connection", url=shown
        ) from error
    if announced is not None and received != int(announced):
        raise SizeMismatch(f"{shown}: {received} bytes came, {announced} were announced", url=shown)
    return etag


def check_status(status: int, shown: str) -> None:
    """Raise the error that an HTTP status other than 200 stands for."""
    if status == 200:
        return
    message, kind = f"{shown} answered with status {status}", _STATUS_ERRORS.get(status)
    if kind is not None:
        raise kind(message, hint="check the address", url=shown)
    raise NetworkError(message, hint="try again later", url=shown)


_STATUS_ERRORS: dict[int, type[HubError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    410: NotFound,
}
