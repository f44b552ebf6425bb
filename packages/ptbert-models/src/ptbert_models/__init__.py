"""BERT, GPT, GPT-2 and Transformer-XL as PyTorch models, with the names and numbers of 2019.

Shapes are given in the same letters in all modules: **B** batch, **C** choices of a question, **L**
length of a text in tokens, **Q** and **K** positions of queries and keys, **T** tokens of past and
input together, **M** positions in the memory, **H** heads, **D** features per head, **E** model
width, **F** width of the feed-forward network, **V** vocabulary, **N** layers. ``(B, L, E)`` is a
tensor with these three dimensions.

A family is imported when one of its names is first used.
"""

from typing import TYPE_CHECKING

from ptbert_hub.on_demand import homes_of, names_on_demand
from ptbert_models.parts.shipped import remember_classes
from ptbert_models.pretrained import PreTrainedModel as _SharedByFamilies  # noqa: F401

if TYPE_CHECKING:  # the same names for type checkers and editors
    from ptbert_models.bert import BertConfig as BertConfig
    from ptbert_models.bert import BertForMaskedLM as BertForMaskedLM
    from ptbert_models.bert import BertForMultipleChoice as BertForMultipleChoice
    from ptbert_models.bert import BertForNextSentencePrediction as BertForNextSentencePrediction
    from ptbert_models.bert import BertForPreTraining as BertForPreTraining
    from ptbert_models.bert import BertForQuestionAnswering as BertForQuestionAnswering
    from ptbert_models.bert import BertForSequenceClassification as BertForSequenceClassification
    from ptbert_models.bert import BertForTokenClassification as BertForTokenClassification
    from ptbert_models.bert import BertModel as BertModel
    from ptbert_models.bert import load_tf_weights_in_bert as load_tf_weights_in_bert
    from ptbert_models.errors import CheckpointError as CheckpointError
    from ptbert_models.errors import CheckpointNotFound as CheckpointNotFound
    from ptbert_models.errors import CorruptCheckpoint as CorruptCheckpoint
    from ptbert_models.errors import MostlyMissing as MostlyMissing
    from ptbert_models.errors import NothingLoaded as NothingLoaded
    from ptbert_models.errors import OtherFamily as OtherFamily
    from ptbert_models.errors import ShapeMismatch as ShapeMismatch
    from ptbert_models.errors import UnsafeCheckpoint as UnsafeCheckpoint
    from ptbert_models.errors import UnusableWeights as UnusableWeights
    from ptbert_models.generation import Generated as Generated
    from ptbert_models.generation import generate as generate
    from ptbert_models.generation import generate_scored as generate_scored
    from ptbert_models.generation import generate_stream as generate_stream
    from ptbert_models.gpt import GPT2Config as GPT2Config
    from ptbert_models.gpt import GPT2DoubleHeadsModel as GPT2DoubleHeadsModel
    from ptbert_models.gpt import GPT2LMHeadModel as GPT2LMHeadModel
    from ptbert_models.gpt import GPT2Model as GPT2Model
    from ptbert_models.gpt import GPT2MultipleChoiceHead as GPT2MultipleChoiceHead
    from ptbert_models.gpt import OpenAIGPTConfig as OpenAIGPTConfig
    from ptbert_models.gpt import OpenAIGPTDoubleHeadsModel as OpenAIGPTDoubleHeadsModel
    from ptbert_models.gpt import OpenAIGPTLMHeadModel as OpenAIGPTLMHeadModel
    from ptbert_models.gpt import OpenAIGPTModel as OpenAIGPTModel
    from ptbert_models.gpt import load_tf_weights_in_gpt2 as load_tf_weights_in_gpt2
    from ptbert_models.gpt import load_tf_weights_in_openai_gpt as load_tf_weights_in_openai_gpt
    from ptbert_models.transfo_xl import TransfoXLConfig as TransfoXLConfig
    from ptbert_models.transfo_xl import TransfoXLLMHeadModel as TransfoXLLMHeadModel
    from ptbert_models.transfo_xl import TransfoXLModel as TransfoXLModel
    from ptbert_models.transfo_xl import (
        load_tf_weights_in_transfo_xl as load_tf_weights_in_transfo_xl,
    )

    __version__: str

_NAMES = {
    "ptbert_models.bert": (
        "BertConfig",
        "BertForMaskedLM",
        "BertForMultipleChoice",
        "BertForNextSentencePrediction",
        "BertForPreTraining",
        "BertForQuestionAnswering",
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertModel",
        "load_tf_weights_in_bert",
    ),
    "ptbert_models.errors": (
        "CheckpointError",
        "CheckpointNotFound",
        "CorruptCheckpoint",
        "MostlyMissing",
        "NothingLoaded",
        "OtherFamily",
        "ShapeMismatch",
        "UnsafeCheckpoint",
        "UnusableWeights",
    ),
    "ptbert_models.generation": (
        "Generated",
        "generate",
        "generate_scored",
        "generate_stream",
    ),
    "ptbert_models.gpt": (
        "GPT2Config",
        "GPT2DoubleHeadsModel",
        "GPT2LMHeadModel",
        "GPT2Model",
        "GPT2MultipleChoiceHead",
        "OpenAIGPTConfig",
        "OpenAIGPTDoubleHeadsModel",
        "OpenAIGPTLMHeadModel",
        "OpenAIGPTModel",
        "load_tf_weights_in_gpt2",
        "load_tf_weights_in_openai_gpt",
    ),
    "ptbert_models.transfo_xl": (
        "TransfoXLConfig",
        "TransfoXLLMHeadModel",
        "TransfoXLModel",
        "load_tf_weights_in_transfo_xl",
    ),
}
_HOMES = homes_of(_NAMES)

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604  # the values are strings

if not TYPE_CHECKING:
    __getattr__, __dir__ = names_on_demand(__name__, _HOMES)

remember_classes("torch.nn.", f"{__name__}.")
