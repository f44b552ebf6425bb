"""Group A with real faults: downloads and extractions killed at random and at chosen points."""

import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from faultserver import FaultServer
from workers import CONTEXT, Stopped, digest, extract

from ptbert_hub import get_from_cache, url_to_filename

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses /proc and strace"),
]
FETCH = "import sys; from ptbert_hub import get_from_cache; get_from_cache(*sys.argv[1:])"


def work(cache):
    return sorted(path.name for path in (cache / ".ptbert-hub/partial").iterdir())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_hundred_kills_at_random_points(cache, seed, report):
    """200 MB at 30 MB/s, killed after 0.3 to 3 s; whenever a file is whole the next one begins."""
    chance = random.Random(seed)
    size = 200_000_000
    with FaultServer(chance.randbytes(size)) as server:
        server.rate = 30_000_000
        right = hashlib.sha256(server.content).hexdigest()
        kills = complete = 0
        while kills < 100:
            url = server.url(f"{complete}.dat")
            process = subprocess.Popen([sys.executable, "-c", FETCH, url, str(cache)])
            try:
                assert process.wait(chance.uniform(0.3, 3.0)) == 0
                complete += 1
                entry = cache / url_to_filename(url, server.etag)
                assert digest(entry) == right
                assert work(cache) == []
                entry.unlink()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
                published = [p for p in cache.iterdir() if len(p.name) == 129]
                assert all(digest(path) == right for path in published)
        parts = (cache / ".ptbert-hub/partial").glob("*.part")  # a killed copy beside the original
        needed = complete * size + max((p.stat().st_size for p in parts), default=0)
        resumed = sum(one.status == 206 for one in server.requests)
        ratio = server.wire / needed
        report(
            f"seed {seed}: {kills} kills, {complete} files, 0 bad; wire/needed {ratio:.3f}, "
            f"{resumed} of {len(server.requests)} requests resumed"
        )
        assert ratio <= 1.10
        assert resumed >= 0.6 * len(server.requests)
        server.rate = None
        path = get_from_cache(server.url(f"{complete}.dat"), cache)
        assert digest(path) == right
        assert work(cache) == []


@pytest.mark.parametrize(
    "call", ["openat", "mkdir", "write", "fsync", "rename", "unlink", "flock", "utimensat"]
)
def test_a_kill_at_every_system_call(cache, call, which, report):
    strace = which("strace")
    with FaultServer(random.Random(0).randbytes(400_000)) as server:
        right = hashlib.sha256(server.content).hexdigest()
        for k in range(1, 500):
            shutil.rmtree(cache, ignore_errors=True)
            one = Stopped(server.url(), cache)
            what = f"inject={call}:signal=SIGKILL:when={k}"
            with subprocess.Popen(
                [strace, "-f", "-qq", "-o", "/dev/null", "-e", what, "-p", str(one.pid)]
            ):
                one.traced()
                one.go()
                one.process.join(30)
            published = list(cache.glob("?" * 129))
            assert all(digest(path) == right for path in published)
            assert digest(get_from_cache(server.url(), cache)) == right
            if one.process.exitcode == 0:
                break
        assert one.process.exitcode == 0
        report(f"{call}: killed at each of {k - 1} calls, 0 bad")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_fifty_interruptions_the_bytes_are_still_there(cache, number, report):
    chance = random.Random(number)
    with FaultServer(bytes(100_000_000)) as server:
        server.rate = 4_000_000
        resumed = 0
        for round_ in range(50):
            one = Stopped(server.url(), cache)
            before, requests = server.wire, len(server.requests)
            one.go()
            time.sleep(chance.uniform(0.02, 0.5))
            os.kill(one.pid, number)
            began = time.monotonic()
            one.process.join(10)
            assert one.process.exitcode not in {None, 0}
            assert time.monotonic() - began < 1.0
            if round_ and len(server.requests) > requests and server.wire >= before > 0:
                resumed += server.requests[-1].start > 0
        report(f"signal {number}: 50 interruptions, {resumed} later runs resumed")
        assert resumed >= 40
        server.rate = None
        assert Path(get_from_cache(server.url(), cache)).read_bytes() == server.content
        assert server.wire <= 1.10 * len(server.content)


def archive(path, files=20, size=200_000):
    chance = random.Random(0)
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for n in range(files):
            info = tarfile.TarInfo(f"f{n}")
            info.size = size
            tar.addfile(info, io.BytesIO(chance.randbytes(size)))
    return path


def test_thirty_kills_while_unpacking(tmp_path, cache):
    path = archive(tmp_path / "m.tar.gz")
    chance = random.Random(0)
    folder = cache / ".ptbert-hub/extracted"
    for _ in range(30):
        process = CONTEXT.Process(target=extract, args=(str(path), str(cache), CONTEXT.Queue()))
        process.start()
        time.sleep(chance.uniform(0.02, 0.12))
        process.kill()
        process.join()
        for done in folder.glob("?" * 64) if folder.exists() else ():
            assert len(list(done.iterdir())) == 20
            shutil.rmtree(done)
    results = CONTEXT.Queue()
    extract(str(path), str(cache), results)
    assert len(results.get()[1]) == 20
    assert len(list(folder.iterdir())) == 1


def test_sixteen_processes_unpack_once(tmp_path, cache):
    path = archive(tmp_path / "m.tar.gz")
    results = CONTEXT.Queue()
    processes = [
        CONTEXT.Process(target=extract, args=(str(path), str(cache), results)) for _ in range(16)
    ]
    for process in processes:
        process.start()
    found = {str(results.get(timeout=60)) for _ in processes}
    for process in processes:
        process.join()

    assert len(found) == 1
    assert len(list((cache / ".ptbert-hub/extracted").iterdir())) == 1
