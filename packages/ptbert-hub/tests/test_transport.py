"""http_get keeps its signature of 2019, and checks the answer."""

import pytest
from faultserver import Reply

from ptbert_hub import http_get
from ptbert_hub.errors import BadSource, NetworkError, NotFound, SizeMismatch
from ptbert_hub.transport import origin


def test_http_get_appends_to_an_open_file(served, tmp_path):
    with open(tmp_path / "file", "w+b") as file:
        file.write(b"before")
        http_get(served.url(), file)
        file.seek(0)
        assert file.read() == b"before" + served.content


def test_http_get_raises_for_a_bad_answer(served, tmp_path):
    served.replies = lambda request: Reply(b"page", 404)
    with open(tmp_path / "file", "wb") as file, pytest.raises(NotFound):
        http_get(served.url(), file)
    with (
        open(tmp_path / "file", "wb") as file,
        pytest.raises(BadSource, match="is not a valid address"),
    ):
        http_get("http://", file)


def test_http_get_counts(served, tmp_path):
    served.replies = lambda request: Reply(served.content, length="4000000")
    with (
        open(tmp_path / "file", "wb") as file,
        pytest.raises((NetworkError, SizeMismatch)),
    ):
        http_get(served.url(), file)


def test_an_origin_is_scheme_host_and_port():
    assert origin("https://Host/x") == origin("https://host:443/y") == ("https", "host", 443)
    assert origin("http://host") != origin("https://host")
