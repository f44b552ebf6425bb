"""Time Transformer-XL beside the library of 2019, and beside its matrix products alone.

Two tasks for a batch of four texts with a full memory: the losses of a segment of 128 tokens, and
the log-probabilities of the next token after one more. Tokens are drawn by Zipf's law. Both
libraries have the same random weights and run one after the other in every round, so that a busy
machine slows both alike and the ratios count. CPU time of the process is measured. The run fails
unless both give the same numbers.

The library of 2019 has masks of bytes, which PyTorch no longer takes; so ``Tensor.byte`` is made
to return bool.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from pytorch_pretrained_bert import modeling_transfo_xl as transfo_xl_2019
from timing import begun, compare
from torch import Tensor, nn

from ptbert_models import TransfoXLConfig, TransfoXLLMHeadModel
from ptbert_models.transfo_xl import LogUniformSampler

torch.Tensor.byte = torch.Tensor.bool  # only the library of 2019 calls it here

OURS = "ptbert"
TEXTS, SEGMENT, MEMORY = 4, 128, 256
SIZES = {
    "d_model": 512,
    "d_embed": 512,
    "n_head": 8,
    "d_head": 64,
    "d_inner": 2048,
    "mem_len": MEMORY,
    "clamp_len": 400,
}
Contestants = dict[str, Callable[[], Tensor | None]]


def models(layers: int) -> tuple[nn.Module, nn.Module]:
    """Return the model of ours and of 2019, with the same weights."""
    torch.manual_seed(0)
    ours = TransfoXLLMHeadModel(TransfoXLConfig(n_layer=layers, **SIZES))
    config_2019 = transfo_xl_2019.TransfoXLConfig(n_layer=layers, **SIZES)
    of_2019 = transfo_xl_2019.TransfoXLLMHeadModel(config_2019)
    of_2019.load_state_dict(ours.state_dict())
    return ours.eval(), of_2019.eval()


def texts(length: int) -> Tensor:
    """Draw tokens (TEXTS, length) as often as a text has them."""
    words = LogUniformSampler(TransfoXLConfig().n_token, 1).dist
    return torch.multinomial(words, TEXTS * length, replacement=True).view(TEXTS, length)


def products(model: nn.Module, length: int) -> None:
    """Multiply with every matrix of the layers and of the first cluster, and do nothing else.

    Queries are made for the new tokens alone, keys and values for the memory too. For one new token
    there is a cheaper way, which ptbert takes.
    """
    new, seen = torch.ones(TEXTS * length, 512), torch.ones(TEXTS * (length + MEMORY), 512)
    for layer in model.transformer.layers:
        query, key_value = layer.dec_attn.qkv_net.weight.split([512, 1024])
        F.linear(new, query)
        F.linear(seen, key_value)
        F.linear(new, layer.dec_attn.o_net.weight)
        F.linear(seen[: length + MEMORY], layer.dec_attn.r_net.weight)
        F.linear(F.linear(new, layer.pos_ff.CoreNet[0].weight), layer.pos_ff.CoreNet[3].weight)
    F.linear(F.linear(new, model.crit.out_projs[0].t()), model.crit.out_layers[0].weight)


def contestants(layers: int, length: int, *, loss: bool) -> Contestants:
    """Return what is timed for one task, by name."""
    ours, of_2019 = models(layers)
    _, mems = ours(texts(MEMORY))
    ids, target = texts(length), texts(length) if loss else None

    def run(model: nn.Module) -> Tensor:
        output, _ = model(ids, target, list(mems))
        # The losses of 2019 are grouped by cluster.
        return output.flatten().sort().values if loss else output

    return {
        OURS: partial(run, ours),
        "library of 2019": partial(run, of_2019),
        "matrix products alone": partial(products, ours, length),
    }


def same(outputs: dict[str, Tensor], name: str, output: Tensor | None) -> None:
    """Raise unless the numbers are those of the first model."""
    if output is not None:
        expected = outputs.setdefault("first", output)
        torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


def main() -> None:
    """Run both tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=7, layers=8)
    with torch.no_grad():
        title = f"{TEXTS} x {SEGMENT} tokens after {MEMORY}: losses"
        runs = contestants(arguments.layers, SEGMENT, loss=True)
        compare(title, runs, arguments.rounds, partial(same, {}))
        title = f"{TEXTS} x 1 token after {MEMORY}: log-probabilities of the next"
        runs = contestants(arguments.layers, 1, loss=False)
        compare(title, runs, arguments.rounds, partial(same, {}))


if __name__ == "__main__":
    main()
