"""Secrets, certificates and proxies: who gets them, and who does not."""

import datetime
import json
import logging
import socket
import ssl
import subprocess
import time
import traceback

import pytest
from command_runner import run
from faultserver import FaultServer, Reply, closed_port, get

from ptbert_hub import cached_path, download, get_from_cache
from ptbert_hub.errors import (
    HubError,
    NetworkError,
    NotFound,
    ProxyError,
    TLSError,
)

# E8: secrets

CANARY = "c4n4ry"


def everything_in(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("scheme", ["same", "port", "host"])
def test_a_token_reaches_its_own_origin_only(served, cache, monkeypatch, scheme):
    host = "127.0.0.2" if scheme == "host" else "127.0.0.1"
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    monkeypatch.setenv("HF_TOKEN", CANARY)
    with FaultServer(b"content", host=host) as other:
        target = served.url("there") if scheme == "same" else other.url("there")
        served.replies = lambda request: (
            None if request.path == "/there" else Reply(b"", 302, {"Location": target})
        )
        get(served, cache)

        assert served.requests[0].headers["authorization"] == f"Bearer {CANARY}"
        last = served.requests[-1] if scheme == "same" else other.requests[-1]
        assert ("authorization" in last.headers) == (scheme == "same")


def test_a_login_in_the_address_is_sent_once_and_never_shown(served, cache, caplog):
    url = served.url("x.dat?token=" + CANARY).replace("//", f"//me:{CANARY}@")
    with caplog.at_level(logging.DEBUG, logger="ptbert_hub"):
        path = get_from_cache(url, cache)
        served.replies = lambda request: Reply(b"", 404)
        with pytest.raises(NotFound) as caught:
            get_from_cache(url, cache, force=True)
        served.__exit__()
        with pytest.raises(NetworkError) as refused:
            get_from_cache(url, cache, strict=True)

    assert served.requests[0].headers["authorization"].startswith("Basic ")
    told = caplog.text + repr(caught.value) + repr(refused.value) + path
    for error in (caught.value, refused.value):
        told += json.dumps(vars(error), default=str) + str(error) + repr(error.__cause__)
    assert CANARY not in told
    assert CANARY.encode() not in everything_in(cache)


def test_netrc_is_not_read(served, cache, own_home):
    (own_home / ".netrc").write_text(f"machine 127.0.0.1 login me password {CANARY}\n")

    get(served, cache)

    assert "authorization" not in served.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(served, cache, status):
    served.replies = lambda request: (
        Reply(b"", status, {"Location": "/there"}) if request.path != "/there" else None
    )

    assert get(served, cache).read_bytes() == served.content


@pytest.mark.parametrize(("redirects", "is_followed"), [(10, True), (11, False)])
def test_ten_redirects_are_followed_and_no_more(served, cache, redirects, is_followed):
    served.replies = lambda request: (
        Reply(b"", 302, {"Location": f"/{request.number}"}) if request.number < redirects else None
    )

    if is_followed:
        assert get(served, cache).read_bytes() == served.content
    else:
        with pytest.raises(NetworkError, match="redirects more than 10 times"):
            get(served, cache)


def test_circles_long_chains_and_other_schemes_are_not_followed(served, cache):
    served.replies = lambda request: Reply(b"", 302, {"Location": request.path})
    with pytest.raises(NetworkError, match="redirects in a circle"):
        get(served, cache)
    served.replies = lambda request: Reply(b"", 302, {"Location": f"/{request.number}"})
    with pytest.raises(NetworkError, match="redirects more than 10 times"):
        get(served, cache)
    served.replies = lambda request: Reply(b"", 302, {"Location": "file:///etc/passwd"})
    with pytest.raises(NetworkError, match="which is not followed - only https and http are foll"):
        get(served, cache)


# E9: certificates and proxies


@pytest.fixture
def authority():
    trustme = pytest.importorskip("trustme", reason="trustme makes the certificates")
    return trustme.CA()


def tls_server(authority, name, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **options).configure_cert(context)
    return FaultServer(b"secret content", tls=context)


def test_only_a_known_authority_is_trusted(authority, cache, tmp_path, monkeypatch):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    with tls_server(authority, "127.0.0.1") as server:
        with pytest.raises(TLSError, match=r"certificate of .* could not be verified") as caught:
            get(server, cache)
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        assert server.requests == []
        for variable in ("PTBERT_HUB_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(variable, str(bundle))
            assert get(server, cache, variable).read_bytes() == b"secret content"
            monkeypatch.delenv(variable)


def test_https_is_never_redirected_to_http(served, authority, cache, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("PTBERT_HUB_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with tls_server(authority, "127.0.0.1") as server:
        server.replies = lambda request: Reply(b"", 302, {"Location": served.url()})
        with pytest.raises(NetworkError, match="which is not followed - only https may follow"):
            get(server, cache)
        server.replies = lambda request: Reply(b"", 302, {"Location": "ftp://example.org/a"})
        with pytest.raises(NetworkError, match="only https may follow https; give the address at"):
            get(server, cache, "other")
    assert served.requests == []


@pytest.mark.parametrize("wrong", ["name", "expired"])
def test_a_certificate_must_fit_and_be_valid(authority, cache, tmp_path, monkeypatch, wrong):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("PTBERT_HUB_CA_BUNDLE", str(bundle))
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    options = {"not_after": past} if wrong == "expired" else {}
    name = "example.org" if wrong == "name" else "127.0.0.1"
    if wrong == "expired":
        options["not_before"] = past - datetime.timedelta(days=1)
    with tls_server(authority, name, **options) as server, pytest.raises(TLSError):
        get(server, cache)


def test_proxies_of_the_environment_are_used_and_can_be_switched_off(served, cache, monkeypatch):
    with FaultServer(b"x") as proxy:
        proxy.content = served.content
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        monkeypatch.setenv("http_proxy", proxy.address)
        get_from_cache("http://far.invalid/x.dat", cache)
        assert proxy.requests[0].path == "http://far.invalid/x.dat"

        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        get(served, cache)
        assert len(proxy.requests) == 1

        proxy.replies = lambda request: Reply(b"", 407)
        with pytest.raises(ProxyError, match="status 407 - put the proxy's user name"):
            get_from_cache("http://far.invalid/y.dat", cache)


@pytest.mark.parametrize("login", [None, "me:right", "me:wrong"])
def test_a_real_proxy_with_and_without_a_login(served, cache, tmp_path, monkeypatch, which, login):
    program = which("tinyproxy")
    port = closed_port()
    config = tmp_path / "proxy.conf"
    config.write_text(
        f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\n"
        + ("BasicAuth me right\n" if login else "")
    )
    with subprocess.Popen([program, "-d", "-c", str(config)], stdout=subprocess.DEVNULL) as proxy:
        try:
            wait_for(port)
            address = f"http://{login + '@' if login else ''}127.0.0.1:{port}"
            monkeypatch.setenv("http_proxy", address)
            if login == "me:wrong":
                with pytest.raises(HubError):
                    get(served, cache)
            else:
                assert get(served, cache).read_bytes() == served.content
                assert "via" in served.requests[0].headers
        finally:
            proxy.terminate()


def wait_for(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


@pytest.mark.parametrize(
    "name",
    [
        f"file://me:{CANARY}@host/none",
        f"ftp://me:{CANARY}@host/x?token={CANARY}",
        f"http://me:{CANARY}@127.0.0.1:1/x?code={CANARY}",
        f"s3://me:{CANARY}@bucket",
        f"http://me:{CANARY}@[::1/x",
        f"https://host;pass={CANARY}/x?next=https://me:{CANARY}@host/",
    ],
)
@pytest.mark.parametrize("command", ["fetch", "path", "rm", "verify", "export"])
def test_no_command_shows_a_secret(command, name, capsys, cache, monkeypatch, caplog):
    monkeypatch.setattr(download, "PACE", download.Pace(tries=1))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{CANARY}@127.0.0.1:1")
    words = [command, *(["x.tar"] if command == "export" else []), name]

    with caplog.at_level(logging.DEBUG, logger="ptbert_hub"):
        _, out, err = run(capsys, *words, "--cache-dir", str(cache))

    assert out + err
    assert CANARY not in out + err + caplog.text
    assert CANARY.encode() not in everything_in(cache)
    with pytest.raises((OSError, ValueError)) as caught:
        cached_path(name, cache)
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)
