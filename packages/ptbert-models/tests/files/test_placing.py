"""Weights of other shapes are left out on request, and all go to the type and device asked for."""

import copy
import json
import logging
import re
import subprocess
import sys

import pytest
import torch

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    MostlyMissing,
    ShapeMismatch,
)
from ptbert_models.files.loading import fill


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_mismatched_sizes_are_left_out_on_request_and_named_with_both_shapes(tiny_config, caplog):
    state = BertForSequenceClassification(tiny_config, num_labels=2).state_dict()
    model = BertForSequenceClassification(tiny_config, num_labels=5)
    head = {name: each.clone() for name, each in model.classifier.state_dict().items()}

    plan = model.plan_loading(state, ignore_mismatched_sizes=True)
    fill(model, plan, take=False)

    assert plan.report.missing == ("classifier.weight", "classifier.bias")
    for name, tensor in model.classifier.state_dict().items():
        assert torch.equal(tensor, head[name])
    for name, tensor in state.items():
        assert name.startswith("classifier.") or torch.equal(tensor, model.state_dict()[name])
    assert warnings_of(caplog) == [
        "BertForSequenceClassification has weights of other shapes than the checkpoint; they are "
        "newly initialised and need training: classifier.weight: (2, 16) in the checkpoint, "
        "(5, 16) in the model; classifier.bias: (2,) in the checkpoint, (5,) in the model"
    ]


def test_a_mismatched_weight_that_several_share_is_left_out_as_a_whole(tiny_config):
    state = BertForMaskedLM(tiny_config).state_dict()
    config = copy.copy(tiny_config)
    config.vocab_size += 1
    model = BertForMaskedLM(config)

    report = model.plan_loading(state, ignore_mismatched_sizes=True).report

    assert set(report.mismatched) == {
        "bert.embeddings.word_embeddings.weight",
        "cls.predictions.bias",
        "cls.predictions.decoder.weight",
    }
    assert set(report.missing) == set(report.mismatched)


def test_a_model_of_which_most_is_mismatched_is_refused_all_the_same(tiny_config):
    state = BertModel(tiny_config).state_dict()
    config = copy.copy(tiny_config)
    config.hidden_size *= 2
    with pytest.raises(MostlyMissing, match=r"are missing, 3\d of them with other shapes, such as"):
        BertModel(config).plan_loading(state, ignore_mismatched_sizes=True)


TINY = [
    BertModel(BertConfig(30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)),
    GPT2LMHeadModel(GPT2Config(30, n_positions=9, n_ctx=9, n_embd=8, n_layer=1, n_head=2)),
]
HUGE = [
    (TINY[0], {"hidden_size": 1_000_000}, "hidden_size=1000000, where the checkpoint has 8"),
    (TINY[0], {"vocab_size": 1 << 24, "hidden_size": 1_000_000}, "vocab_size=16777216, where the "),
    (TINY[1], {"n_embd": 4_000_000}, "n_embd=4000000, where the checkpoint has 8"),
]


@pytest.mark.parametrize(
    ("model", "change", "said"), HUGE, ids=[",".join(change) for _, change, _ in HUGE]
)
def test_sizes_beyond_all_memory_are_compared_with_the_weights(tmp_path, model, change, said):
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(ShapeMismatch, match=re.escape(said)) as caught:
        type(model).from_pretrained(tmp_path)
    assert re.search(r": \(\d+, 8\) in the checkpoint, \(\d+, \d+\) in the m", str(caught.value))


def test_the_size_that_the_weights_do_not_have_is_named(tiny_config, tmp_path):
    BertModel(tiny_config).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"intermediate_size": 77}))
    with pytest.raises(
        ShapeMismatch,
        match=r"\. The configuration says intermediate_size=77, where the checkpoint has 24\. B",
    ):
        BertModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("take", [True, False])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_and_all_else_get_the_type_that_is_asked_for(tiny_config, dtype, take):
    state = BertForMaskedLM(tiny_config).state_dict()
    del state["cls.predictions.transform.dense.bias"]  # this one stays as it was initialised
    model = BertForMaskedLM(tiny_config)
    model.register_buffer("numbers", torch.ones(2))
    model.register_buffer("count", torch.ones(2, dtype=torch.long))

    fill(model, model.plan_loading(state), take=take, dtype=dtype)

    kinds = {name: each.dtype for name, each in model.state_dict().items()}
    assert kinds.pop("count") == torch.long
    assert set(kinds.values()) == {dtype}
    for name, tensor in state.items():
        assert torch.equal(model.state_dict()[name], tensor.to(dtype))
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


