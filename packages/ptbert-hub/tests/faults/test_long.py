"""What takes minutes or gigabytes: slow servers, large files, damaged archives, an S3 server."""

import hashlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from archive_damage import check_mutations
from faultserver import FaultServer

from ptbert_hub import cached_path, get_from_cache
from ptbert_hub.errors import NotAModelFile, NotFound, Timeout

pytestmark = pytest.mark.slow


# E7


def test_a_download_of_a_hundred_bytes_a_second_finishes(served, cache):
    served.content = served.content[:18_000]
    served.rate = 100
    began = time.monotonic()

    assert Path(get_from_cache(served.url(), cache)).read_bytes() == served.content
    assert time.monotonic() - began > 170
    assert len(served.requests) == 1


def test_a_server_that_accepts_no_connection_is_given_up_after_ten_seconds(cache, monkeypatch):
    """A listener whose queue is full: the kernel answers no more."""
    from ptbert_hub import download

    monkeypatch.setattr(download, "PACE", download.Pace(tries=1))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        time.sleep(0.2)
        began = time.monotonic()
        with pytest.raises(Timeout):
            get_from_cache(f"http://127.0.0.1:{listener.getsockname()[1]}/x.dat", cache)
        assert 9 <= time.monotonic() - began <= 11.5
        for filler in fillers:
            filler.close()


# D5, I4


def test_six_gigabytes_need_little_memory(cache, tmp_path, nginx, report):
    large = nginx.folder / "large.dat"
    with open(large, "wb") as file:
        file.truncate(6 << 30)
    code = (
        "import sys; from ptbert_hub import get_from_cache;"
        "print(get_from_cache(*sys.argv[1:]));"
        "print(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status')"
        " if line.startswith('VmHWM')))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-c", code, f"{nginx.address}/large.dat", str(cache)],
        capture_output=True,
        text=True,
        check=True,
        timeout=580,
    )
    path, megabytes = done.stdout.split()

    assert Path(path).stat().st_size == 6 << 30
    assert int(megabytes) < 64
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    report(f"6 GiB: at most {megabytes} MB of memory, {used:.1f} s of user time")
    Path(path).unlink()
    large.unlink()


# G1


def test_twenty_thousand_damaged_archives(tmp_path, cache, monkeypatch, report):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    check_mutations(tmp_path, cache, range(200, 20_200))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    report(f"20,000 damaged archives: {time.monotonic() - began:.0f} s, {grown} MB more at most")
    assert grown < 512


# F4: moto's S3 server, which ignores If-Range


@pytest.fixture(scope="module")
def s3():
    moto = pytest.importorskip("moto.server", reason="moto[server] is the S3 server")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def put(s3, key, body, bucket="models"):
    import requests

    requests.put(f"{s3}/{bucket}", timeout=10)
    answer = requests.put(
        f"{s3}/{bucket}/{key}", data=body, headers={"x-amz-acl": "public-read"}, timeout=10
    )
    answer.raise_for_status()


def test_objects_are_read_without_credentials(s3, cache, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    put(s3, "bert/vocab.txt", b"[PAD]\n")

    path = Path(cached_path("s3://models/bert/vocab.txt", cache))

    assert path.read_bytes() == b"[PAD]\n"
    assert cached_path("s3://models/bert/vocab.txt", cache) == str(path)  # 304
    put(s3, "bert/vocab.txt", b"[PAD]\n[UNK]\n")
    assert Path(cached_path("s3://models/bert/vocab.txt", cache)).read_bytes() == b"[PAD]\n[UNK]\n"


def test_a_missing_object_is_not_found(s3, cache, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    put(s3, "there", b"x")

    with pytest.raises(NotFound, match="status 404"):
        cached_path("s3://models/not-there", cache)


def test_a_multipart_tag_is_no_md5(s3, cache, monkeypatch):
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    client = boto3.client(
        "s3",
        endpoint_url=s3,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    put(s3, "first", b"x")
    content = bytes(6 << 20)
    upload = client.create_multipart_upload(Bucket="models", Key="big.dat", ACL="public-read")
    parts = []
    for number, part in enumerate((content[: 5 << 20], content[5 << 20 :]), 1):
        done = client.upload_part(
            Bucket="models",
            Key="big.dat",
            UploadId=upload["UploadId"],
            PartNumber=number,
            Body=part,
        )
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    client.complete_multipart_upload(
        Bucket="models",
        Key="big.dat",
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": parts},
    )

    path = Path(cached_path("s3://models/big.dat", cache))

    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(content).digest()


def test_an_object_replaced_half_way_is_no_mixture_though_if_range_is_ignored(
    s3, cache, monkeypatch
):
    """A proxy cuts the first answer; then the object is replaced; moto answers 206 all the same."""
    import requests

    old, new = b"a" * 3_000_000, b"b" * 3_000_000
    put(s3, "swap.dat", old)

    with FaultServer() as proxy:

        def pass_on(request):
            from faultserver import Reply

            keep = {k: v for k, v in request.headers.items() if k in {"range", "if-range"}}
            answer = requests.get(s3 + request.path, headers=keep, timeout=10)
            headers = {
                k: v for k, v in answer.headers.items() if k in {"ETag", "Content-Range", "Server"}
            }
            cut = 1_000_000 if request.number == 0 else None
            if cut:
                threading.Thread(target=put, args=(s3, "swap.dat", new)).run()
            return Reply(answer.content, answer.status_code, headers, cut=cut)

        proxy.replies = pass_on
        path = get_from_cache(f"{proxy.address}/models/swap.dat", cache)

        assert Path(path).read_bytes() in (old, new)
        assert len(proxy.requests) >= 2


def test_an_xml_page_with_status_200_is_no_model(served, cache):
    served.content = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"

    with pytest.raises(NotAModelFile):
        get_from_cache(served.url("m.bin"), cache)
