"""BERT, GPT, GPT-2 and Transformer-XL as PyTorch models, with the names and numbers of 2019.

Shapes are given in the same letters in all modules: **B** batch, **C** choices of a question, **L**
length of a text in tokens, **Q** and **K** positions of queries and keys, **T** tokens of past and
input together, **M** positions in the memory, **H** heads, **D** features per head, **E** model
width, **F** width of the feed-forward network, **V** vocabulary, **N** layers. ``(B, L, E)`` is a
tensor with these three dimensions.
"""

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
    MostlyMissing,
    NothingLoaded,
    OtherFamily,
    ShapeMismatch,
    UnsafeCheckpoint,
    UnusableWeights,
)
from ptbert_models.generation import Generated, generate, generate_scored, generate_stream
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
from ptbert_models.parts.shipped import remember_classes
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
    "Generated",
    "MostlyMissing",
    "NothingLoaded",
    "OpenAIGPTConfig",
    "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTModel",
    "OtherFamily",
    "ShapeMismatch",
    "TransfoXLConfig",
    "TransfoXLLMHeadModel",
    "TransfoXLModel",
    "UnsafeCheckpoint",
    "UnusableWeights",
    "__version__",
    "generate",
    "generate_scored",
    "generate_stream",
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


remember_classes()
