"""Adapters of peft on every model: added, trained, saved, loaded and merged."""

import warnings

import peft
import pytest
import torch

import ptbert

MODELS = [getattr(ptbert, name) for name in ptbert.__all__]
MODELS = [each for each in MODELS if isinstance(each, type) and hasattr(each, "plan_loading")]
TARGETS = {
    "bert": ["query", "value"],
    "gpt": ["c_attn", "c_proj", "c_fc"],
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "transfo_xl": ["qkv_net", "r_net", "o_net"],
}
IDS = torch.tensor([[3, 4, 5], [6, 7, 8]])


def made(model_class):
    torch.manual_seed(0)
    gpt = {"n_positions": 6, "n_ctx": 6, "n_embd": 8, "n_layer": 2, "n_head": 2}
    config = {
        "bert": lambda: ptbert.BertConfig(
            12, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12
        ),
        "gpt": lambda: ptbert.OpenAIGPTConfig(12, **gpt),
        "gpt2": lambda: ptbert.GPT2Config(12, **gpt),
        "transfo_xl": lambda: ptbert.TransfoXLConfig(
            12, cutoffs=[5], d_model=8, d_embed=8, n_head=2, d_head=4, d_inner=12, n_layer=2,
            div_val=2, mem_len=3,
        ),
    }[model_class.family]()  # fmt: skip
    return model_class(config).double().eval()


def call(model, model_class):
    """All tensors that a model returns."""
    if model_class.__name__.endswith("DoubleHeadsModel"):
        output = model(IDS[:, None], mc_token_ids=torch.zeros(2, 1, dtype=torch.long))
    else:
        output = model(IDS[:, None] if model_class is ptbert.BertForMultipleChoice else IDS)
    parts, found = [output], []
    while parts:
        part = parts.pop(0)
        if isinstance(part, torch.Tensor):
            found.append(part)
        elif part is not None:
            parts += part
    return found


def same(got, want):
    for left, right in zip(got, want, strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=0)


def test_there_are_sixteen_models():
    assert len(MODELS) == 16


@pytest.mark.filterwarnings("ignore:fan_in_fan_out:UserWarning")
@pytest.mark.parametrize("use_dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_adapters_are_trained_saved_loaded_and_merged(model_class, use_dora, tmp_path):
    model, again = made(model_class), made(model_class)
    before = [each.detach() for each in call(model, model_class)]
    config = peft.LoraConfig(r=2, target_modules=TARGETS[model_class.family], use_dora=use_dora)
    adapted = peft.get_peft_model(model, config).double().eval()
    same(call(adapted, model_class), before)  # an adapter begins with 0

    sum(each.sum() for each in call(adapted, model_class)).backward()
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None
                parameter.normal_()
    after = call(adapted, model_class)
    pairs = zip(after, before, strict=True)
    assert not all(torch.allclose(got, want) for got, want in pairs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the model is in no hub
        adapted.save_pretrained(tmp_path)
    loaded = peft.PeftModel.from_pretrained(again, tmp_path).double().eval()
    same(call(loaded, model_class), after)
    merged = adapted.merge_and_unload()
    assert type(merged) is model_class
    same(call(merged, model_class), after)


@pytest.mark.filterwarnings("ignore:fan_in_fan_out:UserWarning")
@pytest.mark.parametrize(
    "model_class",
    [each for each in MODELS if each.__name__.endswith("LMHeadModel")],
    ids=lambda each: each.__name__,
)
def test_an_adapted_model_generates_what_the_merged_one_does(model_class):
    config = peft.LoraConfig(r=2, target_modules=TARGETS[model_class.family])
    adapted = peft.get_peft_model(made(model_class), config).double().eval()
    before = ptbert.generate(adapted, IDS, 3, temperature=0)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.normal_()

    written = ptbert.generate(adapted, IDS, 3, temperature=0)

    assert written.tolist() != before.tolist()
    merged = adapted.merge_and_unload()
    assert ptbert.generate(merged, IDS, 3, temperature=0).tolist() == written.tolist()


@pytest.mark.filterwarnings("ignore:fan_in_fan_out:UserWarning")
@pytest.mark.parametrize(
    ("model_class", "layers"),
    [(ptbert.BertModel, {"query", "value"}), (ptbert.GPT2Model, {"c_attn"})],
    ids=["bert", "gpt2"],
)
def test_peft_chooses_layers_if_the_configuration_names_the_architecture(model_class, layers):
    model = made(model_class)
    model.config.model_type = model.config.model_type

    adapted = peft.get_peft_model(model, peft.LoraConfig(r=2))

    assert adapted.peft_config["default"].target_modules == layers


def test_a_head_is_trained_beside_an_adapter():
    model_class = ptbert.BertForSequenceClassification
    config = peft.LoraConfig(r=2, target_modules=["query"], modules_to_save=["classifier"])
    adapted = peft.get_peft_model(made(model_class), config).double().eval()

    adapted(IDS, labels=torch.tensor([0, 1])).backward()

    trained = {name for name, each in adapted.named_parameters() if each.grad is not None}
    heads = {name for name in trained if ".classifier." in name}
    assert len(heads) == 2
    assert all("lora" in name for name in trained - heads)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.normal_()
    after = call(adapted, model_class)
    same(call(adapted.merge_and_unload(), model_class), after)
