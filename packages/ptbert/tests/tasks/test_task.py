import copy
import doctest
import importlib
import threading
from itertools import chain

import pytest
import torch
from torch import nn

from ptbert import (
    Answerer,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizer,
    Classifier,
    FillMask,
    GPT2Tokenizer,
    SentenceEncoder,
    Tagger,
)
from ptbert.tasks.batches import device_of, neighbours
from ptbert_models.parts.evaluation import evaluating

TASKS = {
    Answerer: BertForQuestionAnswering,
    Classifier: BertForSequenceClassification,
    FillMask: BertForMaskedLM,
    SentenceEncoder: BertModel,
    Tagger: BertForTokenClassification,
}
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)


@pytest.fixture
def saved(tmp_path, config, tokenizer):
    """Returns the folder of a model for a task, with its tokenizer."""

    def save(task):
        folder = tmp_path / task.__name__
        TASKS[task](config).save_pretrained(folder)
        tokenizer.save_vocabulary(folder)
        return folder

    return save


def call(task):
    """A call that suits each task."""
    if isinstance(task, Answerer):
        return task("who", "the cat sleeps")
    if isinstance(task, SentenceEncoder):
        return task.encode(["the cat"]).tolist()
    return task("the [MASK] sleeps")


@every_task
def test_a_saved_model_is_opened_by_its_folder(task, saved, caplog):
    opened = task.from_pretrained(saved(task), token_budget=30, max_len=9)

    assert type(opened.model) is TASKS[task]
    assert isinstance(opened.tokenizer, BertTokenizer)
    assert (opened.token_budget, opened.max_len) == (30, 9)
    assert not opened.model.training
    assert call(opened) == call(opened)
    assert not caplog.records


def test_options_go_where_they_belong(saved, tmp_path):
    opened = Classifier.from_pretrained(
        saved(Classifier),
        cache_dir=tmp_path,
        output_attentions=True,
        tokenizer_options={"do_lower_case": False},
    )

    assert opened.model.output_attentions
    assert not opened.tokenizer.basic_tokenizer.do_lower_case
    assert opened("the cat").label in {"LABEL_0", "LABEL_1"}


@pytest.mark.parametrize("task", [Answerer, Classifier, FillMask, Tagger])
def test_a_checkpoint_without_the_head_is_refused(task, saved):
    folder = saved(SentenceEncoder)
    with pytest.raises(ValueError, match=f"has no head that {task.does}; give a checkpoint with"):
        task.from_pretrained(folder)


@every_task
def test_a_checkpoint_of_another_family_is_refused(task, gpt2_folder):
    with pytest.raises(
        ValueError, match=f"is of the family gpt2, which has no model that {task.does}; give a"
    ):
        task.from_pretrained(gpt2_folder)


@every_task
def test_a_model_with_another_head_is_refused(task, config, tokenizer):
    for other in set(TASKS.values()) - {TASKS[task]}:
        with pytest.raises(TypeError, match=f"needs a {TASKS[task].__name__}, which .*, and not a"):
            task(other(config), tokenizer)


def test_models_of_programs_are_taken(config, tokenizer):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.model, self.config = BertForSequenceClassification(config), config

        def forward(self, **inputs):
            return self.model(**inputs)

    own = Own()
    alone = Classifier(own.model, tokenizer)
    assert Classifier(own, tokenizer).rank("the cat") == alone.rank("the cat")


@pytest.mark.parametrize("task", [Answerer, FillMask])
def test_a_tokenizer_that_the_task_cannot_use_is_refused(task, config, gpt2_folder):
    tokenizer = GPT2Tokenizer.from_pretrained(gpt2_folder)
    with pytest.raises(TypeError, match="needs a BertTokenizer of this library, such as Bert"):
        task(TASKS[task](config), tokenizer)
    with pytest.raises(TypeError, match=r"needs a PreTrainedTokenizer .*, and not a str"):
        Classifier(BertForSequenceClassification(config), "bert-base-uncased")


def test_numbers_must_be_positive(config, tokenizer):
    model = BertForTokenClassification(config)
    with pytest.raises(ValueError, match="token_budget=0 must be at least 1"):
        Tagger(model, tokenizer, token_budget=0)
    with pytest.raises(ValueError, match="max_len=0 is not a length"):
        Tagger(model, tokenizer, max_len=0)


