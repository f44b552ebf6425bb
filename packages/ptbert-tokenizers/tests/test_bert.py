"""BertTokenizer: parts, lookups, saving, casing."""

import copy
import json
import logging
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest

from ptbert_tokenizers import (
    BadVocabulary,
    BasicTokenizer,
    BertTokenizer,
    MissingVocabulary,
    UnknownId,
    UnknownToken,
    load_vocab,
)

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##want", "##ed", "run", ",", "a"]


@pytest.fixture
def tokenizer() -> BertTokenizer:
    Path("vocab.txt").write_text("".join(f"{token}\n" for token in TOKENS), encoding="utf-8")
    return BertTokenizer("vocab.txt")


def test_pieces_and_ids_of_a_worked_example(tokenizer: BertTokenizer) -> None:
    tokens = tokenizer.tokenize("UNwant\u00e9d,running")

    assert tokens == ["un", "##want", "##ed", ",", "[UNK]"]
    assert tokenizer.convert_tokens_to_ids(tokens) == [5, 6, 7, 9, 1]
    assert tokenizer.convert_ids_to_tokens([5, 6, 7, 9, 1]) == tokens


def test_encode_frames_one_text_and_two(tokenizer: BertTokenizer) -> None:
    assert tokenizer.encode("unwanted") == [2, 5, 6, 7, 3]
    assert tokenizer.encode("unwanted", "a") == [2, 5, 6, 7, 3, 10, 3]
    assert tokenizer.encode("unwanted", "a", add_special_tokens=False) == [5, 6, 7, 10]


def test_encoding_agrees_with_the_ids_recorded_beside_real_weights(
    published: Callable[[str], Path],
) -> None:
    data = json.loads((Path(__file__).parent / "data" / "minilm.json").read_text())
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))

    assert [tokenizer.encode(text) for text in data["sentences"]] == data["input_ids"]


def test_decode_joins_pieces_and_closes_gaps(tokenizer: BertTokenizer) -> None:
    ids = tokenizer.encode("unwanted, a")

    assert tokenizer.decode(ids) == "[CLS] unwanted, a [SEP]"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "unwanted, a"
    assert (
        tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        == "unwanted , a"
    )


def test_the_vocabulary_is_an_ordered_dict(tokenizer: BertTokenizer) -> None:
    assert isinstance(tokenizer.vocab, OrderedDict)
    assert list(tokenizer.vocab) == TOKENS
    assert tokenizer.ids_to_tokens[6] == "##want"


def test_a_replaced_basic_tokenizer_is_used(tokenizer: BertTokenizer) -> None:
    class Shouting(BasicTokenizer):
        def tokenize(self, text: str) -> list[str]:
            return [word.lower() for word in self._clean_text(text).split("-")]

    tokenizer.encode("run")
    tokenizer.basic_tokenizer = Shouting()

    assert tokenizer.tokenize("RUN-A") == ["run", "a"]
    assert tokenizer.encode("RUN-A", add_special_tokens=False) == [8, 10]


def test_an_edited_part_is_used(tokenizer: BertTokenizer) -> None:
    assert tokenizer.tokenize("RUN [SEP]") == ["run", "[SEP]"]

    tokenizer.basic_tokenizer.do_lower_case = False
    tokenizer.basic_tokenizer.never_split = []

    assert tokenizer.tokenize("RUN [SEP]") == ["[UNK]"] * 4


def test_a_replaced_wordpiece_tokenizer_is_used(tokenizer: BertTokenizer) -> None:
    tokenizer.encode("run")

    tokenizer.wordpiece_tokenizer.max_input_chars_per_word = 2

    assert tokenizer.encode("run a", add_special_tokens=False) == [1, 10]


def test_a_word_added_to_the_vocabulary_is_found(tokenizer: BertTokenizer) -> None:
    assert tokenizer.tokenize("wanted") == ["[UNK]"]

    tokenizer.vocab["wanted"] = tokenizer.vocab.pop("un")

    assert tokenizer.tokenize("wanted") == ["wanted"]
    assert tokenizer.encode("wanted", add_special_tokens=False) == [5]


