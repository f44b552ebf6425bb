"""Weights that share memory are copied, and what cannot be the weights of a model is refused."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from ptbert_models import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    GPT2LMHeadModel,
    MostlyMissing,
    UnusableWeights,
)
from ptbert_models.bert import BertPreTrainedModel
from ptbert_models.files.loading import fill

WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"


def in_memory(tensors):
    """The addresses of tensors' first and last bytes."""
    return sorted((each.data_ptr(), each.data_ptr() + each.nbytes) for each in tensors)


@pytest.mark.parametrize("case", ["expanded", "overlapping", "same start", "transposed", "part"])
def test_weights_that_share_memory_are_copied(tiny_config, save, case):
    model = BertModel(tiny_config)
    buffer = torch.randn(1000)
    weights = {
        "expanded": {WORDS: torch.ones(1).expand(30, 16)},
        "overlapping": {WORDS: buffer[:480].view(30, 16), POSITIONS: buffer[300:492].view(12, 16)},
        "same start": {WORDS: buffer[:480].view(30, 16), POSITIONS: buffer[:192].view(12, 16)},
        "transposed": {WORDS: torch.randn(16, 30).t()},
        "part": {WORDS: torch.randn(30, 20)[:, :16]},
    }[case]
    folder = save(model)
    torch.save(model.state_dict() | weights, folder / "pytorch_model.bin")

    loaded = BertModel.from_pretrained(folder)

    places = in_memory(loaded.parameters())
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
    assert all(parameter.is_contiguous() for parameter in loaded.parameters())
    state = loaded.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in weights.items())


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda tensor: tensor.to(torch.int8), "int8"),
        (lambda tensor: tensor > 0, "bool"),
        (lambda tensor: tensor.to(torch.complex64), "complex64"),
        (lambda tensor: tensor.to(torch.float8_e4m3fn), "float8_e4m3fn"),
        (lambda tensor: tensor.to_sparse(), "sparse_coo"),
        (lambda tensor: tensor.to("meta"), "without values"),
        pytest.param(
            lambda tensor: torch.nested.nested_tensor([tensor]),
            "nested",
            marks=pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
        ),
    ],
)
def test_weights_that_are_no_floating_point_numbers_are_refused(tiny_config, make, kind):
    model = BertModel(tiny_config)
    state = model.state_dict()
    state[WORDS] = make(state[WORDS])
    advice = "give those of a model that" if kind == "without values" else "if it was quantized, lo"
    message = f"{WORDS} is {kind} in the checkpoint, and weights are dense floating.*; {advice}"
    with pytest.raises(UnusableWeights, match=message):
        model.plan_loading(state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_other_precisions_load(tiny_config, dtype):
    model = BertModel(tiny_config)
    state = {key: tensor.to(dtype) for key, tensor in model.state_dict().items()}
    fill(model, model.plan_loading(state), take=True)
    assert model.pooler.dense.weight.dtype == torch.float32


def test_two_values_for_one_parameter_are_refused(tiny_config):
    model = BertForMaskedLM(tiny_config)
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    model.plan_loading(state)  # stored twice, with the same numbers
    state["cls.predictions.decoder.weight"] += 1

    with pytest.raises(
        UnusableWeights,
        match=r"'bert\.embeddings\.word_embeddings\.weight' and 'cls\.predictions\.decoder\."
        r"weight' are the same parameter in BertForMaskedLM, and have different values",
    ):
        model.plan_loading(state)


def test_two_names_of_one_weight_with_different_values_are_refused(tiny_config):
    state = BertModel(tiny_config).state_dict()
    state["bert.pooler.dense.bias"] = state["pooler.dense.bias"] + 1
    with pytest.raises(UnusableWeights, match=r"'pooler.dense.bias' and 'bert.pooler.dense.bias'"):
        BertModel(tiny_config).plan_loading(state)


def test_a_checkpoint_without_most_of_the_model_is_refused(tiny_config):
    model = BertForSequenceClassification(tiny_config)
    bare = model.bert.state_dict()
    half = len(bare) // 2
    few = dict(list(bare.items())[: len(bare) - half - 1])
    enough = dict(list(bare.items())[: len(bare) - half])

    with pytest.raises(
        MostlyMissing, match=rf"^{half + 1} of the {len(bare)} weights of BertForSe"
    ):
        model.plan_loading(few)

    assert len(model.plan_loading(enough).report.missing) == half + 2  # and the head


def test_a_large_head_of_a_program_may_be_new(tiny_config):
    class Tall(BertPreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.bert = BertModel(config)
            self.head = nn.ModuleList(nn.Linear(2, 2) for _ in range(99))

    report = Tall(tiny_config).plan_loading(BertModel(tiny_config).state_dict()).report
    assert len(report.missing) == 198


def test_the_embeddings_of_gpt2_are_not_replaced_by_the_head_s():
    config = GPT2LMHeadModel.config_class(9, n_embd=8, n_layer=1, n_head=2, n_positions=4)
    model = GPT2LMHeadModel(config)
    state = model.state_dict()
    state["lm_head.weight"] = torch.randn(9, 8)  # as later libraries name it
    with pytest.raises(UnusableWeights, match=r"wte.weight' and .* same parameter"):
        model.plan_loading(state)


def test_weights_of_layers_that_compute_something_else_are_warned_of(tiny_config, save, caplog):
    model = BertModel(tiny_config)
    folder = save(model)
    foreign = "encoder.layer.0.attention.self.distance_embedding.weight"
    weights = {foreign: torch.ones(3, 4), "encoder.layer.7.output.dense.weight": torch.ones(1)}
    torch.save(model.state_dict() | weights, folder / "pytorch_model.bin")

    BertForMaskedLM.from_pretrained(folder)

    messages = [record.getMessage() for record in caplog.records]
    assert [each for each in messages if "compute something else" in each] == [
        "BertForMaskedLM has layers without these weights of "
        f"{folder / 'pytorch_model.bin'}, which were made for layers that compute something else: "
        f"{foreign}"
    ]


def test_arrays_are_no_tensors(tiny_config):
    model = BertModel(tiny_config)
    state = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    with pytest.raises(TypeError, match=r"word_embeddings.weight is a ndarray; make it a tensor"):
        model.plan_loading(state)
