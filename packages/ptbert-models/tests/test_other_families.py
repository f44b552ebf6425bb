"""Files of another family are refused, whatever says that they are: with what reads them."""

import itertools
import json

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ptbert_hub import WrongFamily
from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    GPT2Config,
    GPT2Model,
    TransfoXLModel,
)
from ptbert_models.bert import BertPreTrainedModel
from ptbert_models.errors import CheckpointError, NothingLoaded, OtherFamily
from ptbert_models.families import FAMILIES

READERS = {"bert": "Bert", "gpt": "OpenAIGPT", "gpt2": "GPT2", "transfo_xl": "TransfoXL"}
PAIRS = list(itertools.permutations(FAMILIES, 2))


@pytest.fixture
def folder(small, tmp_path):
    """Make a folder of a family as today, or one that does not name it, as in 2019."""

    def make(family, *, named, config=None):
        config_class = FAMILIES[family].config_class
        model = FAMILIES[family].published(config_class.from_dict(small[config_class]))
        values = config or model.config.to_dict()
        values = {**values, "model_type": config_class.model_type} if named else values
        (tmp_path / "config.json").write_text(json.dumps(values))
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
        return tmp_path

    return make


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("written", "read"), PAIRS)
def test_a_folder_of_another_family_is_refused_with_what_reads_it(folder, written, read, named):
    path = folder(written, named=named)
    for kind in (FAMILIES[read].models[0], FAMILIES[read].published):
        with pytest.raises(OtherFamily, match=f"use {READERS[written]}Model, or another class"):
            kind.from_pretrained(path)


@pytest.mark.parametrize(("written", "read"), PAIRS)
def test_a_configuration_alone_is_refused_too(folder, written, read):
    path, config_class = folder(written, named=False), FAMILIES[read].config_class
    if {written, read} == {"gpt", "gpt2"}:  # told apart by their weights
        config_class.from_pretrained(path)
        return
    with pytest.raises(OtherFamily, match="is the configuration of another architecture"):
        config_class.from_pretrained(path)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_own_family_is_read(folder, family):
    for named in (True, False):
        FAMILIES[family].published.from_pretrained(folder(family, named=named))


def test_later_names_in_a_file_without_an_architecture_are_the_own_ones(folder):
    values = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    assert GPT2Model.from_pretrained(folder("gpt2", named=False, config=values)).config.n_embd == 8


def test_weights_that_are_given_are_looked_at_too(folder):
    weights = BertModel.from_pretrained(folder("bert", named=True)).state_dict()
    config = GPT2Config(9, n_embd=8, n_layer=1, n_head=2)
    with pytest.raises(OtherFamily, match=r"they have 'embeddings.word_embeddings.weight' and no"):
        GPT2Model.from_pretrained("", state_dict=weights, config=config)


def test_weights_of_two_families_are_those_of_a_program(small):
    model = GPT2Model(GPT2Config.from_dict(small[GPT2Config]))
    both = {"encoder.embeddings.word_embeddings.weight": torch.zeros(9, 8), **model.state_dict()}
    assert model.plan_loading(both).report.missing == ()


def test_the_error_is_what_callers_catch_already():
    for error in (WrongFamily, NothingLoaded, CheckpointError, ValueError, OSError):
        assert issubclass(OtherFamily, error)
    assert str(OtherFamily("one line")) == "one line"


def test_where_tensors_have_no_numbers_weights_are_not_read(folder):
    path = folder("bert", named=True)
    with FakeTensorMode():
        with pytest.raises(RuntimeError, match="build the model of its configuration there, as in"):
            BertModel.from_pretrained(path)
        assert BertModel(BertConfig.from_pretrained(path)).config.vocab_size == 9


TRANSFORMERS = "open it with the library transformers"
SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}


@pytest.fixture
def bert_folder(tmp_path):
    """Write a folder with the weights of a BERT, after a change, and a configuration."""

    def write(change=lambda weights: weights, **values):
        torch.manual_seed(0)
        model = BertModel(BertConfig(9, 8, 1, 2, 16))
        config = {**SIZES, "intermediate_size": 16, **values}
        (tmp_path / "config.json").write_text(json.dumps(config))
        torch.save(change(model.state_dict()), tmp_path / "pytorch_model.bin")
        return tmp_path

    return write


def called(prefix):
    return lambda weights: {f"{prefix}{key}": each for key, each in weights.items()}


def with_padding_at_position_1(weights):
    weights["embeddings.position_embeddings.weight"][1] = 0
    return weights


@pytest.mark.parametrize("kind", [BertModel, BertForMaskedLM])
@pytest.mark.parametrize("outer", ["", "module."])
@pytest.mark.parametrize("prefix", ["roberta", "albert", "electra", "distilbert"])
def test_weights_called_as_those_of_another_architecture_are_refused(
    bert_folder, prefix, outer, kind
):
    path = bert_folder(called(f"{outer}{prefix}."))
    said = (
        rf"architecture, {prefix}: their embeddings are called '{outer}{prefix}.emb.*{TRANSFORMERS}"
    )
    with pytest.raises(OtherFamily, match=said):
        kind.from_pretrained(path)


@pytest.mark.parametrize("outer", ["", "bert.", "module.bert."])
def test_a_roberta_without_its_name_is_refused_because_its_positions_begin_at_2(bert_folder, outer):
    path = bert_folder(lambda weights: called(outer)(with_padding_at_position_1(weights)))
    with pytest.raises(OtherFamily, match=f"roberta: the second row .* begin at 2.*{TRANSFORMERS}"):
        BertModel.from_pretrained(path)


