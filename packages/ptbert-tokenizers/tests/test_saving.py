"""save_vocabulary: folders and files, what is written, and what cannot be."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import (
    BadVocabulary,
    BasicTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TransfoXLTokenizer,
    WordpieceTokenizer,
)
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.files.symbols import read_symbols
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges

SYMBOLS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "a"]


pytestmark = pytest.mark.usefixtures("no_spacy")


def bert(**options: Any) -> BertTokenizer:
    write_lines("v.txt", SYMBOLS)
    return BertTokenizer("v.txt", **options)


def gpts(cls: Any, **options: Any) -> Any:
    write_json_vocabulary("v.json", {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "a</w>": 4})
    write_merges("m.txt", [("a", "b")])
    return cls("v.json", "m.txt", **options)


def transfo_xl(**options: Any) -> TransfoXLTokenizer:
    tokenizer = TransfoXLTokenizer(**{"special": ["<eos>", "<unk>"], **options})
    tokenizer.count_sents([["a", "b"]])
    tokenizer.build_vocab()
    return tokenizer


@pytest.mark.parametrize("target", ["out/", "models/run1/", "run2"])
@pytest.mark.parametrize(
    "make", [bert, transfo_xl, lambda: gpts(GPT2Tokenizer), lambda: gpts(OpenAIGPTTokenizer)]
)
def test_a_path_that_names_a_folder_is_one(make: Any, target: str) -> None:
    tokenizer = make()

    written = tokenizer.save_vocabulary(target)

    assert Path(target).is_dir()
    paths = [written] if isinstance(written, str) else written
    assert all(Path(path).parent == Path(target) for path in paths)
    twin = type(tokenizer).from_pretrained(target)
    assert twin.settings() == tokenizer.settings()


def test_a_file_without_a_suffix_that_is_there_stays_a_file() -> None:
    Path("vocabulary").touch()

    assert bert().save_vocabulary("vocabulary") == "vocabulary"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("own.bin", "own.bin.tokenizer_config.json"),
        ("saved/vocab.txt", "saved/tokenizer_config.json"),
    ],
)
def test_settings_of_a_file_are_beside_it(name: str, config: str) -> None:
    tokenizer = bert(do_lower_case=False, max_len=9)
    tokenizer.add_tokens(["new"])
    Path("saved").mkdir()
    Path("tokenizer.json").write_text("of something else")

    tokenizer.save_vocabulary(name)

    assert Path(config).is_file()
    for source in {name, name.replace("vocab.txt", "")}:
        twin = BertTokenizer.from_pretrained(source)
        assert twin.settings() == tokenizer.settings()
        assert twin.tokenize("THEnew") == ["[UNK]", "new"]


def test_ids_of_special_tokens_are_kept_although_they_depend_on_the_order() -> None:
    tokenizer = gpts(GPT2Tokenizer)
    tokenizer.add_tokens(["new"])
    tokenizer.set_special_tokens(["_s_", "ab"])

    tokenizer.save_vocabulary("saved/")
    twin = GPT2Tokenizer.from_pretrained("saved")

    assert twin.special_tokens == {"_s_": 6, "ab": 3}
    assert twin.added_tokens.ids == {"new": 5}
    other = GPT2Tokenizer.from_pretrained("saved", special_tokens=["_t_"])
    assert other.special_tokens == {"_t_": 6}


@pytest.mark.parametrize("ids", [{"_s_": None}, {"_s_": "x"}, {"_s_": -1}])
def test_damaged_ids_of_special_tokens_are_named(ids: Any) -> None:
    gpts(GPT2Tokenizer, special_tokens=["_s_"]).save_vocabulary("saved/")
    config = Path("saved/tokenizer_config.json")
    settings = json.loads(config.read_text())
    settings["ptbert"]["special_token_ids"] = ids
    config.write_text(json.dumps(settings))

    with pytest.raises(BadVocabulary, match="as ids of special tokens; correct the file"):
        GPT2Tokenizer.from_pretrained("saved")


def test_settings_below_our_key_are_an_object() -> None:
    bert().save_vocabulary("saved/")
    Path("saved/tokenizer_config.json").write_text('{"ptbert": 3}')

    with pytest.raises(BadVocabulary, match="has 3 as ptbert; correct it, or remove it"):
        BertTokenizer.from_pretrained("saved")


class Other(BasicTokenizer):
    """A part of a program's own."""

    def tokenize(self, text: str) -> list[str]:
        return text.split("-")


