"""``save_pretrained`` writes what ``from_pretrained`` reads, whatever was done to the model."""

import copy
import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from ptbert_models import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertModel,
    GPT2LMHeadModel,
    GPT2Model,
    TransfoXLLMHeadModel,
)
from ptbert_models.bert import BertPreTrainedModel
from ptbert_models.families import FAMILIES
from ptbert_models.parts.pruning import original_numbers

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 2]])
VALUES = {
    "bert": {
        "vocab_size": 30,
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 8,
        "max_position_embeddings": 12,
    },
    "gpt": {"vocab_size": 30, "n_embd": 16, "n_layer": 3, "n_head": 4, "n_positions": 12},
    "gpt2": {"vocab_size": 30, "n_embd": 16, "n_layer": 3, "n_head": 4, "n_positions": 12},
    "transfo_xl": {
        "n_token": 30,
        "cutoffs": [10, 20],
        "d_model": 16,
        "d_embed": 16,
        "n_head": 4,
        "d_head": 4,
        "d_inner": 8,
        "div_val": 2,
        "n_layer": 3,
        "tgt_len": 4,
        "mem_len": 6,
        "clamp_len": 5,
    },
}
MODELS = {model: family for family in FAMILIES.values() for model in family.models}
every_model = pytest.mark.parametrize("model_class", MODELS, ids=lambda model: model.__name__)


def built(model_class, changes=(), **arguments):
    torch.manual_seed(0)
    family = MODELS[model_class]
    values = VALUES[family.name] | dict(changes)
    return model_class(family.config_class.from_dict(values), **arguments).eval()


def flattened(output):
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for each in output or () for tensor in flattened(each)]


def outputs(model):
    """All tensors that a model computes from a few texts."""
    ids = IDS
    extra = ()
    if type(model).__name__.endswith("DoubleHeadsModel"):
        ids, extra = IDS[None], (torch.tensor([[3, 2]]),)
    elif isinstance(model, BertForMultipleChoice):
        ids = IDS[None].expand(model.num_choices, -1, -1)
    with torch.no_grad():
        return flattened(model.eval()(ids, *extra))


def assert_same(model, again):
    assert type(again) is type(model)
    assert again.config.to_dict() == model.config.to_dict()
    got, want = outputs(again), outputs(model)
    assert [tensor.shape for tensor in got] == [tensor.shape for tensor in want]
    assert all(map(torch.equal, got, want))


def round_trip(model, folder, **options):
    model.save_pretrained(folder, **options)
    return type(model).from_pretrained(folder)


@every_model
@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
def test_a_folder_needs_no_arguments(model_class, safe, tmp_path, caplog):
    model = built(model_class)
    assert_same(model, round_trip(model, tmp_path, safe_serialization=safe))
    assert not caplog.records


@every_model
@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
def test_the_bare_model_of_a_folder_is_whole(model_class, safe, tmp_path, caplog):
    model = built(model_class)
    model.save_pretrained(tmp_path, safe_serialization=safe)

    bare = MODELS[model_class].models[0].from_pretrained(tmp_path)

    state = bare_of(model).state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in bare.state_dict().items())
    assert not caplog.records


@every_model
def test_a_folder_says_what_it_holds(model_class, tmp_path):
    built(model_class).save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["model_type"] == MODELS[model_class].model_type
    assert values["architectures"] == [model_class.__name__]


def bare_of(model):
    return getattr(model, model.base_model_prefix, model)


def layers_of(model):
    bare = bare_of(model)
    names = {"bert": "encoder.layer", "transfo_xl": "layers"}
    return bare.get_submodule(names.get(model.family, "h"))


def keep_layers(model, numbers):
    """Keep only some layers, as programs that distill models do."""
    bare, kept = bare_of(model), nn.ModuleList(layers_of(model)[n] for n in numbers)
    if model.family == "bert":
        bare.encoder.layer = kept
    elif model.family == "transfo_xl":
        bare.layers, bare.n_layer = kept, len(kept)
    else:
        bare.h = kept


