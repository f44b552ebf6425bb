"""Unfinished downloads: one writer each, copied by everybody else."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from workers import unfinished

from ptbert_hub import get_from_cache, partials, writers
from ptbert_hub.partials import Partial
from ptbert_hub.writers import claim, is_written

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


@pytest.fixture
def folder(cache):
    (cache / ".ptbert-hub" / "partial").mkdir(parents=True)
    return cache / ".ptbert-hub" / "partial"


def tagged(tag):
    return Path(f"key.{tag}.1.part")


def test_a_file_is_written_while_its_writer_says_so():
    with claim() as tag:
        assert is_written(tagged(tag)) is True
        assert is_written(tagged(tag).with_suffix(".part.json")) is True
    assert is_written(tagged(tag)) is False


@linux
def test_a_file_is_written_while_the_process_runs():
    code = (
        "import time; from ptbert_hub.writers import claim\n"
        "with claim() as tag: print(tag, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as one:
        path = tagged(one.stdout.readline().strip())
        assert is_written(path) is True
        one.kill()
        for _ in range(500):  # until it has ended; nobody has collected it yet
            if is_written(path) is False:
                break
            time.sleep(0.01)
        assert is_written(path) is False
    assert is_written(path) is False


@linux
def test_another_users_process_runs_too(monkeypatch):
    def refuse(pid, number):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)

    assert is_written(tagged(f"{writers.machine()}-1-00")) is True


@pytest.mark.parametrize("tag", ["elsewhere-1-00", "-1-00", "", "x", "elsewhere-pid-00"])
def test_of_other_machines_nothing_is_known(tag):
    assert is_written(tagged(tag)) is None


def test_where_machines_cannot_be_told_apart_nothing_is_known(monkeypatch):
    monkeypatch.setattr(writers, "machine", lambda: "")

    with claim() as tag:
        assert is_written(tagged(tag)) is None


def test_bytes_of_another_machine_are_copied_up_to_what_was_synced(
    served, cache, folder, monkeypatch
):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(writers, "machine", lambda: "elsewhere")
        with claim() as tag:
            other = unfinished(served, cache, tag, 2_000_000)
            other.note(durable=1_000_000)

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert served.requests[0].headers["range"] == "bytes=1000000-"
    assert other.path.exists()  # its writer may come back


def test_the_bytes_of_a_running_writer_are_copied_and_its_file_is_left_alone(served, cache, folder):
    with claim() as mine, claim() as others:
        writer = unfinished(served, cache, others, 2_000_000)
        copy = Partial(folder, writer.key, mine)
        copy.copy_largest()

        assert copy.size == 2_000_000
        assert copy.path.read_bytes() == writer.path.read_bytes() == served.content[:2_000_000]
        copy.discard()
        assert writer.path.exists()
        assert partials.read_record(writer.path) == writer.record


def test_the_file_of_an_ended_writer_is_copied_and_removed(served, cache, folder):
    with claim() as tag:
        writer = unfinished(served, cache, tag, 2_000_000)
        smaller = unfinished(served, cache, tag + "-", 1_000_000)
    with claim() as tag:
        copy = Partial(folder, writer.key, tag)
        copy.copy_largest()

        assert copy.size == 2_000_000
        assert not writer.path.exists()
        assert not partials.record_path(writer.path).exists()
        assert not smaller.path.exists()


def test_of_a_copy_nothing_is_known_to_be_on_the_disk(served, cache, folder):
    with claim() as tag:
        writer = unfinished(served, cache, tag, 2_000_000)
        writer.note(durable=2_000_000)
    with claim() as tag:
        copy = Partial(folder, writer.key, tag)
        copy.copy_largest()

        assert partials.read_record(copy.path) == {**writer.record, "durable": 0}


def test_each_of_many_gets_a_copy_of_its_own(served, cache, folder):
    with claim() as tag:
        writer = unfinished(served, cache, tag, 5)
    with ExitStack() as claims:
        copies = [Partial(folder, writer.key, claims.enter_context(claim())) for _ in range(4)]
        for copy in copies:
            copy.copy_largest()

        assert [copy.path.read_bytes() for copy in copies] == [served.content[:5]] * 4
        assert len({copy.path for copy in copies}) == 4


def test_a_writer_that_begins_again_begins_a_new_file(served, cache, folder):
    with claim() as tag:
        writer = unfinished(served, cache, tag, 1000)
        old = writer.path
        with open(old, "rb") as reader:
            writer.start_over({"url": served.url(), "validator": '"v2"'})
            writer.path.write_bytes(b"new")

            assert reader.read() == served.content[:1000]
        assert writer.path != old
        assert not old.exists()


def test_a_file_that_is_dropped_while_it_is_copied_is_not_mixed_with_the_next_one(
    served, cache, folder, monkeypatch
):
    """The other writer begins another version between our look and our copy."""
    with claim() as others, claim() as mine:
        writer = unfinished(served, cache, others, 1000)
        real = partials.read_record

        def begin_again(path):
            record = real(path)
            if not record:
                return record
            monkeypatch.setattr(partials, "read_record", real)
            found = record
            writer.start_over({**record, "validator": '"v2"'})
            writer.path.write_bytes(b"v2" * 1000)
            return found

        monkeypatch.setattr(partials, "read_record", begin_again)
        copy = Partial(folder, writer.key, mine)
        copy.copy_largest()

        versions = {'"v1"': served.content, '"v2"': b"v2" * 1000}
        content = copy.path.read_bytes() if copy.size else b""
        assert copy.held(served.url()) is None or versions[copy.record["validator"]].startswith(
            content
        )


class Crash(BaseException):
    pass


@pytest.mark.parametrize("where", ["start_over", "write_record", "append", "discard_files"])
def test_a_crash_while_copying_loses_nothing(served, cache, folder, monkeypatch, where):
    with claim() as tag:
        writer = unfinished(served, cache, tag, 1_000_000)

    def die(*_):
        raise Crash

    with monkeypatch.context() as broken:
        owner = Partial if hasattr(Partial, where) else partials
        broken.setattr(owner, where, die)
        with pytest.raises(Crash), claim() as tag:
            Partial(folder, writer.key, tag).copy_largest()

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert served.requests[0].headers["range"] == "bytes=1000000-"
    assert list(folder.iterdir()) == []


def test_copies_that_are_killed_do_not_fill_the_disk(served, cache, folder, monkeypatch):
    with claim() as tag:
        writer = unfinished(served, cache, tag, 3_000_000)

    def die_half_way(descriptor, data):
        os.write(descriptor, data[:1000])
        raise Crash

    monkeypatch.setattr(partials, "write_all", die_half_way)
    for _ in range(5):
        with pytest.raises(Crash), claim() as tag:
            Partial(folder, writer.key, tag).copy_largest()

    left = sorted(path.stat().st_size for path in folder.glob("*.part"))
    assert left == [1000, 3_000_000]


def test_where_a_copy_does_not_fit_the_old_file_makes_room(served, cache, folder, monkeypatch):
    with claim() as tag:
        unfinished(served, cache, tag, 1_000_000)

    def full(*_):
        monkeypatch.undo()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Partial, "append", full)

    path = get_from_cache(served.url(), cache)

    assert Path(path).read_bytes() == served.content
    assert "range" not in served.requests[0].headers
    assert list(folder.iterdir()) == []
