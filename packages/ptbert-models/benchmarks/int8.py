"""Time models of 8 bits beside the same models of float32, and say how far their results differ.

Four tasks: all hidden states of BERT-base for 8 texts of 128 tokens; its class scores for 16 texts
of 10 to 128 tokens, padded to 128; GPT-2 small, 32 tokens in and 64 out, greedy; the same for a
Transformer-XL of 8 layers, with a memory of 256. The weights are random, so the errors say little:
``ptbert-models``' README has those of trained models. CPU time of the process is measured, and both
run in turns.
"""

import argparse
import copy
from collections.abc import Callable
from functools import partial

import torch
from timing import begun, compare
from torch import Tensor, nn

from ptbert_models import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    generate,
)

# ruff: noqa: T201

LENGTH = 128


def ignore(name: str, result: object) -> None:
    """Compare nothing: models of 8 bits give other numbers."""


def both(model: nn.Module, run: Callable[[nn.Module], Tensor]) -> dict[str, Callable[[], Tensor]]:
    """Return what runs a model, and what runs its copy of 8 bits."""
    quantized = copy.deepcopy(model).quantize("int8")
    runs = {"float32": partial(run, model.eval()), "int8": partial(run, quantized)}
    exact, other = (each() for each in runs.values())
    if exact.is_floating_point():
        error = (other - exact).square().mean().sqrt() / exact.std()
        print(f"\nerror of int8: {error:.2%} of the standard deviation (random weights)")
    return runs


def main() -> None:
    """Run all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=5, layers=12)
    torch.manual_seed(0)
    measure = partial(compare, rounds=arguments.rounds, check=ignore)
    bert = BertConfig(30522, num_hidden_layers=arguments.layers)
    ids = torch.randint(1000, 30000, (16, LENGTH))
    lengths = torch.linspace(10, LENGTH, 16).long()
    mask = (torch.arange(LENGTH) < lengths[:, None]).long()
    with torch.inference_mode():
        runs = both(BertModel(bert), lambda model: model(ids[:8])[0][-1])
        measure("BERT, hidden states, 8 x 128 tokens", runs)
        model = BertForSequenceClassification(bert, num_labels=2)
        runs = both(model, lambda model: model(ids, None, mask))
        measure("BERT, class scores, 16 texts of 10 to 128 tokens, padded", runs)
        model = GPT2LMHeadModel(GPT2Config(n_layer=arguments.layers))
        runs = both(model, lambda model: generate(model, ids[:1, :32], 64, temperature=0))
        measure("GPT-2, 32 tokens in, 64 out, greedy", runs)
        sizes = {"n_layer": 8, "d_model": 512, "d_embed": 512, "n_head": 8, "d_head": 64}
        model = TransfoXLLMHeadModel(TransfoXLConfig(d_inner=2048, mem_len=256, **sizes))
        runs = both(model, lambda model: generate(model, ids[:1, :32], 64, temperature=0))
        measure("Transformer-XL, 32 tokens in, 64 out, greedy", runs)


if __name__ == "__main__":
    main()
