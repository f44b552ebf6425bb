"""The first steps of 2019 in each family: prepare a text, look at hidden states, predict.

Written as programs were then: words marked by hand, one text at a time, ``eval`` and ``no_grad``,
names imported from the package.
"""

import pytest
import torch

BERT_TEXT = """\
from NAME import BertTokenizer, BertModel, BertForMaskedLM
tokenizer = BertTokenizer.from_pretrained('bert-base-uncased')
tokens = tokenizer.tokenize("[CLS] Who was Jim Henson ? [SEP] Jim Henson was a puppeteer [SEP]")
masked = 8
tokens[masked] = '[MASK]'
ids = tokenizer.convert_tokens_to_ids(tokens)
segments = [0] * 7 + [1] * 7
tokens_tensor = torch.tensor([ids])
segments_tensors = torch.tensor([segments])
"""
BERT_HIDDEN = """\
model = BertModel.from_pretrained('bert-base-uncased')
model.eval()
with torch.no_grad():
    encoded_layers, _ = model(tokens_tensor, segments_tensors)
assert len(encoded_layers) == 12
"""
BERT_PREDICTION = """\
model = BertForMaskedLM.from_pretrained('bert-base-uncased')
model.eval()
with torch.no_grad():
    predictions = model(tokens_tensor, segments_tensors)
best = torch.argmax(predictions[0, masked]).item()
word = tokenizer.convert_ids_to_tokens([best])[0]
"""
GPT_TEXT = """\
from NAME import OpenAIGPTTokenizer, OpenAIGPTModel, OpenAIGPTLMHeadModel
tokenizer = OpenAIGPTTokenizer.from_pretrained('openai-gpt')
tokens = tokenizer.tokenize("Who was Jim Henson ? Jim Henson was a puppeteer")
tokens_tensor = torch.tensor([tokenizer.convert_tokens_to_ids(tokens)])
"""
GPT_HIDDEN = """\
model = OpenAIGPTModel.from_pretrained('openai-gpt')
model.eval()
with torch.no_grad():
    hidden = model(tokens_tensor)
"""
GPT_PREDICTION = """\
model = OpenAIGPTLMHeadModel.from_pretrained('openai-gpt')
model.eval()
with torch.no_grad():
    predictions = model(tokens_tensor)
word = tokenizer.convert_ids_to_tokens([torch.argmax(predictions[0, -1, :]).item()])[0]
"""
GPT2_TEXT = """\
from NAME import GPT2Tokenizer, GPT2Model, GPT2LMHeadModel
tokenizer = GPT2Tokenizer.from_pretrained('gpt2')
first, second = (torch.tensor([tokenizer.encode(text)]) for text in ("Who was Jim ?", "Jim was"))
"""
GPT2_HIDDEN = """\
model = GPT2Model.from_pretrained('gpt2')
model.eval()
with torch.no_grad():
    hidden_1, past = model(first)
    hidden_2, past = model(second, past=past)
"""
GPT2_PREDICTION = """\
model = GPT2LMHeadModel.from_pretrained('gpt2')
model.eval()
with torch.no_grad():
    predictions, past = model(first)
    predictions, past = model(second, past=past)
word = tokenizer.decode([torch.argmax(predictions[0, -1, :]).item()])
"""
TRANSFO_XL_TEXT = """\
from NAME import TransfoXLTokenizer, TransfoXLModel, TransfoXLLMHeadModel
tokenizer = TransfoXLTokenizer.from_pretrained('transfo-xl-wt103')
texts = "Who was Jim Henson ?", "Jim Henson was a puppeteer"
first, second = (
    torch.tensor([tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))]) for text in texts
)
"""
TRANSFO_XL_HIDDEN = """\
model = TransfoXLModel.from_pretrained('transfo-xl-wt103')
model.eval()
with torch.no_grad():
    hidden_1, mems = model(first)
    hidden_2, mems = model(second, mems=mems)
"""
TRANSFO_XL_PREDICTION = """\
model = TransfoXLLMHeadModel.from_pretrained('transfo-xl-wt103')
model.eval()
with torch.no_grad():
    predictions, mems = model(first)
    predictions, mems = model(second, mems=mems)
word = tokenizer.convert_ids_to_tokens([torch.argmax(predictions[0, -1, :]).item()])[0]
"""


@pytest.mark.parametrize("step", ["text", "hidden states", "prediction"])
def test_bert(run, step):
    steps = {"text": "", "hidden states": BERT_HIDDEN, "prediction": BERT_PREDICTION}
    names = run(BERT_TEXT, steps[step])

    assert names["tokens"][7:10] == ["jim", "[MASK]", "was"]
    assert names["tokens"][-3:] == ["puppet", "##eer", "[SEP]"]
    if step == "hidden states":
        assert {layer.shape for layer in names["encoded_layers"]} == {(1, 14, 16)}
    elif step == "prediction":
        assert names["predictions"].shape == (1, 14, len(names["tokenizer"].vocab))
        assert names["word"] in names["tokenizer"].vocab


@pytest.mark.parametrize("step", ["text", "hidden states", "prediction"])
def test_openai_gpt(run, step):
    steps = {"text": "", "hidden states": GPT_HIDDEN, "prediction": GPT_PREDICTION}
    names = run(GPT_TEXT, steps[step])

    length = names["tokens_tensor"].size(1)
    assert names["tokens"][:3] == ["w", "h", "o</w>"]
    if step == "hidden states":
        last = names["hidden"]
        if isinstance(last, list):  # ptbert returns all layers, as the documentation says
            assert len(last) == 3
            last = last[-1]
        assert last.shape == (1, length, 16)
    elif step == "prediction":
        assert names["predictions"].shape == (1, length, len(names["tokenizer"].encoder))
        assert names["word"] in names["tokenizer"].encoder


def continued(names):
    """Whether the second part, read with the past, is what one pass over both gives."""
    both = torch.cat((names["first"], names["second"]), dim=1)
    with torch.no_grad():
        return names["model"](both)[0]


@pytest.mark.parametrize("step", ["text", "hidden states", "prediction"])
def test_gpt2(run, step):
    steps = {"text": "", "hidden states": GPT2_HIDDEN, "prediction": GPT2_PREDICTION}
    names = run(GPT2_TEXT, steps[step])

    assert names["tokenizer"].decode(names["second"][0].tolist()) == "Jim was"
    length = names["second"].size(1)
    if step == "hidden states":
        after, whole = names["hidden_2"], continued(names)
        if isinstance(after, list):
            after, whole = after[-1], whole[-1]
        torch.testing.assert_close(after, whole[:, -length:])
    elif step == "prediction":
        torch.testing.assert_close(names["predictions"], continued(names)[:, -length:])
        assert len(names["past"]) == 2
        assert isinstance(names["word"], str)


@pytest.mark.parametrize("step", ["text", "hidden states", "prediction"])
def test_transfo_xl(run, step):
    steps = {"text": "", "hidden states": TRANSFO_XL_HIDDEN, "prediction": TRANSFO_XL_PREDICTION}
    names = run(TRANSFO_XL_TEXT, steps[step])

    assert names["tokenizer"].convert_ids_to_tokens(names["first"][0].tolist())[:2] == [
        "Who",
        "was",
    ]
    length = names["second"].size(1)
    if step == "hidden states":
        torch.testing.assert_close(names["hidden_2"], continued(names)[:, -length:])
    elif step == "prediction":
        assert names["predictions"].shape == (1, length, len(names["tokenizer"]))
        torch.testing.assert_close(names["predictions"].exp().sum(-1), torch.ones(1, length))
        assert names["word"] in names["tokenizer"].sym2idx
