"""BERT, GPT, GPT-2 and Transformer-XL for PyTorch with the interface of pytorch-pretrained-bert.

Names are imported when they are first used, so ``import ptbert`` loads neither torch nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ptbert_hub as _hub
from ptbert_hub.on_demand import homes_of, names_on_demand

if TYPE_CHECKING:  # the same names for type checkers and editors
    from ptbert.corpora.corpus import TransfoXLCorpus as TransfoXLCorpus
    from ptbert.drop_in.install import install_as as install_as
    from ptbert.sentences import SentenceEncoder as SentenceEncoder
    from ptbert.tasks.answerer import Answerer as Answerer
    from ptbert.tasks.classifier import Classifier as Classifier
    from ptbert.tasks.fill_mask import FillMask as FillMask
    from ptbert.tasks.tagger import Tagger as Tagger
    from ptbert.tasks.writer import Writer as Writer
    from ptbert_hub import CONFIG_NAME as CONFIG_NAME
    from ptbert_hub import PYTORCH_PRETRAINED_BERT_CACHE as PYTORCH_PRETRAINED_BERT_CACHE
    from ptbert_hub import WEIGHTS_NAME as WEIGHTS_NAME
    from ptbert_hub import cached_path as cached_path
    from ptbert_models import BertConfig as BertConfig
    from ptbert_models import BertForMaskedLM as BertForMaskedLM
    from ptbert_models import BertForMultipleChoice as BertForMultipleChoice
    from ptbert_models import BertForNextSentencePrediction as BertForNextSentencePrediction
    from ptbert_models import BertForPreTraining as BertForPreTraining
    from ptbert_models import BertForQuestionAnswering as BertForQuestionAnswering
    from ptbert_models import BertForSequenceClassification as BertForSequenceClassification
    from ptbert_models import BertForTokenClassification as BertForTokenClassification
    from ptbert_models import BertModel as BertModel
    from ptbert_models import Generated as Generated
    from ptbert_models import GPT2Config as GPT2Config
    from ptbert_models import GPT2DoubleHeadsModel as GPT2DoubleHeadsModel
    from ptbert_models import GPT2LMHeadModel as GPT2LMHeadModel
    from ptbert_models import GPT2Model as GPT2Model
    from ptbert_models import GPT2MultipleChoiceHead as GPT2MultipleChoiceHead
    from ptbert_models import OpenAIGPTConfig as OpenAIGPTConfig
    from ptbert_models import OpenAIGPTDoubleHeadsModel as OpenAIGPTDoubleHeadsModel
    from ptbert_models import OpenAIGPTLMHeadModel as OpenAIGPTLMHeadModel
    from ptbert_models import OpenAIGPTModel as OpenAIGPTModel
    from ptbert_models import TransfoXLConfig as TransfoXLConfig
    from ptbert_models import TransfoXLLMHeadModel as TransfoXLLMHeadModel
    from ptbert_models import TransfoXLModel as TransfoXLModel
    from ptbert_models import generate as generate
    from ptbert_models import generate_scored as generate_scored
    from ptbert_models import generate_stream as generate_stream
    from ptbert_models import load_tf_weights_in_bert as load_tf_weights_in_bert
    from ptbert_models import load_tf_weights_in_gpt2 as load_tf_weights_in_gpt2
    from ptbert_models import load_tf_weights_in_openai_gpt as load_tf_weights_in_openai_gpt
    from ptbert_models import load_tf_weights_in_transfo_xl as load_tf_weights_in_transfo_xl
    from ptbert_optim import BertAdam as BertAdam
    from ptbert_optim import ConstantLR as ConstantLR
    from ptbert_optim import OpenAIAdam as OpenAIAdam
    from ptbert_optim import WarmupConstantSchedule as WarmupConstantSchedule
    from ptbert_optim import WarmupCosineSchedule as WarmupCosineSchedule
    from ptbert_optim import (
        WarmupCosineWithHardRestartsSchedule as WarmupCosineWithHardRestartsSchedule,
    )
    from ptbert_optim import (
        WarmupCosineWithWarmupRestartsSchedule as WarmupCosineWithWarmupRestartsSchedule,
    )
    from ptbert_optim import WarmupLinearSchedule as WarmupLinearSchedule
    from ptbert_tokenizers import BasicTokenizer as BasicTokenizer
    from ptbert_tokenizers import BertTokenizer as BertTokenizer
    from ptbert_tokenizers import GPT2Tokenizer as GPT2Tokenizer
    from ptbert_tokenizers import OpenAIGPTTokenizer as OpenAIGPTTokenizer
    from ptbert_tokenizers import TransfoXLTokenizer as TransfoXLTokenizer
    from ptbert_tokenizers import WordpieceTokenizer as WordpieceTokenizer

    def __getattr__(name: str) -> Any: ...  # the modules of 2019


_NAMES = {
    "ptbert.corpora.corpus": ("TransfoXLCorpus",),
    "ptbert.drop_in.install": ("install_as",),
    "ptbert_hub": (
        "CONFIG_NAME",
        "WEIGHTS_NAME",
        "cached_path",
    ),
    "ptbert_models": (
        "BertConfig",
        "BertForMaskedLM",
        "BertForMultipleChoice",
        "BertForNextSentencePrediction",
        "BertForPreTraining",
        "BertForQuestionAnswering",
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertModel",
        "GPT2Config",
        "GPT2DoubleHeadsModel",
        "GPT2LMHeadModel",
        "GPT2Model",
        "GPT2MultipleChoiceHead",
        "OpenAIGPTConfig",
        "OpenAIGPTDoubleHeadsModel",
        "OpenAIGPTLMHeadModel",
        "OpenAIGPTModel",
        "TransfoXLConfig",
        "TransfoXLLMHeadModel",
        "TransfoXLModel",
        "load_tf_weights_in_bert",
        "load_tf_weights_in_gpt2",
        "load_tf_weights_in_openai_gpt",
        "load_tf_weights_in_transfo_xl",
    ),
    "ptbert_optim": (
        "BertAdam",
        "OpenAIAdam",
    ),
    "ptbert_tokenizers": (
        "BasicTokenizer",
        "BertTokenizer",
        "GPT2Tokenizer",
        "OpenAIGPTTokenizer",
        "TransfoXLTokenizer",
        "WordpieceTokenizer",
    ),
}
# Not in __all__: a star import of a program of 2019 must not replace names of its own.
_LATER = {
    "Answerer": "ptbert.tasks.answerer",
    "Classifier": "ptbert.tasks.classifier",
    "ConstantLR": "ptbert_optim",
    "FillMask": "ptbert.tasks.fill_mask",
    "Generated": "ptbert_models",
    "SentenceEncoder": "ptbert.sentences",
    "Tagger": "ptbert.tasks.tagger",
    "WarmupConstantSchedule": "ptbert_optim",
    "WarmupCosineSchedule": "ptbert_optim",
    "WarmupCosineWithHardRestartsSchedule": "ptbert_optim",
    "WarmupCosineWithWarmupRestartsSchedule": "ptbert_optim",
    "WarmupLinearSchedule": "ptbert_optim",
    "Writer": "ptbert.tasks.writer",
    "generate": "ptbert_models",
    "generate_scored": "ptbert_models",
    "generate_stream": "ptbert_models",
}
_MODULES_2019 = (
    "file_utils",
    "modeling",
    "modeling_gpt2",
    "modeling_openai",
    "modeling_transfo_xl",
    "modeling_transfo_xl_utilities",
    "optimization",
    "optimization_openai",
    "tokenization",
    "tokenization_gpt2",
    "tokenization_openai",
    "tokenization_transfo_xl",
)
_EXPORTED = homes_of(_NAMES)
_HOMES = _EXPORTED | _LATER | {name: f"{__name__}.{name}" for name in _MODULES_2019}
_COMPUTED = {"PYTORCH_PRETRAINED_BERT_CACHE": lambda: _hub.PYTORCH_PRETRAINED_BERT_CACHE}

__all__ = ["__version__", *sorted(_EXPORTED | _COMPUTED)]  # noqa: PLE0604  # the values are strings

if not TYPE_CHECKING:
    __getattr__, __dir__ = names_on_demand(__name__, _HOMES, _COMPUTED)