def test_a_method_patched_onto_a_part_is_used(
    tokenizer: BertTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tokenizer.encode("run", add_special_tokens=False) == [8]

    monkeypatch.setattr(BasicTokenizer, "_run_strip_accents", lambda self, text: "a")

    assert tokenizer.encode("run", add_special_tokens=False) == [10]


def test_a_subclass_that_overrides_tokenize_decides(tokenizer: BertTokenizer) -> None:
    class Letters(BertTokenizer):
        def tokenize(self, text: str) -> list[str]:
            return list(text)

    assert Letters("vocab.txt").encode("aa", add_special_tokens=False) == [10, 10]


def test_pickles_and_copies_work(tokenizer: BertTokenizer) -> None:
    tokenizer.encode("unwanted")

    for twin in (pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer)):
        assert twin.encode("unwanted, a") == tokenizer.encode("unwanted, a")
        assert twin.wordpiece_tokenizer.vocab is twin.vocab


def test_saving_to_a_folder_or_a_file_can_be_reloaded(
    tokenizer: BertTokenizer, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()

    in_folder = tokenizer.save_vocabulary(folder)
    as_file = tokenizer.save_vocabulary(tmp_path / "my_own_vocab_file.bin")

    assert in_folder == str(folder / "vocab.txt")
    assert as_file == str(tmp_path / "my_own_vocab_file.bin")
    for again in (
        BertTokenizer.from_pretrained(folder),
        BertTokenizer.from_pretrained(in_folder),
        BertTokenizer.from_pretrained(as_file),
        BertTokenizer(as_file, do_lower_case=False),
    ):
        assert again.vocab == tokenizer.vocab


def test_saving_where_no_folder_is_fails(tokenizer: BertTokenizer) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere.*create it first"):
        tokenizer.save_vocabulary("nowhere/vocab.txt")


@pytest.mark.parametrize("lower", [True, False])
def test_the_casing_recorded_in_a_folder_is_believed(tokenizer: BertTokenizer, lower: bool) -> None:
    Path("tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}))

    assert BertTokenizer.from_pretrained(".").basic_tokenizer.do_lower_case is lower
    told = BertTokenizer.from_pretrained(".", do_lower_case=not lower)
    assert told.basic_tokenizer.do_lower_case is not lower


def test_a_broken_tokenizer_config_is_named(tokenizer: BertTokenizer) -> None:
    Path("tokenizer_config.json").write_text("{")

    with pytest.raises(BadVocabulary, match=r"tokenizer_config\.json' is not JSON"):
        BertTokenizer.from_pretrained(".")


def test_lower_casing_a_cased_vocabulary_warns_once(
    published: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    BertTokenizer.from_pretrained(published("bert-base-cased"))

    assert len(caplog.records) == 1
    assert "pass do_lower_case=False" in caplog.text


@pytest.mark.parametrize("name", ["bert-base-uncased", "bert-base-chinese"])
def test_uncased_vocabularies_do_not_warn(
    name: str, published: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    BertTokenizer.from_pretrained(published(name))

    assert not caplog.records


def test_too_long_an_input_warns_with_the_limit(
    tokenizer: BertTokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer.max_len = 3
    with caplog.at_level(logging.WARNING):
        tokenizer.encode("unwanted")

    assert "5 tokens are more than the model's longest input of 3" in caplog.text


def test_an_unknown_token_is_named_with_its_position(tokenizer: BertTokenizer) -> None:
    with pytest.raises(KeyError, match=r"token 'walk' at position 1 .*vocabulary of 11; tokenize"):
        tokenizer.convert_tokens_to_ids(["run", "walk"])
    with pytest.raises(UnknownToken, match="token 'nope' is not in"):
        tokenizer.convert_tokens_to_ids(["run"], unk_token="nope")
    assert tokenizer.convert_tokens_to_ids(["run", "walk"], unk_token="[UNK]") == [8, 1]


@pytest.mark.parametrize("index", [11, -1, 10**12])
def test_an_id_outside_the_vocabulary_is_named(tokenizer: BertTokenizer, index: int) -> None:
    with pytest.raises(UnknownId, match=rf"id {index} is outside .* 11 tokens \(0 to 10\)"):
        tokenizer.convert_ids_to_tokens([0, index])


def test_a_missing_vocabulary_is_named() -> None:
    with pytest.raises(MissingVocabulary, match=r"no vocabulary file at 'absent\.txt'"):
        BertTokenizer("absent.txt")


def test_strips_line_ends_of_every_system_and_a_byte_order_mark() -> None:
    Path("vocab.txt").write_bytes("\ufeff[UNK]\r\nthe\rcat\n".encode())

    assert list(load_vocab("vocab.txt")) == ["[UNK]", "the", "cat"]
