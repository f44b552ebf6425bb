"""BERT: configuration, layers, heads and models."""

from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.finetuning import (
    BertForMultipleChoice,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)
from ptbert_models.bert.models import BertModel, BertPreTrainedModel
from ptbert_models.bert.pretraining import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
)
from ptbert_models.bert.tensorflow import load_tf_weights_in_bert

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
