"""Group A: a file has its final name only when it is complete, verified and on disk."""

import errno
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from faultserver import FaultServer, Reply

from ptbert_hub import entries, entry_names, files, get_from_cache, records
from ptbert_hub import partials as partial_module
from ptbert_hub.errors import CacheReadOnly, CacheWriteError, DiskFull

FETCH = "import sys; from ptbert_hub import get_from_cache; get_from_cache(*sys.argv[1:])"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


def partials(cache):
    folder = cache / ".ptbert-hub" / "partial"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# A1: order of the last steps, and readers meanwhile


@linux
def test_sync_record_rename_sync_in_that_order(served, cache, which):
    strace = which("strace")
    calls = "trace=fsync,fdatasync,rename,renameat,renameat2,openat,openat2"
    done = subprocess.run(
        [strace, "-f", "-y", "-e", calls, sys.executable, "-c", FETCH, served.url(), str(cache)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    entry = re.escape(entry_names.url_to_filename(served.url(), served.etag))
    steps = [
        r"fsync\(\d+<[^>]*\.part>",  # strace may end a line here, "<unfinished ...>"
        rf"rename\w*\(.*{entry}\.json",
        rf"rename\w*\(.*\.part.*{entry}\"",
        rf"fsync\(\d+<{re.escape(str(cache))}>",
    ]
    lines = done.stderr.splitlines()
    places = [max(n for n, line in enumerate(lines) if re.search(step, line)) for step in steps]

    assert places == sorted(places)
    opened = [line for line in lines if "openat" in line and re.search(rf"{entry}[\"<]", line)]
    assert not [line for line in opened if re.search("O_WRONLY|O_RDWR|O_CREAT", line)]


def test_readers_never_see_a_half_file(served, cache):
    served.content = served.content[:100_000]
    right = hashlib.sha256(served.content).hexdigest()
    path = Path(get_from_cache(served.url(), cache))
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.append(hashlib.sha256(path.read_bytes()).hexdigest())
            time.sleep(0.005)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for _ in range(200):
        get_from_cache(served.url(), cache, force=True)
    stop.set()
    for reader in readers:
        reader.join()

    assert len(served.bodies) == 201
    assert len(seen) > 200
    assert set(seen) == {right}


def test_permissions_follow_the_umask(served, cache):
    before = os.umask(0o027)
    try:
        path = Path(get_from_cache(served.url(), cache))
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o640


def test_after_success_only_lock_files_remain(served, cache):
    get_from_cache(served.url(), cache)

    assert partials(cache) == []


# A2, A7: killed, stopped or interrupted downloads are resumed (many more in tests/faults)


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_download_is_resumed_by_the_next_process(served, cache, number):
    served.rate = 2_000_000
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, served.url(), str(cache)], stderr=subprocess.DEVNULL
    )
    for _ in range(200):
        if served.wire > 500_000:
            break
        time.sleep(0.02)
    process.send_signal(number)
    began = time.monotonic()
    process.wait(timeout=10)
    assert time.monotonic() - began < 1.0
    served.rate = None

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert served.requests[-1].status == 206
    assert partials(cache) == []


def test_long_downloads_note_how_much_is_synced(served, cache, monkeypatch):
    monkeypatch.setattr(partial_module, "SYNC_SECONDS", 0.0)
    noted = []
    real = partial_module.Partial.note

    def note(self, **facts):
        noted.append(facts.get("durable", 0))
        real(self, **facts)

    monkeypatch.setattr(partial_module.Partial, "note", note)
    get_from_cache(served.url(), cache)

    assert noted == sorted(noted)
    assert noted[-1] == 3_000_000


# A5: no room


def test_a_file_too_big_for_the_disk_is_refused_before_the_first_byte(served, cache, monkeypatch):
    free = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: free)

    with pytest.raises(DiskFull, match="3000000 bytes needed, 1000 free - make room") as caught:
        get_from_cache(served.url(), cache)
    assert (caught.value.errno, caught.value.needed, caught.value.free) == (
        errno.ENOSPC,
        3_000_000,
        1000,
    )
    assert partials(cache) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
