"""Vocabularies trained here beside those of HF tokenizers, and used in transformers."""

import json
import random
import sys

import pytest
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

import ptbert_tokenizers
from ptbert_tokenizers import train_bpe, train_byte_bpe, train_wordpiece

STANDARD = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(autouse=True)
def _no_spacy(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)


def texts(letters, seed=1):
    """Words of a few letters, some of them much more frequent than others."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(letters, k=draw.randint(1, 7))) for _ in range(400)]
    weights = [1 / (1 + number) for number in range(len(words))]
    return [" ".join(draw.choices(words, weights, k=12)) for _ in range(3000)]


def theirs(kind, texts, size, **options):
    """The vocabulary and the merges that HF tokenizers learns."""
    byte_level = pre_tokenizers.ByteLevel
    tokenizer = Tokenizer(models.WordPiece() if kind == "wordpiece" else models.BPE())
    if kind == "byte-bpe":
        tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
        options |= {"initial_alphabet": byte_level.alphabet()}
        special = ["<|endoftext|>"]
    else:
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        special = STANDARD if kind == "wordpiece" else ["<unk>"]
    if kind == "bpe":
        options |= {"end_of_word_suffix": "</w>"}
    trainer = trainers.WordPieceTrainer if kind == "wordpiece" else trainers.BpeTrainer
    options |= {"special_tokens": special, "show_progress": False, "min_frequency": 2}
    tokenizer.train_from_iterator(texts, trainer(vocab_size=size, **options))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model.get("merges", [])]


def ids(vocabulary):
    return {token: index for index, token in enumerate(vocabulary.tokens)}


@pytest.mark.parametrize("letters", ["abcd", "aé京 '.1\t", "ab"])
def test_byte_pairs_are_the_same_with_the_same_ids(letters):
    corpus = texts(letters)

    ours = train_byte_bpe(corpus, 700)

    assert (ids(ours), list(ours.merges)) == theirs("byte-bpe", corpus, 700)


@pytest.mark.parametrize(("kind", "train"), [("wordpiece", train_wordpiece), ("bpe", train_bpe)])
def test_pieces_of_words_are_the_same_before_two_pairs_are_equally_frequent(kind, train):
    # Their characters are numbered in another order in each run, which decides between equally
    # frequent pairs. Here there are none among the first 30 merges.
    corpus = texts("abcdef")
    first = len(train(corpus, 10_000, min_frequency=10**9))

    ours = train(corpus, first + 30).tokens
    also = theirs(kind, corpus, first + 30)[0]

    assert set(ours) == also.keys()
    assert list(ours[-30:]) == sorted(ours[-30:], key=also.__getitem__)


def test_a_word_with_a_character_that_is_left_out_is_not_learned_from():
    corpus = ["ayb ayb ac ac ac xc xc xc x x a b"]  # of 5 characters, y is the rarest

    ours = train_wordpiece(corpus, 30, limit_alphabet=4)

    # Without its y, ayb is ab to them. In use, a word with y is unknown.
    assert "ac" in ours.tokens
    assert "ab" not in ours.tokens
    assert "ab" in theirs("wordpiece", corpus, 30, limit_alphabet=4)[0]


@pytest.mark.parametrize("auto", [False, True], ids=["class", "AutoTokenizer"])
@pytest.mark.parametrize(
    ("train", "name"),
    [
        (train_wordpiece, "BertTokenizer"),
        (train_byte_bpe, "GPT2Tokenizer"),
        (train_bpe, "OpenAIGPTTokenizer"),
    ],
)
def test_the_folder_gives_the_same_ids_in_transformers(train, name, auto, tmp_path):
    corpus = texts("aäbc京 '.1")
    folder = train(corpus, 400, special_tokens=["[X]"], unused=3).save(tmp_path / "trained")

    ours = getattr(ptbert_tokenizers, name).from_pretrained(folder)
    theirs = getattr(transformers, "AutoTokenizer" if auto else name).from_pretrained(folder)

    assert theirs.get_vocab() == dict(ours.vocabulary)
    for text in [*corpus[:200], "new ABC Words", "ab[X]c  [X]", "[unused0]"]:
        assert theirs.encode(text, add_special_tokens=False) == ours.encode(
            text, add_special_tokens=False
        ), text
