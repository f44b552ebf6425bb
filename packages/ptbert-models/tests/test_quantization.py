"""Models of 8 bits: what changes, what stays, and what is refused."""

import copy
import pickle

import pytest
import torch
from tiny_models import IDS, MASK, MODELS, call, in_list, tensors, tiny
from torch import nn
from torch.nn.utils.prune import l1_unstructured

from ptbert_models import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    GPT2LMHeadModel,
    OpenAIGPTLMHeadModel,
    TransfoXLLMHeadModel,
    generate,
)
from ptbert_models.bert.bare import is_usual
from ptbert_models.gpt.generation import CachedDecoding, scores_rows
from ptbert_models.parts.quantized import QuantizedLinear, check_support

try:
    check_support()
except RuntimeError as error:
    pytest.skip(str(error), allow_module_level=True)


def small(model_class):
    return tiny(model_class).quantize("int8")


def quantized_layers(model):
    return {name for name, each in model.named_modules() if isinstance(each, QuantizedLinear)}


@pytest.mark.parametrize("model_class", MODELS)
@pytest.mark.parametrize("labels", [False, True])
def test_results_are_close_to_those_of_the_model(model_class, labels):
    model, inputs = tiny(model_class).eval(), call(model_class, labels=labels)
    expected = tensors(model(**inputs))
    actual = tensors(model.quantize("int8")(**inputs))
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        assert not ours.requires_grad
        error = (ours - theirs).norm() / theirs.norm()
        assert 0 < error < 0.06 or ours.equal(theirs)


@pytest.mark.parametrize("model_class", MODELS)
def test_copies_and_pickles_compute_the_same(model_class):
    model, inputs = small(model_class), call(model_class, labels=False)
    expected = tensors(model(**inputs))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert all(map(torch.equal, tensors(twin(**inputs)), expected))


def test_which_layers_change():
    model = small(BertForMaskedLM)
    linear = {name for name, each in model.named_modules() if isinstance(each, nn.Linear)}
    assert linear == {"cls.predictions.transform.dense"}
    assert len(quantized_layers(model)) == 2 * 6 + 1 + 1  # layers, pooler, decoder
    assert type(model.bert.embeddings.word_embeddings) is nn.Embedding
    layers = quantized_layers(small(TransfoXLLMHeadModel))
    assert {name.rpartition(".")[2] for name in layers} == {"0", "3", "o_net"}


def test_a_layer_in_two_places_stays_one():
    model = tiny(BertModel)
    model.encoder.layer[1].output.dense = model.encoder.layer[0].output.dense
    model.quantize("int8")
    assert model.encoder.layer[1].output.dense is model.encoder.layer[0].output.dense


def test_quantizing_twice_is_quantizing_once():
    model = small(GPT2LMHeadModel)
    layers = list(model.modules())
    assert model.quantize("int8") is model
    assert list(model.modules()) == layers


def test_layers_that_are_watched_or_changed_stay_as_they_are():
    model = tiny(BertModel)
    first, second = model.encoder.layer
    seen = []
    first.output.dense.register_forward_hook(lambda *_: seen.append("hook"))
    l1_unstructured(first.intermediate.dense, "weight", amount=0.5)
    nn.utils.parametrizations.weight_norm(second.output.dense)
    second.intermediate.dense.forward = lambda x: x.new_zeros(*x.shape[:-1], 12)
    model.quantize("int8")(IDS)
    assert seen == ["hook"]
    left = [each for each in model.modules() if isinstance(each, nn.Linear)]
    assert len(left) == 4


