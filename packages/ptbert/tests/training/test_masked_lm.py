"""Masked language models: masks that depend on their example alone, both losses, exactness."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert import BertForMaskedLM, BertForPreTraining, FillMask
from ptbert.training import Settings, evaluate, predict, train
from ptbert.training.examples import IGNORED
from ptbert.training.masked_lm import MaskedLM
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.token_files.formats import id_writer

from .conftest import digest, read_log
from .test_loop import interrupted

CPU = torch.device("cpu")
TEXT = "a cat sleeps\non the mat\n\nwhere is the key ?\n\na key is in the drawer\n\n" * 4
BOTH = pytest.mark.parametrize("pairs", [False, True], ids=["words", "pairs"])


@pytest.fixture
def settings(model_folder, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    return Settings(
        task="masked-lm",
        model=str(model_folder),
        data=str(tmp_path / "text.txt"),
        validation=str(tmp_path / "text.txt"),
        output=str(tmp_path / "out"),
        batch_size=6,
        epochs=1,
        learning_rate=0.01,
        warmup=0.0,
        mask_share=0.3,
        device="cpu",
        checkpoint_minutes=0.0,
    )


def opened(settings):
    tokenizer = load_tokenizer(settings.model)
    task = MaskedLM(settings)
    examples = task.encode([settings.data], tokenizer, 12)
    return task, task.load_model(settings.model, "bert").eval().requires_grad_(False), examples


def rows(batch):
    """What is in each row of a batch, without padding."""
    lengths = batch.inputs["attention_mask"].sum(1).tolist()
    tensors = [*batch.inputs.values(), batch.labels]
    return [[each[n, :length].tolist() for each in tensors] for n, length in enumerate(lengths)]


@BOTH
def test_masks_and_pairs_of_an_example_do_not_depend_on_its_neighbours(settings, pairs):
    task, _, examples = opened(settings.replaced(next_sentence=pairs))
    indices = np.arange(len(examples))
    together = rows(task.batch(examples, indices, 3, CPU))
    for part in (indices[:1], indices[1:5], indices[:4:-1]):
        assert rows(task.batch(examples, part, 3, CPU)) == [together[n] for n in part]


@BOTH
def test_masks_change_with_epoch_and_seed_but_not_in_evaluation(settings, pairs):
    results = {}
    for seed in (0, 1):
        task, _, examples = opened(settings.replaced(next_sentence=pairs, seed=seed))
        for epoch in (0, 1, None):
            batch = task.batch(examples, np.arange(len(examples)), epoch, CPU)
            results[seed, epoch] = str(rows(batch))
    assert results[0, None] == results[1, None]
    assert len(set(results.values())) == 5


@BOTH
def test_no_example_is_longer_than_its_length(settings, pairs):
    task, _, examples = opened(settings.replaced(next_sentence=pairs))
    for epoch in range(10):
        batch = task.batch(examples, np.arange(len(examples)), epoch, CPU)
        lengths = batch.inputs["attention_mask"].sum(1).numpy()
        assert (lengths <= examples.lengths).all()
        assert examples.lengths.max() <= 12
        assert batch.labelled == int((batch.labels != IGNORED).sum())


def test_pairs_have_two_types_two_separators_and_half_of_them_follow(settings):
    task, _, examples = opened(settings.replaced(next_sentence=True))
    batch = task.batch(examples, np.arange(len(examples)), 0, CPU)
    assert batch.follows.float().mean() == 0.5
    for ids, types, *_ in rows(batch):
        first, second = (place for place, token in enumerate(ids) if token == 3)
        assert types == [0] * (first + 1) + [1] * (second - first)


def test_the_loss_is_that_of_the_model_itself(settings):
    for pairs in (False, True):
        task, model, examples = opened(settings.replaced(next_sentence=pairs))
        batch = task.batch(examples, np.array([2]), 0, CPU)
        labels = {"masked_lm_labels": batch.labels}
        if pairs:
            labels["next_sentence_label"] = batch.follows
        expected = float(model(**batch.inputs, **labels)) * batch.labelled
        assert float(task.loss(model, batch)) == pytest.approx(expected, rel=1e-5)
        assert float(task.measured(model, batch).loss) == pytest.approx(expected, rel=1e-5)


@BOTH
def test_the_loss_of_a_batch_is_the_sum_of_its_parts(settings, pairs):
    task, model, examples = opened(settings.replaced(next_sentence=pairs))
    indices = np.arange(len(examples))
    whole = task.loss(model, task.batch(examples, indices, 0, CPU))
    parts = [
        task.loss(model, task.batch(examples, indices[n : n + 3], 0, CPU)) for n in (0, 3, 6, 9)
    ]
    assert float(whole) == pytest.approx(sum(map(float, parts)), rel=1e-5)


@BOTH
def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary(settings, pairs):
    settings = settings.replaced(next_sentence=pairs)
    train(settings)
    kind = BertForPreTraining if pairs else BertForMaskedLM
    model = kind.from_pretrained(settings.output)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    model.save_pretrained(settings.output)
    found = evaluate(settings.output, settings.data).metrics
    assert found["perplexity"] == pytest.approx(model.config.vocab_size, rel=1e-5)
    assert found["accuracy"] == 0.0  # it always says token 0, which is [PAD]
    loss = math.log(model.config.vocab_size)
    assert found["loss"] == pytest.approx(loss + (math.log(2) if pairs else 0.0), rel=1e-5)
    if pairs:
        assert found["next_sentence_accuracy"] == 0.5


@BOTH
def test_killed_it_goes_on_to_the_same_weights(settings, tmp_path, monkeypatch, pairs):
    settings = settings.replaced(next_sentence=pairs, epochs=2)
    train(settings.replaced(output=str(tmp_path / "straight")))
    from ptbert.training import loop

    name = "ptbert.training.loop.parts_of_step"
    interrupted(settings, monkeypatch, name, loop.parts_of_step, 4)
    train(settings)
    assert digest(tmp_path / "out") == digest(tmp_path / "straight")


@pytest.mark.usefixtures("without_dropout")
@BOTH
def test_accumulation_is_the_large_batch(settings, tmp_path, pairs):
    settings = settings.replaced(next_sentence=pairs, validation="", learning_rate=0.0001)
    states = []  # Adam makes rounding of tiny gradients larger, up to the learning rate
    for parts in (1, 4):
        output = tmp_path / str(parts)
        train(settings.replaced(output=str(output), micro_batches=parts))
        states.append((BertForPreTraining if pairs else BertForMaskedLM).from_pretrained(output))
    for one, other in zip(*(each.parameters() for each in states), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@BOTH
def test_what_it_wrote_fills_masks(settings, pairs):
    settings = settings.replaced(next_sentence=pairs)
    train(settings)
    (best,) = FillMask.from_pretrained(settings.output)("a [MASK] sleeps", top_k=1)
    line = f"{best[0].token}\t{best[0].score:.4f}\ta [MASK] sleeps"
    assert predict(settings.output, ["a [MASK] sleeps"]) == [line]


def test_a_token_file_is_the_same_as_its_text(settings, tmp_path, model_folder):
    tokenizer = load_tokenizer(model_folder)
    path = tmp_path / "ids.npy"
    with id_writer(path) as write:
        write(tokenizer.encode_flat(TEXT.split("\n")))
    train(settings)
    train(settings.replaced(data=str(path), validation=str(path), output=str(tmp_path / "ids")))
    assert digest(tmp_path / "out") == digest(tmp_path / "ids")


@pytest.mark.parametrize(
    ("content", "change", "message"),
    [
        ("\n", {}, r"text.txt' has no text; give a file with some"),
        ("a cat\na key\n", {"next_sentence": True}, r"text.txt' has one document only, or no"),
        ("a\n\ncat\n", {"next_sentence": True}, r"text.txt' has one document only, or no"),
        (
            "a cat\n",
            {"max_length": 3},
            "max_length=3 leaves no room for two words; give at",
        ),
        ("a cat\n", {"mask_share": 1.0}, "mask_share=1.0 is not allowed; give a number from 0"),
        ("a cat\n", {"regression": True}, "it is for classify, and not for masked-lm; leave"),
    ],
)
def test_what_cannot_be_learned_is_an_error(settings, tmp_path, content, change, message):
    (tmp_path / "text.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(**change))


def test_a_vocabulary_without_a_mask_is_refused(settings, model_folder):
    path = model_folder / "vocab.txt"
    path.write_text(path.read_text().replace("[MASK]", "[unused1]"))
    message = r"the vocabulary of '.*model' has no \[MASK\], which masked-lm needs"
    with pytest.raises(ValueError, match=message):
        train(settings)


def test_a_model_of_another_family_is_refused(settings, gpt2_folder_beside):
    message = "is of the family gpt2, and the task masked-lm needs bert"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(model=gpt2_folder_beside))


def test_a_line_of_special_tokens_teaches_nothing(settings):
    with open(settings.data, "w") as file:
        file.write("[MASK] [SEP]\n\nthe cat\n\n[PAD] [CLS] [MASK]\n")
    train(settings.replaced(batch_size=1, epochs=2))  # such a line is a step of its own
    losses = [line["loss"] for line in read_log(Path(settings.output)) if "loss" in line]
    assert sorted(each == 0 for each in losses) == [False, False, True, True, True, True]


def test_a_text_of_special_tokens_alone_is_told(settings):
    with open(settings.data, "w") as file:
        file.write("[MASK] [SEP]\n")
    with pytest.raises(ValueError, match=r"text.txt' has special tokens only, of which none is le"):
        train(settings)


@pytest.fixture
def gpt2_folder_beside(tmp_path):
    """A folder of a GPT-2 as far as its family is looked at."""
    folder = tmp_path / "gpt2"
    folder.mkdir()
    (folder / "vocab.json").write_text('{"a": 0}')
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "config.json").write_text('{"n_embd": 8, "vocab_size": 1}')
    return str(folder)


@pytest.mark.parametrize("name", ["next_sentence", "whole_words"])
def test_settings_of_masks_are_refused_by_other_tasks(settings, name):
    message = f"{name}=True is not allowed; it is for masked-lm, and not for classify; leave it out"
    with pytest.raises(ValueError, match=message):
        settings.replaced(task="classify", mask_share=0.15, **{name: True})
