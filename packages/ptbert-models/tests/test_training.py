"""Every class says which parameters its loss trains, and DistributedDataParallel believes it."""

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

import ptbert_models
from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForTokenClassification,
    GPT2Config,
    OpenAIGPTConfig,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLModel,
)
from ptbert_models.families import FAMILIES

MODELS = [model for family in FAMILIES.values() for model in family.models]
WITHOUT_POOLER = [BertForMaskedLM, BertForTokenClassification, BertForQuestionAnswering]
IDS = torch.tensor([[3, 4, 5], [6, 7, 8]])
ONE = torch.tensor([0, 1])
LABELS = {
    "BertForPreTraining": {"masked_lm_labels": IDS, "next_sentence_label": ONE},
    "BertForMaskedLM": {"masked_lm_labels": IDS},
    "BertForNextSentencePrediction": {"next_sentence_label": ONE},
    "BertForSequenceClassification": {"labels": ONE},
    "BertForTokenClassification": {"labels": IDS % 2},
    "BertForMultipleChoice": {"labels": ONE},
    "BertForQuestionAnswering": {"start_positions": ONE, "end_positions": ONE},
    "OpenAIGPTLMHeadModel": {"lm_labels": IDS},
    "GPT2LMHeadModel": {"lm_labels": IDS},
    "TransfoXLLMHeadModel": {"target": IDS},
}
KINDS = [(each, {}) for each in MODELS] + [
    (TransfoXLLMHeadModel, values)
    for values in (
        {"attn_type": 1},
        {"attn_type": 2},
        {"attn_type": 3},
        {"untie_r": False},
        {"cutoffs": [], "div_val": 1, "sample_softmax": 3},
        {"div_val": 1, "d_embed": 4},
    )
]
kinds = pytest.mark.parametrize(
    ("model_class", "values"), KINDS, ids=[f"{each.__name__} {more}" for each, more in KINDS]
)


def made(model_class, values):
    torch.manual_seed(0)
    gpt = {"n_positions": 6, "n_ctx": 6, "n_embd": 8, "n_layer": 2, "n_head": 2}
    config = {
        "bert": lambda: BertConfig(
            12, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8
        ),
        "gpt": lambda: OpenAIGPTConfig(12, **gpt),
        "gpt2": lambda: GPT2Config(12, **gpt),
        "transfo_xl": lambda: TransfoXLConfig(
            12,
            **{
                **{"cutoffs": [5], "d_model": 8, "d_embed": 8, "n_head": 2, "d_head": 4},
                **{"d_inner": 8, "n_layer": 2, "div_val": 2, "mem_len": 3},
                **values,
            },
        ),
    }[model_class.family]()
    return model_class(config)


def loss(model, model_class):
    """The sum of the losses, or in a bare model of all that it returns."""
    if model_class.__name__.endswith("DoubleHeadsModel"):
        choices = torch.stack([IDS, IDS.flip(1)], 1)
        return sum(model(choices, ONE.expand(2, 2), lm_labels=choices, mc_labels=ONE))
    if model_class is ptbert_models.BertForMultipleChoice:
        return model(torch.stack([IDS, IDS.flip(1)], 1), labels=ONE)
    output = model(IDS, **LABELS.get(model_class.__name__, {}))
    parts, total = [output], 0
    while parts:
        part = parts.pop()
        if isinstance(part, torch.Tensor):
            total = total + (part.sum() if part.requires_grad else 0)
        elif part is not None:
            parts += part
    return total


@kinds
def test_exactly_the_trained_parameters_get_gradients(model_class, values):
    model = made(model_class, values)

    loss(model, model_class).backward()

    with_gradient = {name for name, each in model.named_parameters() if each.grad is not None}
    assert {name for name, _ in model.trained_parameters()} == with_gradient


@pytest.fixture
def one_process(tmp_path):
    """A group of processes that consists of this one."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@kinds
def test_data_parallel_training_needs_no_search_for_unused_parameters(
    model_class, values, one_process
):
    model = DistributedDataParallel(made(model_class, values))
    for _ in range(3):  # what is missing shows in the next step
        loss(model, model_class).backward()


@pytest.mark.parametrize("model_class", WITHOUT_POOLER)
def test_a_program_that_reads_the_pooler_trains_it(model_class, one_process):
    class Own(model_class):
        def forward(self, ids):
            return self.bert(ids)[1].sum()

    model = made(Own, {})
    assert dict(model.trained_parameters()) == dict(model.named_parameters())
    parallel = DistributedDataParallel(model, find_unused_parameters=True)
    parallel(IDS).backward()
    assert model.bert.pooler.dense.weight.grad is not None


def test_a_gradient_that_processes_would_not_share_is_an_error(one_process):
    model = made(BertForMaskedLM, {})
    pooled = []
    model.bert.register_forward_hook(lambda _, __, output: pooled.append(output[1]))
    parallel = DistributedDataParallel(model)
    parallel(IDS, masked_lm_labels=IDS)
    with pytest.raises(RuntimeError, match=r"bert.pooler.* got a gradient. The loss of Ber"):
        pooled[0].sum().backward()

    model = made(BertForMaskedLM, {})
    model._ddp_params_and_buffers_to_ignore = []  # noqa: SLF001  # the name that torch reads
    model.bert.register_forward_hook(lambda _, __, output: pooled.append(output[1]))
    parallel = DistributedDataParallel(model)
    for _ in range(2):
        (parallel(IDS, masked_lm_labels=IDS) + pooled.pop().sum()).backward()
    assert model.bert.pooler.dense.weight.grad is not None


def test_a_patched_forward_may_train_all():
    model = made(BertForMaskedLM, {})
    model.forward = lambda ids: model.bert(ids)[1].sum()
    assert dict(model.trained_parameters()) == dict(model.named_parameters())


def test_other_attention_without_memory_has_no_untrained_parameters():
    model = made(TransfoXLModel, {})
    assert dict(model.trained_parameters()) == dict(model.named_parameters())
