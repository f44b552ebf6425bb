"""One side of ``stack_2019.py``: run a row when a line comes, with ptbert or the library of 2019.

This program is for Python 3.7, too. ``stack_2019_side.py ROW LAYERS WEIGHTS`` writes the weights
to a file if it is not there, and reads them otherwise.
"""

import json
import os
import sys
import time

import numpy as np
import torch

try:
    import ptbert_models as library
except ImportError:
    import pytorch_pretrained_bert as library

# ruff: noqa: T201, UP

ROWS = {
    "bert": "BERT, hidden states, 8 x 128 tokens",
    "bert-padded": "BERT, class scores, 16 texts of 10 to 128 tokens",
    "bert-step": "BERT, training step of a classifier, 16 texts of 10 to 128 tokens",
    "gpt2": "GPT-2, scores, 4 x 128 tokens",
    "gpt2-step": "GPT-2, training step, 2 x 128 tokens",
    "gpt2-loop": "GPT-2, 16 tokens one by one with `past`",
    "xl": "Transformer-XL, losses of 4 x 128 tokens with a memory of 256",
    "xl-loop": "Transformer-XL, 16 tokens one by one with a memory of 256",
}
LENGTH = 128
RANDOM = np.random.RandomState(0)  # the same numbers in every version of NumPy


def ids(texts, length, vocabulary=30000):
    """Draw ids (texts, length), the same on both sides."""
    return torch.from_numpy(RANDOM.randint(1000, vocabulary, (texts, length))).long()


def bert(name, layers, **arguments):
    """A BERT without dropout, so that both sides compute the same."""
    config = library.BertConfig(30522, num_hidden_layers=layers)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    return getattr(library, name)(config, **arguments)


def gpt2(layers):
    """A GPT-2 without dropout."""
    config = library.GPT2Config(n_layer=layers)
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    return library.GPT2LMHeadModel(config)


def transfo_xl(layers):
    """A Transformer-XL of half the published width."""
    sizes = {"d_model": 512, "d_embed": 512, "n_head": 8, "d_head": 64, "d_inner": 2048}
    config = library.TransfoXLConfig(n_layer=layers, mem_len=256, clamp_len=400, **sizes)
    return library.TransfoXLLMHeadModel(config)


def with_weights(model, path):
    """Give both sides the same weights."""
    if os.path.exists(path):
        with np.load(path) as arrays:
            state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        model.load_state_dict(state, strict=False)
    else:
        torch.manual_seed(0)
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.data.normal_(0, 0.02)
            else:
                weight.data.fill_(0.01)
        state = model.state_dict()
        np.savez(path, **{name: weight.numpy() for name, weight in state.items()})
    if hasattr(model, "tie_weights"):
        model.tie_weights()
    return model


def padded(model, **labels):
    """Return a call with texts of different lengths, and 2019's order of arguments."""
    lengths = torch.linspace(10, LENGTH, 16).long()
    texts = ids(16, LENGTH)
    mask = (torch.arange(LENGTH) < lengths[:, None]).long()
    return lambda: model(texts, torch.zeros_like(texts), mask, **labels)


def step(model, loss):
    """Return a training step; the numbers are the loss and a gradient."""

    def run():
        model.zero_grad()
        value = loss()
        value.backward()
        return value, next(model.parameters()).grad.abs().sum()

    return run


def loop(model, begin, name):
    """Return a loop that writes 16 tokens greedily, as programs of 2019 do.

    ``name`` is the argument with what the model has seen.
    """

    def run():
        token, seen = begin
        written = []
        for _ in range(16):
            scores, seen = model(token, **{name: seen})
            token = scores[:, -1].argmax(-1)[:, None]
            written.append(token)
        return (torch.cat(written, 1),)

    return run


def row_of(name, layers, path):
    """Return what is timed: a function whose result has tensors."""
    if name == "bert":
        model, texts = with_weights(bert("BertModel", layers), path).eval(), ids(8, LENGTH)
        zeros = torch.zeros_like(texts)
        return lambda: model(texts, zeros, zeros + 1)[0][-1:]
    if name.startswith("bert"):
        model = with_weights(bert("BertForSequenceClassification", layers, num_labels=2), path)
        if name == "bert-padded":
            run = padded(model.eval())
            return lambda: (run(),)
        return step(model.train(), padded(model, labels=torch.arange(16) % 2))
    if name.startswith("gpt2"):
        model, texts = with_weights(gpt2(layers), path), ids(4, LENGTH)
        if name == "gpt2":
            model.eval()
            return lambda: model(texts)[:1]
        if name == "gpt2-step":
            texts = texts[:2]
            return step(model.train(), lambda: model(texts, lm_labels=texts))
        return loop(model.eval(), (texts[:1, :8], None), "past")
    model = with_weights(transfo_xl(layers), path).eval()
    _, memory = model(ids(4, 256))
    texts = ids(4, LENGTH)
    if name == "xl":
        return lambda: model(texts, texts, memory)[:1]
    return loop(model, (texts[:, :1], memory), "mems")


def main():
    """Answer each line with the CPU seconds of a run, and numbers of its result."""
    name, layers, path = sys.argv[1:]
    torch.set_num_threads(1)
    needs_gradients = name.endswith("step")
    with torch.enable_grad() if needs_gradients else torch.no_grad():
        run = row_of(name, int(layers), path)
        print(json.dumps([sys.version.split()[0], torch.__version__]), flush=True)
        for _ in sys.stdin:
            start = time.process_time()
            result = run()
            seconds = time.process_time() - start
            numbers = [float(each.detach().double().abs().mean()) for each in result]
            print(json.dumps([seconds, numbers]), flush=True)


if __name__ == "__main__":
    main()
