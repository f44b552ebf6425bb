"""Time GPT-2 small beside the library of 2019, transformers, and the work that is unavoidable.

Two tasks for one text: writing (a prompt of 32 tokens, 128 greedy tokens more) and reading (a
prompt of 512 tokens, one token more). All have the same random weights and run one after the
other in every round, so that a busy machine slows all alike and the ratios count. CPU time of the
process is measured. The run fails unless all write the same tokens.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
import transformers
from products import floor, gpt2_weights, plain_product, reading, steps_of_writing
from pytorch_pretrained_bert import modeling_gpt2 as gpt2_2019
from timing import begun, compare
from torch import Tensor

from ptbert_models import GPT2Config, GPT2LMHeadModel, generate

OURS = "ptbert generate"
Contestants = dict[str, Callable[[], Tensor | None]]


def models(layers: int) -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """Return GPT-2 of ours, of 2019 and of transformers, with the same weights."""
    torch.manual_seed(0)
    ours = GPT2LMHeadModel(GPT2Config(n_layer=layers))
    of_2019 = gpt2_2019.GPT2LMHeadModel(gpt2_2019.GPT2Config(n_layer=layers))
    today = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=layers))
    weights = ours.state_dict()
    unmatched = of_2019.load_state_dict(weights, strict=False)
    assert all(key.endswith(".attn.bias") for key in unmatched.missing_keys), unmatched
    weights["lm_head.weight"] = weights.pop("lm_head.decoder.weight")
    today.load_state_dict(weights)
    return ours.eval(), of_2019.eval(), today.eval()


def loop_of_2019(model: torch.nn.Module, ids: Tensor, new: int) -> Tensor:
    """Write greedily as programs of 2019 do, with ``past``."""
    past, step, written = None, ids, [ids]
    for _ in range(new):
        scores, past = model(step, past=past)
        step = scores[:, -1].argmax(-1)[:, None]
        written.append(step)
    return torch.cat(written, dim=1)


def loop_of_today(model: torch.nn.Module, ids: Tensor, new: int) -> Tensor:
    """Write greedily with transformers' model and cache, without the cost of its ``generate``."""
    past, step, written = None, ids, [ids]
    for _ in range(new):
        output = model(step, past_key_values=past, use_cache=True, logits_to_keep=1)
        past, step = output.past_key_values, output.logits[:, -1].argmax(-1)[:, None]
        written.append(step)
    return torch.cat(written, dim=1)


def contestants(layers: int, prompt: int, new: int) -> Contestants:
    """Return what is timed for one task, by name."""
    ours, of_2019, today = models(layers)
    ids = torch.randint(50257, (1, prompt), generator=torch.Generator().manual_seed(1))
    mask, weights = torch.ones_like(ids), gpt2_weights(layers)
    options = {"max_new_tokens": new, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    return {
        OURS: lambda: generate(ours, ids, new, temperature=0),
        "library of 2019": lambda: loop_of_2019(of_2019, ids, new),
        "transformers generate": lambda: today.generate(ids, attention_mask=mask, **options),
        "transformers, own loop": lambda: loop_of_today(today, ids, new),
        "matrix products alone": floor(
            plain_product, weights, steps_of_writing(prompt, new, layers=layers)
        ),
        "reading every weight": floor(reading, weights, steps_of_writing(1, new, layers=layers)),
    }


def same_tokens(expected: list[Tensor], name: str, written: Tensor | None) -> None:
    """Stop if other tokens are written than by the first one."""
    if written is None:
        return
    expected.append(written)
    if not torch.equal(written, expected[0]):
        raise SystemExit(f"{name} wrote other tokens than {OURS}")


def main() -> None:
    """Run both tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=5, layers=12)
    with torch.no_grad():
        for prompt, new in ((32, 128), (512, 1)):
            title = f"{prompt} tokens in, {new} out, greedy"
            runs = contestants(arguments.layers, prompt, new)
            compare(title, runs, arguments.rounds, partial(same_tokens, []))


if __name__ == "__main__":
    main()
