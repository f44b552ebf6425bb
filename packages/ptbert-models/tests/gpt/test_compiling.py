"""torch.compile, torch.export, half precision and autocast."""

import pytest
import torch
from tiny_models import tensors
from torch._dynamo.testing import CompileCounterWithBackend

from ptbert_models import GPT2LMHeadModel

IDS = torch.tensor([[3, 4, 5, 6, 7], [0, 0, 8, 9, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
KINDS = ["Model", "LMHeadModel", "DoubleHeadsModel"]


def inputs(kind):
    """Return ids and masks of a kind of model, and labels for its losses."""
    if kind == "DoubleHeadsModel":
        choices = {"input_ids": IDS[None], "attention_mask": MASK[None]}
        labels = {"lm_labels": IDS[None], "mc_labels": torch.tensor([1])}
        return choices | {"mc_token_ids": torch.tensor([[4, 4]])}, labels
    return {"input_ids": IDS, "attention_mask": MASK}, {"lm_labels": IDS}


@pytest.fixture
def config(config):
    """One block: every block compiles alike."""
    config.n_layer = 1
    return config


@pytest.fixture(autouse=True)
def forget_graphs():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("kind", KINDS)
def test_inference_is_one_graph(build, kind):
    model, (given, _) = build(kind), inputs(kind)
    graphs = CompileCounterWithBackend("eager")
    compiled = torch.compile(model, backend=graphs, fullgraph=True)

    with torch.no_grad():
        output = compiled(**given)

    assert graphs.frame_count == 1
    for got, want in zip(tensors(output), tensors(model(**given)), strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize(
    ("kind", "checkpointing"), [*((kind, False) for kind in KINDS), ("LMHeadModel", True)]
)
def test_training_is_one_graph(build, kind, checkpointing):
    model, (given, labels) = build(kind).train(), inputs(kind)
    model.gradient_checkpointing = checkpointing
    graphs = CompileCounterWithBackend("eager")
    compiled = torch.compile(model, backend=graphs, fullgraph=True)

    output = compiled(**given) if kind == "Model" else compiled(**given, **labels)
    sum(tensor.sum() for tensor in tensors(output)).backward()

    assert graphs.frame_count == 1
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_step_with_past_is_one_graph(gpt2_config):
    model = GPT2LMHeadModel(gpt2_config).eval()
    graphs = CompileCounterWithBackend("eager")
    compiled = torch.compile(model, backend=graphs, fullgraph=True)
    with torch.no_grad():
        _, past = model(IDS[:, :3])

        scores, _ = compiled(IDS[:, 3:], past=past)

        torch.testing.assert_close(scores, model(IDS)[0][:, 3:])
    assert graphs.frame_count == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_exports(build, kind):
    model, (given, _) = build(kind), inputs(kind)

    program = torch.export.export(model, (), given)

    for got, want in zip(tensors(program.module()(**given)), tensors(model(**given)), strict=True):
        torch.testing.assert_close(got, want)


def test_batch_and_length_may_stay_open_in_an_export(build):
    model = build("LMHeadModel")
    batch, length = (
        torch.export.Dim("batch", min=2, max=64),
        torch.export.Dim("length", min=2, max=16),
    )
    program = torch.export.export(
        model, (IDS,), dynamic_shapes={"input_ids": {0: batch, 1: length}}
    )
    ids = torch.randint(30, (3, 9))

    for got, want in zip(tensors(program.module()(ids)), tensors(model(ids)), strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("output_attentions", [False, True])
def test_half_precision_runs_throughout(build, dtype, output_attentions):
    model = build("LMHeadModel", output_attentions=output_attentions).to(dtype)

    output = tensors(model(IDS, attention_mask=MASK))

    assert {tensor.dtype for tensor in output} == {dtype}
    assert all(tensor.isfinite().all() for tensor in output)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("head_mask", [None, torch.ones(4)])
def test_autocast_gives_nearly_the_same(build, dtype, head_mask):
    model = build("LMHeadModel").train()
    model.transformer.drop.p = 0.0
    for block in model.transformer.h:
        block.attn.attn_dropout.p = block.attn.resid_dropout.p = block.mlp.dropout.p = 0.0
    arguments = {"attention_mask": MASK, "head_mask": head_mask, "lm_labels": IDS}
    full = model(IDS, **arguments)

    with torch.autocast("cpu", dtype):
        loss = model(IDS, **arguments)
    loss.backward()

    torch.testing.assert_close(loss.float(), full, atol=0.3, rtol=0.1)
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
