"""Programs reach into a GPT: what they put there is used, and sees what it saw in 2019."""

import copy
import importlib
import types

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ptbert_models
from ptbert_models import GPT2DoubleHeadsModel, GPT2LMHeadModel
from ptbert_models.generation import generate
from ptbert_models.gpt.cache import LayerCache
from ptbert_models.gpt.gpt2 import Attention
from ptbert_models.gpt.layers import CausalAttention

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 1]])
PADDED = torch.tensor([[0, 0, 5, 6], [7, 8, 9, 1]])
LABELS = torch.tensor([[-1, 4, -1, -100], [7, -1, 9, 1]])


def scores(output):
    return output[0] if isinstance(output, tuple) else output


class Mixing(nn.Module):
    """A head that looks at other positions too."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 32)

    def forward(self, hidden):
        return self.linear(hidden - hidden.mean(-2, keepdim=True))


def test_a_replaced_head_gets_all_positions(build):
    model = build("LMHeadModel")
    model.lm_head = Mixing()

    loss = model(IDS, lm_labels=LABELS)

    kept = LABELS[:, 1:].flatten()
    expected = F.cross_entropy(
        scores(model(IDS))[:, :-1].flatten(0, 1), kept.where(kept >= 0, -1), ignore_index=-1
    )
    torch.testing.assert_close(loss, expected)


def test_hooks_on_heads_see_all_positions(build):
    model, shapes = build("LMHeadModel"), []
    model.lm_head.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    model(IDS, lm_labels=LABELS)
    generate(model, IDS, 2, temperature=0)
    assert {tuple(shape[:2]) for shape in shapes} <= {(2, 4), (2, 1), (2, 5)}
    assert shapes[0] == shapes[1] == (2, 4, 16)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("prompts", [IDS, PADDED])
def test_observed_models_continue_texts_alike(build, prompts, beams):
    options = {"num_beams": beams} if beams > 1 else {"temperature": 0}
    options["attention_mask"] = (prompts > 0).long()
    expected = generate(build("LMHeadModel"), prompts, 5, **options)
    observed, pasts = build("LMHeadModel"), []
    for module in observed.modules():
        module.register_forward_pre_hook(
            lambda _, args, kwargs: pasts.extend((*args, *kwargs.values())), with_kwargs=True
        )

    assert torch.equal(generate(observed, prompts, 5, **options), expected)
    assert not any(isinstance(past, LayerCache) for past in pasts)


def test_blocks_of_2019_continue_texts():
    """Their attention takes tensors of keys and values, and knows no cache."""

    class Attention2019(nn.Module):
        def __init__(self, attention):
            super().__init__()
            self.attention = attention

        def forward(self, x, layer_past=None):
            assert layer_past is None or isinstance(layer_past, torch.Tensor)
            return self.attention(x, layer_past)

    config = ptbert_models.GPT2Config(30, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3)
    model = GPT2LMHeadModel(config)
    expected = generate(model, IDS, 5, temperature=0)
    for block in model.transformer.h:
        block.attn = Attention2019(block.attn)
    assert torch.equal(generate(model, IDS, 5, temperature=0), expected)


def test_blocks_of_gpt_take_no_past():
    class Block2019(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.block = block

        def forward(self, x):
            return self.block(x)

    config = ptbert_models.OpenAIGPTConfig(30, n_embd=16, n_layer=2, n_head=4)
    model = ptbert_models.OpenAIGPTLMHeadModel(config)
    expected = generate(model, IDS, 5, temperature=0)
    model.transformer.h = nn.ModuleList(map(Block2019, model.transformer.h))
    assert torch.equal(generate(model, IDS, 5, temperature=0), expected)


@pytest.mark.parametrize("name", ["token", "position"])
def test_a_table_of_a_programs_own_needs_no_number_of_rows(build, name):
    model = build("LMHeadModel")
    table = getattr(model.transformer, f"{name}_embedding")()
    mine = nn.Module()
    mine.weight, mine.forward = table.weight, lambda ids: table.weight[ids]
    expected = scores(model(IDS))
    setattr(model.transformer, getattr(model.transformer, f"{name}_embedding_name"), mine)
    torch.testing.assert_close(scores(model(IDS)), expected)
    assert generate(model, IDS, 3).shape == (2, 7)


def test_parts_read_attributes_of_any_configuration(family):
    config = types.SimpleNamespace(
        n_embd=16, n_head=4, layer_norm_epsilon=1e-5, afn="relu", vocab_size=30,
        attn_pdrop=0.1, resid_pdrop=0.1, initializer_range=0.02,
    )  # fmt: skip
    parts = importlib.import_module(f"ptbert_models.gpt.{family.removesuffix('GPT').lower()}")
    hidden = torch.randn(2, 4, 16)

    block = parts.Block(12, config)

    assert scores(block(hidden)).shape == hidden.shape
    assert scores(parts.Attention(16, 12, config)(hidden)).shape == hidden.shape
    assert parts.MLP(64, config)(hidden).shape == hidden.shape
    # In 2019 only GPT asked for its activation; that of GPT-2 was always the same.
    assert (block.mlp.act is F.relu) == (family == "OpenAIGPT")


def test_rates_of_any_configuration_follow_the_release(family):
    from ptbert_hub.release import current_release, set_release

    config = types.SimpleNamespace(
        n_embd=16, n_head=4, attn_pdrop=0.3, resid_pdrop=0.2, layer_norm_epsilon=1e-5, afn="gelu"
    )
    parts = importlib.import_module(f"ptbert_models.gpt.{family.removesuffix('GPT').lower()}")
    before = current_release().name
    set_release("april")
    try:
        block = parts.Block(12, config)
    finally:
        set_release(before)
    # Release 0.6.2 dropped nothing in the blocks of GPT-2.
    assert block.attn.attn_dropout.p == (0.0 if family == "GPT2" else 0.3)


def test_forward_may_be_called_with_another_object(build):
    model = build("LMHeadModel")
    wrapper = types.SimpleNamespace(transformer=model.transformer, lm_head=model.lm_head)
    for labels in (None, LABELS):
        got = type(model).forward(wrapper, IDS, lm_labels=labels)
        torch.testing.assert_close(scores(got), scores(model(IDS, lm_labels=labels)))

    bare = model.transformer
    names = [bare.token_embedding_name, bare.position_embedding_name, "drop", "h", "config"]
    parts = {name: getattr(bare, name) for name in names}
    if hasattr(bare, "ln_f"):
        parts["ln_f"] = bare.ln_f
    got = scores(type(bare).forward(types.SimpleNamespace(**parts), IDS))
    torch.testing.assert_close(got[-1], scores(bare(IDS))[-1])


def test_attention_may_be_called_with_another_object(gpt2_config):
    attention = Attention(16, 12, gpt2_config).eval()
    wrapper = types.SimpleNamespace(
        c_attn=attention.c_attn,
        c_proj=attention.c_proj,
        resid_dropout=attention.resid_dropout,
        split_size=16,
        n_head=4,
        split_heads=attention.split_heads,
        merge_heads=attention.merge_heads,
        _attn=lambda q, k, v: CausalAttention._attn(attention, q, k, v),
    )
    hidden = torch.randn(2, 4, 16)
    for got, want in zip(Attention.forward(wrapper, hidden), attention(hidden), strict=True):
        torch.testing.assert_close(got, want)


def test_kept_outputs_of_heads_do_not_keep_a_model_from_being_copied(build):
    model = build("LMHeadModel", keep_multihead_output=True)
    scores(model(IDS)).sum().backward()
    assert copy.deepcopy(model).transformer.get_multihead_outputs() == [None, None]
    assert all(each.grad is not None for each in model.transformer.get_multihead_outputs())


def test_every_text_has_positions_of_its_own(build):
    model, shapes = build("LMHeadModel"), []
    table = model.transformer.position_embedding()
    table.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    model(IDS)
    model(IDS, attention_mask=torch.tensor([[0, 1, 1, 1]]))
    assert shapes == [(2, 4), (2, 4)]


def test_head_and_embeddings_stay_one(build):
    model = build("LMHeadModel")
    state = {name: each.clone() for name, each in model.state_dict().items()}

    def is_tied(model):
        return model.lm_head.decoder.weight is model.transformer.token_embedding().weight

    model.load_state_dict(state, assign=True)
    assert is_tied(model)
    with torch.device("meta"):
        empty = type(model)(model.config)
    empty.to_empty(device="cpu").load_state_dict(state)
    assert is_tied(empty)
    torch.testing.assert_close(scores(empty.eval()(IDS)), scores(model(IDS)))
    model.lm_head.decoder.weight = nn.Parameter(torch.zeros(32, 16))
    model.tie_weights()
    assert is_tied(model)
    model.transformer.tie_weights()  # a bare model shares nothing


@pytest.mark.parametrize("model_class", [GPT2LMHeadModel, GPT2DoubleHeadsModel])
def test_gpt2_ties_by_the_name_of_0_6_2(gpt2_config, model_class):
    model = model_class(gpt2_config)
    model.set_num_special_tokens(3, predict_special_tokens=False)
    model.transformer.wte = nn.Embedding(33, 16)
    model.set_tied()
    assert model.lm_head.decoder.weight is model.transformer.wte.weight
    assert not model.lm_head.predict_special_tokens


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input_ids": IDS.tolist()}, TypeError, "input_ids is of type list; give a tensor"),
        ({"input_ids": IDS.float()}, ValueError, "input_ids is of type torch.float32; give int"),
        (
            {"input_ids": IDS, "attention_mask": torch.ones(3, 4)},
            ValueError,
            r"attention_mask has shape \(3, 4\) and the batch \(2, 4\); give 1 or 0 for each",
        ),
        (
            {"input_ids": IDS, "attention_mask": [[1] * 4] * 2},
            TypeError,
            "attention_mask is of type list",
        ),
    ],
)
def test_inputs_of_other_shapes_and_types_are_named(build, arguments, error, message):
    with pytest.raises(error, match=message):
        build("Model")(**arguments)