@pytest.mark.parametrize("place", [{"dtype": torch.float32}, {"device": "cpu"}])
def test_the_caller_s_tensors_are_kept_on_request_only(tiny_config, place):
    state = BertModel(tiny_config).state_dict()
    for take in (True, False):
        model = BertModel(tiny_config)
        fill(model, model.plan_loading(state), take=take, **place)
        for name, parameter in model.named_parameters():
            assert (parameter.data_ptr() == state[name].data_ptr()) is take


def test_a_parameter_keeps_being_the_same_object(tiny_config):
    """Optimizers and hooks that know a parameter go on knowing it."""
    model = BertModel(tiny_config)
    before = dict(model.named_parameters())
    state = {name: torch.zeros_like(each) for name, each in before.items()}
    fill(model, model.plan_loading(state), take=True, dtype=torch.float64)
    assert all(each is before[name] for name, each in model.named_parameters())


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64, "float16", 16])
def test_types_that_weights_cannot_have_are_refused(tiny_config, dtype):
    model = BertModel(tiny_config)
    plan = model.plan_loading(model.state_dict())
    with pytest.raises(TypeError, match=r"is no type that weights can have; give one of torch\.bf"):
        fill(model, plan, take=True, dtype=dtype)


def test_devices_that_do_not_exist_or_have_no_memory_are_refused(tiny_config):
    model = BertModel(tiny_config)
    plan = model.plan_loading(model.state_dict())
    for device in ("gpu", "", 1.5):
        with pytest.raises(ValueError, match=r'is no device; give one such as "cuda:0"'):
            fill(model, plan, take=True, device=device)
    with pytest.raises(ValueError, match=r'device="meta" has no memory for weights; build the mod'):
        fill(model, plan, take=True, device="meta")


def test_devices_that_this_computer_does_not_have_are_refused(tiny_config):
    model = BertModel(tiny_config)
    plan = model.plan_loading(model.state_dict())
    with pytest.raises(ValueError, match=r"device='cuda:99' cannot be used here \(.*\); leave it"):
        fill(model, plan, take=True, device="cuda:99")


def test_numbers_that_are_no_size_are_not_taken_for_one(tiny_config):
    """Two scores and two heads or layers have nothing to do with each other."""
    config = BertConfig.from_dict(
        tiny_config.to_dict() | {"num_attention_heads": 2, "num_hidden_layers": 2}
    )
    model = BertForQuestionAnswering(config)
    state = model.state_dict() | {
        "qa_outputs.weight": torch.zeros(4, config.hidden_size),
        "qa_outputs.bias": torch.zeros(4),
    }
    with pytest.raises(ShapeMismatch) as raised:
        model.plan_loading(state)
    assert "qa_outputs.bias: (4,) in the checkpoint, (2,) in the model" in str(raised.value)
    assert "The configuration says" not in str(raised.value)


PEAK = """
import sys, threading, time
import torch
from ptbert_models import GPT2Config, GPT2LMHeadModel
from ptbert_models.files.loading import fill
from ptbert_models.files.weights import read_weights
from ptbert_models.parts.initialization import NoInitialization
from pathlib import Path

def memory():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) << 10

def watch():
    while not done.is_set():
        seen.append(memory())
        time.sleep(0.001)

torch.zeros(9).to(torch.bfloat16).sum()
done, before = threading.Event(), memory()
seen = [before]
thread = threading.Thread(target=watch)
thread.start()
with NoInitialization():
    model = GPT2LMHeadModel(GPT2Config(1000, n_embd=512, n_layer=8, n_head=8))
weights = read_weights(Path(sys.argv[1]), memory_map=True, compare=True)
fill(model, model.plan_loading(weights), take=False, dtype=getattr(torch, sys.argv[2]))
done.set()
thread.join()
tensors = {each.data_ptr(): each.nbytes for each in model.state_dict().values()}
print(max(seen) - before, sum(tensors.values()), max(tensors.values()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process is read as on Linux")
@pytest.mark.parametrize(("safe", "dtype"), [(False, "bfloat16"), (True, "float32")])
def test_no_more_memory_is_needed_than_for_the_model_and_one_weight(tmp_path, safe, dtype):
    """105 MB of weights, in their own type and in half of it."""
    model = GPT2LMHeadModel(GPT2Config(1000, n_embd=512, n_layer=8, n_head=8))
    model.save_pretrained(tmp_path, safe_serialization=safe)
    path = tmp_path / ("model.safetensors" if safe else "pytorch_model.bin")

    command = [sys.executable, "-c", PEAK, str(path), dtype]
    run = subprocess.run(command, capture_output=True, text=True, check=True)

    peak, whole, largest = map(int, run.stdout.split())
    assert whole > 50 << 20
    assert whole < peak + (4 << 20)  # it was measured
    assert peak < whole + largest + (4 << 20)
