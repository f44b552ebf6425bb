"""The public names of the package: these, and no others."""

import ptbert_models

NAMES = [
    "BertConfig",
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForQuestionAnswering",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertModel",
    "CheckpointError",
    "CheckpointNotFound",
    "CorruptCheckpoint",
    "GPT2Config",
    "GPT2DoubleHeadsModel",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2MultipleChoiceHead",
    "NothingLoaded",
    "OpenAIGPTConfig",
    "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTModel",
    "ShapeMismatch",
    "TransfoXLConfig",
    "TransfoXLLMHeadModel",
    "TransfoXLModel",
    "UnsafeCheckpoint",
    "__version__",
    "generate",
    "load_tf_weights_in_bert",
    "load_tf_weights_in_gpt2",
    "load_tf_weights_in_openai_gpt",
    "load_tf_weights_in_transfo_xl",
]


def test_the_names_are_these():
    assert sorted(ptbert_models.__all__) == NAMES


def test_every_name_can_be_used():
    assert all(getattr(ptbert_models, name) is not None for name in NAMES)


def test_there_are_sixteen_models_and_four_configurations():
    models = [name for name in NAMES if name.endswith("Model") or "For" in name]
    assert len([name for name in NAMES if name.endswith("Config")]) == 4
    assert len(models) == 16
