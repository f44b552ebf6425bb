"""Causal language models: every token is learned once, perplexities, memories, exactness."""

import json
import math

import numpy as np
import pytest
import torch

from ptbert import (
    GPT2LMHeadModel,
    OpenAIGPTLMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    Writer,
)
from ptbert.training import Settings, evaluate, predict, predict_file, train
from ptbert.training.examples import IGNORED, Batch
from ptbert.training.language_model import LanguageModel
from ptbert.training.preparation import longest_input
from ptbert_tokenizers.families import load_tokenizer

from .conftest import digest
from .test_loop import interrupted

CPU = torch.device("cpu")
TEXT = "a cat sleeps on the mat .\nkey is in drawer\n\nwhere is the key ?\n\n" * 6
CLASSES = {"gpt": OpenAIGPTLMHeadModel, "gpt2": GPT2LMHeadModel, "transfo_xl": TransfoXLLMHeadModel}


@pytest.fixture(params=CLASSES)
def family(request):
    return request.param


@pytest.fixture
def folder(family, request):
    return request.getfixturevalue(f"{family}_folder")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


@pytest.fixture
def settings(folder, text, tmp_path):
    return settings_of(folder, text, tmp_path / "out")


def settings_of(folder, text, output, **more):
    values = {
        "task": "language-model",
        "model": str(folder),
        "data": text,
        "validation": text,
        "output": str(output),
        "batch_size": 4,
        "max_length": 16,
        "epochs": 1,
        "learning_rate": 0.01,
        "warmup": 0.0,
        "device": "cpu",
        "checkpoint_minutes": 0.0,
    }
    return Settings(**values | more)


def opened(settings):
    tokenizer = load_tokenizer(settings.model)
    task = LanguageModel(settings)
    model = task.load_model(settings.model, tokenizer.family)
    return task, model.eval().requires_grad_(False), tokenizer


def test_every_token_but_the_first_is_learned_once(settings):
    task, _, tokenizer = opened(settings)
    found = task.encode([settings.data], tokenizer, 16)
    batch = task.batch(found, np.arange(len(found)), 0, CPU)
    learned = batch.labels[:, 1:]
    stream = found.stream.tokens(0, len(found.stream))
    assert learned[learned != IGNORED].tolist() == stream[1:].tolist()
    assert batch.labelled == len(stream) - 1
    assert found.lengths.max() == 16


def test_documents_end_with_the_end_token_of_the_vocabulary(transfo_xl_folder, text, tmp_path):
    task, _, tokenizer = opened(settings_of(transfo_xl_folder, text, tmp_path / "out"))
    found = task.encode([text], tokenizer, 1000)
    ids = found.stream.tokens(0, len(found.stream)).tolist()
    assert ids.count(tokenizer.vocabulary["<eos>"]) == 12
    assert len(ids) == 12 + 6 * 16


