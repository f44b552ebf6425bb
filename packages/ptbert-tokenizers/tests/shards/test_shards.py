"""encode_shard: the same bytes anywhere, whole or not at all, and only when they are not there."""

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from small_shards import A, B, C, output_files

from ptbert_tokenizers import BertTokenizer, shards
from ptbert_tokenizers.files.vocabulary import write_lines
from ptbert_tokenizers.shards import Shard, encode_shard
from ptbert_tokenizers.token_files.checking import verify_token_file
from ptbert_tokenizers.token_files.formats import FORMATS, read_ids


@pytest.mark.parametrize("format", FORMATS)
def test_a_shard_is_encoded_once(vocabulary: str, format: str) -> None:
    name = f"ids{FORMATS[format].ending}"
    call = partial(encode_shard, "part.txt", name, vocabulary, format=format)

    assert call() == Shard(name, documents=3, tokens=3, was_there=False)

    assert list(read_ids(name)) == [[A, B], [], [C]]
    files = output_files()
    times = {path: os.stat(path).st_mtime_ns for path in files}
    assert call() == Shard(name, documents=3, tokens=3, was_there=True)
    assert {path: os.stat(path).st_mtime_ns for path in files} == times
    assert verify_token_file(name)["bits"] == 16


def test_the_bytes_depend_on_the_content_of_the_input_alone(vocabulary: str) -> None:
    """Not on folders, times, hash seeds, other tokenizers' caches or the number of processes."""
    Path("one").mkdir()
    Path("two").mkdir()
    shutil.copy("part.txt", "two/other.txt")
    os.utime("two/other.txt", (0, 0))
    used = BertTokenizer(vocabulary)
    used.encode_flat(["a c", "b" * 100])

    encode_shard("part.txt", "one/ids.npy", used)
    encode_shard(["two/other.txt"], "two/ids.npy", vocabulary, workers=2)
    program = (
        "from ptbert_tokenizers import encode_shard;"
        f"encode_shard('part.txt', 'ids.npy', {vocabulary!r})"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)

    for name in ("ids.npy", "ids.bounds.npy", "ids.npy.manifest.json"):
        expected = Path("one", name).read_bytes()
        assert Path("two", name).read_bytes() == expected
        assert Path(name).read_bytes() == expected


