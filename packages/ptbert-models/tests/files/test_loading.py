import logging

import pytest
import torch
from torch import nn

from ptbert_models import (
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    NothingLoaded,
    ShapeMismatch,
)
from ptbert_models.bert import BertPreTrainedModel
from ptbert_models.files import weights
from ptbert_models.files.loading import fill, log_report


def equal(left, right):
    """Whether two state dicts have equal tensors under all keys of the left one."""
    return all(torch.equal(tensor, right[key]) for key, tensor in left.items())


def old_spelling(state):
    return {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for key, tensor in state.items()
    }


def test_what_was_saved_comes_back(tiny_config, save):
    model = BertForPreTraining(tiny_config)

    again = BertForPreTraining.from_pretrained(save(model))

    assert equal(model.state_dict(), again.state_dict())
    assert again.config.to_dict() == tiny_config.to_dict()
    assert again.training


def test_a_bare_file_fits_a_model_with_a_head(tiny_config, save, caplog):
    bare = BertModel(tiny_config)

    model = BertForSequenceClassification.from_pretrained(save(bare), num_labels=5)

    assert equal(bare.state_dict(), model.bert.state_dict())
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert record.getMessage().endswith(
        "newly initialised and need training: classifier.weight, classifier.bias"
    )


def test_a_pooler_on_which_nothing_depends_may_be_missing(tiny_config, save, caplog):
    """Other libraries write token classifiers without one."""
    caplog.set_level(logging.INFO)
    model = BertForTokenClassification(tiny_config)
    folder = save(model)
    path = folder / "pytorch_model.bin"
    torch.save({k: v for k, v in model.state_dict().items() if ".pooler." not in k}, path)

    BertForTokenClassification.from_pretrained(folder)

    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage().endswith(
        "on which nothing depends: bert.pooler.dense.weight, bert.pooler.dense.bias"
    )


def test_a_pooler_that_a_program_s_own_model_may_read_may_not_be_missing(tiny_config, save, caplog):
    class Pooled(BertForTokenClassification):
        def forward(self, input_ids):
            return self.classifier(self.bert(input_ids)[1])

    model = Pooled(tiny_config)
    state = {k: v for k, v in model.state_dict().items() if ".pooler." not in k}

    Pooled.from_pretrained(save(model), state_dict=state)

    assert "need training: bert.pooler.dense.weight, bert.pooler.dense.bias" in caplog.text


def test_a_file_with_a_head_fits_the_bare_model(tiny_config, save, caplog):
    caplog.set_level(logging.INFO)
    model = BertForPreTraining(tiny_config)

    bare = BertModel.from_pretrained(save(model))

    assert equal(bare.state_dict(), model.bert.state_dict())
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "does not use these weights" in record.getMessage()
    assert "cls.seq_relationship.bias" in record.getMessage()


def test_names_in_a_file_cannot_change_the_terminal_of_who_reads_the_log(tiny_config, caplog):
    caplog.set_level(logging.INFO)
    model = BertModel(tiny_config)
    state = model.state_dict()
    state["layer.0.\x1b[2J" + "a" * 10_000] = torch.zeros(1)
    state["encoder.layer.0.\x1b[2J"] = torch.zeros(1)

    log_report(model.plan_loading(state).report, "BertModel", "a file")

    assert len(caplog.records) == 2
    for record in caplog.records:
        assert "?[2J" in record.getMessage()
        assert "\x1b" not in record.getMessage()
        assert len(record.getMessage()) < 3000


def test_a_wrapped_model_s_file_fits(tiny_config, save):
    model = BertForMaskedLM(tiny_config)
    wrapped = {f"module.{key}": tensor for key, tensor in model.state_dict().items()}
    folder = save(model)
    torch.save(wrapped, folder / "pytorch_model.bin")

    assert equal(BertForMaskedLM.from_pretrained(folder).state_dict(), model.state_dict())
    assert equal(BertModel.from_pretrained(folder).state_dict(), model.bert.state_dict())


def test_old_spellings_load(tiny_config, save):
    model = BertForPreTraining(tiny_config)
    nn.init.normal_(model.bert.embeddings.LayerNorm.weight)
    folder = save(model)
    torch.save(old_spelling(model.state_dict()), folder / "pytorch_model.bin")

    assert equal(BertForPreTraining.from_pretrained(folder).state_dict(), model.state_dict())


