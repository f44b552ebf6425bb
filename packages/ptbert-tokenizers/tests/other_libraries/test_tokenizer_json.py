"""What other libraries wrote to tokenizer.json: believed, or refused by name."""

from pathlib import Path
from typing import Any

import pytest
from folders_of_others import SYMBOLS, bert_folder, gpt2_folder, write_json

from ptbert_tokenizers import (
    BadVocabulary,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
)
from ptbert_tokenizers.families import load_tokenizer

pytestmark = pytest.mark.usefixtures("no_spacy")


@pytest.mark.parametrize("source", [".", "tokenizer.json"])
def test_a_folder_with_tokenizer_json_alone_loads(source: str) -> None:
    model = {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(SYMBOLS)}}
    write_json(
        tokenizer={"model": model},
        tokenizer_config={"tokenizer_class": "BertTokenizer", "do_lower_case": True},
    )

    for load in (BertTokenizer.from_pretrained, load_tokenizer):
        assert load(source).encode("THE cat") == [2, 5, 6, 3]


def test_a_vocabulary_that_contradicts_tokenizer_json_is_refused() -> None:
    model = {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(SYMBOLS[::-1])}}
    bert_folder(tokenizer={"model": model})

    with pytest.raises(
        BadVocabulary, match=r"gives 'o' the id 0, but the vocabulary beside it gives it 11; remove"
    ):
        BertTokenizer.from_pretrained(".")


def test_a_tokenizer_json_of_another_family_is_refused() -> None:
    gpt2_folder(tokenizer={"model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}})

    with pytest.raises(
        BadVocabulary, match="of the family bert, which GPT2Tokenizer does not read"
    ):
        GPT2Tokenizer.from_pretrained(".")


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
