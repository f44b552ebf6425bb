"""BERT, GPT, GPT-2 and Transformer-XL as PyTorch models, with the names and numbers of 2019."""

from ptbert_models.bert import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    load_tf_weights_in_bert,
)
from ptbert_models.errors import (
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    NothingLoaded,
    ShapeMismatch,
    UnsafeCheckpoint,
)
from ptbert_models.generation import generate
from ptbert_models.gpt import (
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    GPT2MultipleChoiceHead,
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    load_tf_weights_in_gpt2,
    load_tf_weights_in_openai_gpt,
)
from ptbert_models.transfo_xl import (
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLModel,
    load_tf_weights_in_transfo_xl,
)

__all__ = [
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


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("ptbert-models")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
