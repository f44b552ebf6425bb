"""The recipes of the embedded models: texts out of Debian's packages, and what counting gives."""

import importlib.util
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

RECIPES = Path(__file__).parents[1] / "packages/ptbert-models/recipes"


def imported(name):
    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_steps_are_those_that_made_the_models(monkeypatch, tmp_path):
    """Texts, vocabularies, three trainings, and what finishes both models."""
    steps, lines = imported("steps"), []
    (tmp_path / steps.RECIPES).parent.mkdir(parents=True)
    (tmp_path / steps.RECIPES).symlink_to(RECIPES)
    for name in ("start_bert", "start_gpt2"):
        (tmp_path / steps.WORK / name).mkdir(parents=True)
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps.shutil, "rmtree", lambda *_, **__: None)
    monkeypatch.setattr(
        steps.subprocess, "run", lambda words, *, check, env: lines.append(" ".join(words[1:]))
    )
    monkeypatch.setattr(steps.sys, "argv", ["steps.py", "--deb", "a.deb", "b.deb", "--embed"])
    monkeypatch.chdir(tmp_path)

    steps.main()

    of, at = "packages/ptbert-models/recipes", "build/tiny_models"
    train, held_out = f"{at}/texts/train.txt", f"--validation={at}/texts/held_out.txt"
    vocabulary = f"-m ptbert_tokenizers train {{}} {train} --size=8000 --output {at}/start_{{}}"
    training = (
        f"-m ptbert train {{}} {at}/{{}} --output={at}/{{}} --settings={of}/{{}}.toml "
        f"--data={train}"
    )
    short = training.format("masked-lm", "start_bert", "short_bert", "tiny_bert/short")
    long = training.format("masked-lm", "short_bert", "trained_bert", "tiny_bert/settings")
    gpt2 = training.format("language-model", "start_gpt2", "trained_gpt2", "tiny_gpt2/settings")
    assert lines == [
        f"{of}/public_domain.py {at}/texts --deb a.deb b.deb",
        vocabulary.format("wordpiece", "bert"),
        vocabulary.format("byte-bpe", "gpt2"),
        short,
        f"{long} {held_out}",
        f"{gpt2} {held_out}",
        f"{of}/tiny_models.py {at} --embed",
    ]
    assert (tmp_path / at / "start_gpt2" / "config.json").exists()


@pytest.fixture
def recipe():
    return imported("public_domain")


@pytest.fixture
def ngrams():
    return imported("ngrams")


def compressed(text):
    """A window as ``compress`` writes it, without repetitions: each byte in nine bits."""
    bits = sum(byte << 9 * place for place, byte in enumerate(text.encode()))
    return bits.to_bytes(len(text) * 9 // 8 + 1, "little")


@pytest.mark.skipif(not shutil.which("gzip"), reason="gzip unpacks the text")
def test_the_bible_is_read_from_its_windows(recipe):
    # A verse may go on in the next window.
    windows = [
        compressed("Title.\nGe1:1 In the begin"),
        compressed("ning\nGe1:2 And\nSSol1:1 The\n"),
    ]
    first = recipe.WINDOWS + 8 + 3 * 4
    bounds = [first, first + len(windows[0]), first + len(windows[0]) + len(windows[1])]
    header = bytes(recipe.WINDOWS) + struct.pack(">5I", 2**16, 2, *bounds)

    chapters = recipe.bible_chapters(header + b"".join(windows))

    assert chapters == [["In the beginning", "And"], ["The"]]


def test_a_novel_has_a_line_for_each_paragraph(recipe):
    lines = ["EMMA", "", "VOLUME I", "", "CHAPTER I", "", "Emma _was_", "clever.", "", "Then"]

    chapters = recipe.novel_chapters([*lines, "", "Chapter 2", "", "More", "", "FINIS"])

    assert chapters == [["Emma was clever.", "Then"], ["More"]]


def test_a_novel_is_read_from_the_file_of_r(recipe):
    def text(line):
        return b"\x00\x04\x00\x09" + len(line).to_bytes(4) + line

    block = b"X\n\x00\x00\x00\x10" + (2).to_bytes(4) + text(b"It is") + text("a café".encode())
    content = b"".join(len(block).to_bytes(4) + zlib.compress(block) for _ in range(2))
    assert list(recipe.texts_of_rdb(content)) == [["It is", "a café"]] * 2


def test_a_unigram_counts_every_token_once_more(ngrams):
    losses = ngrams.unigram_losses(np.array([0, 0, 1]), np.array([0, 1, 2]), 3)
    assert np.exp(-losses) == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_a_trigram_mixes_the_shares_after_two_one_and_no_tokens(ngrams):
    text = np.array([0, 1, 2, 0, 1, 0, 1, 2] * 10)
    trigram = ngrams.Trigram(text, 4)
    trigram.weights = np.array([0.25, 0.25, 0.5])
    # 30 times 0, 30 times 1, 20 times 2, and 4 more; 2 follows 1 20 times of 30, also after 0.
    # 3 was never seen.
    found = np.exp(-trigram.losses(np.array([0, 1, 2, 3])))
    ones = 29 + 1  # the last 2 ends the text, and every 1 is followed by something
    assert ones == 30
    assert found[0] == pytest.approx(0.25 * 21 / 84 + 0.25 * 20 / 30 + 0.5 * 20 / 30)
    assert found[1] == pytest.approx(0.25 * 1 / 84)


def test_the_weights_of_a_trigram_are_the_most_probable_ones(ngrams):
    """A text that repeats itself is foreseen by what is before; noise by shares alone."""
    repeated = ngrams.Trigram(np.tile(np.arange(50), 40), 50)
    noise = ngrams.Trigram(np.random.default_rng(0).integers(50, size=4000), 50)
    assert repeated.weights[0] < 0.01
    assert noise.weights[0] > 0.9
    assert noise.weights.sum() == pytest.approx(1)
