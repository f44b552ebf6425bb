"""Folders that other libraries wrote: believed, or refused by name."""

import gzip
import json
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import (
    AddedToken,
    BadVocabulary,
    BertTokenizer,
    GPT2Tokenizer,
    MissingVocabulary,
    OpenAIGPTTokenizer,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.families import CLASSES, load_tokenizer
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges

RECORDED = json.loads(
    gzip.decompress((Path(__file__).parent / "data/folders_of_transformers.json.gz").read_bytes())
)
SYMBOLS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "ö", "l", "##l", "o"]


@pytest.fixture(autouse=True)
def _no_spacy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)


def write_json(**files: Any) -> None:
    for name, content in files.items():
        Path(f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def bert_folder(**files: Any) -> None:
    write_lines("vocab.txt", SYMBOLS)
    write_json(**files)


def gpt2_folder(**files: Any) -> None:
    write_json_vocabulary("vocab.json", {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "<|endoftext|>": 4})
    write_merges("merges.txt", [("a", "b")])
    write_json(**files)


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


@pytest.mark.parametrize("source", [".", "tokenizer.json"])
def test_a_folder_with_tokenizer_json_alone_loads(source: str) -> None:
    model = {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(SYMBOLS)}}
    write_json(
        tokenizer={"model": model},
        tokenizer_config={"tokenizer_class": "BertTokenizer", "do_lower_case": True},
    )

    for load in (BertTokenizer.from_pretrained, load_tokenizer):
        assert load(source).encode("THE cat") == [2, 5, 6, 3]


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


def test_a_vocabulary_that_contradicts_tokenizer_json_is_refused() -> None:
    model = {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(SYMBOLS[::-1])}}
    bert_folder(tokenizer={"model": model})

    with pytest.raises(
        BadVocabulary, match=r"gives 'o' the id 0, but the vocabulary beside it gives it 11; remove"
    ):
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


