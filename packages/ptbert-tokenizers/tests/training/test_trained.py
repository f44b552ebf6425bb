"""Vocabularies: what is in them, in which order, and as folders that tokenizers read."""

import os
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import (
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TrainedVocabulary,
    TransfoXLTokenizer,
    count_words,
    train_bpe,
    train_byte_bpe,
    train_vocabulary,
    train_wordpiece,
    train_words,
)
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.training import trained as trained_module
from ptbert_tokenizers.training.trained import check_is_new

TEXTS = ["Low lower lowest, low!", "Newer and wider; the widest. É 京都", "low lower new newer"]
STANDARD = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TRAINERS = {
    "wordpiece": (train_wordpiece, BertTokenizer),
    "bpe": (train_bpe, OpenAIGPTTokenizer),
    "byte-bpe": (train_byte_bpe, GPT2Tokenizer),
    "words": (train_words, TransfoXLTokenizer),
}


pytestmark = pytest.mark.usefixtures("no_spacy")


def test_a_vocabulary_of_wordpieces_worked_by_hand() -> None:
    vocabulary = train_wordpiece(
        ["ab ab abc"], 12, special_tokens=["[X]"], unused=1, min_frequency=1
    )

    # The alphabet: a, b and c, and ##b and ##c inside words. (a, ##b) occurs 3 times; no more fits.
    alphabet = ("a", "b", "c", "##b", "##c")
    assert vocabulary.tokens == (*STANDARD, "[X]", "[unused0]", *alphabet)
    assert train_wordpiece(["ab ab abc"], 12).tokens == (*STANDARD, *alphabet, "ab")


def test_a_vocabulary_of_gpts_kind_worked_by_hand() -> None:
    vocabulary = train_bpe(["ab AB abc"], 8)

    # (a, b</w>) occurs twice; (a, b) once, which is too rare.
    assert vocabulary.tokens == ("<unk>", "a", "b", "c", "b</w>", "c</w>", "ab</w>")
    assert vocabulary.merges == (("a", "b</w>"),)


def test_a_vocabulary_of_gpt2s_kind_has_all_bytes() -> None:
    vocabulary = train_byte_bpe(["ab ab"], 258, min_frequency=1)

    assert vocabulary.tokens == ("<|endoftext|>", *bytes_to_unicode().values(), "ab")
    assert vocabulary.merges == (("a", "b"),)


def test_words_are_numbered_by_frequency_and_then_by_their_text() -> None:
    vocabulary = train_words(["b c a c", "c b d"], 5, special_tokens=["[X]"])

    assert vocabulary.tokens == ("<eos>", "<unk>", "[X]", "c", "b")
    assert train_words(["b c a c", "b d"], 9, min_frequency=2).tokens[2:] == ("b", "c")
    assert train_words(["b a"], 9, unused=2).tokens[2:] == ("[unused0]", "[unused1]", "a", "b")


def test_words_that_no_file_can_hold_are_left_out() -> None:
    assert train_words(["a\ud800 b"], 5).tokens == ("<eos>", "<unk>", "b")


@pytest.mark.parametrize("kind", TRAINERS)
def test_the_folder_is_that_of_a_tokenizer_with_these_tokens(kind: str) -> None:
    trainer, tokenizer_class = TRAINERS[kind]
    vocabulary = trainer(TEXTS, 300, special_tokens=["[X]"], unused=2)

    folder = vocabulary.save("new/vocabulary")

    assert sorted(os.listdir("new")) == ["vocabulary"]
    tokenizer: Any = tokenizer_class.from_pretrained(folder)
    assert tokenizer.convert_ids_to_tokens(range(len(vocabulary))) == list(vocabulary.tokens)
    assert len(tokenizer.vocabulary) == len(vocabulary)
    for text in TEXTS:
        tokens = tokenizer.tokenize(f"{text} [X] {text}")
        assert "[X]" in tokens
        assert not {"<unk>", "[UNK]"} & set(tokens)
        assert tokenizer.convert_ids_to_tokens(tokenizer.convert_tokens_to_ids(tokens)) == tokens
    assert type(load_tokenizer(folder)) is tokenizer_class


def test_a_special_token_is_kept_beside_other_characters() -> None:
    for kind in ("wordpiece", "bpe", "byte-bpe"):
        trainer, tokenizer_class = TRAINERS[kind]
        folder = trainer(TEXTS, 300, special_tokens=["[X]"]).save(kind)

        assert "[X]" in tokenizer_class.from_pretrained(folder).tokenize("low[X]low")
    assert "<|endoftext|>" in GPT2Tokenizer.from_pretrained(folder).tokenize("a<|endoftext|>b")


def test_settings_of_the_text_are_settings_of_the_tokenizer() -> None:
    vocabulary = train_wordpiece(
        TEXTS, 100, do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False
    )

    tokenizer = BertTokenizer.from_pretrained(vocabulary.save("cased"))

    settings = tokenizer.settings()
    assert settings["do_lower_case"] is False
    assert settings["strip_accents"] is True
    assert settings["tokenize_chinese_chars"] is False
    lower = TransfoXLTokenizer.from_pretrained(
        train_words(["A a"], 3, lower_case=True).save("words")
    )
    assert lower.tokenize("A") == ["a"]
    assert lower.encode("A B") == [2, 1]


