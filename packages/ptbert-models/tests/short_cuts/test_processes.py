"""Models that are spread over processes give the same as in one."""

import pytest
import torch
from compared_models import run, same, without_short_cuts
from tiny_models import MODELS, call, in_list, rows_computed, tensors, tiny
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import ptbert_models
from ptbert_models import (
    BertForMaskedLM,
    TransfoXLLMHeadModel,
)

needs_streams_with_events = pytest.mark.skipif(
    not hasattr(torch.cpu.Stream, "record_event"),
    reason="in PyTorch 2.6 fully_shard does not run on a CPU, whose streams have no events",
)


@pytest.fixture
def one_process(tmp_path):
    """A group of processes that consists of this one."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    yield init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


@needs_streams_with_events
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "layer by layer"])
@pytest.mark.parametrize(
    "model_class",
    [BertForMaskedLM, ptbert_models.OpenAIGPTLMHeadModel, TransfoXLLMHeadModel],
    ids=lambda each: each.__name__,
)
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")  # returned a view
def test_sharded_weights(model_class, whole, one_process):
    model, given = tiny(model_class).eval(), call(model_class)
    want = [each.detach() for each in tensors(model(**given))]
    for layer in [] if whole else in_list(model):
        fully_shard(layer, mesh=one_process)
    fully_shard(model, mesh=one_process)
    same([each.detach() for each in tensors(model(**given))], want)


@needs_streams_with_events
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")  # returned a view
def test_sharded_weights_without_padding(one_process):
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    mask = (ids > 0).long()
    model = tiny(ptbert_models.BertForSequenceClassification).eval()
    model(ids, None, mask).sum().backward()
    want = model(ids, None, mask).detach()
    gradients = {name: each.grad for name, each in model.named_parameters()}
    model.zero_grad()
    rows = rows_computed(model)
    for layer in model.bert.encoder.layer:
        fully_shard(layer, mesh=one_process)
    fully_shard(model, mesh=one_process)
    model.leave_out_padding = True

    got = model(ids, None, mask)
    got.sum().backward()

    assert rows == [6, 2]  # all real tokens, and in the last layer the first ones
    same([got.detach()], [want])
    for name, each in model.named_parameters():
        same([each.grad.full_tensor()], [gradients[name]])


@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
@pytest.mark.usefixtures("one_process")
def test_models_that_several_processes_would_train(model_class):
    model, given = tiny(model_class).double(), call(model_class)
    with without_short_cuts():
        want = run(model, **given)

    parallel = nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)

    same(run(parallel, **given), want)
