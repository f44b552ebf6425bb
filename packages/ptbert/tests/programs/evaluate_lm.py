"""Evaluate Transformer-XL on a text, segment by segment, with memories."""

import json
import math
import os
import sys

import torch
from pytorch_pretrained_bert import TransfoXLLMHeadModel, TransfoXLTokenizer
from pytorch_pretrained_bert.tokenization_transfo_xl import LMOrderedIterator

TEXT = "a cat sleeps on the mat . the key is in a drawer . where is the cat ?"


def evaluate(model, data, segment):
    model.reset_length(segment, 0, 32)
    total, tokens, mems = 0.0, 0, None
    with torch.no_grad():
        for inputs, targets, length in LMOrderedIterator(data, 1, segment):
            losses, mems = model(inputs, targets, mems) if mems else model(inputs, targets)
            total += losses.sum().item()
            tokens += length
    return total / tokens, tokens


def main(model_name, output_dir):
    tokenizer = TransfoXLTokenizer.from_pretrained(model_name)
    model = TransfoXLLMHeadModel.from_pretrained(model_name)
    model.eval()
    data = torch.tensor(tokenizer.convert_tokens_to_ids([*TEXT.split(), "<eos>"]))
    results = {}
    for segment in (2, 5, 32):
        loss, tokens = evaluate(model, data, segment)
        results[segment] = {"loss": loss, "perplexity": math.exp(loss), "tokens": tokens}
    with open(os.path.join(output_dir, "results.json"), "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
