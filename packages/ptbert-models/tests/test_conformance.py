"""Every model gives the numbers that were recorded from the library of 2019.

``data/conformance/cases.json`` names class, configuration and calls; the ``.npz`` files hold
weights, inputs and outputs (float32, CPU, dropout off).
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import ptbert_models

DATA = Path(__file__).parent / "data" / "conformance"
CASES = [
    case
    for case in json.loads((DATA / "cases.json").read_text())["cases"]
    if hasattr(ptbert_models, case["class"])
]


def build(case):
    """Return a case's model with its recorded weights, and its arrays as tensors."""
    with np.load(DATA / f"{case['name']}.npz") as arrays:
        tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    config = getattr(ptbert_models, case["config_class"]).from_dict(case["config"])
    model = getattr(ptbert_models, case["class"])(config, **case["ctor"])
    if case["name"].endswith("_pruned"):
        last = case["config"].get("num_hidden_layers", case["config"].get("n_layer")) - 1
        model.prune_heads({0: [1, 2], last: [0]})  # what was pruned before recording
    weights = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("w/")}
    model.load_state_dict(weights)
    return model.eval(), tensors


def read(node, tensors):
    """Rebuild a recorded argument or output from its description."""
    if "tensor" in node:
        return tensors[node["tensor"]]
    if "list" in node:
        return [read(each, tensors) for each in node["list"]]
    if "tuple" in node:
        return tuple(read(each, tensors) for each in node["tuple"])
    return node["value"]


def flat(output):
    """List all tensors of an output, checking nothing but their order."""
    if isinstance(output, torch.Tensor):
        return [output]
    return [] if output is None else [tensor for each in output for tensor in flat(each)]


@pytest.fixture(params=["fused", "explicit"])
def attention_path(request, monkeypatch):
    """Run a test on both ways through attend()."""
    if request.param == "explicit":
        from ptbert_models.bert import layers as bert_layers
        from ptbert_models.gpt import layers as gpt_layers
        from ptbert_models.parts import attention
        from ptbert_models.transfo_xl import mixing

        def explicit(*args, **kwargs):
            return attention.attend(*args, **{**kwargs, "need_weights": True})

        monkeypatch.setattr(bert_layers, "attend", explicit)
        monkeypatch.setattr(gpt_layers, "attend", explicit)
        monkeypatch.setattr(mixing, "attend", explicit)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_numbers_of_2019(case, attention_path):
    model, tensors = build(case)

    for call in case["calls"]:
        model.zero_grad()
        arguments = {name: read(node, tensors) for name, node in call["kwargs"].items()}
        output = model(**arguments)
        expected = read(call["output"], tensors)

        assert type(output) is type(expected), call["label"]
        for got, want in zip(flat(output), flat(expected), strict=True):
            torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4, msg=call["label"])
        if "grad_norms" in call:
            sum(tensor.sum() for tensor in flat(output) if tensor.requires_grad).backward()
            norms = {
                name: parameter.grad.norm().item()
                for name, parameter in model.named_parameters()
                if parameter.grad is not None
            }
            assert norms == pytest.approx(call["grad_norms"], abs=2e-5, rel=1e-4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_key_names_and_sizes_of_2019(case):
    model, _ = build(case)

    stored = [key for key in case["state_dict_keys"] if not f".{key}".endswith(".attn.bias")]
    assert list(model.state_dict()) == stored
    assert sum(parameter.numel() for parameter in model.parameters()) == case["parameters"]