@every_task
def test_a_model_in_training_is_evaluated_and_trained_again(task, config, tokenizer):
    torch.manual_seed(0)
    config.hidden_dropout_prob = 0.5
    model = TASKS[task](config)
    expected = call(task(model.eval(), tokenizer))
    opened = task(model, tokenizer)
    model.train()
    frozen = model.get_submodule("embeddings" if task is SentenceEncoder else "bert.embeddings")
    frozen.eval()
    before = [module.training for module in model.modules()]

    assert call(opened) == expected

    assert [module.training for module in model.modules()] == before
    for parameter in model.parameters():
        assert parameter.requires_grad
        assert not parameter.is_inference()


def test_the_mode_is_put_back_after_an_error(config, tokenizer):
    model = BertForSequenceClassification(config)
    config.id2label = {0: "only"}
    with pytest.raises(ValueError, match="names 1 labels"):
        Classifier(model, tokenizer)("the cat")
    assert all(module.training for module in model.modules())


def test_overlapping_calls_put_the_mode_back_once():
    dropout = nn.Dropout()
    with evaluating(dropout):
        with evaluating(dropout):
            assert not dropout.training
        assert not dropout.training
    assert dropout.training


def test_threads_may_use_one_object(config, tokenizer):
    torch.manual_seed(0)
    classifier = Classifier(BertForSequenceClassification(config), tokenizer)
    texts = ["the cat", "jim sleeps in paris .", "who", "where , where"] * 5
    expected = classifier.rank(texts)
    found, errors = {}, []

    def work(number):
        try:
            found[number] = [classifier.rank(texts) for _ in range(5)]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert found == {number: [expected] * 5 for number in range(4)}
    assert classifier.model.training


def test_results_are_plain_values_on_whatever_device_the_model_is(config, tokenizer):
    model = BertForSequenceClassification(config).to(torch.float64)
    label, score = Classifier(model, tokenizer)("the cat")
    assert (type(label), type(score)) == (str, float)
    assert device_of(model) == torch.device("cpu")
    assert device_of(nn.Dropout()) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")


def test_long_input_shows_a_bar_on_request(config, tokenizer, capsys, monkeypatch):
    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0)
    monkeypatch.setattr("ptbert_hub.progress.os.isatty", lambda _: True)
    classifier = Classifier(BertForSequenceClassification(config), tokenizer, token_budget=1)

    classifier(["the cat sleeps"] * 10, progress=False)
    classifier(["the cat sleeps"] * 2)
    assert capsys.readouterr().err == ""

    classifier(["the cat sleeps" * 3] * 10)
    assert "classifying:" in capsys.readouterr().err


def test_groups_are_of_similar_length_and_within_the_budget():
    lengths = [5, 1, 9, 2, 8, 0, 30, 2]

    for budget, most in ((10, None), (18, None), (18, 2), (1, None), (1000, 3)):
        groups = neighbours(lengths, budget, most)
        places = list(chain.from_iterable(groups))
        assert sorted(places) == list(range(len(lengths)))
        for group in groups:
            longest = max(lengths[place] for place in group)
            assert len(group) == 1 or longest * len(group) <= budget
            assert most is None or len(group) <= most
        assert [lengths[place] for place in places] == sorted(lengths, reverse=True)
    assert neighbours([], 10) == []
    assert len(neighbours([0] * 50, 10)) == 5


@pytest.mark.parametrize("name", ["answers", "batches", "given", "windows"])
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(f"ptbert.tasks.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


@every_task
def test_a_model_may_be_of_half_precision(task, config, tokenizer):
    torch.manual_seed(0)
    model = TASKS[task](config).eval()
    whole = task(copy.deepcopy(model), tokenizer)
    half = task(model.to(torch.bfloat16), tokenizer)

    if task is SentenceEncoder:
        torch.testing.assert_close(
            half.encode(["the cat"]), whole.encode(["the cat"]), atol=0.02, rtol=0
        )
    elif task is FillMask:
        assert call(half)[0][0].score == pytest.approx(call(whole)[0][0].score, abs=0.02)
    else:
        assert call(half)
