"""BERT: configuration, layers, heads and models."""

from ptbert_models.bert.authors import load_tf_weights_in_bert
from ptbert_models.bert.bare import BertModel, BertPreTrainedModel
from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.finetuning import (
    BertForMultipleChoice,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)
from ptbert_models.bert.pretraining import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
)
from ptbert_models.parts.shipped import remember_classes

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
    "BertPreTrainedModel",
    "load_tf_weights_in_bert",
]

remember_classes(f"{__name__}.")