def uniform(model):
    """Let a model give all tokens the same score."""
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize("family", ["gpt", "gpt2"], indirect=True)
def test_the_perplexity_of_a_model_that_knows_nothing_is_the_size_of_its_vocabulary(
    settings, folder
):
    train(settings)
    model = uniform(CLASSES[load_tokenizer(folder).family].from_pretrained(settings.output))
    model.save_pretrained(settings.output)
    found = evaluate(settings.output, settings.data).metrics
    tokens = model.config.vocab_size
    assert found["perplexity"] == pytest.approx(tokens, rel=1e-5)
    assert found["loss"] == pytest.approx(math.log(tokens), rel=1e-6)
    # The text has 16 words, six times.
    tokenizer = load_tokenizer(folder)
    stream = LanguageModel(settings).encode([settings.data], tokenizer, 16).stream
    expected = (len(stream) - 1) * math.log(tokens) / 96
    assert math.log(found["word_perplexity"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("family", ["transfo_xl"], indirect=True)
def test_the_perplexity_of_clusters_is_worked_by_hand(settings, folder):
    train(settings)
    model = uniform(TransfoXLLMHeadModel.from_pretrained(settings.output))
    model.save_pretrained(settings.output)
    tokenizer = load_tokenizer(folder)
    stream = LanguageModel(settings).encode([settings.data], tokenizer, 16).stream
    ids = stream.tokens(1, len(stream))
    # Four tokens and two clusters share the first softmax; clusters have tokens 4-7 and 8-....
    inside = np.where(ids < 4, 1, np.where(ids < 8, 4, len(tokenizer) - 8))
    expected = np.mean(np.log(6) + np.log(inside))
    found = evaluate(settings.output, settings.data).metrics
    assert math.log(found["perplexity"]) == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_that_of_the_model_itself(settings, family):
    task, model, tokenizer = opened(settings)
    found = task.encode([settings.data], tokenizer, 16)
    batch = task.batch(found, np.array([1]), 0, CPU)
    ids = batch.inputs["input_ids"]
    if family == "transfo_xl":
        first, mems = model(ids[:, :8], batch.labels[:, 1:9])  # segments of tgt_len
        second, _ = model(ids[:, 8:15], batch.labels[:, 9:], mems)
        expected = first.sum() + second.sum()
    else:
        expected = model(ids, lm_labels=ids) * 15
    for loss in (task.loss(model, batch), task.measured(model, batch).loss):
        assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_passages_together_have_the_losses_of_each_alone(settings):
    task, model, tokenizer = opened(settings)
    found = task.encode([settings.data], tokenizer, 16)
    indices = np.arange(len(found))  # the last one is shorter
    assert found.lengths[-1] < 16
    together = task.measured(model, task.batch(found, indices, None, CPU)).rows
    alone = [task.measured(model, task.batch(found, indices[[n]], None, CPU)).rows for n in indices]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["transfo_xl"], indirect=True)
def test_evaluation_reads_the_whole_text_in_order_with_its_memory(settings):
    task, model, tokenizer = opened(settings)
    found = task.encode_for_evaluation([settings.data], tokenizer, 16)
    ids = torch.from_numpy(found.stream.tokens(0, len(found.stream)).astype(np.int64))[None]
    total, mems = 0.0, None
    for start in range(0, ids.size(1) - 1, 8):
        end = min(start + 8, ids.size(1) - 1)
        losses, mems = model(ids[:, start:end], ids[:, start + 1 : end + 1], mems)
        total += float(losses.sum())
    batch = task.batch(found, np.arange(len(found)), None, CPU)
    assert float(task.measured(model, batch).loss) == pytest.approx(total, rel=1e-6)
    model.reset_length(8, 0, 0)
    assert float(task.measured(model, batch).loss) != pytest.approx(total, rel=1e-4)


def test_killed_it_goes_on_to_the_same_weights(settings, tmp_path, monkeypatch):
    straight = settings.replaced(output=str(tmp_path / "straight"))
    train(straight)
    parts = "ptbert.training.loop.parts_of_step"
    from ptbert.training import loop

    interrupted(settings, monkeypatch, parts, loop.parts_of_step, 2)
    train(settings)
    assert digest(tmp_path / "out") == digest(tmp_path / "straight")


def test_accumulation_is_the_large_batch(settings, folder, family, tmp_path):
    path = folder / "config.json"
    rates = ("resid_pdrop", "embd_pdrop", "attn_pdrop", "dropout", "dropatt")
    config = json.loads(path.read_text())
    path.write_text(json.dumps({k: 0.0 if k in rates else v for k, v in config.items()}))
    settings = settings.replaced(validation="", learning_rate=0.0001)
    states = []  # Adam makes rounding of tiny gradients larger, up to the learning rate
    for parts in (1, 4):
        output = tmp_path / str(parts)
        train(settings.replaced(output=str(output), micro_batches=parts))
        states.append(CLASSES[family].from_pretrained(output).state_dict())
    for name, each in states[0].items():
        torch.testing.assert_close(each, states[1][name], atol=1e-6, rtol=0)


def test_what_it_wrote_opens_in_a_writer(settings):
    train(settings)
    written = Writer.from_pretrained(settings.output)("the cat", 3, temperature=0)
    assert predict(settings.output, ["the cat"])[0].startswith(" ".join(written.split()))


@pytest.mark.parametrize("family", ["gpt2"], indirect=True)
def test_the_lines_of_a_file_are_continued(settings, tmp_path):
    train(settings)
    (tmp_path / "prompts.txt").write_text("the cat\n\nwhere\n")
    found = predict_file(settings.output, tmp_path / "prompts.txt")
    assert found == predict(settings.output, ["the cat", "where"])
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"empty.txt' has no text; give a file with some"):
        predict_file(settings.output, tmp_path / "empty.txt")
    with pytest.raises(ValueError, match="trained on single texts, and"):
        predict(settings.output, [("a", "b")])