@linux
def test_on_a_full_disk_the_room_is_given_back_and_the_old_file_stays(tmp_path, which):
    which("mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], check=False
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with FaultServer(b"a" * 1_000_000) as server:
            old = Path(get_from_cache(server.url(), disk))
            server.become(b"b" * 3_000_000)
            server.replies = lambda request: Reply(
                server.content, 200, {"ETag": server.etag}, chunked=True
            )
            assert get_from_cache(server.url(), disk) == str(old)
            with pytest.raises(DiskFull, match="no room for") as caught:
                get_from_cache(server.url(), disk, strict=True)
            assert caught.value.errno == errno.ENOSPC
            assert partials(disk) == []
            assert old.read_bytes() == b"a" * 1_000_000
            server.become(b"c" * 500_000)
            server.replies = lambda request: None
            new = subprocess.run(
                [sys.executable, "-c", FETCH, server.url(), str(disk)], timeout=60, check=False
            )
            assert new.returncode == 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def failing_once(monkeypatch, module, name, number, times=1):
    real, failures = getattr(module, name), []

    def fail(*args, **options):
        if len(failures) < times:
            failures.append(1)
            raise OSError(number, os.strerror(number))
        return real(*args, **options)

    monkeypatch.setattr(module, name, fail)
    return failures


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.EROFS, CacheReadOnly),
        (errno.ENOTCONN, CacheWriteError),
    ],
)
def test_each_failed_write_has_its_error_and_leaves_nothing(
    served, cache, monkeypatch, number, error
):
    failing_once(monkeypatch, os, "write", number)

    with pytest.raises(error) as caught:
        get_from_cache(served.url(), cache)
    assert caught.value.errno == number
    assert str(cache) in caught.value.path
    assert partials(cache) == []
    assert Path(get_from_cache(served.url(), cache)).read_bytes() == served.content


@linux
def test_a_limit_on_file_sizes_is_a_full_disk(served, cache, tmp_path):
    code = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{FETCH}"
    done = subprocess.run(
        [sys.executable, "-c", code, served.url(), str(cache)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "ptbert_hub.errors.DiskFull: no room for" in done.stderr
    assert partials(cache) == []


@pytest.mark.parametrize("where", ["mkdir", "open"])
def test_a_full_disk_is_noticed_when_folders_and_records_are_made(
    served, cache, monkeypatch, where
):
    if where == "mkdir":
        failing_once(monkeypatch, Path, "mkdir", errno.ENOSPC)
    else:
        monkeypatch.setattr(entries, "write_record", lambda *_: _raise(errno.ENOSPC))
    with pytest.raises(DiskFull):
        get_from_cache(served.url(), cache)


def _raise(number):
    raise OSError(number, os.strerror(number))


# A6: after a failed sync the bytes are not trusted


def test_after_a_failed_sync_the_file_is_downloaded_again(served, cache, monkeypatch):
    real, synced = os.fsync, []

    def fail_first_part(descriptor):
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if name.endswith(".part"):
            synced.append(name)
            if len(synced) == 1:
                raise OSError(errno.EIO, "input/output error")
        return real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_first_part)

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert len(served.bodies) == 2
    assert len(set(synced)) == 2  # another file


def test_a_disk_that_keeps_failing_is_an_error(served, cache, monkeypatch, stored):
    real = os.fsync

    def fail(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".part"):
            raise OSError(errno.EIO, "input/output error")
        return real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(CacheWriteError, match=r"failed \(input/output error\) - check the disk"):
        get_from_cache(served.url(), cache)
    assert stored(cache) == set()
    assert partials(cache) == []


def test_the_record_says_what_was_stored(served, cache):
    path = Path(get_from_cache(served.url(), cache))
    record = json.loads(records.record_path(path).read_text())

    assert record["url"] == served.url()
    assert record["etag"] == served.etag
    assert record["size"] == 3_000_000
    assert record["sha256"] == hashlib.sha256(served.content).hexdigest()
    assert record["mtime_ns"] == path.stat().st_mtime_ns
    assert record["source"] == served.url()
    assert record["v"] == 1
