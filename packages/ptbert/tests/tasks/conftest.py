"""Models whose answers are known: each token has its own scores, whatever stands around it."""

import pytest
import torch
from torch import nn

from ptbert import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertTokenizer,
)

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat jim hen ##son ##s sleeps in paris . , who where"


class Embedded(nn.Module):
    """Stands for the encoder: the last layer is the embedding of each token."""

    def __init__(self, bert):
        super().__init__()
        self.embeddings = bert.embeddings.word_embeddings
        self.drop = nn.Dropout(0.5)
        self.lengths = []

    def forward(self, input_ids, *others, output_all_encoded_layers=False, **more):
        self.lengths.append(tuple(input_ids.shape))
        states = self.drop(self.embeddings(input_ids))
        return states, states[:, 0]


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("".join(f"{word}\n" for word in WORDS.split()))
    return BertTokenizer(path)


def sizes(**more):
    words = len(WORDS.split())
    return {
        "hidden_size": words,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 4,
        "max_position_embeddings": 12,
        **more,
    }


def of_tokens(model, head, scores):
    """Give a head the scores of tokens: {token: scores}; zeros for all others."""
    words = WORDS.split()
    model.bert.embeddings.word_embeddings.weight.data = torch.eye(len(words))
    model.bert = Embedded(model.bert)
    head.weight.data.zero_()
    head.bias.data.zero_()
    for token, values in scores.items():
        head.weight.data[:, words.index(token)] = torch.tensor(values)
    return model.eval()


@pytest.fixture
def config():
    return BertConfig(len(WORDS.split()), **sizes())


@pytest.fixture
def tags(config):
    """Returns a model of token labels, given their names and the scores of tokens."""

    def make(labels, scores):
        config.id2label = dict(enumerate(labels))
        model = BertForTokenClassification(config, num_labels=len(labels))
        return of_tokens(model, model.classifier, scores)

    return make


@pytest.fixture
def spans(config):
    """Returns a model of answers, given the scores of tokens as (start, end)."""

    def make(scores):
        model = BertForQuestionAnswering(config)
        return of_tokens(model, model.qa_outputs, scores)

    return make


@pytest.fixture
def classes(config):
    """Returns a model whose scores are the same for each text."""

    def make(scores, **values):
        vars(config).update(values)
        model = BertForSequenceClassification(config, num_labels=len(scores)).eval()
        model.classifier.weight.data.zero_()
        model.classifier.bias.data = torch.tensor(scores)
        return model

    return make


@pytest.fixture
def guesses(config):
    """Returns a model that guesses the same at each mask, given the scores of tokens."""

    def make(scores):
        model = BertForMaskedLM(config).eval()
        model.cls.predictions.decoder.weight.data.zero_()
        for token, score in scores.items():
            model.cls.predictions.bias.data[WORDS.split().index(token)] = score
        return model

    return make
