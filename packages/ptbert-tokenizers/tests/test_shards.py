"""encode_shard: the same bytes anywhere, whole or not at all, and only when they are not there."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, TransfoXLTokenizer, shards
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges
from ptbert_tokenizers.plain.added_tokens import AddedToken
from ptbert_tokenizers.shards import Shard, encode_shard
from ptbert_tokenizers.token_files.checking import verify_token_file
from ptbert_tokenizers.token_files.dividing import merge_token_files
from ptbert_tokenizers.token_files.formats import FORMATS, read_ids

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "<x>"]
A, B, C, X = range(4, 8)


@pytest.fixture
def vocabulary() -> str:
    write_lines("vocab.txt", VOCABULARY)
    write_lines("part.txt", ["a b", "", "c"])
    return "vocab.txt"


def output_files() -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(Path().iterdir())
        if path.name not in {"vocab.txt", "part.txt"} and not path.name.endswith(".tmp")
    }


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


def test_the_manifest_has_counts_digests_and_settings(vocabulary: str) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary, max_len=8, separator="<x>")

    manifest = json.loads(Path("ids.npy.manifest.json").read_text())

    settings = manifest["settings"]
    digest = settings.pop("tokenizer")
    assert digest == BertTokenizer(vocabulary).fingerprint()
    assert settings == {
        "format": "npy",
        "bits": 16,
        "field": None,
        "documents": "lines",
        "input_format": None,
        "errors": "strict",
        "add_special_tokens": False,
        "separator": "<x>",
        "max_len": 8,
        "stride": None,
    }
    assert (manifest["manifest"], manifest["documents"], manifest["tokens"]) == (1, 3, 6)
    data = Path("part.txt").read_bytes()
    assert manifest["inputs"] == [{"bytes": len(data), "sha256": sha256(data).hexdigest()}]
    assert manifest["files"] == [
        {"name": name, "bytes": len(data), "sha256": sha256(data).hexdigest()}
        for name in ("ids.npy", "ids.bounds.npy")
        for data in [Path(name).read_bytes()]
    ]


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_len": 2}, "max_len is None there and 2 here; give another output"),
        ({"bits": 32}, "bits is 16 there and 32 here"),
        ({"separator": "<x>"}, "separator is None there and '<x>' here"),
        ({"add_special_tokens": True}, "add_special_tokens is False there and True here"),
    ],
)
def test_other_settings_are_told(vocabulary: str, change: dict[str, Any], message: str) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary)
    before = output_files()
    with pytest.raises(
        ValueError, match=r"'ids\.npy' was made in another way, as 'ids\.npy\.manifest\.json'"
    ) as caught:
        encode_shard("part.txt", "ids.npy", vocabulary, **change)
    assert message in str(caught.value)
    assert output_files() == before


def test_other_input_and_other_tokenizers_are_told(vocabulary: str) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary)
    write_lines("more.txt", [*VOCABULARY, "d"])
    with pytest.raises(ValueError, match=r"tokenizer is '.*' there and '.*' here"):
        encode_shard("part.txt", "ids.npy", BertTokenizer("more.txt"))
    write_lines("part.txt", ["a b", "c"])
    with pytest.raises(ValueError, match="the input has changed; give another output, or remove"):
        encode_shard("part.txt", "ids.npy", vocabulary)


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


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"manifest": 2}',
        '{"manifest": 1, "settings": {}, "inputs": [], "files": [{}], "documents": 1, "tokens": 1}',
        '{"manifest": 1, "settings": {}, "inputs": [], "files": [{"name": "../x", "bytes": 1, '
        '"sha256": ""}], "documents": 1, "tokens": 1}',
    ],
)
def test_what_is_no_manifest_is_refused(vocabulary: str, content: str) -> None:
    Path("ids.npy.manifest.json").write_text(content)
    with pytest.raises(ValueError, match=r"'ids\.npy\.manifest\.json' is not a manifest of vers"):
        encode_shard("part.txt", "ids.npy", vocabulary)


def test_shards_of_one_corpus_are_merged_and_others_are_not(vocabulary: str) -> None:
    write_lines("more.txt", ["b"])
    encode_shard("part.txt", "1.npy", vocabulary)
    encode_shard("more.txt", "2.npy", vocabulary)
    encode_shard("more.txt", "3.npy", vocabulary, max_len=1)

    merge_token_files(["1.npy", "2.npy"], "all.npy")

    encode_shard(["part.txt", "more.txt"], "at_once.npy", vocabulary)
    for name in ("{}.npy", "{}.bounds.npy"):
        merged = Path(name.format("all")).read_bytes()
        assert merged == Path(name.format("at_once")).read_bytes()
    with pytest.raises(
        ValueError, match=r"'1\.npy' and '3\.npy' were made with different settings: max_len is Non"
    ):
        merge_token_files(["1.npy", "2.npy", "3.npy"], "all.npy")


def test_an_output_that_is_written_in_another_way_loses_its_manifest(vocabulary: str) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary)
    encode_shard("part.txt", "more.npy", vocabulary)
    Path("more.npy.manifest.json").unlink()

    merge_token_files(["more.npy", "more.npy"], "ids.npy")

    assert not Path("ids.npy.manifest.json").exists()
    assert verify_token_file("ids.npy")["documents"] == 6


def test_the_manifest_of_merged_shards_says_from_which_they_are(vocabulary: str) -> None:
    write_lines("more.txt", ["b"])
    encode_shard("part.txt", "1.npy", vocabulary)
    encode_shard("more.txt", "2.npy", vocabulary)

    merge_token_files(["1.npy", "2.npy"], "all.ds", format="datatrove", bits=32)

    manifest = json.loads(Path("all.ds.manifest.json").read_text())
    parts = [json.loads(Path(f"{part}.npy.manifest.json").read_text()) for part in (1, 2)]
    assert manifest["settings"] == parts[0]["settings"] | {"format": "datatrove", "bits": 32}
    assert [file["sha256"] for file in manifest["inputs"]] == [
        sha256(Path(name).read_bytes()).hexdigest()
        for name in ("1.npy", "1.bounds.npy", "2.npy", "2.bounds.npy")
    ]
    assert [file["name"] for file in manifest["files"]] == ["all.ds", "all.ds.index"]
    assert (manifest["documents"], manifest["tokens"]) == (4, 4)
    assert verify_token_file("all.ds")["documents"] == 4  # compares the digests


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


def test_the_manifest_describes_what_was_written_also_if_another_run_replaces_it(
    vocabulary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode_shard("part.txt", "ids.npy", vocabulary)
    expected = output_files()
    for name in expected:
        Path(name).unlink()
    real = shards.write_manifest

    def without_ids(*arguments: Any) -> None:
        Path("ids.npy").unlink()  # as the other run does before it puts its own there
        real(*arguments)

    monkeypatch.setattr(shards, "write_manifest", without_ids)

    encode_shard("part.txt", "ids.npy", vocabulary)

    name = "ids.npy.manifest.json"
    assert Path(name).read_bytes() == expected[name]


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


def test_the_index_may_be_named_in_place_of_the_ids(vocabulary: str) -> None:
    shard = encode_shard("part.txt", "ids.idx", vocabulary, format="megatron")
    assert shard.output == "ids.bin"
    assert encode_shard("part.txt", "ids.bin", vocabulary, format="megatron").was_there
    encode_shard("part.txt", "cut.bin", vocabulary, format="megatron", max_len=1)
    with pytest.raises(ValueError, match=r"'ids\.bin' and 'cut\.bin' were made with different set"):
        merge_token_files(["ids.idx", "cut.idx"], "all.npy")
    Path("ids.bin").write_bytes(bytes(6))
    with pytest.raises(
        ValueError, match=r"'ids\.bin' is not what 'ids\.bin\.manifest\.json' descr"
    ):
        verify_token_file("ids.idx")


def test_a_file_that_its_manifest_does_not_describe_is_found(vocabulary: str) -> None:
    encode_shard("part.txt", "ids.ds", vocabulary)
    assert verify_token_file("ids.ds")["tokens"] == 3
    Path("ids.ds").write_bytes(b"\x04\0\x05\0\x05\0")
    with pytest.raises(ValueError, match=r"'ids\.ds' is not what 'ids\.ds\.manifest\.json' des"):
        verify_token_file("ids.ds")


def gpt2(folder: str, merges: list[tuple[str, str]]) -> GPT2Tokenizer:
    Path(folder).mkdir()
    write_json_vocabulary(f"{folder}/vocab.json", {"a": 0, "b": 1, "ab": 2, "ba": 3, "aba": 4})
    write_merges(f"{folder}/merges.txt", merges)
    return GPT2Tokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt")


def test_tokenizers_with_other_ids_have_other_fingerprints(vocabulary: str) -> None:
    def added(**flags: bool) -> BertTokenizer:
        tokenizer = BertTokenizer(vocabulary)
        tokenizer.add_tokens(AddedToken("<x>", **flags))
        return tokenizer

    different = [
        BertTokenizer(vocabulary),
        BertTokenizer(vocabulary, do_lower_case=False),
        BertTokenizer(vocabulary, max_input_chars_per_word=5),
        BertTokenizer(vocabulary, cls_token="[SEP]"),
        added(),
        added(lstrip=True),
        gpt2("one", [("a", "b"), ("b", "a")]),
        gpt2("two", [("b", "a"), ("a", "b")]),
        TransfoXLTokenizer(),
        TransfoXLTokenizer(lower_case=True),
    ]
    assert len({each.fingerprint() for each in different}) == len(different)
    Path("moved").mkdir()
    shutil.copy(vocabulary, "moved/vocab.txt")
    same = BertTokenizer("moved/vocab.txt", max_len=512)
    same.encode("a b c")
    assert same.fingerprint() == different[0].fingerprint()


def test_a_tokenizer_that_a_program_changed_has_no_fingerprint(vocabulary: str) -> None:
    class Own(BertTokenizer):
        def tokenize(self, text: str) -> list[str]:
            return ["a"]

    changed = BertTokenizer(vocabulary)
    changed.basic_tokenizer.tokenize = str.split  # type: ignore[assignment]
    words = TransfoXLTokenizer()
    words.tokenize = str.split  # type: ignore[assignment, method-assign]
    for tokenizer, part in (
        (Own(vocabulary), "how tokens or their ids are found"),
        (changed, "basic_tokenizer"),
        (words, "how tokens or their ids are found"),
    ):
        with pytest.raises(ValueError, match=f"a program changed {part}, so nothing can tell"):
            encode_shard("part.txt", "ids.npy", tokenizer)


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
