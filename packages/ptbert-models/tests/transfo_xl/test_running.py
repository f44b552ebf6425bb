"""Saving, copying, compiling, exporting, and half precision."""

import copy
import io
import logging

import pytest
import torch

from ptbert_models import TransfoXLLMHeadModel, TransfoXLModel
from ptbert_models.transfo_xl.config import AttnType

VARIANTS = [
    {},
    {"attn_type": 1},
    {"attn_type": 2},
    {"attn_type": 3},
    {"div_val": 1},
    {"sample_softmax": 5},
    {"mem_len": 0},
]


@pytest.fixture(params=VARIANTS, ids=str)
def model(request, make_model):
    return make_model(**{"n_layer": 1, **request.param})


@pytest.fixture
def compiled():
    """Return a function that compiles a model, or fails where the graph would break."""
    torch.compiler.reset()
    return lambda model: torch.compile(model, backend="eager", fullgraph=True)


def test_nothing_breaks_the_graph(model, compiled, ids):
    mems = model.init_mems(ids.t())
    got, expected = (each(ids, mems=mems)[0] for each in (compiled(model), model))
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("div_val", [1, 2])
@pytest.mark.parametrize("wrong", [-1, 30, 400])
def test_a_compiled_model_takes_no_id_that_is_not_in_the_vocabulary(
    make_model, ids, div_val, wrong
):
    embed = make_model(div_val=div_val).transformer.word_emb
    assert embed.n_token == 30
    torch.compiler.reset()
    with pytest.raises(IndexError, match="index out of range"):
        torch.compile(embed, backend="eager")(ids.index_fill(1, torch.tensor([2]), wrong))


def test_kinds_of_attention_have_names_in_compiled_models_too(make_model, compiled, ids):
    model = make_model(n_layer=1, attn_type=AttnType.SINUSOIDS)
    torch.testing.assert_close(compiled(model)(ids)[0], model(ids)[0], atol=1e-5, rtol=1e-4)


def test_nothing_breaks_the_graph_of_training(model, compiled, ids):
    compiled(model.train())(ids, ids)[0].sum().backward()
    assert model.transformer.layers[0].pos_ff.CoreNet[0].weight.grad.abs().sum() > 0


def test_nothing_breaks_the_graph_of_losses_of_steps_and_of_computing_again(
    make_model, compiled, ids
):
    model = make_model(n_layer=1)
    fast = compiled(model)
    (losses, mems), (expected, _) = fast(ids, ids), model(ids, ids)
    torch.testing.assert_close(losses, expected, atol=1e-5, rtol=1e-4)
    (step, _), (expected, _) = (each(ids[:, :1], mems=mems) for each in (fast, model))
    torch.testing.assert_close(step, expected, atol=1e-5, rtol=1e-4)

    model.train().gradient_checkpointing = True
    fast(ids, ids)[0].sum().backward()
    assert model.transformer.layers[0].pos_ff.CoreNet[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("attn_type", [0, 1])
def test_exports_take_texts_of_any_length(make_model, ids, attn_type):
    model = make_model(attn_type=attn_type, n_layer=1)
    length = torch.export.Dim("length", min=2, max=60)
    exported = torch.export.export(model, (ids,), dynamic_shapes=({1: length},)).module()
    for text in (ids[:, :7], ids[:, :3]):
        torch.testing.assert_close(exported(text)[0], model(text)[0], atol=1e-5, rtol=1e-4)


def test_gradients_stay_the_same_when_computed_again(make_model, ids):
    def gradients(recompute):
        model = make_model(dropout=0.0).train()
        model.gradient_checkpointing = recompute
        assert model.gradient_checkpointing == recompute
        model(ids, ids)[0].sum().backward()
        return [parameter.grad for parameter in model.parameters()]

    for plain, again in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(plain, again)


def test_nothing_is_computed_again_in_evaluation(make_model, ids):
    model = make_model(n_layer=1)
    assert not model.gradient_checkpointing
    model.gradient_checkpointing = True
    runs = []
    model.transformer.layers[0].register_forward_pre_hook(lambda *_: runs.append(1))

    model(ids, ids)[0].sum().backward()

    assert len(runs) == 1


def test_computing_again_saves_memory(make_model, ids):
    def saved(recompute):
        sizes = []
        model = make_model().train()
        model.gradient_checkpointing = recompute
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            model(ids, ids)
        return sum(sizes)

    assert saved(True) < saved(False) / 2


def test_copies_and_whole_model_files_are_equal(model, ids):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    shared = sum(1 for _ in model.parameters())

    for again in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        assert torch.equal(again(ids)[0], model(ids)[0])
        assert sum(1 for _ in again.parameters()) == shared


def test_half_precision_runs_throughout(model, ids):
    exact, _ = model(ids)
    model.to(torch.bfloat16)

    log_probs, mems = model(ids)
    losses, _ = model(ids, ids, mems)

    assert log_probs.dtype == torch.bfloat16
    assert losses.isfinite().all()
    assert (log_probs - exact).abs().mean() < 0.2


def test_autocast_runs_in_training_and_inference(model, ids):
    for training in (True, False):
        model.train(training).zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            _, mems = model(ids)
            losses, _ = model(ids, ids, mems)
        losses.sum().backward()
        assert losses.isfinite().all()
        assert model.transformer.layers[0].dec_attn.o_net.weight.grad.isfinite().all()


def test_a_saved_model_comes_back(model, ids, save):
    folder = save(model)
    again = TransfoXLLMHeadModel.from_pretrained(folder).eval()
    bare = TransfoXLModel.from_pretrained(folder).eval()

    assert torch.equal(again(ids)[0], model(ids)[0])
    assert torch.equal(bare(ids)[0], model.transformer(ids)[0])
    assert sum(1 for _ in again.parameters()) == sum(1 for _ in model.parameters())


def test_a_head_that_a_file_lacks_is_initialised(make_model, ids, save, caplog):
    bare = make_model(proj_share_all_but_first=False).transformer
    with caplog.at_level(logging.WARNING):
        model = TransfoXLLMHeadModel.from_pretrained(save(bare)).eval()

    assert "crit.cluster_weight" in caplog.text
    assert "crit.out_layers.2.bias" in caplog.text
    assert "crit.out_layers.2.weight" not in caplog.text  # the embedding's, which is there
    assert torch.equal(model.transformer(ids)[0], bare(ids)[0])
    for name in ("cluster_weight", "out_projs.0", "out_projs.2"):
        assert 0.1 < model.crit.get_parameter(name).std() < 0.6, name
    assert model(ids)[0].isfinite().all()