def test_a_tokenizer_json_of_another_family_is_refused() -> None:
    gpt2_folder(tokenizer={"model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}})

    with pytest.raises(
        BadVocabulary, match="of the family bert, which GPT2Tokenizer does not read"
    ):
        GPT2Tokenizer.from_pretrained(".")


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


def test_gpt_reads_merges_from_tokenizer_json() -> None:
    vocabulary = {"<unk>": 0, "a": 1, "b</w>": 2, "ab</w>": 3}
    model = {"type": "BPE", "vocab": vocabulary, "end_of_word_suffix": "</w>"}
    for merges in (["a b</w>"], [["a", "b</w>"]]):
        write_json(tokenizer={"model": {**model, "merges": merges}})

        tokenizer = load_tokenizer(".")

        assert type(tokenizer) is OpenAIGPTTokenizer
        assert tokenizer.encode("AB") == [3]


BERT_JSON: dict[str, Any] = {
    "normalizer": {"type": "BertNormalizer", "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(SYMBOLS)}},
}
GPT2_JSON: dict[str, Any] = {
    "pre_tokenizer": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
}
GPT_JSON: dict[str, Any] = {
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"}
}


def changed(whole: dict[str, Any], part: str, **keys: Any) -> dict[str, Any]:
    return {**whole, part: {**whole.get(part, {}), **keys}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "describes no tokenizer: it has no model; give the folder"),
        (
            changed(GPT2_JSON, "model", merges=3),
            "has no list of added tokens or of merges; save the",
        ),
        ({**GPT2_JSON, "added_tokens": 3}, "has no list of added tokens or of merges; save the"),
        (
            changed(BERT_JSON, "normalizer", lowercase="yes"),
            "tokenizer.json' has 'yes' as do_lower_case, where a value of the kind 'true or false",
        ),
        ({"model": {"type": "Unigram"}}, "has a model that no tokenizer of this package has: Unig"),
        (changed(BERT_JSON, "normalizer", type="NFC"), "has a normalizer .* has: NFC; load it"),
        (
            changed(BERT_JSON, "normalizer", clean_text=False),
            "BertNormalizer with clean_text=False",
        ),
        (changed(BERT_JSON, "pre_tokenizer", type="Whitespace"), "a pre_tokenizer .* Whitespace"),
        (
            changed(BERT_JSON, "model", continuing_subword_prefix="@"),
            "WordPiece with continuing_subword_prefix='@'",
        ),
        (
            changed(BERT_JSON, "post_processor", type="RobertaProcessing"),
            "a post_processor .* Robe",
        ),
        (
            changed(BERT_JSON, "post_processor", type="TemplateProcessing", single=[]),
            "a post_processor that no tokenizer of this package has: TemplateProcessing",
        ),
        (
            {**BERT_JSON, "normalizer": None},
            "has no normalizer, so that it tokenizes in another way",
        ),
        ({**BERT_JSON, "post_processor": None}, "has no post_processor, so that it tokenizes"),
        ({**BERT_JSON, "normalizer": 3}, "has a normalizer that no tokenizer .* has: 3"),
        (changed(BERT_JSON, "model", vocab=[]), "has no vocabulary of the form token to id"),
        (
            {**BERT_JSON, "added_tokens": [{"content": "x"}]},
            "gives the added token 'x' the id None",
        ),
        (changed(GPT2_JSON, "normalizer", type="NFC"), "has a normalizer .* has: NFC; load it"),
        (changed(GPT2_JSON, "pre_tokenizer", type="Split"), "has a pre_tokenizer .* has: Split"),
        (changed(GPT2_JSON, "pre_tokenizer", add_prefix_space=True), "with add_prefix_space=True"),
        (changed(GPT2_JSON, "model", ignore_merges=True), "BPE with ignore_merges=True"),
        (changed(GPT2_JSON, "model", dropout=0.1), "BPE with dropout=0.1"),
        (changed(GPT2_JSON, "model", end_of_word_suffix="@"), "BPE with end_of_word_suffix='@'"),
        (changed(GPT2_JSON, "model", merges=["a"]), "has 'a' as a merge; a merge is two symbols"),
        (
            changed(
                GPT2_JSON, "post_processor", type="TemplateProcessing", special_tokens={"x": 1}
            ),
            "a post_processor that no tokenizer of this package has: TemplateProcessing",
        ),
        (changed(GPT2_JSON, "post_processor", type="RobertaProcessing"), "_processor .* Robe"),
        (changed(GPT2_JSON, "post_processor", type="BertProcessing"), "post_processor .* BertP"),
        (changed(GPT2_JSON, "post_processor", type="Sequence"), "post_processor .*: Sequence;"),
        (
            changed(
                GPT2_JSON,
                "post_processor",
                type="Sequence",
                processors=[
                    {"type": "ByteLevel"},
                    {"type": "TemplateProcessing", "special_tokens": {"a": {}}},
                ],
            ),
            "a post_processor that no tokenizer of this package has: TemplateProcessing",
        ),
        (changed(GPT_JSON, "post_processor", type="BertProcessing"), "post_processor .* BertP"),
        (
            {**GPT_JSON, "normalizer": {"type": "BertNormalizer", "strip_accents": False}},
            "BertNormalizer with .*'strip_accents': False",
        ),
        (
            {**GPT_JSON, "normalizer": {"type": "BertNormalizer", "lowercase": False}},
            "has a normalizer that no tokenizer of this package has: BertNormalizer with",
        ),
        ({**GPT_JSON, "pre_tokenizer": {"type": "Metaspace"}}, "a pre_tokenizer .* Metaspace"),
    ],
)
def test_a_tokenizer_json_of_another_kind_is_refused(content: Any, message: str) -> None:
    write_json(tokenizer=content)

    with pytest.raises(BadVocabulary, match=message):
        load_tokenizer(".")


def test_a_tokenizer_json_that_is_damaged_is_named() -> None:
    Path("tokenizer.json").write_text("[" * 100_000)

    with pytest.raises(BadVocabulary, match=r"tokenizer\.json' is not JSON"):
        load_tokenizer(".")

    Path("tokenizer.json").write_text("{")

    with pytest.raises(BadVocabulary, match=r"tokenizer\.json' is not JSON"):
        load_tokenizer(".")


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


def test_frames_and_sizes_of_tokenizer_json_are_believed() -> None:
    template = [
        {"SpecialToken": {"id": "the", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "cat", "type_id": 0}},
    ]
    pair = [
        *template,
        {"Sequence": {"id": "B", "type_id": 1}},
        {"SpecialToken": {"id": "cat", "type_id": 1}},
    ]
    processors = (
        {"type": "BertProcessing", "cls": ["the", 5], "sep": ["cat", 6]},
        {"type": "TemplateProcessing", "single": template, "pair": pair},
    )
    for processor in processors:
        whole = changed(BERT_JSON, "model", unk_token="o", max_input_chars_per_word=2)
        write_json(tokenizer={**whole, "post_processor": processor})

        tokenizer = load_tokenizer(".")

        assert tokenizer.encode("ll lll", "") == [5, 9, 10, 11, 6, 6]


@pytest.mark.parametrize(
    "processors",
    [
        [],
        [{"type": "ByteLevel"}],
        [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "special_tokens": {}}],
    ],
)
def test_processors_that_add_nothing_to_texts_are_accepted(processors: list[Any]) -> None:
    whole = changed(GPT2_JSON, "post_processor", type="Sequence", processors=processors)
    write_json(tokenizer=whole)

    assert load_tokenizer(".").encode("a") == [0]


def test_an_added_token_of_one_library_is_one_here(published: Callable[[str], Path]) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    tokenizer.add_tokens([AddedToken("[E1]", normalized=False), "covid19"])

    assert tokenizer.encode("[E1] COVID19", add_special_tokens=False) == [30522, 30523]
