"""from_pretrained: names, folders, files, archives; and what it says when it cannot."""

import shutil
import tarfile
from pathlib import Path

import pytest

from ptbert_hub import CATALOG
from ptbert_tokenizers import BertTokenizer, MissingVocabulary
from ptbert_tokenizers import pretrained as module


@pytest.fixture
def vocabulary(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vocabulary that stands for every published one."""
    path = Path("bert-vocabulary.txt").absolute()
    path.write_text("[UNK]\n[CLS]\n[SEP]\nhello\nHello\n")
    original = module.cached_path

    def without_network(name: str, cache_dir: str | None = None) -> str:
        return str(path) if "://" in name else original(name, cache_dir)

    monkeypatch.setattr(module, "cached_path", without_network)
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


def test_an_archive_is_read_like_a_folder(vocabulary: Path, tmp_path: Path) -> None:
    shutil.copy(vocabulary, "vocab.txt")
    with tarfile.open("model.tar.gz", "w:gz") as archive:
        archive.add("vocab.txt")

    tokenizer = BertTokenizer.from_pretrained("model.tar.gz", tmp_path / "cache")

    assert tokenizer.tokenize("hello") == ["hello"]


def test_an_address_is_fetched(vocabulary: Path) -> None:
    assert BertTokenizer.from_pretrained("https://example.org/vocab.txt").tokenize("hello")


def test_a_misspelt_name_brings_the_nearest_one() -> None:
    with pytest.raises(MissingVocabulary, match="did you mean 'bert-base-uncased'"):
        BertTokenizer.from_pretrained("bert-base-uncase")


def test_a_missing_path_is_named() -> None:
    with pytest.raises(OSError, match=r"'\./nowhere/at/all' is neither .* check the path"):
        BertTokenizer.from_pretrained("./nowhere/at/all")


def test_a_folder_without_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingVocabulary, match=r"has no vocab.txt, which BertTokenizer reads"):
        BertTokenizer.from_pretrained(tmp_path)


def test_another_familys_name_is_refused() -> None:
    with pytest.raises(MissingVocabulary, match="'gpt2' is a checkpoint of the gpt2 family"):
        BertTokenizer.from_pretrained("gpt2")
