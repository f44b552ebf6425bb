"""What configurations say about the computation is computed, or the file is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import ptbert_models
from ptbert_models import BertConfig, GPT2Config, OpenAIGPTConfig
from ptbert_models.families import FAMILIES
from ptbert_models.parts.activations import LATER_ACTIVATIONS

MODELS = [model for family in FAMILIES.values() for model in family.models]
REFUSED = [  # values, and the models that do not compute them
    ({"model_type": "roberta"}, MODELS),
    ({"model_type": "camembert"}, MODELS),
    ({"quantization_config": {"load_in_8bit": True}}, MODELS),
    ({"position_embedding_type": "relative_key_query"}, FAMILIES["bert"].models),
    ({"position_embedding_type": "relative_key"}, FAMILIES["bert"].models),
    ({"is_decoder": True}, FAMILIES["bert"].models),
    ({"add_cross_attention": True}, [*FAMILIES["bert"].models, *FAMILIES["gpt2"].models]),
    ({"scale_attn_weights": False}, FAMILIES["gpt2"].models),
    ({"scale_attn_by_inverse_layer_idx": True}, FAMILIES["gpt2"].models),
    (
        {"tie_word_embeddings": False},
        [
            ptbert_models.TransfoXLLMHeadModel,
        ],
    ),
    *(
        (
            values,
            [ptbert_models.GPT2DoubleHeadsModel, ptbert_models.OpenAIGPTDoubleHeadsModel],
        )
        for values in (
            {"summary_type": "first"},
            {"summary_activation": "tanh"},
            {"summary_use_proj": False},
            {"summary_proj_to_labels": False},
        )
    ),
]


@pytest.fixture
def built(small):
    """Return a function that builds a small model with further values of the configuration."""

    def build(model_class, values):
        config_class = model_class.config_class
        return model_class(config_class.from_dict(small[config_class] | values))

    return build


@pytest.mark.parametrize(("values", "models"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_what_is_not_computed_is_refused_by_name(built, values, models):
    (key,) = values
    for model_class in models:
        with pytest.raises(ValueError, match=f"{key}=.* is a variant that this model does not"):
            built(model_class, values)
    for model_class in set(MODELS) - set(models):
        built(model_class, values)  # says nothing about what these compute


USUAL = {
    "bert": {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
        "gradient_checkpointing": False,
        "pad_token_id": 0,
        "use_cache": True,
        "tie_word_embeddings": True,
        "pruned_heads": {},
        "directionality": "bidi",
        "pooler_type": "first_token_transform",
        "classifier_dropout": None,
        "transformers_version": "4.6.0.dev0",
    },
    "gpt": {"architectures": ["OpenAIGPTLMHeadModel"], "model_type": "openai-gpt"},
    "gpt2": {
        "model_type": "gpt2",
        "reorder_and_upcast_attn": False,
        "scale_attn_weights": True,
        "is_decoder": True,
        "summary_type": "cls_index",
        "summary_activation": None,
        "summary_use_proj": True,
        "summary_proj_to_labels": True,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    },
    "transfo_xl": {"model_type": "transfo-xl", "tie_word_embeddings": True, "vocab_size": 9},
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_what_published_files_say_is_computed(built, family):
    for model_class in family.models:
        built(model_class, USUAL[family.name])


def test_the_token_without_gradient_is_the_one_that_the_file_names(built):
    for values, index in (({}, 0), ({"pad_token_id": 3}, 3), ({"pad_token_id": None}, None)):
        model = built(ptbert_models.BertModel, values)
        assert model.embeddings.word_embeddings.padding_idx == index


@pytest.mark.parametrize(
    "name",
    ["BertForSequenceClassification", "BertForTokenClassification", "BertForMultipleChoice"],
)
def test_classifiers_may_have_a_dropout_rate_of_their_own(built, name):
    model_class = getattr(ptbert_models, name)
    assert built(model_class, {"classifier_dropout": 0.5}).dropout.p == 0.5
    assert built(model_class, {"classifier_dropout": None}).dropout.p == 0.1


def test_transformer_xl_may_have_an_epsilon_of_its_own(built):
    for values, epsilon in (({}, 1e-12), ({"layer_norm_epsilon": 1e-5}, 1e-5)):
        layer = built(ptbert_models.TransfoXLModel, values).layers[0]
        assert layer.dec_attn.layer_norm.variance_epsilon == epsilon
        assert layer.pos_ff.layer_norm.variance_epsilon == epsilon


X = torch.linspace(-12, 12, 97, dtype=torch.float64)
TANH = 0.5 * X * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (X + 0.044715 * X**3)))
ERF = 0.5 * X * (1 + torch.erf(X / 2**0.5))
DEFINITIONS = {
    "gelu": ERF,
    "gelu_10": ERF.clip(-10, 10),
    "gelu_accurate": TANH,
    "gelu_fast": TANH,
    "gelu_new": TANH,
    "gelu_python": ERF,
    "gelu_python_tanh": TANH,
    "gelu_pytorch_tanh": TANH,
    "gelu_tanh": TANH,
    "hardswish": X * (X + 3).clip(0, 6) / 6,
    "laplace": 0.5 * (1 + torch.erf((X - 0.707107) / (0.282095 * 2**0.5))),
    "leaky_relu": X.clip(min=0) + 0.01 * X.clip(max=0),
    "linear": X,
    "mish": X * torch.tanh(torch.log1p(X.exp())),
    "quick_gelu": X / (1 + torch.exp(-1.702 * X)),
    "relu": X.clip(min=0),
    "relu2": X.clip(min=0) ** 2,
    "relu6": X.clip(0, 6),
    "sigmoid": 1 / (1 + torch.exp(-X)),
    "silu": X / (1 + torch.exp(-X)),
    "sqrtsoftplus": torch.log1p(X.exp()).sqrt(),
    "swish": X / (1 + torch.exp(-X)),
    "tanh": torch.tanh(X),
}


@pytest.mark.parametrize("name", sorted(LATER_ACTIVATIONS))
def test_activations_of_later_libraries_follow_their_definitions(name):
    for config in (
        BertConfig(9, hidden_act=name),
        OpenAIGPTConfig(9, afn=name),
        GPT2Config.from_dict({"activation_function": name}),
    ):
        function = config.activation()
        own = (
            isinstance(config, OpenAIGPTConfig) and name == "gelu"
        )  # means the approximation there
        want = TANH if own else DEFINITIONS[name]
        torch.testing.assert_close(function(X), want, atol=1e-6, rtol=1e-6)


def test_functions_of_programs_are_kept():
    assert BertConfig(9, hidden_act=F.silu).activation() is F.silu


CHECKPOINTS = Path(__file__).parent / "data" / "tensorflow"


@pytest.mark.parametrize(
    ("source", "model_class", "reader"),
    [
        ("bert/open", "TransfoXLModel", "BertModel"),
        ("bert/open", "TransfoXLLMHeadModel", "BertModel"),
        ("bert/open", "GPT2Model", "BertModel"),
        ("gpt2/open", "BertForMaskedLM", "GPT2Model"),
        ("gpt2/open", "TransfoXLModel", "GPT2Model"),
        ("transfo_xl/open", "BertModel", "TransfoXLModel"),
    ],
)
def test_a_tensorflow_checkpoint_of_another_family_is_named(source, model_class, reader, tmp_path):
    shutil.copytree(CHECKPOINTS / source, tmp_path / "there")
    (tmp_path / "there" / "config.json").write_text("{}")
    with pytest.raises(
        ValueError,
        match=r"is a TensorFlow checkpoint of another architecture \(it has '\S+'\); load it with "
        f"{reader}, or another class of that family",
    ):
        getattr(ptbert_models, model_class).from_pretrained(tmp_path / "there", from_tf=True)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "3", None, True])
def test_numbers_of_labels_and_choices_are_checked(tiny_config, wrong):
    for model_class in (
        ptbert_models.BertForSequenceClassification,
        ptbert_models.BertForTokenClassification,
    ):
        with pytest.raises(ValueError, match=r"^num_labels=.* must be an integer above 0"):
            model_class(tiny_config, num_labels=wrong)
    with pytest.raises(ValueError, match=r"^num_choices=.* must be an integer above 0"):
        ptbert_models.BertForMultipleChoice(tiny_config, num_choices=wrong)


def test_numbers_of_labels_may_be_numpys(tiny_config):
    model = ptbert_models.BertForSequenceClassification(tiny_config, num_labels=np.int64(3))
    assert type(model.num_labels) is int