@pytest.mark.parametrize("family", ["gpt2"], indirect=True)
@pytest.mark.parametrize(
    ("content", "change", "message"),
    [
        ("\n\n", {}, r"text.txt' has no text; give a file with some"),
        (
            "abc",
            {"max_length": 1},
            "max_length=1 leaves no room for a token to learn; give",
        ),
        ("abc", {"max_length": 99}, "max_length=99 is more than the 32 tokens"),
        ("abc", {"whole_words": True}, "it is for masked-lm, and not for language-model; leave it"),
        ("abc", {"regression": True}, "it is for classify, and not for language-model; leave it"),
    ],
)
def test_what_cannot_be_learned_is_an_error(settings, tmp_path, content, change, message):
    (tmp_path / "text.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(**change))


def test_a_text_of_one_token_is_refused(gpt_folder, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a")
    with pytest.raises(ValueError, match=r"text.txt' has one token only; give a longer text"):
        train(settings_of(gpt_folder, str(path), tmp_path / "out"))


@pytest.mark.parametrize("family", ["gpt2"], indirect=True)
def test_a_new_model_has_room_for_its_vocabulary(settings, folder, tmp_path):
    (folder / "pytorch_model.bin").unlink()
    path = folder / "config.json"
    config = json.loads(path.read_text())
    train(settings.replaced(from_nothing=True))
    # 62 letters and line ends, six times, of which each passage learns 15
    assert "25 examples" in (tmp_path / "out" / "README.md").read_text()
    path.write_text(json.dumps(config | {"vocab_size": 200}))
    message = "has 256 tokens, and its configuration has vocab_size=200; give it 256"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(from_nothing=True, output=str(tmp_path / "other")))


def test_a_model_without_such_a_head_is_refused(model_folder, text, tmp_path):
    message = "is of the family bert, and the task language-model needs gpt or gpt2 or transfo_xl"
    with pytest.raises(ValueError, match=message):
        train(settings_of(model_folder, text, tmp_path / "out"))


@pytest.mark.parametrize("family", ["transfo_xl"], indirect=True)
def test_transformer_xl_reads_passages_of_any_length(settings):
    _, model, _ = opened(settings)
    assert longest_input(settings.replaced(max_length=2000), model) == 2000
    assert longest_input(settings.replaced(max_length=0), model) == 512


@pytest.mark.parametrize(("memory", "lowest", "highest"), [(8, 0.0, 0.1), (0, math.log(2), 0.8)])
def test_transformer_xl_learns_from_the_segments_before(memory, lowest, highest):
    # The last token is the first one, which is two segments of four tokens before it. So without a
    # memory there are two equally probable tokens, and with one there is no doubt.
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_embed": 16, "n_head": 2, "d_head": 8, "d_inner": 16, "n_layer": 2}
    lengths = {"tgt_len": 4, "mem_len": memory, "clamp_len": -1, "same_length": False}
    config = TransfoXLConfig(3, cutoffs=[], div_val=1, dropout=0.0, **sizes, **lengths)
    model = TransfoXLLMHeadModel(config).train()
    ids = torch.tensor([[0, *[2] * 7, 0], [1, *[2] * 7, 1]])
    labels = torch.full_like(ids, IGNORED)
    labels[:, -1] = ids[:, -1]
    task = LanguageModel(Settings(task="language-model", model="m", data="d", output="o"))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        loss = task.loss(model, Batch({"input_ids": ids}, labels, 2)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert lowest <= loss.item() + 1e-6
    assert loss.item() <= highest
