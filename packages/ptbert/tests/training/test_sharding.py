"""A model in parts; with several processes see ``test_loop.py`` and ``faults``."""

import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule

from ptbert import BertConfig, BertForMaskedLM, TransfoXLConfig, TransfoXLLMHeadModel
from ptbert.training import sharding
from ptbert.training.checkpoints import moments_of
from ptbert.training.processes import Processes
from ptbert_optim import BertAdam

from .conftest import needs_exact_sums

ALONE, TWO = (Processes(0, count, torch.device("cpu")) for count in (1, 2))


@pytest.fixture
def one_process(tmp_path, monkeypatch):
    """A group of processes that consists of this one."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    mesh = init_device_mesh("cpu", (1,))
    monkeypatch.setattr("torch.distributed.device_mesh.init_device_mesh", lambda *_: mesh)
    yield
    torch.distributed.destroy_process_group()


def bert():
    config = BertConfig(
        9, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8
    )
    return BertForMaskedLM(config)


def test_alone_nothing_is_divided():
    model = bert()
    sharding.shard(model, ALONE)
    assert not sharding.is_sharded(model)


@needs_exact_sums
@pytest.mark.usefixtures("one_process")
def test_weights_and_averages_come_back_whole():
    model = bert()
    weights = {name: each.clone() for name, each in model.state_dict().items()}
    sharding.shard(model, TWO)
    optimizer = BertAdam(model.parameters(), lr=0.0)
    model(torch.tensor([[3, 4]]), masked_lm_labels=torch.tensor([[3, 4]])).backward()
    optimizer.step()

    whole = sharding.whole_model(model, BertForMaskedLM)
    moments = moments_of(model, optimizer)

    assert [isinstance(layer, FSDPModule) for layer in model.bert.encoder.layer] == [True, True]
    assert type(whole) is BertForMaskedLM
    for name, each in whole.state_dict().items():
        assert torch.equal(each, weights[name])
    tied = whole.bert.embeddings.word_embeddings.weight
    assert whole.cls.predictions.decoder.weight is tied
    name = "bert.encoder.layer.1.output.dense.weight"
    parameter = dict(model.named_parameters())[name]
    part = sharding.like(moments[f"next_m.{name}"], parameter)
    assert torch.equal(part.full_tensor(), optimizer.state[parameter]["next_m"].full_tensor())


def test_a_transformer_xl_is_refused():
    config = TransfoXLConfig(9, cutoffs=[4], d_model=8, d_embed=8, n_head=2, d_head=4, d_inner=8)
    with pytest.raises(ValueError, match="Transformer-XL cannot be divided among processes; leave"):
        sharding.shard(TransfoXLLMHeadModel(config), TWO)


def test_an_older_pytorch_is_told(monkeypatch):
    monkeypatch.delattr(FSDPModule, "set_force_sum_reduction_for_comms", raising=False)
    with pytest.raises(ValueError, match="shard needs a newer PyTorch than"):
        sharding.shard(bert(), TWO)


def test_one_process_does_not_load_the_compiler_of_pytorch(settings):
    """It takes seconds, and nothing is compiled."""
    code = (
        "import sys\n"
        "from ptbert.training import Settings, train\n"
        f"train(Settings(**{asdict(settings)!r}))\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "False\n"