class OtherPieces(WordpieceTokenizer):
    """Another one."""

    def tokenize(self, text: str) -> list[str]:
        return list(text)


@pytest.mark.parametrize("part", ["basic_tokenizer", "wordpiece_tokenizer"])
def test_a_replaced_part_is_not_saved_with_a_warning(
    part: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = bert()
    new = Other() if part == "basic_tokenizer" else OtherPieces(tokenizer.vocab)
    setattr(tokenizer, part, new)

    with caplog.at_level(logging.WARNING):
        tokenizer.save_vocabulary("saved/")

    assert f"a program changed {part}, which cannot be saved; change it again" in caplog.text
    assert type(getattr(BertTokenizer.from_pretrained("saved"), part)) is not type(new)


def test_another_vocabulary_of_pieces_is_not_saved_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokenizer = bert()
    tokenizer.wordpiece_tokenizer.vocab = tokenizer.vocab.copy()
    tokenizer.save_vocabulary("saved/")
    assert not caplog.records

    tokenizer.wordpiece_tokenizer.vocab.popitem()
    tokenizer.save_vocabulary("saved/")

    assert "a program changed the vocabulary of wordpiece_tokenizer, which cannot" in caplog.text


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda gpt: setattr(gpt, "nlp", Other()), "nlp"),
        (lambda gpt: setattr(gpt.nlp, "do_lower_case", False), "nlp"),
    ],
)
def test_changed_words_of_gpt_are_not_saved_with_a_warning(
    change: Any, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = gpts(OpenAIGPTTokenizer)
    tokenizer.save_vocabulary("saved/")
    assert not caplog.records

    change(tokenizer)
    tokenizer.save_vocabulary("saved/")

    assert f"a program changed {part}, which cannot be saved" in caplog.text


def test_another_pattern_of_gpt2_is_not_saved_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import re

    tokenizer = gpts(GPT2Tokenizer)
    tokenizer.pat = re.compile(r"\S+")

    tokenizer.save_vocabulary("saved/")

    assert "a program changed how text is cut into words, which cannot be saved" in caplog.text


def test_a_replaced_part_without_settings_is_saved_as_usual() -> None:
    class Bare:
        def tokenize(self, text: str) -> list[str]:
            return text.split()

    tokenizer: Any = bert()
    tokenizer.basic_tokenizer = Bare()

    tokenizer.save_vocabulary("saved/")

    assert BertTokenizer.from_pretrained("saved").basic_tokenizer.do_lower_case is True


@pytest.mark.parametrize("delimiter", [",", "", " "])
def test_symbols_with_spaces_are_saved_in_folders(delimiter: str) -> None:
    tokenizer = TransfoXLTokenizer(delimiter=delimiter)
    tokenizer.count_sents([tokenizer.tokenize('two  words,"x",\u2028é')])
    tokenizer.build_vocab()

    tokenizer.save_vocabulary("saved/")
    twin = load_tokenizer("saved")

    assert isinstance(twin, TransfoXLTokenizer)
    assert twin.idx2sym == tokenizer.idx2sym
    assert twin.sym2idx == tokenizer.sym2idx


def test_a_vocabulary_without_unknown_symbol_comes_back_as_it_was() -> None:
    tokenizer = transfo_xl(special=[])
    tokenizer.save_vocabulary("saved/")

    twin = TransfoXLTokenizer.from_pretrained("saved")

    assert "unk_idx" not in vars(twin)
    assert {**vars(twin), "counter": None} == {**vars(tokenizer), "counter": None}


@pytest.mark.parametrize(
    ("lines", "form", "message"),
    [
        ("a\nb\na\n", "words", "line 3 repeats line 1; save the tokenizer again"),
        ('"a"\n3\n', "json", "line 2 is not a JSON string; save the tokenizer again"),
        ('"a"\nx\n', "json", r"has a line that is not a JSON string \(Expecting value"),
    ],
)
def test_changed_symbols_are_named(lines: str, form: str, message: str) -> None:
    Path("s.txt").write_text(lines)

    with pytest.raises(BadVocabulary, match=message):
        read_symbols("s.txt", form)


@pytest.mark.parametrize("numbers", [[], {"unk_idx": 99}, {"unk": 0}])
def test_damaged_ids_of_special_symbols_are_named(numbers: Any) -> None:
    transfo_xl().save_vocabulary("saved/")
    config = Path("saved/tokenizer_config.json")
    settings = json.loads(config.read_text())
    settings["ptbert"]["numbers"] = numbers or [1]
    config.write_text(json.dumps(settings))

    with pytest.raises(
        BadVocabulary, match="as ids of special symbols among 4; save the tokenizer"
    ):
        TransfoXLTokenizer.from_pretrained("saved")


def test_a_repeated_line_of_symbols_is_refused_with_advice_that_keeps_ids() -> None:
    Path("vocab.txt").write_text("<unk>\na\na\nb\n")

    with pytest.raises(
        BadVocabulary, match="line 3 has 'a' again; remove this line if the model was"
    ):
        TransfoXLTokenizer.from_pretrained(".")


def test_the_side_of_padding_is_kept_and_obeyed(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    (tmp_path / "tokenizer_config.json").write_text('{"padding_side": "left"}')

    tokenizer = BertTokenizer.from_pretrained(tmp_path)
    tokenizer.save_vocabulary(tmp_path / "saved")
    again = BertTokenizer.from_pretrained(tmp_path / "saved")

    for each in (tokenizer, again):
        assert each.encode_batch(["a a", "a"]).input_ids.tolist() == [[2, 4, 4, 3], [0, 2, 4, 3]]
        right = each.encode_batch(["a a", "a"], padding_side="right").input_ids
        assert right.tolist() == [[2, 4, 4, 3], [2, 4, 3, 0]]


def test_a_side_of_padding_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    (tmp_path / "tokenizer_config.json").write_text('{"padding_side": "top"}')

    with pytest.raises(BadVocabulary, match=r"has 'top' as padding_side, where one of \('right'"):
        BertTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize("length", [0, -1, -512])
def test_a_longest_input_below_one_token_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    with pytest.raises(ValueError, match=f"max_len={length} is not a length; choose a whole"):
        BertTokenizer(tmp_path / "vocab.txt", max_len=length)

    (tmp_path / "tokenizer_config.json").write_text(f'{{"model_max_length": {length}}}')
    with pytest.raises(BadVocabulary, match=f"has {length} as model_max_length, where a whole"):
        BertTokenizer.from_pretrained(tmp_path)


def test_switches_that_are_strings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    for name in ("do_lower_case", "do_basic_tokenize"):
        with pytest.raises(TypeError, match=f"{name} is 'False', a string; give True or False"):
            BertTokenizer(tmp_path / "vocab.txt", **{name: "False"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="lower_case is 'no', a string; give True or False"):
        TransfoXLTokenizer(lower_case="no")  # type: ignore[arg-type]


def test_a_vocabulary_with_gaps_is_read_again_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n")
    tokenizer = BertTokenizer(tmp_path / "vocab.txt")
    del tokenizer.vocab["a"]
    tokenizer.save_vocabulary(tmp_path / "saved")

    assert BertTokenizer.from_pretrained(tmp_path / "saved").vocab == tokenizer.vocab
    assert "several lines" not in caplog.text
