"""Group B with real faults: frozen holders, broken locks, forks, and pruning while others read."""

import hashlib
import os
import random
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply
from workers import CONTEXT, Stopped, digest, fetch_together, load_for_ever

from ptbert_hub import get_from_cache, upkeep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses /proc and strace"),
]


FORKS = """
import os, pathlib, sys, threading, time
from ptbert_hub import get_from_cache
url, cache = sys.argv[1:]
background = threading.Thread(target=get_from_cache, args=(url + '/big.dat', cache))
background.start()
while not list(pathlib.Path(cache).glob('.ptbert-hub/partial/*.part')):
    time.sleep(0.01)
children = []
for n in range(50):
    child = os.fork()
    if child == 0:
        try:
            get_from_cache(f'{url}/{n}.dat' if n % 10 else url + '/big.dat', cache)
        except BaseException as error:
            print(n, repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    children.append(child)
background.join()
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def test_a_frozen_holder_does_not_block_the_others(tmp_path, report):
    """In 20 rounds the holder is stopped half way, eight others finish, then it does too."""
    longest = 0.0
    for round_ in range(20):
        cache = tmp_path / str(round_)
        with FaultServer(random.Random(round_).randbytes(4_000_000)) as server:
            server.rate = 8_000_000
            right = hashlib.sha256(server.content).hexdigest()
            holder = Stopped(server.url(), cache)
            holder.go()
            while server.wire < 1_500_000:
                time.sleep(0.01)
            os.kill(holder.pid, signal.SIGSTOP)
            waiters = [Stopped(server.url(), cache, **{"locking.PATIENCE": 1.0}) for _ in range(8)]
            began = time.monotonic()
            for waiter in waiters:
                waiter.go()
            assert {waiter.results.get(timeout=60) for waiter in waiters} == {right}
            longest = max(longest, time.monotonic() - began)
            holder.go()
            assert holder.results.get(timeout=60) == right
            for one in (holder, *waiters):
                one.process.join()
            entries = [p for p in cache.iterdir() if len(p.name) == 129]
            assert [digest(path) for path in entries] == [right]
    report(f"20 rounds, 8 waiters each: done at most {longest:.1f} s after the freeze")


@pytest.mark.parametrize("fault", ["retval=0", "error=ENOSYS", "error=ENOLCK", "error=EACCES"])
def test_broken_locks_cost_downloads_and_never_a_wrong_file(tmp_path, which, fault, report):
    strace = which("strace")
    most = 0
    for round_ in range(10):
        cache = tmp_path / str(round_)
        with FaultServer(random.Random(round_).randbytes(1_000_000)) as server:
            server.rate = 4_000_000
            right = hashlib.sha256(server.content).hexdigest()
            crowd = [Stopped(server.url(), cache, **{"locking.PATIENCE": 1.0}) for _ in range(8)]
            tracer = subprocess.Popen(
                [
                    *(strace, "-f", "-qq", "-o", "/dev/null", "-e", f"inject=flock:{fault}"),
                    *(option for one in crowd for option in ("-p", str(one.pid))),
                ]
            )
            for one in crowd:
                one.traced()
            for one in crowd:
                one.go()
            assert {one.results.get(timeout=60) for one in crowd} == {right}
            for one in crowd:
                one.process.join()
            tracer.wait(30)
            assert len(server.bodies) <= 8
            most = max(most, len(server.bodies))
            assert digest(next(p for p in cache.iterdir() if len(p.name) == 129)) == right
    report(f"flock {fault}: 10 rounds of 8 processes, at most {most} downloads, 0 bad")


def test_thirty_two_clients_wait_as_long_as_asked_and_not_in_step(cache, report):
    """Each file's first request is refused for a second; the pauses differ by chance."""
    first, second = {}, {}

    def busy_once(request):
        times = second if request.path in first else first
        times[request.path] = time.monotonic()
        return Reply(b"", 429, {"Retry-After": "1"}) if times is first else None

    with FaultServer(b"x" * 1000) as server:
        server.replies = busy_once
        found = fetch_together([server.url(f"{n}.dat") for n in range(32)], cache)

    waits = sorted(second[path] - first[path] for path in first)
    assert len(set(found)) == 1
    assert waits[0] >= 1.0
    assert waits[-1] - waits[0] > 0.1
    report(f"32 clients told to wait 1 s: {waits[0]:.2f} to {waits[-1]:.2f} s")


def test_forks_during_a_download_over_tls(cache, tmp_path, monkeypatch):
    trustme = pytest.importorskip("trustme", reason="trustme makes the certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("PTBERT_HUB_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FaultServer(bytes(3_000_000), tls=context) as server:
        server.rate = 1_500_000
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORKS, server.address, str(cache)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    bodies = [one for one in server.bodies if one.path == "/big.dat"]
    assert len(bodies) == 1


def test_pruning_never_disturbs_a_reader(served, cache, report):
    served.content = b"x" * 1000
    path = Path(get_from_cache(served.url(), cache))
    os.utime(path, (time.time() - 3 * upkeep.DAY,) * 2)
    served.become(b"y" * 1000)
    get_from_cache(served.url(), cache)
    results, stop = CONTEXT.Queue(), CONTEXT.Event()
    loopers = [
        CONTEXT.Process(target=load_for_ever, args=(served.url(), str(cache), stop, results))
        for _ in range(16)
    ]
    for looper in loopers:
        looper.start()
    later = time.time() + 2 * upkeep.DAY
    for _ in range(500):
        upkeep.prune(cache, apply=True, now=later)
    stop.set()
    found = [results.get(timeout=60) for _ in loopers]
    for looper in loopers:
        looper.join()

    assert [one for one in found if not isinstance(one, int)] == []
    assert sum(found) > 500
    assert not path.exists()
    report(f"500 prunes while 16 processes opened the file {sum(found)} times: 0 errors")