class ReadsWeights(nn.Module):
    """Stands for an adapter: it has a layer and computes with its weights."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return nn.functional.linear(x, self.layer.weight, self.layer.bias)


def test_layers_in_modules_of_a_program_stay_as_they_are():
    model = tiny(BertModel)
    layer = model.encoder.layer[0].output
    inner = layer.dense
    layer.dense = ReadsWeights(inner)
    assert model.quantize("int8")(IDS)[0][-1].isfinite().all()
    assert layer.dense.layer is inner


def test_short_cuts_are_taken_as_before():
    model = small(BertForSequenceClassification)
    assert is_usual(model.bert)
    writer = small(GPT2LMHeadModel)
    assert scores_rows(writer.lm_head)
    assert isinstance(writer.start_decoding(8, None), CachedDecoding)


def test_a_hook_on_a_layer_of_8_bits_ends_short_cuts_and_is_called():
    model, seen = small(BertForSequenceClassification), []
    expected = model(IDS, None, MASK)
    layer = model.bert.encoder.layer[0].output.dense
    layer.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    assert not is_usual(model.bert)
    torch.testing.assert_close(model(IDS, None, MASK), expected)
    assert seen == [(3, 5, 8)]


def test_a_changed_class_of_layers_ends_short_cuts(monkeypatch):
    model = small(BertForSequenceClassification)
    monkeypatch.setattr(QuantizedLinear, "forward", lambda self, x: x)
    assert not is_usual(model.bert)


def test_a_text_is_what_it_is_alone():
    model = small(BertModel)
    together = model(IDS, None, MASK, output_all_encoded_layers=False)[0]
    for ids, mask, states in zip(IDS, MASK, together, strict=True):
        length = int(mask.sum())
        alone = model(ids[None, :length], output_all_encoded_layers=False)[0][0]
        torch.testing.assert_close(states[:length], alone)


@pytest.mark.parametrize(
    "model_class", [GPT2LMHeadModel, OpenAIGPTLMHeadModel, TransfoXLLMHeadModel]
)
def test_writing_is_that_of_the_own_scores(model_class):
    model = small(model_class)
    ids = IDS[:2]
    for options in ({"temperature": 0}, {"num_beams": 2}, {"temperature": 1.0}):
        assert generate(model, ids, 4, **options).shape == (2, 9)
    written = generate(model, ids, 4, temperature=0)
    read = ids
    for _ in range(4):
        output = model(read)
        scores = output if model_class is OpenAIGPTLMHeadModel else output[0]
        read = torch.cat((read, scores[:, -1].argmax(-1)[:, None]), dim=1)
    assert written.equal(read)


def test_pruned_heads_and_other_vocabularies_come_before():
    model = tiny(BertForMaskedLM)
    model.bert.prune_heads({0: [1]})
    model.resize_token_embeddings(40)
    scores = model.eval()(IDS)
    other = model.quantize("int8")(IDS)
    assert other.shape == (3, 5, 40)
    assert (other - scores).norm() / scores.norm() < 0.06


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.resize_token_embeddings(40),
        lambda model: model.set_input_embeddings(nn.Embedding(30, 8)),
        lambda model: model.tie_weights(),
        lambda model: model.save_pretrained("nowhere"),
        lambda model: model.load_state_dict(tiny(GPT2LMHeadModel).state_dict(), strict=False),
        lambda model: model.set_num_special_tokens(3),
        lambda model: model.transformer.prune_heads({0: [1]}),
        lambda model: model.to("meta"),
    ],
)
def test_what_must_come_before_is_refused(change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = small(GPT2LMHeadModel)
    with pytest.raises(RuntimeError, match=r"layer of 8 bits .* before quantize"):
        change(model)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["resize", "tie", "prune"])
def test_a_refused_change_leaves_the_model_as_it_was(change):
    model = small(BertForMaskedLM)
    expected = model(IDS)
    with pytest.raises(RuntimeError, match="before quantize"):
        {
            "resize": lambda: model.resize_token_embeddings(40),
            "tie": model.tie_weights,
            "prune": lambda: model.bert.prune_heads({0: [1]}),
        }[change]()
    assert model(IDS).equal(expected)
    assert not model.bert.encoder.layer[0].attention.pruned_heads


def test_a_bare_model_may_have_other_embeddings():
    model = small(BertModel)
    model.resize_token_embeddings(40)
    assert model(torch.full((1, 3), 39))[0][-1].shape == (1, 3, 8)


def test_the_model_is_for_evaluation():
    model = small(BertForSequenceClassification)
    assert not any(each.training for each in model.modules())
    assert not any(each.requires_grad for each in model.parameters())
    model.requires_grad_(True)
    with pytest.raises(RuntimeError, match=r"compute no gradients; call the model under"):
        model(IDS)
    with torch.no_grad():
        model(IDS)


def test_a_head_of_a_program_can_be_trained_on_it():
    bert, head = small(BertModel), nn.Linear(8, 1)
    head(bert(IDS)[1]).sum().backward()
    assert head.weight.grad.abs().sum() > 0


def test_other_types_can_be_computed_with():
    model = small(GPT2LMHeadModel)
    expected = model(IDS)[0]
    half = model.to(torch.bfloat16)(IDS)[0]
    assert half.dtype is torch.bfloat16
    assert (half - expected).norm() / expected.norm() < 0.1


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"kind='int4' is no kind of integers; .* \"int8\""):
        tiny(BertModel).quantize("int4")
    with pytest.raises(ValueError, match=r"is on the device meta, .* move the model with"):
        tiny(BertModel).to("meta").quantize("int8")


def test_a_model_without_usual_layers_is_refused():
    model = tiny(BertModel)
    for each in model.modules():
        each.register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match="no layer of this BertModel can be of 8 bits"):
        model.quantize("int8")


def test_layers_are_called_between_the_graphs_of_compiled_models():
    model = small(BertModel)
    try:
        actual = torch.compile(model, backend="eager")(IDS)[0][-1]
    finally:
        torch.compiler.reset()
    torch.testing.assert_close(actual, model(IDS)[0][-1])


def test_a_subset_of_layers_is_a_list_as_before():
    model = small(BertModel)
    model.encoder.layer = in_list(model)[:1]
    assert len(model(IDS)[0]) == 1


def test_neither_the_usual_device_nor_the_usual_type_of_a_program_matters():
    layer = nn.Linear(8, 4)
    check_support.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            found = QuantizedLinear.of(layer)
    finally:
        torch.set_default_dtype(torch.float32)

    x = torch.randn(3, 8)
    torch.testing.assert_close(found(x), QuantizedLinear.of(layer)(x), atol=0, rtol=0)
