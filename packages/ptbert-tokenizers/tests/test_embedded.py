"""Tokenizers that come with the package."""

import socket
from pathlib import Path

import pytest

from ptbert_hub import EMBEDDED
from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, MissingVocabulary
from ptbert_tokenizers.families import CLASSES, family_of, load_tokenizer

VERSE = "In the beginning God created the heaven and the earth."
TRUTH = "It is a truth universally acknowledged"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("the network was used")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", EMBEDDED)
def test_each_is_of_its_family_has_8000_tokens_and_loads_without_a_cache(name, tmp_path):
    tokenizer = load_tokenizer(name)
    assert type(tokenizer) is CLASSES[EMBEDDED[name]]
    assert family_of(name) == EMBEDDED[name]
    assert sorted(tokenizer.vocabulary.values()) == list(range(8000))
    assert list(tmp_path.iterdir()) == []


def test_the_bert_knows_frequent_words_and_lower_cases():
    tokenizer = BertTokenizer.from_pretrained("ptbert-tiny-bert")
    assert tokenizer.tokenize(VERSE) == VERSE.lower().replace(".", " .").split()
    assert (tokenizer.max_len, tokenizer.mask_token) == (128, "[MASK]")


def test_the_gpt2_gives_back_any_text():
    tokenizer = GPT2Tokenizer.from_pretrained("ptbert-tiny-gpt2")
    for text in (VERSE, TRUTH, "naïve 日本 \U0001f600\n"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert (tokenizer.max_len, tokenizer.eos_token) == (256, "<|endoftext|>")
    assert len(tokenizer.encode(TRUTH)) < 10


@pytest.mark.parametrize(
    "options",
    [
        {"local_files_only": True},
        {"force_download": True},
        {"token": False},
        {"proxies": {"https": "http://nowhere:1"}},
        {"revision": "main"},
        {"cache_dir": "elsewhere"},
    ],
)
def test_what_is_said_about_downloads_changes_nothing(options):
    tokenizer = BertTokenizer.from_pretrained("ptbert-tiny-bert", **options)
    assert len(tokenizer.vocab) == 8000
    assert not Path("elsewhere").exists()


def test_a_revision_and_another_family_are_refused():
    with pytest.raises(OSError, match=r"comes with the installed .* has no revision 'v1'"):
        BertTokenizer.from_pretrained("ptbert-tiny-bert", revision="v1")
    with pytest.raises(MissingVocabulary, match="'ptbert-tiny-gpt2' is a checkpoint of the gpt2"):
        BertTokenizer.from_pretrained("ptbert-tiny-gpt2")


def test_a_folder_of_that_name_is_read_if_it_is_given_as_a_path():
    folder = Path("ptbert-tiny-bert")
    folder.mkdir()
    (folder / "vocab.txt").write_text("[UNK]\nmine\n")
    assert len(BertTokenizer.from_pretrained("ptbert-tiny-bert").vocab) == 8000
    for name in (folder, "./ptbert-tiny-bert", "ptbert-tiny-bert/"):
        assert list(BertTokenizer.from_pretrained(name).vocab) == ["[UNK]", "mine"]


def test_an_argument_of_the_constructor_counts_more():
    tokenizer = BertTokenizer.from_pretrained("ptbert-tiny-bert", do_lower_case=False, max_len=9)
    assert tokenizer.max_len == 9
    assert tokenizer.tokenize("In") != ["in"]


def test_a_saved_copy_is_the_same_tokenizer(tmp_path):
    for name in EMBEDDED:
        tokenizer = load_tokenizer(name)
        tokenizer.save_vocabulary(str(tmp_path))
        assert load_tokenizer(tmp_path, EMBEDDED[name]).fingerprint() == tokenizer.fingerprint()
