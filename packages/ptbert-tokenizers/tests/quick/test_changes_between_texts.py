"""Whatever a program changes between two texts, the ids of the second are those of the change.

A tokenizer remembers that its quick encoder decides alone, and what that depends on. A change is
made on a tokenizer that has encoded a text, and on one that has not.
"""

from collections.abc import Callable
from itertools import product
from types import MethodType
from typing import Any

import pytest
import small_tokenizers

from ptbert_tokenizers import (
    AddedToken,
    BasicTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
)
from ptbert_tokenizers.edits import CountingDict, Vocabulary
from ptbert_tokenizers.plain.wordpiece import WordpieceTokenizer
from ptbert_tokenizers.quick.basic_tokenizer import quick_words

TEXTS = ("the cat c", "the Cat [E] the c the cat thé")


def doubled(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that returns what another returns, twice: a list, or pieces with spaces between."""

    def other(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = method(self, *args, **kwargs)
        return f"{found} {found}" if isinstance(found, str) else [*found, *found]

    return other


def on_object(part: Any, name: str) -> None:
    setattr(part, name, MethodType(doubled(getattr(type(part), name)), part))


def in_subclass(part: Any, name: str) -> None:
    cls = type(part)
    part.__class__ = type("Other", (cls,), {name: doubled(getattr(cls, name))})


def borrowed(tokenizer: Any, make: Callable[..., Any]) -> None:
    other = make()
    other.bpe_ranks.clear()
    tokenizer.bpe = other.bpe


class Loud(BasicTokenizer):
    def _run_split_on_punc(self, text: str) -> list[str]:
        return [*super()._run_split_on_punc(text), "cat"]


BERT: dict[str, Callable[[Any], object]] = {
    "id": lambda it: it.vocab.update(the=3),
    "token removed": lambda it: it.vocab.pop("cat"),
    "vocabulary": lambda it: setattr(it, "vocab", Vocabulary(it.vocab, the=3)),
    "both vocabularies": lambda it: [
        setattr(each, "vocab", Vocabulary({"[UNK]": 1, "the": 2})) for each in parts(it)
    ],
    "plain vocabularies": lambda it: [
        setattr(each, "vocab", {"[UNK]": 1, "the": 2}) for each in parts(it)
    ],
    "vocabulary of WordPiece": lambda it: setattr(
        it.wordpiece_tokenizer, "vocab", Vocabulary({"[UNK]": 1, "c": 2})
    ),
    "pieces of WordPiece": lambda it: on_object(it.wordpiece_tokenizer, "_pieces"),
    "unknown": lambda it: setattr(it, "unk_token", "[MASK]"),
    "longest word": lambda it: setattr(it.wordpiece_tokenizer, "max_input_chars_per_word", 2),
    "wordpiece": lambda it: setattr(
        it, "wordpiece_tokenizer", WordpieceTokenizer(it.vocab, "[SEP]")
    ),
    "case": lambda it: setattr(it.basic_tokenizer, "do_lower_case", False),
    "accents": lambda it: setattr(it.basic_tokenizer, "strip_accents", False),
    "one word kept": lambda it: setattr(it.basic_tokenizer, "never_split", ["[E]", "Cat"]),
    "words kept in a set": lambda it: setattr(it.basic_tokenizer, "never_split", {"Cat"}),
    "basic": lambda it: setattr(it, "basic_tokenizer", Loud()),
    "no basic": lambda it: setattr(it, "do_basic_tokenize", False),
    "added": lambda it: it.add_tokens(["[E]"]),
    "added to the vocabulary": lambda it: it.vocab.update({"[E]": 9, "e": 10}),
    **{
        f"{change.__name__} {name}": lambda it, change=change, name=name: change(it, name)
        for change in (on_object, in_subclass)
        for name in ("tokenize", "convert_tokens_to_ids")
    },
    **{
        f"wordpiece {change.__name__}": lambda it, change=change: change(
            it.wordpiece_tokenizer, "tokenize"
        )
        for change in (on_object, in_subclass)
    },
    **{
        f"basic {change.__name__} {name}": lambda it, change=change, name=name: change(
            it.basic_tokenizer, name
        )
        for change in (on_object, in_subclass)
        for name in ("tokenize", "_run_split_on_punc")
    },
}
BOTH_BPE: dict[str, Callable[[Any], object]] = {
    "id": lambda it: it.encoder.update(c=2),
    "encoder": lambda it: setattr(it, "encoder", Vocabulary(it.encoder, c=2)),
    "plain encoder": lambda it: setattr(it, "encoder", {**it.encoder, "c": 2}),
    "merge removed": lambda it: it.bpe_ranks.pop(("t", "h")),
    "merges": lambda it: setattr(it, "bpe_ranks", CountingDict({("h", "e"): 0})),
    "plain merges": lambda it: setattr(it, "bpe_ranks", {("h", "e"): 0}),
    "special tokens": lambda it: it.set_special_tokens(["the", "[E]"]),
    "special token in place": lambda it: it.special_tokens.update(c=77),
    "plain special tokens": lambda it: setattr(it, "special_tokens", {"c": 77}),
    "added": lambda it: it.add_tokens(["[E]"]),
    **{
        f"{change.__name__} {name}": lambda it, change=change, name=name: change(it, name)
        for change in (on_object, in_subclass)
        for name in ("tokenize", "convert_tokens_to_ids", "bpe")
    },
}
GPT2: dict[str, Callable[[Any], object]] = {
    "visible characters": lambda it: it.byte_encoder.update({ord("C"): "c"}),
    "pattern": lambda it: setattr(it, "pat", GPT2_LETTERS),
    "bpe of another": lambda it: borrowed(it, small_tokenizers.gpt2),
}
GPT: dict[str, Callable[[Any], object]] = {
    "case": lambda it: setattr(it.nlp, "do_lower_case", False),
    "basic": lambda it: setattr(it, "nlp", Loud()),
    "own repairs": lambda it: setattr(it, "nlp", SpacedWords()) or setattr(it, "fix_text", str),
    "unknown": lambda it: setattr(it, "unk_token", "t"),
    "bpe of another": lambda it: borrowed(it, small_tokenizers.gpt),
    "words": lambda it: on_object(it, "_words"),
}


class SpacedWords:
    """What ``nlp`` is where spaCy is installed: a function of a text whose parts have a text."""

    class Word(str):
        __slots__ = ()
        text = property(str)

    def __call__(self, text: str) -> list[Word]:
        return [self.Word(word) for word in text.split()]


class GPT2Letters:
    """A pattern of which only ``findall`` and what tells patterns apart is needed."""

    pattern, flags = "a pattern of the program's own", 0

    def findall(self, text: str) -> list[str]:
        return [char for char in text if char in "thecal"]


GPT2_LETTERS = GPT2Letters()


def parts(tokenizer: BertTokenizer) -> list[Any]:
    return [tokenizer, tokenizer.wordpiece_tokenizer]


def answers(tokenizer: Any) -> list[Any]:
    """What the ways to ids return; an error counts as an answer."""
    found: list[Any] = []
    asks: tuple[Callable[[str], Any], ...] = (
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        tokenizer.tokenize,
        lambda text: tokenizer.tokenize_words(text.split()),
        lambda text: tokenizer.encode_flat([text]).ids.tolist(),
    )
    for ask, text in product(asks, TEXTS):
        try:
            found.append(ask(text))
        except (KeyError, ValueError) as error:
            found.append(repr(error))
    return found


@pytest.mark.parametrize(
    ("make", "change"),
    [
        pytest.param(make, change, id=f"{make.__name__}, {name}")
        for make, changes in (
            (small_tokenizers.bert, BERT),
            (small_tokenizers.gpt2, {**BOTH_BPE, **GPT2}),
            (small_tokenizers.gpt, {**BOTH_BPE, **GPT}),
        )
        for name, change in changes.items()
    ],
)
def test_a_change_counts_for_the_next_text(
    make: Callable[..., Any], change: Callable[[Any], object]
) -> None:
    used, new, unchanged = make(), make(), make()
    before = answers(used)
    assert used._sole_encoder() is not None  # else this would test nothing

    change(used)
    change(new)

    assert answers(used) == answers(new)
    assert answers(used) != before, "the change should be one that shows"
    assert answers(unchanged) == before


@pytest.mark.parametrize(
    ("make", "module", "other"),
    [(small_tokenizers.bert, "bert", "[MASK]"), (small_tokenizers.gpt, "openai", "t")],
)
def test_a_change_while_another_thread_prepares_and_back_again_leaves_nothing(
    make: Callable[..., Any], module: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer, unchanged = make(), make()
    usual = tokenizer.unk_token

    def prepared(values: Any) -> Any:
        tokenizer.unk_token = other  # as a thread may do
        return quick_words(values)

    monkeypatch.setattr(f"ptbert_tokenizers.{module}.quick_words", prepared)
    tokenizer.encode("the")
    monkeypatch.undo()
    tokenizer.unk_token = usual

    assert answers(tokenizer) == answers(unchanged)


def test_a_change_while_another_thread_decides_and_back_again_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = small_tokenizers.bert()
    decide, basic = BertTokenizer._quick, tokenizer.basic_tokenizer
    done: list[int] = []

    def decided(self: BertTokenizer) -> Any:
        basic.do_lower_case = bool(done)  # as a thread may do
        done.append(1)
        found = decide(self)
        basic.do_lower_case = True
        return found

    monkeypatch.setattr(BertTokenizer, "_quick", decided)
    tokenizer.encode("THE")
    monkeypatch.undo()

    assert tokenizer.encode("THE") == small_tokenizers.bert().encode("THE")


def test_a_token_that_is_added_counts_where_it_is_a_piece() -> None:
    tokenizer = small_tokenizers.gpt()
    unknown = tokenizer.convert_tokens_to_ids("<unk>")
    assert tokenizer.encode("xa") == [unknown, *tokenizer.convert_tokens_to_ids(["a</w>"])]

    tokenizer.add_tokens(AddedToken("x", single_word=True))  # which it is not in this text

    pieces = ["x", "a</w>"]
    assert tokenizer.tokenize("xa") == pieces
    assert tokenizer.encode("xa") == tokenizer.convert_tokens_to_ids(pieces) != [unknown]
    batch = tokenizer.encode_batch(["xa"] * 2000, return_offsets=True)
    assert batch.offsets is not None
    assert batch.offsets.tolist() == [[[0, 1], [1, 2]]] * 2000


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        *((BertTokenizer, name) for name in ("tokenize", "convert_tokens_to_ids")),
        *((GPT2Tokenizer, name) for name in ("tokenize", "convert_tokens_to_ids", "bpe")),
        *((OpenAIGPTTokenizer, name) for name in ("tokenize", "_words")),
        *((BasicTokenizer, name) for name in ("tokenize", "_run_split_on_punc")),
    ],
)
def test_a_method_patched_in_its_class_counts(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers = {
        GPT2Tokenizer: small_tokenizers.gpt2,
        OpenAIGPTTokenizer: small_tokenizers.gpt,
    }
    tokenizer = makers.get(owner, small_tokenizers.bert)()
    before = answers(tokenizer)

    monkeypatch.setattr(owner, name, doubled(getattr(owner, name)))
    assert answers(tokenizer) != before

    monkeypatch.undo()
    assert answers(tokenizer) == before


@pytest.mark.parametrize(
    "make", [small_tokenizers.bert, small_tokenizers.gpt2, small_tokenizers.gpt]
)
def test_all_that_deciding_reads_is_remembered(make: Callable[..., Any]) -> None:
    """Every attribute of the tokenizer and its parts that is read is in the state, or constant."""
    tokenizer = make()
    read: set[tuple[str, str]] = set()
    ours: set[tuple[str, str]] = set()

    def watch(part: Any) -> None:
        cls = type(part)
        names = {name for each in cls.__mro__ for name in vars(each) if name[:1] == "_"}
        ours.update((cls.__name__, name) for name in (*names, "word_end"))

        class Watched(cls):  # type: ignore[misc, valid-type]
            def __getattribute__(self, name: str) -> Any:
                read.add((cls.__name__, name))
                return super().__getattribute__(name)

        part.__class__ = Watched

    watch(tokenizer)
    for name in ("basic_tokenizer", "wordpiece_tokenizer", "nlp"):
        if hasattr(tokenizer, name):
            watch(getattr(tokenizer, name))
    read.clear()
    tokenizer._state()
    remembered = set(read)

    assert tokenizer._is_untouched()
    assert tokenizer._cutter() is None
    assert tokenizer._quick() is not None

    assert read - remembered - ours == set()