def resize_vocabulary(model, size):
    """Replace the table of tokens, and what shares it, as programs that add tokens do."""
    bare = bare_of(model)
    if model.family == "bert":
        bare.embeddings.word_embeddings = nn.Embedding(size, 16)
        table = bare.embeddings.word_embeddings.weight
        if hasattr(model, "cls") and hasattr(model.cls, "predictions"):
            head = model.cls.predictions
            head.decoder = nn.Linear(16, size, bias=False)
            head.decoder.weight = table
            head.bias = nn.Parameter(torch.randn(size))
    elif model.family != "transfo_xl":
        setattr(bare, bare.token_embedding_name, nn.Embedding(size, 16))
        if hasattr(model, "lm_head"):
            model.lm_head.set_embeddings_weights(bare.token_embedding().weight)
            model.lm_head.vocab_size = size


edits = st.fixed_dictionaries(
    {
        "heads": st.dictionaries(st.integers(0, 2), st.sets(st.integers(0, 3), max_size=3)),
        "layers": st.sampled_from([(0, 1, 2), (0, 2), (1,), (2, 0)]),
        "vocabulary": st.sampled_from([None, 20, 41]),
        "special": st.sampled_from([None, (0, True), (3, True), (3, False)]),
        "more_heads": st.sampled_from([None, 0]),
        "safe": st.booleans(),
    }
)


@every_model
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=edits)
def test_edited_models_come_back(model_class, edits, tmp_path):
    model = built(model_class)
    prunes = model.family != "transfo_xl"
    if edits["vocabulary"] is not None:
        resize_vocabulary(model, edits["vocabulary"])
        vocabulary_key = model.config.vocabulary_key
        if prunes:
            model.config = bare_of(model).config = copy.copy(model.config)
            setattr(model.config, vocabulary_key, edits["vocabulary"])
    if prunes:
        bare_of(model).prune_heads(edits["heads"])
        if edits["more_heads"] is not None and len(edits["heads"].get(1, ())) < 3:
            bare_of(model).prune_heads({1: [edits["more_heads"]]})
    if edits["special"] is not None and model.family in {"gpt", "gpt2"}:
        model.set_num_special_tokens(*edits["special"])
    keep_layers(model, edits["layers"])

    assert_same(model, round_trip(model, tmp_path, safe_serialization=edits["safe"]))


@pytest.mark.parametrize("model_class", [BertModel, GPT2Model])
def test_pruned_heads_are_written_by_their_first_numbers(model_class, tmp_path):
    model = built(model_class)
    model.prune_heads({0: [1], 2: [0, 3]})
    model.prune_heads({0: [1]})  # the second of 0, 2 and 3

    again = round_trip(model, tmp_path)

    values = json.loads((tmp_path / "config.json").read_text())
    assert values["pruned_heads"] == {"0": [1, 2], "2": [0, 3]}
    assert_same(model, again)
    again.prune_heads({0: [0]})
    assert_same(again, round_trip(again, tmp_path))


def test_first_numbers_of_heads_are_counted_around_the_gaps():
    assert original_numbers([0, 3], pruned=[0, 2]) == {0, 2, 1, 5}
    assert original_numbers([], pruned=[4]) == {4}


@pytest.mark.parametrize("saved", [{"5": [0]}, {"0": [4]}, {"0": [0, 1, 2, 3]}])
def test_impossible_pruned_heads_are_refused(saved):
    for model_class in (BertModel, GPT2Model):
        with pytest.raises(
            ValueError, match=r"pruned_heads=.* is impossible: there are 3 layers of 4"
        ):
            built(model_class, {"pruned_heads": saved})


def test_lengths_that_were_reset_are_kept(tmp_path):
    model = built(TransfoXLLMHeadModel)
    model.reset_length(2, 0, 3)
    model.transformer.same_length = False
    model.transformer.clamp_len = 2

    again = round_trip(model, tmp_path)

    assert (again.transformer.mem_len, again.transformer.clamp_len) == (3, 2)
    assert_same(model, again)


def test_positions_may_be_added(tmp_path):
    model = built(BertModel)
    model.embeddings.position_embeddings = nn.Embedding(20, 16)
    assert_same(model, round_trip(model, tmp_path))


def test_a_known_function_is_written_by_its_name(tmp_path):
    for function, name in (
        (nn.functional.silu, "silu"),
        (torch.tanh, "tanh"),
        (nn.functional.gelu, "gelu_python"),
    ):
        for model_class, key in ((BertModel, "hidden_act"), (GPT2Model, "activation_function")):
            model = built(model_class, {key: function})
            again = round_trip(model, tmp_path)
            assert getattr(again.config, key) == name
            assert_same(model, again)


def replaced_pooler(model):
    model.pooler = nn.Identity()


