"""Group B: many at once; one download, no global lock, and lock litter that does not matter."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workers import fetch_together

from ptbert_hub import get_from_cache, locking, naming, partials
from ptbert_hub.locking import entry_lock
from ptbert_hub.partials import Fate, Owner, Partial, fate

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

    real = module.disk

    def publish_first(path):
        monkeypatch.setattr(module, "disk", real)
        get_from_cache(served.url(), cache)
        return real(path)

    monkeypatch.setattr(module, "disk", publish_first)

    get_from_cache(served.url(), cache)

    assert len(served.requests) == 1


# B2


def test_different_files_do_not_wait_for_each_other(served, cache):
    served.rate = 3_000_000

    found = fetch_together([served.url(f"{n}.dat") for n in range(16)], cache)

    assert len(set(found)) == 1
    assert served.most_concurrent >= 8


# B3 (with real stopped processes in tests/faults)


def test_a_holder_without_a_sign_of_life_is_not_waited_for(cache, monkeypatch, caplog):
    monkeypatch.setattr(locking, "PATIENCE", 0.2)
    cache.mkdir()
    with entry_lock(cache, "x") as first:
        began = time.monotonic()
        with entry_lock(cache, "x") as second:
            assert (first, second) == (True, False)
        assert time.monotonic() - began < 2
    assert "has done nothing for 0 s; going on without" in caplog.text


def test_a_holder_that_works_is_waited_for(cache, monkeypatch):
    monkeypatch.setattr(locking, "PATIENCE", 0.2)
    cache.mkdir()
    steps = iter(range(1000))
    began = time.monotonic()
    with entry_lock(cache, "x"), entry_lock(cache, "x", lambda: min(next(steps), 6)):
        pass
    assert time.monotonic() - began > 1


# B4: broken locks (through strace in tests/faults)


@pytest.mark.parametrize("error", [OSError(38, "ENOSYS"), OSError(37, "ENOLCK"), PermissionError()])
def test_where_locks_do_not_work_everyone_goes_on(served, cache, monkeypatch, error):
    import filelock

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)

    assert Path(get_from_cache(served.url(), cache)).read_bytes() == served.content


# B5: lock litter


def lock_file(server, cache):
    folder = cache / ".ptbert-hub" / "locks"
    folder.mkdir(parents=True)
    return folder / f"{naming.url_to_filename(server.url())}.lock"


@pytest.mark.parametrize("litter", ["dead", "readonly", "old", "folder", "link", "loop"])
def test_whatever_lies_where_the_lock_should_be(served, cache, tmp_path, litter):
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


# Who owns a partial download

ME = Owner("here", 10, "5")


@pytest.mark.parametrize(
    ("owner", "released", "alive", "silent", "what"),
    [
        (ME, False, True, 9999, Fate.LEAVE),
        (ME, False, False, 0, Fate.TAKE),
        (Owner("here", 11, "6"), False, True, 9999, Fate.LEAVE),
        (Owner("here", 11, "6"), False, False, 0, Fate.TAKE),
        (Owner("there", 11, "6"), False, False, 0, Fate.LEAVE),
        (Owner("there", 11, "6"), False, True, 601, Fate.COPY),
        (Owner("there", 11, "6"), True, True, 0, Fate.TAKE),
        (Owner("", 10, "5"), False, False, 0, Fate.LEAVE),
        (None, False, False, 0, Fate.LEAVE),
        (None, False, False, 601, Fate.COPY),
    ],
)
def test_who_may_take_a_partial_download(owner, released, alive, silent, what):
    assert fate(owner, ME, released=released, alive=alive, silent=silent) is what


def test_where_machines_cannot_be_told_apart_nothing_is_taken():
    nobody = Owner("", 10, "5")

    assert fate(nobody, nobody, released=False, alive=False, silent=0) is Fate.LEAVE


def test_a_partial_from_another_machine_is_copied_up_to_what_was_synced(served, cache, monkeypatch):
    folder = cache / ".ptbert-hub" / "partial"
    folder.mkdir(parents=True)
    key = naming.url_to_filename(served.url())
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(partials, "machine", lambda: "elsewhere")
        other = Partial(folder, key)
        other.start_over(source=served.url(), total=3_000_000, validator='"v1"', etag='"v1"')
        other.path.write_bytes(served.content[:2_000_000])
        other.note(durable=1_000_000)
    partials._mine.clear()
    os.utime(other.path, (1, 1))

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert served.requests[0].headers["range"] == "bytes=1000000-"
    assert other.path.exists()  # its writer may come back


def test_the_writer_of_this_process_is_never_robbed(cache):
    cache.mkdir()
    writer = Partial(cache, "k")
    writer.start_over(source="s", total=10, validator='"v"')
    writer.path.write_bytes(b"12345")

    other = Partial.adopted_or_new(cache, "k")

    assert other.size == 0
    assert writer.path.exists()
    writer.size = 5
    writer.release()
    assert Partial.adopted_or_new(cache, "k").size == 5


def test_only_one_of_many_takes_a_partial(cache):
    cache.mkdir()
    writer = Partial(cache, "k")
    writer.start_over(source="s", total=10, validator='"v"')
    writer.path.write_bytes(b"12345")
    writer.size = 5
    writer.release()

    assert [Partial.adopted_or_new(cache, "k").size for _ in range(4)] == [5, 0, 0, 0]


@pytest.mark.parametrize("crash", ["rename", "discard_files"])
def test_a_crash_while_taking_over_loses_only_bytes(served, cache, monkeypatch, crash):
    folder = cache / ".ptbert-hub" / "partial"
    folder.mkdir(parents=True)
    key = naming.url_to_filename(served.url())
    first = Partial(folder, key)
    first.start_over(source=served.url(), total=3_000_000, validator='"v1"', etag='"v1"')
    first.path.write_bytes(served.content[:1_000_000])
    first.size = 1_000_000
    first.release()

    class Crash(BaseException):
        pass

    def die(*_):
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(os if crash == "rename" else partials, crash, die)
        with pytest.raises(Crash):
            Partial.adopted_or_new(folder, key)
    partials._mine.clear()

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert list(folder.iterdir()) == []
