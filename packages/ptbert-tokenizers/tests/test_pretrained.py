"""from_pretrained: names, folders, files, archives; and what it says when it cannot."""

import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ptbert_hub import CATALOG, DownloadOptions
from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, MissingVocabulary, loading
from ptbert_tokenizers.families import load_tokenizer


@pytest.fixture
def vocabulary(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vocabulary that stands for every published one."""
    path = Path("bert-vocabulary.txt").absolute()
    path.write_text("[UNK]\n[CLS]\n[SEP]\nhello\nHello\n")
    published = {row.vocabulary for row in CATALOG.values()}

    def without_network(address: str, cache_dir: str | None = None, **_: object) -> str:
        assert address in published
        return str(path)

    monkeypatch.setattr(loading, "cached_path", without_network)
    return path


@pytest.mark.parametrize("name", [row.name for row in CATALOG.values() if row.family == "bert"])
def test_a_published_name_brings_its_casing_and_length(name: str, vocabulary: Path) -> None:
    tokenizer = BertTokenizer.from_pretrained(name)

    assert tokenizer.basic_tokenizer.do_lower_case is CATALOG[name].lower_case
    assert tokenizer.max_len == 512


def test_a_published_casing_wins_over_the_callers_with_a_warning(
    vocabulary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = BertTokenizer.from_pretrained("bert-base-cased", do_lower_case=True)

    assert tokenizer.basic_tokenizer.do_lower_case is False
    assert "trained with do_lower_case=False, which is used instead of True" in caplog.text


def test_a_shorter_length_is_kept_and_a_longer_one_is_not(vocabulary: Path) -> None:
    assert BertTokenizer.from_pretrained("bert-base-uncased", max_len=20).max_len == 20
    assert BertTokenizer.from_pretrained("bert-base-uncased", max_len=2000).max_len == 512


def test_positional_inputs_reach_the_constructor(vocabulary: Path) -> None:
    tokenizer = BertTokenizer.from_pretrained(str(vocabulary), None, False, 77)

    assert tokenizer.basic_tokenizer.do_lower_case is False
    assert tokenizer.max_len == 77


@pytest.mark.parametrize("top", ["", "my_model/"])
def test_an_archive_is_read_like_a_folder(vocabulary: Path, tmp_path: Path, top: str) -> None:
    with tarfile.open("model.tar.gz", "w:gz") as archive:
        archive.add(vocabulary, f"{top}vocab.txt")

    for load in (BertTokenizer.from_pretrained, load_tokenizer):
        tokenizer = load("model.tar.gz", cache_dir=tmp_path / "cache")
        assert tokenizer.tokenize("hello") == ["hello"]


def test_an_address_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("downloaded").write_text("[UNK]\nhello\n")
    asked: list[tuple[str, Path | None]] = []

    def download(address: str, cache_dir: Path | None = None, **_: object) -> str:
        asked.append((address, cache_dir))
        return "downloaded"

    monkeypatch.setattr(loading, "cached_path", download)

    tokenizer = BertTokenizer.from_pretrained("https://example.org/v.txt", tmp_path)

    assert asked == [("https://example.org/v.txt", tmp_path)]
    assert tokenizer.encode("hello", add_special_tokens=False) == [1]


@pytest.mark.parametrize("load", [BertTokenizer.from_pretrained, load_tokenizer])
def test_a_misspelt_name_brings_the_nearest_one(load: Callable[[str], Any]) -> None:
    with pytest.raises(MissingVocabulary, match="did you mean 'bert-base-uncased'"):
        load("bert-base-uncase")


def test_a_missing_path_is_named() -> None:
    with pytest.raises(OSError, match=r"'\./nowhere/at/all' is neither .* check the path"):
        BertTokenizer.from_pretrained("./nowhere/at/all")


def test_a_folder_without_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingVocabulary, match=r"has no vocab.txt, which BertTokenizer reads"):
        BertTokenizer.from_pretrained(tmp_path)


def test_another_familys_name_is_refused() -> None:
    with pytest.raises(MissingVocabulary, match="'gpt2' is a checkpoint of the gpt2 family"):
        BertTokenizer.from_pretrained("gpt2")


class Snapshot:
    """A commit of a repository of the Hugging Face Hub, whose files are in a folder here."""

    shown = "'user/model' at 'main' (commit 0123456)"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None

    def fetch_first(self, names: Iterable[str]) -> Path | None:
        return next(filter(None, map(self.fetch, names)), None)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What was asked for; every repository has a vocabulary of BERT."""
    asked: list[tuple[object, ...]] = []
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\nhello\n")

    def open_snapshot(*arguments: object) -> Snapshot:
        asked.append(arguments)
        return Snapshot(folder)

    monkeypatch.setattr(loading, "open_snapshot", open_snapshot)
    return asked


def test_what_is_said_about_downloads_goes_along(opened: list[tuple[object, ...]]) -> None:
    said = {"revision": "v1.0", "token": "hf_x", "proxies": {"https": "http://proxy:1"}}
    for load in (BertTokenizer.from_pretrained, load_tokenizer):
        tokenizer = load("user/model", cache_dir="cache", max_len=9, **said)
        assert (tokenizer.tokenize("hello"), tokenizer.max_len) == (["hello"], 9)
    for local in ({"local_files_only": True}, {"force_download": True}):
        BertTokenizer.from_pretrained("user/model", **local)

    options = DownloadOptions(**said)
    assert opened[:2] == [("user/model", "cache", options)] * 2  # one commit for each call
    assert opened[2:] == [
        ("user/model", None, DownloadOptions(local_files_only=True)),
        ("user/model", None, DownloadOptions(force_download=True)),
    ]


def test_a_class_with_an_argument_of_such_a_name_gets_it(opened: list[tuple[object, ...]]) -> None:
    class Own(BertTokenizer):
        def __init__(self, vocab_file: str, token: str = "none", **more: Any) -> None:
            super().__init__(vocab_file, **more)
            self.token = token

    assert Own.from_pretrained("user/model", token="mine", revision="v1.0").token == "mine"
    assert Own.from_pretrained("user/model").token == "none"
    assert opened[0] == ("user/model", None, DownloadOptions(revision="v1.0"))


def test_a_published_name_with_a_revision_is_its_repository(
    opened: list[tuple[object, ...]],
) -> None:
    BertTokenizer.from_pretrained("bert-base-cased", revision="v1.0")
    assert opened[0][0] == "google-bert/bert-base-cased"


def test_a_repository_of_another_family_is_refused(opened: list[tuple[object, ...]]) -> None:
    with pytest.raises(
        MissingVocabulary, match=r"has no vocab.json, which GPT2Tokenizer reads, a"
    ) as told:
        GPT2Tokenizer.from_pretrained("user/model")
    assert "and the vocab.txt of another family; use its class, as" in str(told.value)


@pytest.mark.parametrize("name", ["./gpt2", "gpt2/", Path("gpt2")])
@pytest.mark.parametrize("load", [load_tokenizer, BertTokenizer.from_pretrained])
def test_a_path_is_the_folder_although_a_published_model_has_its_name(
    name: str | Path, load: Callable[..., Any]
) -> None:
    Path("gpt2").mkdir()
    Path("gpt2/vocab.txt").write_text("[UNK]\nhello\n")

    assert load(name, local_files_only=True).tokenize("hello there") == ["hello", "[UNK]"]