def test_positions_that_are_all_0_or_few_are_those_of_a_bert(bert_folder):
    def without_positions(weights):
        weights["embeddings.position_embeddings.weight"].zero_()
        return weights

    assert BertModel.from_pretrained(bert_folder(without_positions))

    def with_two_positions(weights):
        table = weights["embeddings.position_embeddings.weight"][:2].clone()
        table[1] = 0
        return {**weights, "embeddings.position_embeddings.weight": table}

    path = bert_folder(with_two_positions, max_position_embeddings=2)
    assert BertModel.from_pretrained(path).config.max_position_embeddings == 2


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("encoder.embedding_hidden_mapping_in.weight", "albert"),
        ("embeddings_project.weight", "electra"),
    ],
)
def test_a_weight_that_only_another_architecture_has_is_refused(bert_folder, key, name):
    path = bert_folder(lambda weights: {**weights, key: torch.zeros(8, 4)})
    with pytest.raises(OtherFamily, match=f"another architecture, {name}: they have '{key}'"):
        BertModel.from_pretrained(path)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("transformer.layer.0.rel_attn.q", "xlnet"),
        ("transformer.attentions.0.q_lin.weight", "xlm"),
        ("transformer.h.0.multi_head_attention.Wq.weight", "ctrl"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", "t5"),
        ("transformer.layer.0.attention.q_lin.weight", "distilbert"),
    ],
)
def test_a_weight_of_another_architecture_alone_is_refused(bert_folder, key, name):
    path = bert_folder(lambda weights: {key: torch.zeros(8, 8)})
    with pytest.raises(OtherFamily, match=f"another architecture, {name}: they have '{key}'"):
        BertModel.from_pretrained(path)


def test_a_program_may_keep_two_models_in_one_file(bert_folder):
    def with_another(weights):
        other = {"roberta.embeddings.word_embeddings.weight": torch.zeros(9, 8)}
        more = {"albert.encoder.embedding_hidden_mapping_in.weight": torch.zeros(8, 4)}
        teacher = {
            "distilbert.embeddings.word_embeddings.weight": torch.zeros(9, 8),
            "distilbert.transformer.layer.0.attention.q_lin.weight": torch.zeros(8, 8),
        }
        return {**called("bert.")(weights), **other, **more, **teacher}

    assert BertModel.from_pretrained(bert_folder(with_another))


class NamedByAProgram(BertPreTrainedModel):
    """A model of a program, which calls its BERT as another library calls an ELECTRA."""

    def __init__(self, config):
        super().__init__(config)
        self.electra = BertModel(config)
        self.electra.embeddings_project = nn.Linear(8, 8)
        self.apply(self.init_bert_weights)


def test_a_program_may_call_its_bert_as_it_likes(tmp_path):
    model = NamedByAProgram(BertConfig(9, 8, 1, 2, 16))
    model.save_pretrained(tmp_path)
    read = NamedByAProgram.from_pretrained(tmp_path).state_dict()
    assert all(map(torch.equal, model.state_dict().values(), read.values()))


def test_a_bert_that_says_so_may_have_zeros_at_any_position(tmp_path):
    model = BertModel(BertConfig(9, 8, 1, 2, 16))
    with torch.no_grad():
        model.embeddings.position_embeddings.weight[1] = 0
    model.save_pretrained(tmp_path)
    read = BertModel.from_pretrained(tmp_path).embeddings.position_embeddings.weight
    assert torch.equal(read, model.embeddings.position_embeddings.weight)


@pytest.mark.parametrize(
    "added",
    [
        *({"dim": 8, "n_heads": 2}, {"emb_dim": 8, "n_heads": 2}, {"d_kv": 4, "d_ff": 16}),
        {"attn_type": "bi", "ff_activation": "gelu"},
    ],
    ids=str,
)
def test_keys_that_a_program_added_to_those_of_a_bert_show_no_other_architecture(
    bert_folder, added
):
    assert BertModel.from_pretrained(bert_folder(**added))


@pytest.mark.parametrize(
    "name",
    [
        *("RobertaForMaskedLM", "CamembertModel", "XLMRobertaForTokenClassification"),
        *("AlbertForMaskedLM", "ElectraForPreTraining", "DistilBertModel"),
    ],
)
def test_the_name_of_a_class_in_the_configuration_is_enough(bert_folder, name):
    path = bert_folder(architectures=[name])
    for kind in (BertModel, BertConfig):
        with pytest.raises(OtherFamily, match=f"architecture, .*'architectures'.*{TRANSFORMERS}"):
            kind.from_pretrained(path)


@pytest.mark.parametrize(
    "architectures",
    [["BertForMaskedLM"], ["RobertaLikeBert"], ["MyModel"], [], None, "RobertaModel", [3]],
    ids=str,
)
def test_names_of_classes_that_say_nothing_certain_are_ignored(bert_folder, architectures):
    assert BertModel.from_pretrained(bert_folder(architectures=architectures))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"dim": 8, "n_heads": 2, "n_layers": 1}, "distilbert"),
        ({"emb_dim": 8, "n_heads": 2, "n_layers": 1}, "xlm"),
        ({"d_model": 8, "attn_type": "bi", "ff_activation": "gelu"}, "xlnet"),
        ({"d_model": 8, "d_kv": 4, "d_ff": 16}, "t5"),
        ({"n_embd": 8, "dff": 16}, "ctrl"),
        ({**SIZES, "embedding_size": 4, "inner_group_num": 1}, "albert"),
    ],
)
@pytest.mark.parametrize("kind", [BertModel, GPT2Model, TransfoXLModel])
def test_keys_of_other_architectures_are_refused(tmp_path, values, name, kind):
    (tmp_path / "config.json").write_text(json.dumps(values))
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(OtherFamily, match=f"of another architecture, {name}, as .*{TRANSFORMERS}"):
        kind.from_pretrained(tmp_path)