@pytest.mark.parametrize("kind", TRAINERS)
def test_neither_order_nor_division_of_the_texts_matters(kind: Any) -> None:
    parts = [count_words([text], kind) for text in reversed(TEXTS)]

    merged = parts[0] + parts[1] + parts[2]

    whole = train_vocabulary(count_words(TEXTS, kind), 290)
    assert train_vocabulary(merged, 290) == whole == TRAINERS[kind][0](TEXTS, 290)


def test_nothing_is_learned_from_words_that_bert_does_not_cut() -> None:
    long = "ab" * 51

    vocabulary = train_wordpiece([f"{long} {long} cd cd"], 100)

    assert vocabulary.tokens[5:] == ("c", "d", "##d", "cd")
    with pytest.raises(ValueError, match="all words have more than 100 characters"):
        train_wordpiece([long], 100)


def test_a_special_token_is_not_learned_as_a_piece() -> None:
    vocabulary = train_bpe(["thesis thesis the"], 40, special_tokens=["th"])

    assert vocabulary.tokens.count("th") == 1
    assert all(
        "th" not in pair[0] + pair[1] or len("".join(pair)) > 2 for pair in vocabulary.merges
    )


def test_a_text_that_gives_fewer_tokens_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert len(train_words(["a b"], 10)) == 4
    assert "the text gives 4 tokens, and not 10" in caplog.text


def train_small(**arguments: Any) -> TrainedVocabulary:
    return train_wordpiece(**{"texts": ["ab"], "size": 20, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": []}, "there is no word to learn from; give a text that is not empty"),
        ({"texts": ["", " \n"]}, "there is no word to learn from"),
        (
            {"size": 7},
            "size=7 is too small: there are 5 special and unused tokens and an alphabet ",
        ),
        ({"size": 4}, "alphabet of 3; give at least 8, or limit_alphabet"),
        ({"unused": 13}, "size=20 is too small: there are 18 special"),
        ({"size": 0}, "size=0 is no whole number from 1 on"),
        ({"size": 2**20 + 1}, "size=1048577 is more than a vocabulary may have, which is 1048576"),
        ({"size": 9.5}, "size=9.5 is no whole number from 1 on"),
        ({"unused": -1}, "unused=-1 is no whole number from 0 on"),
        ({"min_frequency": 0}, "min_frequency=0 is no whole number from 1 on"),
        ({"limit_alphabet": 0}, "limit_alphabet=0 is no whole number from 1 on"),
        ({"texts": ["aB"], "special_tokens": ["b"]}, "'b' is a character of the text too"),
        ({"special_tokens": ["[unused0]"], "unused": 1}, r"'\[unused0\]' is an unused one too"),
        ({"workers": 0}, "workers=0 is no whole number from 1 to 1024"),
    ],
)
def test_what_cannot_be_trained_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train_small(**arguments)


def test_kinds_without_characters_have_no_alphabet_to_limit() -> None:
    with pytest.raises(ValueError, match="limit_alphabet is not for words"):
        train_vocabulary(count_words(["a"], "words"), 9, limit_alphabet=3)
    with pytest.raises(
        ValueError, match=r"size=1 is too small: there are 2 special .* at least 2$"
    ):
        train_words(["a"], 1)


def test_a_folder_with_something_in_it_is_left_alone() -> None:
    Path("full").mkdir()
    Path("full/vocab.txt").write_text("old\n")
    Path("file").write_text("old\n")

    for name in ("full", "file"):
        with pytest.raises(FileExistsError, match=f"'.*{name}' is there already; choose another"):
            train_small().save(name)

    assert Path("full/vocab.txt").read_text() == Path("file").read_text() == "old\n"


def test_an_empty_folder_may_be_given_also_through_a_link() -> None:
    Path("empty").mkdir()
    Path("link").symlink_to("empty")

    train_small().save("link/")

    assert BertTokenizer.from_pretrained("empty").tokenize("ab") == ["a", "##b"]
    assert Path("link").is_symlink()


@pytest.mark.parametrize("fails", ["write_lines", "sync_folder"])
def test_a_failure_leaves_nothing_or_all(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trained_module, fails, fail)

    with pytest.raises(KeyboardInterrupt):
        train_small().save("new")

    assert os.listdir() == ([] if fails == "write_lines" else ["new"])


def test_a_size_below_all_bytes_does_not_advise_a_limit_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"alphabet of 256; give at least 257$"):
        train_vocabulary(count_words(["a"], "byte-bpe"), 5)


def test_a_folder_below_a_file_is_refused_before_anything_is_done() -> None:
    Path("corpus.txt").write_text("a b")

    with pytest.raises(
        NotADirectoryError, match=r"corpus.txt' is a file, so there can be no folde"
    ):
        check_is_new("corpus.txt/one/vocabulary")
    check_is_new("new/one/vocabulary")
