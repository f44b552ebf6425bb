"""The manifest of a shard: counts, digests and settings; it is believed only if all agree."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from small_shards import VOCABULARY, output_files

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, TransfoXLTokenizer, shards
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges
from ptbert_tokenizers.plain.added_tokens import AddedToken
from ptbert_tokenizers.shards import encode_shard
from ptbert_tokenizers.token_files.checking import verify_token_file
from ptbert_tokenizers.token_files.dividing import merge_token_files


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