def test_old_spellings_load_strictly_wherever_the_model_stands(tiny_config):
    model, again = BertModel(tiny_config), BertModel(tiny_config)
    nn.init.normal_(model.embeddings.LayerNorm.weight)
    outer = nn.ModuleDict({"inner": again})
    state = old_spelling(model.state_dict())
    state["embeddings.position_ids"] = torch.arange(12)  # later libraries store it

    again.load_state_dict(state)
    assert equal(model.state_dict(), again.state_dict())

    nn.init.zeros_(again.embeddings.LayerNorm.weight)
    outer.load_state_dict({f"inner.{key}": tensor for key, tensor in state.items()})
    assert equal(model.state_dict(), again.state_dict())
    assert "embeddings.LayerNorm.gamma" in state


def test_the_caller_s_dictionary_is_left_alone(tiny_config, save):
    model = BertForMaskedLM(tiny_config)
    state = old_spelling(model.state_dict())
    before = {key: tensor.clone() for key, tensor in state.items()}

    again = BertForMaskedLM.from_pretrained(save(model), state_dict=state)
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.fill_(9)

    assert list(state) == list(before)
    assert equal(before, state)


def test_tied_weights_stay_tied(tiny_config, save):
    model = BertForMaskedLM.from_pretrained(save(BertForMaskedLM(tiny_config)))

    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


def test_a_tied_weight_may_be_stored_once(tiny_config, save, caplog):
    model = BertForMaskedLM(tiny_config)
    state = model.state_dict()
    del state["cls.predictions.decoder.weight"]

    again = BertForMaskedLM.from_pretrained(save(model), state_dict=state)

    assert equal(model.state_dict(), again.state_dict())
    assert not caplog.records


class TwoTables(BertPreTrainedModel):
    """A program's own model, with separate parameters where the file shares memory."""

    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config)
        self.table = nn.Embedding(config.vocab_size, config.hidden_size)
        self.special = nn.Parameter(torch.full((3,), 0.5))
        self.apply(self.init_bert_weights)
        nn.init.constant_(self.table.weight, 4.0)


def test_separate_parameters_stay_separate(tiny_config, save):
    model = BertModel(tiny_config)
    shared = {f"bert.{key}": tensor for key, tensor in model.state_dict().items()}
    shared["table.weight"] = shared["bert.embeddings.word_embeddings.weight"]
    folder = save(model)
    torch.save(shared, folder / "pytorch_model.bin")

    loaded = TwoTables.from_pretrained(folder)
    with torch.no_grad():
        loaded.table.weight.fill_(1)

    assert equal(model.state_dict(), loaded.bert.state_dict())


@pytest.mark.parametrize("take", [True, False])
def test_weights_are_taken_without_copies_on_request_only(tiny_config, take):
    model = BertModel(tiny_config)
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}

    fill(model, model.plan_loading(state), take=take)

    shared = {model.get_parameter(key).data_ptr() == t.data_ptr() for key, t in state.items()}
    assert shared == {take}


def test_a_program_s_own_first_values_survive(tiny_config, save):
    """Only this library's constructors are known to need nothing but init_weights."""
    model = TwoTables.from_pretrained(save(BertModel(tiny_config)))

    assert model.table.weight.eq(4).all()
    assert model.special.eq(0.5).all()


def test_new_heads_get_first_values(tiny_config, save):
    torch.manual_seed(0)
    tiny_config.initializer_range = 0.5
    model = BertForMaskedLM.from_pretrained(save(BertModel(tiny_config)))
    head = model.cls.predictions

    assert 0.4 < head.transform.dense.weight.std() < 0.6
    assert head.transform.dense.bias.eq(0).all()
    assert head.transform.LayerNorm.weight.eq(1).all()
    assert head.bias.eq(0).all()


def test_first_values_are_not_computed_in_vain(tiny_config, save, monkeypatch):
    folder = save(BertModel(tiny_config))
    called = []
    monkeypatch.setattr(torch.Tensor, "normal_", lambda self, *a, **k: called.append(1) or self)

    BertModel.from_pretrained(folder)

    assert not called


def test_half_precision_files_fill_a_full_precision_model(tiny_config, save):
    model = BertModel(tiny_config)

    again = BertModel.from_pretrained(save(model), state_dict=model.half().state_dict())

    assert again.pooler.dense.weight.dtype == torch.float32
    assert equal(again.half().state_dict(), model.state_dict())


def test_positional_arguments_reach_the_class(tiny_config, save):
    folder = save(BertModel(tiny_config))
    assert BertForSequenceClassification.from_pretrained(folder, 7).classifier.out_features == 7