def test_it_can_be_pickled_with_its_arguments(vocabulary: str) -> None:
    call = partial(encode_shard, "part.txt", "ids.npy", BertTokenizer(vocabulary), bits=32)
    assert pickle.loads(pickle.dumps(call))() == Shard("ids.npy", 3, 3, was_there=False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
@pytest.mark.parametrize("is_old_one_there", [False, True])
def test_wherever_it_is_killed_it_can_be_run_again(vocabulary: str, is_old_one_there: bool) -> None:
    """Killed before each step that changes what others see, and run again."""
    encode_shard("part.txt", "ids.npy", vocabulary)
    expected = output_files()
    killed = 0
    while True:
        for name in expected:
            Path(name).unlink()
        if is_old_one_there:
            write_lines("old.txt", ["c c c"])
            encode_shard("old.txt", "ids.npy", vocabulary)
            Path("ids.npy.manifest.json").unlink()
            Path("old.txt").unlink()
        child = os.fork()
        if child == 0:
            die_at_change(killed)
            encode_shard("part.txt", "ids.npy", vocabulary)
            os._exit(0)
        was_killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        if Path("ids.npy.manifest.json").exists():
            assert output_files() == expected
        elif Path("ids.npy").exists():  # it is whole
            assert list(read_ids("ids.npy")) in ([[A, B], [], [C]], [[C, C, C]])
        assert encode_shard("part.txt", "ids.npy", vocabulary).was_there is not was_killed
        assert output_files() == expected
        if not was_killed:
            break
        killed += 1
    assert killed == 3 + is_old_one_there  # ids, bounds, manifest; and the old ids are removed


def die_at_change(number: int) -> None:
    """End this process at a call, counted from 0, that renames or removes a file."""
    left = number

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal left
            if os.path.exists(arguments[0]):
                if left == 0:
                    os._exit(9)
                left -= 1
            return function(*arguments)

        return call

    os.replace = counted(os.replace)  # type: ignore[assignment]
    os.unlink = counted(os.unlink)  # type: ignore[assignment]


@pytest.mark.parametrize("name", ["ids.npy", "ids.bounds.npy"])
@pytest.mark.parametrize("damage", ["gone", "shorter", "changed"])
def test_a_damaged_output_is_made_again(
    vocabulary: str, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary)
    expected = output_files()
    data = Path(name).read_bytes()
    Path(name).write_bytes(data[:-1] if damage == "shorter" else data[:-1] + b"\xff")
    if damage == "gone":
        Path(name).unlink()

    assert not encode_shard("part.txt", "ids.npy", vocabulary).was_there

    assert caplog.messages == ["ids.npy is damaged or not complete, and is made again"]
    assert output_files() == expected


def test_an_input_that_changes_meanwhile_is_told(
    vocabulary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shards.read_documents

    def changing(*sources: Any, **options: Any) -> Any:
        yield from real(*sources, **options)
        Path("part.txt").write_text("a\n")

    monkeypatch.setattr(shards, "read_documents", changing)
    with pytest.raises(ValueError, match=r"'part\.txt' changed while it was read; run this again"):
        encode_shard("part.txt", "ids.npy", vocabulary)
    assert output_files() == {}


@pytest.mark.parametrize(
    ("input", "output", "options", "message"),
    [
        ("-", "ids.npy", {}, "'-' is a pipe, which cannot be read again if something fails"),
        ("part.txt", "ids.jsonl", {}, "a shard has a format that can be mapped into memory, not"),
        ("part.txt", "-", {}, "ids are written to .npy or .jsonl files, not to '-'"),
        ("part.txt", "folder.npy", {}, "'folder.npy' is no file; give the name of a file"),
        ("part.txt", "ids.npy", {"separator": "y"}, "the vocabulary has no token 'y' to put betw"),
        ("part.txt", "ids.npy", {"field": "y"}, "'part.txt' is text, which has no field 'y'"),
    ],
)
def test_what_cannot_be_a_shard_is_refused(
    vocabulary: str, input: str, output: str, options: dict[str, Any], message: str
) -> None:
    Path("folder.npy").mkdir()
    with pytest.raises(ValueError) as caught:
        encode_shard(input, output, vocabulary, **options)
    assert message in str(caught.value)
    assert sorted(os.listdir()) == ["folder.npy", "part.txt", "vocab.txt"]


def test_a_run_that_comes_second_leaves_what_the_first_made(
    vocabulary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shards.read_documents
    files: dict[str, Any] = {}

    def meanwhile(*sources: Any, **options: Any) -> Any:
        yield from real(*sources, **options)
        monkeypatch.setattr(shards, "read_documents", real)
        assert not encode_shard("part.txt", "ids.npy", vocabulary).was_there
        files.update((name, os.stat(name)) for name in output_files())

    monkeypatch.setattr(shards, "read_documents", meanwhile)

    assert encode_shard("part.txt", "ids.npy", vocabulary) == Shard("ids.npy", 3, 3, was_there=True)

    assert {name: os.stat(name) for name in output_files()} == files


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_runs_at_the_same_time_make_the_same_files(vocabulary: str) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary)
    expected = output_files()
    for _ in range(5):
        for name in output_files():
            Path(name).unlink()
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                encode_shard("part.txt", "ids.npy", vocabulary)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        assert output_files() == expected


def test_a_shard_without_text_is_written_and_told_and_one_without_files_refused(
    vocabulary: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path("empty.txt").touch()
    assert encode_shard("empty.txt", "ids.npy", vocabulary)[1:] == (0, 0, False)
    assert caplog.messages == ["there is no text in empty.txt"]
    with pytest.raises(ValueError, match="there are no files to read; name one or more"):
        encode_shard([], "none.npy", vocabulary)
    assert not Path("none.npy").exists()


@pytest.mark.parametrize("source", ["in", "in/*", "in/**/*", "in/i*.npy"])
def test_an_output_that_the_next_run_would_read_is_refused(vocabulary: str, source: str) -> None:
    Path("in").mkdir()
    shutil.copy("part.txt", "in/i.npy")
    for output in ("in/ids.npy", "./in/../in/ids.npy"):
        with pytest.raises(ValueError, match=f"would be read as a part of '{re.escape(source)}'"):
            encode_shard(source, output, vocabulary)
    assert os.listdir("in") == ["i.npy"]


@pytest.mark.parametrize("output", ["ids.npy", "ids.bounds.npy"])  # both mean the same files
@pytest.mark.parametrize("input", ["ids.npy", "ids.bounds.npy", "ids.npy.manifest.json"])
def test_an_input_that_is_a_file_of_the_output_is_refused(
    vocabulary: str, input: str, output: str
) -> None:
    write_lines(input, ["a"])

    with pytest.raises(ValueError, match="is both an input and an output; give another output"):
        encode_shard(["part.txt", input], output, vocabulary)

    assert output_files() == {input: b"a\n"}


def test_numbers_of_numpy_are_numbers(vocabulary: str) -> None:
    import numpy as np

    def call(length: Any) -> Shard:
        return encode_shard("part.txt", "ids.npy", vocabulary, max_len=length)

    assert not call(np.int64(1)).was_there
    assert call(1).was_there
    assert call(np.int64(1)).was_there
