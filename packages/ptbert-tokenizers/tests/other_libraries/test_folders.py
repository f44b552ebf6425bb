"""Folders that other libraries wrote: believed, or refused by name."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from folders_of_others import RECORDED, SYMBOLS, bert_folder, gpt2_folder, write_json

from ptbert_tokenizers import (
    AddedToken,
    BadVocabulary,
    BertTokenizer,
    GPT2Tokenizer,
    MissingVocabulary,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.families import CLASSES, load_tokenizer
from ptbert_tokenizers.files.vocabulary import write_lines

pytestmark = pytest.mark.usefixtures("no_spacy")


@pytest.mark.parametrize(
    "row", RECORDED, ids=[f"{row['library']}, {row['class']}" for row in RECORDED]
)
def test_a_folder_of_transformers_gives_the_ids_of_transformers(row: Any) -> None:
    for name, content in row["files"].items():
        Path(name).write_text(content, encoding="utf-8")

    tokenizer = load_tokenizer(".")

    assert type(tokenizer) is CLASSES[row["family"]]
    assert {text: tokenizer.encode(text) for text in row["ids"]} == row["ids"]
    flat = tokenizer.encode_flat(list(row["ids"]))
    plain = [tokenizer.encode(text, add_special_tokens=False) for text in row["ids"]]
    assert flat.ids.tolist() == [index for ids in plain for index in ids]
    for text in row["ids"]:
        tokens, spans = tokenizer.tokenize_with_offsets(text)
        assert tokenizer.convert_tokens_to_ids(tokens) == tokenizer.encode(
            text, add_special_tokens=False
        )
        assert all(0 <= start <= stop <= len(text) for start, stop in spans)
    tokenizer.save_vocabulary("again/")
    again = load_tokenizer("again")
    assert {text: again.encode(text) for text in row["ids"]} == row["ids"]


def test_added_tokens_of_a_folder_have_the_models_ids() -> None:
    bert_folder(
        added_tokens={"[E1]": 12, "covid19": 13},
        special_tokens_map={"additional_special_tokens": ["[E1]"], "mask_token": "[MASK]"},
        tokenizer_config={"do_lower_case": True, "model_max_length": 512},
    )
    tokenizer = BertTokenizer.from_pretrained(".")

    assert tokenizer.tokenize("the [E1] covid19 cat") == ["the", "[E1]", "covid19", "cat"]
    assert tokenizer.encode("the [E1] COVID19 [e1]")[1:4] == [5, 12, 13]
    assert tokenizer.decode([12, 13]) == "[E1] covid19"
    assert tokenizer.decode([12, 13], skip_special_tokens=True) == "covid19"
    assert (len(tokenizer), tokenizer.max_len) == (14, 512)


def test_a_pad_token_of_gpt2_fills_batches() -> None:
    gpt2_folder(added_tokens={"<|pad|>": 5}, special_tokens_map={"pad_token": "<|pad|>"})
    tokenizer = GPT2Tokenizer.from_pretrained(".")

    assert tokenizer.encode("a<|pad|> b") == [0, 5, 3, 1]
    assert tokenizer.encode_batch(["ab", "ab a"]).input_ids.tolist() == [[2, 5, 5], [2, 3, 0]]


@pytest.mark.parametrize(
    ("settings", "text", "tokens"),
    [
        ({"strip_accents": False}, "Öl", ["ö", "##l"]),
        ({"strip_accents": None}, "Öl", ["o", "##l"]),
        ({"do_lower_case": False, "strip_accents": True}, "öl", ["o", "##l"]),
        ({"do_lower_case": False}, "öl THE", ["ö", "##l", "[UNK]"]),
        ({"do_basic_tokenize": False}, "the THE", ["the", "[UNK]"]),
        ({"never_split": ["THE"]}, "THE [MASK]", ["[UNK]", "[MASK]"]),
        ({"never_split": None}, "THE [MASK]", ["the", "[MASK]"]),
        ({"unk_token": "o"}, "zzz", ["o"]),
    ],
)
def test_settings_of_a_folder_are_believed(
    settings: dict[str, Any], text: str, tokens: list[str]
) -> None:
    bert_folder(tokenizer_config=settings)

    tokenizer = BertTokenizer.from_pretrained(".")

    assert tokenizer.tokenize(text) == tokens
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode_flat([text]).ids) == tokens


def test_ideographs_stay_in_words_where_a_folder_says_so() -> None:
    write_lines("vocab.txt", [*SYMBOLS, "中", "##文", "文"])
    assert BertTokenizer.from_pretrained(".").tokenize("中文") == ["中", "文"]

    write_json(tokenizer_config={"tokenize_chinese_chars": False})

    assert BertTokenizer.from_pretrained(".").tokenize("中文") == ["中", "##文"]


def test_the_callers_arguments_come_before_those_of_the_folder() -> None:
    bert_folder(tokenizer_config={"do_lower_case": False, "model_max_length": 9})

    assert BertTokenizer.from_pretrained(".", do_lower_case=True).tokenize("THE") == ["the"]
    assert BertTokenizer.from_pretrained(".", max_len=3).max_len == 3
    positional = BertTokenizer.from_pretrained(".", None, True, 5)
    assert (positional.tokenize("THE"), positional.max_len) == (["the"], 5)


def test_a_subclass_with_fewer_arguments_loads_an_ordinary_folder() -> None:
    class Mine(BertTokenizer):
        def __init__(self, vocab_file: Any, do_lower_case: bool = False) -> None:
            super().__init__(vocab_file, do_lower_case)

    bert_folder(tokenizer_config={"do_lower_case": True, "strip_accents": None})

    assert Mine.from_pretrained(".").tokenize("THE") == ["the"]


def test_a_file_named_like_the_vocabulary_brings_its_folder_along() -> None:
    bert_folder(tokenizer_config={"do_lower_case": False})

    assert BertTokenizer.from_pretrained("vocab.txt").tokenize("THE") == ["[UNK]"]
    assert BertTokenizer("vocab.txt").tokenize("THE") == ["the"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokenizer_class": "AlbertTokenizer"}, r"is of a AlbertTokenizer, which tokenizes in"),
        ({"truncation_side": "left"}, r"truncation_side='left', which BertTokenizer does not have"),
        ({"split_special_tokens": True}, r"split_special_tokens=True, which BertTokenizer does"),
        ({"wordpieces_prefix": "@@"}, r"wordpieces_prefix='@@', which BertTokenizer does not"),
        ({"do_lower_case": "yes"}, r"has 'yes' as do_lower_case, where a value of the kind 'true"),
        ({"never_split": [1]}, r"has \[1\] as never_split, where a value of the kind 'list of"),
        ({"model_max_length": True}, r"has True as model_max_length, where a value of the kind"),
        ({"added_tokens_decoder": [1]}, r"has no object as added_tokens_decoder; correct it"),
        ({"added_tokens_decoder": {"x": "a"}}, r"gives the added token 'a' the id 'x'; ids count"),
        ({"added_tokens_decoder": {"12": {}}}, r"has {} as an added token; give its text, or an"),
        (
            {"added_tokens_decoder": {"12": {"content": "a", "lstrip": 1}}},
            r"as an added token; give its text, or an object with its content and flags that are",
        ),
        (
            {"added_tokens_decoder": {"12": "the"}},
            r"gives the added token 'the' the id 12, but the vocabulary gives it 5; correct the",
        ),
        (
            {"added_tokens_decoder": {"5": "new"}},
            r"gives the added token 'new' the id 5, but this is the id of 'the'; correct the file",
        ),
    ],
)
def test_what_would_change_ids_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    bert_folder(tokenizer_config=settings)

    with pytest.raises(BadVocabulary, match=message):
        BertTokenizer.from_pretrained(".")


@pytest.mark.parametrize("key", ["add_prefix_space", "add_bos_token", "add_eos_token"])
def test_what_gpt2_would_add_to_texts_is_refused(key: str) -> None:
    gpt2_folder(tokenizer_config={key: False})
    assert GPT2Tokenizer.from_pretrained(".").encode("ab") == [2]

    write_json(tokenizer_config={key: True})

    with pytest.raises(BadVocabulary, match=f"{key}=True, which GPT2Tokenizer does not have"):
        GPT2Tokenizer.from_pretrained(".")


def test_keys_that_change_nothing_are_ignored() -> None:
    bert_folder(tokenizer_config={"name_or_path": "x", "model_max_length": 1e30, "backend": "y"})

    tokenizer = BertTokenizer.from_pretrained(".")

    assert tokenizer.encode("the") == [2, 5, 3]
    assert tokenizer.max_len == 10**12


@pytest.mark.parametrize("file", ["tokenizer_config", "special_tokens_map"])
@pytest.mark.parametrize("tokens", ["[E1]", 5])
def test_more_special_tokens_that_are_no_list_are_refused(file: str, tokens: Any) -> None:
    bert_folder(**{file: {"additional_special_tokens": tokens}})

    with pytest.raises(
        BadVocabulary,
        match=rf"{file}.json' has {re.escape(repr(tokens))} as additional_special_tokens, where a "
        "list of tokens is expected; correct it, or remove it and call add_special_tokens",
    ):
        BertTokenizer.from_pretrained(".")


def test_a_usual_token_whose_role_another_token_has_is_split() -> None:
    bert_folder(tokenizer_config={"mask_token": "the", "sep_token": "[SEP]"})
    tokenizer = BertTokenizer.from_pretrained(".")
    assert tokenizer.tokenize("[MASK] [SEP] cat") == [*["[UNK]"] * 3, "[SEP]", "cat"]
    tokenizer.save_vocabulary("again/")
    assert BertTokenizer.from_pretrained("again").settings() == tokenizer.settings()

    bert_folder(tokenizer_config={"mask_token": "the", "never_split": ["l.o"]})
    tokenizer = BertTokenizer.from_pretrained(".")
    assert tokenizer.tokenize("[MASK] l.o [CLS]") == [*["[UNK]"] * 4, "[CLS]"]

    more = {"additional_special_tokens": ["[MASK]"]}
    bert_folder(tokenizer_config={"mask_token": "the", **more})
    assert BertTokenizer.from_pretrained(".").tokenize("[MASK]cat") == ["[MASK]", "cat"]


def test_a_file_with_wrong_added_tokens_is_named() -> None:
    bert_folder(added_tokens={"new": -1})

    with pytest.raises(BadVocabulary, match=r"added_tokens\.json' gives .*'new' the id -1"):
        BertTokenizer.from_pretrained(".")


def test_files_that_give_a_token_two_ids_are_refused() -> None:
    bert_folder(
        added_tokens={"new": 12},
        tokenizer_config={"added_tokens_decoder": {"13": {"content": "new"}}},
    )

    with pytest.raises(BadVocabulary, match="give the added token 'new' two ids, 12 and 13"):
        BertTokenizer.from_pretrained(".")


def test_special_tokens_without_an_id_follow_the_others_and_roles_that_are_missing_do_nothing() -> (
    None
):
    bert_folder(special_tokens_map={"additional_special_tokens": ["<x>"], "bos_token": "<nowhere>"})
    tokenizer = BertTokenizer.from_pretrained(".")

    assert tokenizer.added_tokens.ids == {"<x>": 12}
    assert "<nowhere>" not in tokenizer.vocabulary


def test_a_folder_that_another_library_wrote_over_is_read_as_that_librarys() -> None:
    bert_folder()
    ours = BertTokenizer.from_pretrained(".", never_split=[])
    ours.save_vocabulary("saved/")
    assert BertTokenizer.from_pretrained("saved").tokenize("[MASK]") == ["[UNK]"] * 3

    Path("saved/special_tokens_map.json").write_text('{"mask_token": "[MASK]"}')

    assert BertTokenizer.from_pretrained("saved").tokenize("[MASK]") == ["[MASK]"]


def test_files_of_the_tokenizer_that_was_there_before_are_set_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bert_folder(added_tokens={"new": 12})
    tokenizer = BertTokenizer.from_pretrained(".")
    tokenizer.add_tokens(["more"])

    with caplog.at_level(logging.WARNING):
        tokenizer.save_vocabulary(".")

    assert "describes the tokenizer that was in this folder before; it is now" in caplog.text
    assert Path("added_tokens.json.old").exists()
    assert BertTokenizer.from_pretrained(".").added_tokens.ids == {"new": 12, "more": 13}


def test_special_settings_of_a_transformer_xl_are_refused() -> None:
    write_lines("vocab.txt", ["<eos>", "<unk>", "a"])
    write_json(tokenizer_config={"lower_case": True, "unk_token": "<unk>"})
    assert TransfoXLTokenizer.from_pretrained(".").encode("A") == [2]

    write_json(tokenizer_config={"unk_token": "a"})

    with pytest.raises(BadVocabulary, match="unk_token='a', which TransfoXLTokenizer does not"):
        TransfoXLTokenizer.from_pretrained(".")


def test_the_recorded_class_shows_the_family() -> None:
    write_lines("vocab.txt", ["one", "two", "three", "four", "five"])
    with pytest.raises(MissingVocabulary, match=r"or tokenizer\.json there shows its family"):
        load_tokenizer(".")

    write_json(tokenizer_config={"tokenizer_class": "BertTokenizerFast"})

    assert type(load_tokenizer(".")) is BertTokenizer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"additional_special_tokens": 5}',
            "has 5 as additional_special_tokens, where a list of tokens is expected",
        ),
        (
            '{"extra_special_tokens": "<x>"}',
            "has '<x>' as extra_special_tokens, where a list of tokens is expected",
        ),
        ('{"model_max_length": -Infinity}', "has -inf as model_max_length"),
        ('{"model_max_length": NaN}', "has nan as model_max_length"),
        (f'{{"model_max_length": {"9" * 5000}}}', "is not JSON"),
        (f'{{"added_tokens_decoder": {{"{"9" * 5000}": "a"}}}}', "ids count from 0"),
    ],
)
def test_odd_values_in_tokenizer_config_are_named(text: str, message: str) -> None:
    Path("vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\nthe\n")
    Path("tokenizer_config.json").write_text(text)

    with pytest.raises(BadVocabulary, match=message):
        BertTokenizer.from_pretrained(".")


def test_an_added_token_of_one_library_is_one_here(published: Callable[[str], Path]) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    tokenizer.add_tokens([AddedToken("[E1]", normalized=False), "covid19"])

    assert tokenizer.encode("[E1] COVID19", add_special_tokens=False) == [30522, 30523]
