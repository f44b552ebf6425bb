"""TransfoXLTokenizer: counting, building, looking up, files of 2019."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ptbert_tokenizers import BadVocabulary, TransfoXLTokenizer, UnknownId, UnknownToken

DATA = Path(__file__).parent / "data"


@pytest.fixture
def tokenizer() -> TransfoXLTokenizer:
    built = TransfoXLTokenizer(special=["<eos>", "<unk>"], lower_case=True)
    built.count_sents([["the", "cat", "the", "é"], ["cat", "the", "@-@"]])
    built.build_vocab()
    return built


def test_the_most_frequent_words_come_first(tokenizer: TransfoXLTokenizer) -> None:
    assert tokenizer.idx2sym == ["<eos>", "<unk>", "the", "cat", "é", "@-@"]
    assert tokenizer.sym2idx["cat"] == 3
    assert (tokenizer.eos_idx, tokenizer.unk_idx) == (0, 1)  # type: ignore[attr-defined]
    assert len(tokenizer) == 6


def test_lookups_go_both_ways(tokenizer: TransfoXLTokenizer) -> None:
    assert tokenizer.encode(" The  dog ") == [2, 1]
    assert tokenizer.convert_tokens_to_ids(["cat", "dog"]) == [3, 1]
    assert tokenizer.convert_ids_to_tokens([3, 0]) == ["cat", "<eos>"]
    assert tokenizer.get_sym(4) == "é"
    assert tokenizer.decode([2, 3, 0]) == "the cat <eos>"
    assert tokenizer.decode([2, 3, 0], exclude=[0]) == "the cat"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["hello", "world"]),
        ({"add_eos": True}, ["hello", "world", "<eos>"]),
        ({"add_double_eos": True}, ["<S>", "hello", "world", "<S>"]),
        ({"add_eos": True, "add_double_eos": True}, ["<S>", "hello", "world", "<S>"]),
    ],
)
def test_line_ends_are_marked_on_request(
    tokenizer: TransfoXLTokenizer, options: dict[str, bool], expected: list[str]
) -> None:
    assert tokenizer.tokenize(" Hello  World \n", **options) == expected


def test_the_delimiter_decides_what_a_word_is() -> None:
    assert TransfoXLTokenizer(delimiter=" ").tokenize(" a  b,c ") == ["a", "", "b,c"]
    assert TransfoXLTokenizer(delimiter=",").tokenize(" a  b,c ") == ["a  b", "c"]
    assert TransfoXLTokenizer(delimiter="").tokenize("a b") == ["a", " ", "b"]


@pytest.mark.parametrize(
    ("delimiter", "text", "tokens", "spans"),
    [
        (None, " a  b,c ", ["a", "b,c"], [(1, 2), (4, 7)]),
        (" ", " a  b,c ", ["a", "", "b,c"], [(1, 2), (3, 3), (4, 7)]),
        (",", " a  b,c ", ["a  b", "c"], [(1, 5), (6, 7)]),
        ("", " ab c ", ["a", "b", " ", "c"], [(1, 2), (2, 3), (3, 4), (4, 5)]),
        ("--", "\tab--c----d", ["ab", "c", "", "d"], [(1, 3), (5, 6), (8, 8), (10, 11)]),
    ],
)
def test_offsets_leave_out_the_delimiter(
    delimiter: str | None, text: str, tokens: list[str], spans: list[tuple[int, int]]
) -> None:
    tokenizer = TransfoXLTokenizer(delimiter=delimiter)

    assert tokenizer.tokenize_with_offsets(text) == (tokens, spans)


def test_rare_words_and_words_over_the_size_are_left_out() -> None:
    sents = [["a", "b", "a", "c", "b", "a", "d", "d", "<eos>"]]
    for options, expected in (
        ({"min_freq": 2}, ["<eos>", "a", "b", "d"]),
        ({"max_size": 2}, ["<eos>", "a", "b"]),
        ({"max_size": 2, "min_freq": 3}, ["<eos>", "a"]),
    ):
        built = TransfoXLTokenizer(special=["<eos>"], **options)  # type: ignore[arg-type]
        built.count_sents(sents)
        built.build_vocab()
        assert built.idx2sym == expected


def test_counting_a_file_returns_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")  # there is no terminal
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0)
    monkeypatch.setattr("ptbert_hub.progress.BAR_BYTES", 0)
    Path("c.txt").write_text("Hello world hello\n\nThe cat\n", encoding="utf-8")
    counting = TransfoXLTokenizer(lower_case=True)

    sents = counting.count_file("c.txt", verbose=True, add_eos=True)

    assert sents == [["hello", "world", "hello", "<eos>"], ["<eos>"], ["the", "cat", "<eos>"]]
    assert counting.counter == {"hello": 2, "world": 1, "the": 1, "cat": 1, "<eos>": 3}
    shown = capsys.readouterr()
    assert "c.txt:   0%" in shown.err
    assert shown.out == ""
    counting.count_sents([["a"]], verbose=True)
    assert "sentences" in capsys.readouterr().err
    counting.count_file("c.txt")
    assert capsys.readouterr().err == ""


def test_symbols_can_be_added(tokenizer: TransfoXLTokenizer) -> None:
    tokenizer.add_special("<formula>")
    tokenizer.add_symbol("new")
    tokenizer.add_symbol("new")

    assert tokenizer.formula_idx == 6  # type: ignore[attr-defined]
    assert tokenizer.get_idx("new") == 7
    assert len(tokenizer) == 8


def test_a_vocabulary_file_may_carry_counts() -> None:
    Path("v.txt").write_text("<S>\n<UNK>\nthe 5\ncat\n")
    built = TransfoXLTokenizer(vocab_file="v.txt")

    built.build_vocab()

    assert built.idx2sym == ["<S>", "<UNK>", "the", "cat"]
    assert built.encode("the dog") == [2, 1]


def test_saving_to_a_folder_or_a_file_can_be_reloaded(
    tokenizer: TransfoXLTokenizer, tmp_path: Path
) -> None:
    in_folder = tokenizer.save_vocabulary(tmp_path)
    as_file = tokenizer.save_vocabulary("own.bin")

    assert in_folder == str(tmp_path / "vocab.txt")
    for source in (tmp_path, in_folder, as_file):
        again = TransfoXLTokenizer.from_pretrained(source, lower_case=True)
        assert again.idx2sym == tokenizer.idx2sym
        assert again.encode("The dog") == [2, 1]
    constructed = TransfoXLTokenizer(vocab_file=as_file)
    constructed.build_vocab()
    assert constructed.sym2idx == tokenizer.sym2idx


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_vocabulary_of_2019_is_read_with_its_settings(
    form: str, tokenizer: TransfoXLTokenizer
) -> None:
    Path("vocab.bin").write_bytes((DATA / f"transfo-xl.{form}.bin").read_bytes())

    for source in (".", "vocab.bin"):
        assert vars(TransfoXLTokenizer.from_pretrained(source)) == vars(tokenizer)


def test_vocabularies_made_of_the_wrong_things_are_refused() -> None:
    def write(attributes: object) -> None:
        head = (0x1950A86A20F9469CFC6C, 1001, {})
        parts = [pickle.dumps(part, protocol=2) for part in (*head, attributes)]
        Path("vocab.bin").write_bytes(b"".join(parts))

    for attributes, message in (
        ([1], "holds no idx2sym and sym2idx"),
        ({"idx2sym": ["a"], "sym2idx": 3}, "has a int as sym2idx; it is damaged"),
        ({"idx2sym": ["a"], "sym2idx": {"a": 1}}, "has an idx2sym that contradicts its sym2idx"),
        ({"idx2sym": [], "sym2idx": {}, "unk_idx": "x"}, "has a str as unk_idx"),
        ({"idx2sym": [[]], "sym2idx": {}}, "has a symbol that is no text; it is damaged"),
        ({"idx2sym": ["a"], "sym2idx": {"a": 0, 5: 1}}, "has a symbol that is no text"),
        ({"idx2sym": [], "sym2idx": {}, "special": [{}]}, "has a symbol that is no text"),
        ({"idx2sym": ["a"], "sym2idx": {"a": 0, "b": 9}}, "has an idx2sym that contradicts its"),
        ({"idx2sym": ["a"], "sym2idx": {"a": 0}, "unk_idx": 1}, "has 1 as unk_idx, and 1 symbols"),
        ({"idx2sym": ["a"], "sym2idx": {"a": 0}, "unk_idx": -1}, "has -1 as unk_idx, and 1 symb"),
    ):
        write(attributes)
        with pytest.raises(BadVocabulary, match=message):
            TransfoXLTokenizer.from_pretrained(".")

    write({"idx2sym": ["a"], "sym2idx": {"a": 0}, "tokenize": "shadow"})
    assert TransfoXLTokenizer.from_pretrained(".").tokenize("a b") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<unk>\n\na\n", "line 2 is blank"),
        ("<unk>\na\nb\na 3\n", "line 4 has 'a' again"),
        ("[UNK]\na\n", "unknown words; it is BERT's: use BertTokenizer"),
        ("a\nb\n", "has no <unk>, which stands for unknown words; add it"),
        ("\n" * 2**20 + "\na", "has more than 1048576 lines, which no vocabulary has"),
    ],
)
def test_a_bad_vocabulary_file_is_named(text: str, message: str) -> None:
    Path("vocab.txt").write_text(text)

    with pytest.raises(BadVocabulary, match=message):
        TransfoXLTokenizer.from_pretrained(".")


def test_unknown_symbols_and_ids_are_named(tokenizer: TransfoXLTokenizer) -> None:
    with pytest.raises(UnknownId, match=r"id -1 is outside the vocabulary of 6 symbols"):
        tokenizer.get_sym(-1)
    with pytest.raises(UnknownToken, match=r"token 'x' is not in the vocabulary of 0; add <unk>"):
        TransfoXLTokenizer().get_idx("x")


def test_missing_files_are_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no text file at 'absent\.txt'; check the path"):
        TransfoXLTokenizer().count_file("absent.txt")


def test_a_symbol_with_a_space_is_not_saved() -> None:
    built = TransfoXLTokenizer(delimiter=",", special=["<unk>"])
    built.count_sents([["two words"]])
    built.build_vocab()

    with pytest.raises(ValueError, match="symbol 'two words' is empty or holds a space"):
        built.save_vocabulary("v.txt")
    assert not Path("v.txt").exists()


def test_pickles(tokenizer: TransfoXLTokenizer) -> None:
    assert vars(pickle.loads(pickle.dumps(tokenizer))) == vars(tokenizer)


def test_only_the_tensor_methods_ask_for_torch(
    tokenizer: TransfoXLTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[list[int]] = []

    class Torch:
        long = "int64"

        @staticmethod
        def tensor(ids: list[int], dtype: str) -> list[int]:
            assert dtype == "int64"
            made.append(ids)
            return ids

    monkeypatch.setitem(sys.modules, "torch", Torch)
    Path("c.txt").write_text("the cat\nthe\n")

    assert tokenizer.convert_to_tensor(["the", "dog"]) == [2, 1]
    assert tokenizer.encode_file("c.txt") == [[2, 3, 0], [2, 0]]
    assert tokenizer.encode_file("c.txt", ordered=True, add_eos=False) == [2, 3, 2]
    assert tokenizer.encode_file("c.txt", add_double_eos=True) == [[1, 2, 3, 1], [1, 2, 1]]
    assert tokenizer.encode_sents([["the"], ["cat"]], ordered=True) == [2, 3]
    assert len(made) == 2 * 1 + 2 + 2 + 1


def test_tokenizing_works_where_torch_cannot_be_imported(
    published: Callable[[str], Path],
) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from ptbert_tokenizers import GPT2Tokenizer, TransfoXLTokenizer\n"
        "t = TransfoXLTokenizer(special=['<unk>']); t.count_sents([['a']]); t.build_vocab()\n"
        f"g = GPT2Tokenizer.from_pretrained({str(published('gpt2'))!r})\n"
        "print(t.encode('a b'), g.encode('hello world'))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (answer.stdout, answer.returncode) == ("[1, 0] [31373, 995]\n", 0), answer.stderr
