"""Group D with real faults: no sequence of faults makes a mixture of two versions."""

import hashlib
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptbert_hub import download, partials, writers
from ptbert_hub.catalog import Pin
from ptbert_hub.errors import HubError
from ptbert_hub.sources import RemoteFile

pytestmark = pytest.mark.slow
SIZE = 50_000
FAULTS = ("cut", "reset", "replace", "ignore", "shift", "416", "412", "503", "redirect", "encode")
EVENTS = ("fetch", "kill", "reboot", "mirror")
STEPS = st.lists(
    st.tuples(st.sampled_from(FAULTS + EVENTS), st.integers(0, SIZE)), min_size=1, max_size=12
)


class Killed(BaseException):
    """Stands for SIGKILL: nothing is tidied up after it."""


class World:
    """Two servers with the same file, the faults to come, and every version so far."""

    def __init__(self, servers, folder, pinned):
        self.servers, self.cache = servers, folder
        self.version = 0
        self.versions = set()
        self.order = [0, 1]
        self.faults = []
        self.pin = None
        self.replace()
        if pinned:
            content = servers[0].content
            self.pin = Pin(hashlib.sha256(content).hexdigest(), len(content))
        for server in servers:
            server.replies = lambda request, server=server: self.reply(server, request)
            server.requests.clear()

    def replace(self):
        if self.pin is not None:
            return
        self.version += 1
        content = bytes([self.version % 251]) * SIZE
        self.versions.add(hashlib.sha256(content).hexdigest())
        for server in self.servers:
            server.become(content)

    def reply(self, server, request):
        if not self.faults:
            return None
        fault, at = self.faults.pop(0)
        whole = {"ETag": server.etag}
        if fault in {"cut", "reset"}:
            reply = server.standard(request)
            reply.cut, reply.reset = min(at, len(reply.body)), fault == "reset"
            return reply
        if fault == "replace":
            reply = server.standard(request)
            reply.cut = min(at, len(reply.body))
            self.replace()
            return reply
        if fault == "shift":
            start = min(request.start + 1, SIZE - 1)
            span = {"Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"}
            return Reply(server.content[start:], 206, {**whole, **span})
        if fault == "encode":
            return Reply(server.content, 200, {**whole, "Content-Encoding": "gzip"})
        return {
            "ignore": Reply(server.content, 200, whole),
            "416": Reply(b"", 416, {"Content-Range": f"bytes */{SIZE}"}),
            "412": Reply(b"", 412),
            "503": Reply(b"", 503),
            "redirect": Reply(b"", 302, {"Location": f"/{request.number}.dat"}),
        }[fault]

    def fetch(self):
        sources = tuple(self.servers[n].url() for n in self.order)
        file = RemoteFile("http://identity/model.dat", self.pin, None, sources)
        pace = download.Pace(tries=3, sleep=lambda _: None)
        return download.Download(file, self.cache, pace=pace).run()

    def check(self):
        for path in self.cache.glob("?" * 129):
            assert hashlib.sha256(path.read_bytes()).hexdigest() in self.versions


@pytest.fixture(scope="module")
def servers():
    with FaultServer() as first, FaultServer() as second:
        yield first, second


@pytest.mark.parametrize("pinned", [False, True], ids=["unpinned", "pinned"])
def test_no_sequence_of_faults_makes_a_mixture(servers, pinned, report):
    tally = Counter()

    @settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS)
    def sequence(steps):
        folder = Path(tempfile.mkdtemp())
        (folder / ".ptbert-hub/partial").mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch:
            try:
                world = World(servers, folder, pinned)
                play(world, steps, patch, tally)
            finally:
                shutil.rmtree(folder)
        tally["sequences"] += 1
        tally["resumed"] += sum(one.status == 206 for s in servers for one in s.requests)

    sequence()
    report(f"{'pinned' if pinned else 'unpinned'}: {dict(tally)}, 0 mixtures")
    assert tally["sequences"] >= 2000
    assert tally["resumed"] > 100


def play(world, steps, patch, tally):
    for kind, at in steps:
        if kind in FAULTS:
            world.faults.append((kind, at))
            continue
        tally[kind] += 1
        if kind == "mirror":
            world.order.reverse()
        elif kind == "reboot":
            patch.setattr(writers, "machine", lambda at=at: f"boot{at}")
        elif kind == "kill":
            with patch.context() as dying:
                dying.setattr(partials.Partial, "release", lambda _: None)
                dying.setattr(partials, "write_all", dying_after(at))
                with suppress(HubError, Killed):
                    world.fetch()
        else:
            with suppress(HubError):
                world.fetch()
        world.check()
    world.faults.clear()
    world.fetch()
    world.check()


def dying_after(size):
    real, left = partials.write_all, [size]

    def write(descriptor, data):
        real(descriptor, data[: left[0]])
        left[0] -= len(data)
        if left[0] <= 0:
            raise Killed

    return write
