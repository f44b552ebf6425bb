"""Group B: many processes at once, one download, no global lock."""

import hashlib
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from workers import fetch_together

from ptbert_hub import entry_names, get_from_cache, locking
from ptbert_hub.locking import entry_lock

NAME = "0" * 64
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


# B1


@pytest.mark.parametrize(("processes", "threads"), [(32, 1), (1, 32), (8, 4)])
def test_one_download_serves_all(served, cache, processes, threads):
    served.rate = 6_000_000

    found = fetch_together([served.url()] * processes, cache, threads=threads)

    assert set(found) == {hashlib.sha256(served.content).hexdigest()}
    assert len(found) == processes * threads
    assert len(served.bodies) == 1
    assert {one.method for one in served.requests} == {"GET"}


def test_a_file_published_between_the_look_and_the_lock_is_not_fetched_again(
    served, cache, monkeypatch
):
    from ptbert_hub import cache as module

    real = module.open_work_folder

    def publish_first(*where):
        monkeypatch.setattr(module, "open_work_folder", real)
        get_from_cache(served.url(), cache)
        return real(*where)

    monkeypatch.setattr(module, "open_work_folder", publish_first)

    get_from_cache(served.url(), cache)

    assert len(served.requests) == 1


# B2


def test_different_files_do_not_wait_for_each_other(served, cache):
    served.rate = 3_000_000

    found = fetch_together([served.url(f"{n}.dat") for n in range(16)], cache)

    assert len(set(found)) == 1
    assert served.most_concurrent >= 8


# B3 (with real stopped processes in tests/faults)


def test_a_holder_that_makes_no_progress_is_not_waited_for(cache, monkeypatch, caplog):
    monkeypatch.setattr(locking, "PATIENCE", 0.2)
    cache.mkdir()
    with entry_lock(cache, NAME) as first:
        began = time.monotonic()
        with entry_lock(cache, NAME) as second:
            assert (first, second) == (True, False)
        assert time.monotonic() - began < 2
    assert "has made no progress for 0 s; going on without the lock" in caplog.text


def test_a_holder_that_makes_progress_is_waited_for(cache, monkeypatch):
    monkeypatch.setattr(locking, "PATIENCE", 0.2)
    cache.mkdir()
    steps = iter(range(1000))
    began = time.monotonic()
    with entry_lock(cache, NAME), entry_lock(cache, NAME, lambda: min(next(steps), 6)):
        pass
    assert time.monotonic() - began > 1


def test_a_download_that_grows_is_waited_for(served, cache, monkeypatch):
    monkeypatch.setattr(locking, "PATIENCE", 0.5)
    served.become(bytes(3_000_000))
    served.rate = 1_500_000  # so that it takes several times as long as others are patient

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda url: get_from_cache(url, cache), [served.url()] * 2))

    assert len(set(found)) == 1
    assert len(served.bodies) == 1


# B4: broken locks (through strace in tests/faults)


@pytest.mark.parametrize("error", [OSError(38, "ENOSYS"), OSError(37, "ENOLCK"), PermissionError()])
def test_where_locks_do_not_work_downloads_do(served, cache, monkeypatch, error):
    import filelock

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)

    assert Path(get_from_cache(served.url(), cache)).read_bytes() == served.content


# B5: what may be at the place of a lock file


def lock_file(server, cache):
    folder = cache / ".ptbert-hub" / "locks"
    folder.mkdir(parents=True)
    return folder / f"{entry_names.url_to_filename(server.url())}.lock"


@pytest.mark.parametrize("litter", ["dead", "readonly", "old", "folder", "link", "loop"])
def test_anything_may_be_at_the_place_of_the_lock_file(served, cache, tmp_path, litter):
    lock = lock_file(served, cache)
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    if litter == "folder":
        lock.mkdir()
    elif litter == "link":
        lock.symlink_to(precious)
    elif litter == "loop":
        lock.symlink_to(lock)
    else:
        lock.write_text("999999\nelsewhere\n")
        if litter == "readonly":
            lock.chmod(0o444)
        if litter == "old":
            os.utime(lock, (1, 1))

    assert Path(get_from_cache(served.url(), cache)).read_bytes() == served.content
    assert precious.read_text() == "keep me"


@linux
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs two users")
def test_another_users_lock_file_does_not_stop_us(served, tmp_path_factory, which):
    setpriv = which("setpriv")
    cache = Path("/tmp") / f"ptbert-hub-{os.getpid()}-{time.time_ns()}"
    try:
        lock_file(served, cache).write_text("")
        for folder in (cache, *cache.rglob("*")):
            if folder.is_dir():
                folder.chmod(0o777)
        code = "import sys; from ptbert_hub import get_from_cache; get_from_cache(*sys.argv[1:])"
        other = [setpriv, "--reuid", "65534", "--clear-groups", sys.executable, "-c"]
        if subprocess.run([*other, "import ptbert_hub"], cwd="/", check=False).returncode:
            pytest.skip("another user cannot run this interpreter or read this library")
        done = subprocess.run(
            [*other, code, served.url(), str(cache)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
        )
        assert done.returncode == 0, done.stderr
        assert len(served.bodies) == 1
    finally:
        subprocess.run(["rm", "-rf", str(cache)], check=True)


# B7: one program in a folder


def test_a_folder_has_one_program_and_others_learn_which(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "_DYING", 0.1)
    with locking.folder_lock(tmp_path) as first:
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(lambda: locking.folder_lock(tmp_path).__enter__()).result()
        assert (first, second) == ("", f"process {os.getpid()} on {platform.node()}")
    with locking.folder_lock(tmp_path) as again:
        assert again == ""


def test_the_lock_of_a_folder_ends_with_its_holder(tmp_path):
    code = "import sys, time, pathlib; from ptbert_hub.locking import folder_lock\n"
    code += "with folder_lock(pathlib.Path(sys.argv[1])) as other: print(repr(other), flush=True); "
    code += "time.sleep(60)"
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "''\n"
        with locking.folder_lock(tmp_path) as other:
            assert other.startswith(f"process {holder.pid} on ")
        holder.kill()
    with locking.folder_lock(tmp_path) as other:
        assert other == ""


@pytest.mark.parametrize("error", [OSError(38, "ENOSYS"), OSError(37, "ENOLCK"), PermissionError()])
def test_where_locks_do_not_work_a_folder_has_none(tmp_path, monkeypatch, error):
    import filelock

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with locking.folder_lock(tmp_path) as other:
        assert other == ""