def own_layer(model):
    model.extra = nn.Linear(2, 2)


def other_epsilon(model):
    model.embeddings.LayerNorm.variance_epsilon = 0.5


def other_activation(model):
    model.encoder.layer[1].intermediate.intermediate_act_fn = torch.sin


def one_smaller_layer(model):
    model.encoder.layer[1].output.dense = nn.Linear(4, 16)


def own_forward(model):
    model.pooler.forward = lambda hidden: hidden.mean(1)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replaced_pooler, "it lacks pooler.dense.weight"),
        (own_layer, "has extra.weight, extra.bias that its class has not"),
        (other_epsilon, "embeddings.LayerNorm has variance_epsilon=0.5 instead of 1e-12"),
        (other_activation, "intermediate_act_fn=<built-in method sin"),
        (one_smaller_layer, r"encoder.layer.1.output.dense.weight: \(16, 4\) in the checkpoint"),
        (own_forward, "pooler has forward=<function"),
    ],
)
def test_what_a_configuration_cannot_say_is_refused_before_anything_is_written(
    edit, message, tmp_path
):
    model = built(BertModel)
    edit(model)
    with pytest.raises(ValueError, match=rf"was changed in a way .*{message}.*torch\.save\(model"):
        model.save_pretrained(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_head_that_no_longer_fits_its_embeddings_is_refused(tmp_path):
    for model, name in (
        (built(GPT2LMHeadModel), "transformer.wte"),
        (built(BertForMaskedLM), "bert.embeddings.word_embeddings"),
    ):
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, nn.Embedding(40, 16))
        with pytest.raises(ValueError, match="from_pretrained would make another model"):
            model.save_pretrained(tmp_path)


def test_an_own_activation_is_refused_before_anything_is_written(tmp_path):
    model = built(BertModel, {"hidden_act": torch.sin})
    with pytest.raises(ValueError, match=r"hidden_act=.* cannot be written as JSON"):
        model.save_pretrained(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_another_rate_of_dropout_is_warned_of(tmp_path, caplog):
    model = built(BertModel)
    model.embeddings.dropout.p = 0.25
    model.save_pretrained(tmp_path)
    assert "embeddings.dropout drops out at the rate 0.25 here, and at 0.1" in caplog.text


def test_settings_of_a_run_are_no_part_of_a_folder(tmp_path):
    model = built(BertModel, keep_multihead_output=True)
    model(IDS)
    model.gradient_checkpointing = True
    model.save_pretrained(tmp_path)
    assert BertModel.from_pretrained(tmp_path).gradient_checkpointing is False


def test_a_compiled_part_is_saved_as_the_part(tmp_path):
    model = built(BertForMaskedLM)
    want = outputs(model)
    model.bert = torch.compile(model.bert, backend="eager")
    again = round_trip(model, tmp_path)
    assert all(map(torch.equal, outputs(again), want))


class Tagger(BertPreTrainedModel):
    """A program's own model; only the program knows how it is built."""

    def __init__(self, config, tags):
        super().__init__(config)
        self.bert = BertModel(config)
        self.tag = nn.Linear(config.hidden_size, tags)
        self.apply(self.init_bert_weights)


def test_models_of_programs_are_saved_too(tmp_path):
    model = Tagger(built(BertModel).config, 5)
    model.bert.encoder.layer = model.bert.encoder.layer[:2]

    model.save_pretrained(tmp_path)
    again = Tagger.from_pretrained(tmp_path, 5)

    assert again.config.architectures == ["Tagger"]
    state = again.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[key], tensor) for key, tensor in model.state_dict().items())


def test_the_callers_configuration_is_left_alone(tmp_path):
    config = built(BertModel).config
    before = config.to_dict()
    model = BertForMaskedLM(config)

    model.save_pretrained(tmp_path)

    assert config.to_dict() == before
    assert model.bert.config is model.config


@pytest.mark.parametrize("safe", [False, True])
def test_views_and_square_transposes_are_written_as_they_are(tmp_path, safe):
    model = built(BertModel)
    weight = model.encoder.layer[0].attention.self.query.weight
    model.encoder.layer[0].attention.self.key.weight = nn.Parameter(weight.detach().t())
    table = nn.Parameter(torch.randn(60, 16)[:30])
    model.embeddings.word_embeddings.weight = table
    assert_same(model, round_trip(model, tmp_path, safe_serialization=safe))