@pytest.mark.parametrize("order", ["releases", "releases, in part", "documentation"])
def test_options_may_stand_in_the_places_of_2019(tiny_config, save, tmp_path, order):
    state = BertForSequenceClassification(tiny_config, num_labels=3).state_dict()
    folder = save(BertModel(tiny_config))
    options = {
        "releases": (state, tmp_path, False, 3),
        "releases, in part": (state,),
        "documentation": (str(tmp_path), False, state, 3),
    }[order]
    named = {"num_labels": 3} if order == "releases, in part" else {}

    model = BertForSequenceClassification.from_pretrained(folder, *options, **named)

    assert equal(state, model.state_dict())


def test_nothing_in_the_places_of_2019_changes_nothing(tiny_config, save):
    folder = save(BertModel(tiny_config))
    for options in ((None, None, False, 3), (None, False, None, 3)):
        model = BertForSequenceClassification.from_pretrained(folder, *options)
        assert model.num_labels == 3


def test_an_empty_dictionary_by_position_is_no_missing_one(tiny_config, save):
    with pytest.raises(
        NothingLoaded,
        match=r"none of the 0 weights given belongs to BertModel: it has keys such as "
        r"'embeddings.word_embeddings.weight', 'embeddings.position_embeddings.weight', "
        r"'embeddings.token_type_embeddings.weight', and the checkpoint has nothing at all$",
    ):
        BertModel.from_pretrained(save(BertModel(tiny_config)), {})


def test_words_are_left_to_the_classes_of_others(tiny_config, save):
    class Pooled(BertPreTrainedModel):
        def __init__(self, config, pooling):
            super().__init__(config)
            self.bert = BertModel(config)
            self.pooling = pooling

    assert Pooled.from_pretrained(save(BertModel(tiny_config)), "mean").pooling == "mean"


def test_a_shape_mismatch_names_key_and_shapes(tiny_config, save):
    folder = save(BertForSequenceClassification(tiny_config, num_labels=3))

    with pytest.raises(
        ShapeMismatch,
        match=r"classifier\.weight: \(3, 16\) in the checkpoint, \(5, 16\) in the model",
    ) as caught:
        BertForSequenceClassification.from_pretrained(folder, num_labels=5)

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RuntimeError)


def test_ten_of_many_mismatches_are_named(tiny_config, save):
    state = {key: tensor[:1] for key, tensor in BertModel(tiny_config).state_dict().items()}
    del state["embeddings.word_embeddings.weight"]
    folder = save(BertModel(tiny_config))

    with pytest.raises(ShapeMismatch, match="38 weights have other shapes") as caught:
        BertModel.from_pretrained(folder, state_dict=state)

    assert str(caught.value).count("in the checkpoint") == 10


def test_loading_nothing_at_all_is_an_error(tiny_config, save):
    with pytest.raises(NothingLoaded, match="none of the 1 weights given belongs to BertModel: it"):
        BertModel.from_pretrained(
            save(BertModel(tiny_config)), state_dict={"encoder": torch.ones(1)}
        )


def test_a_model_is_built_from_its_own_configuration(tiny_config):
    with pytest.raises(TypeError, match=r"BertModel is built from a BertConfig, not from 'bert-b"):
        BertModel("bert-base-uncased")


@pytest.mark.parametrize(("asked", "mapped"), [(None, False), (True, True), (False, False)])
def test_a_user_s_file_is_mapped_on_request_only(tiny_config, save, monkeypatch, asked, mapped):
    folder = save(BertModel(tiny_config))
    seen = []
    read = weights.read_tensors
    monkeypatch.setattr(
        weights, "read_tensors", lambda *a, **k: seen.append(k["memory_map"]) or read(*a, **k)
    )

    BertModel.from_pretrained(folder, memory_map=asked)

    assert seen == [mapped]


@pytest.mark.parametrize("wrong", ["pytorch_model.bin", torch.nn.Linear(1, 1), []])
def test_a_state_that_is_no_dictionary_is_refused(tiny_config, save, wrong):
    folder = save(BertModel(tiny_config))
    with pytest.raises(TypeError, match=r"state_dict is of type \w+; give a dictionary of tensors"):
        BertModel.from_pretrained(folder, state_dict=wrong)


def test_a_state_with_keys_that_are_no_names_is_refused(tiny_config, save):
    model = BertModel(tiny_config)
    state = {**model.state_dict(), 5: torch.zeros(1)}
    with pytest.raises(TypeError, match="state_dict has the key 5; give weights by name"):
        BertModel.from_pretrained(save(model), state_dict=state)
