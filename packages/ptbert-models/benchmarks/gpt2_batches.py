"""Time GPT-2 on several texts at once beside transformers: writing, beams and training.

Greedy writing of 8 texts, and beam search of 4 for one text, each with a prompt of 32 tokens and 32
tokens more, by GPT-2 small. A training step on 8 texts of 256 tokens, by a model of 4 layers of
width 256. Both have the same random weights and no dropout, and run one after the other in every
round, so that the ratios count. CPU time of the process is measured. The run fails unless both
write the same tokens and find the same loss. The memory of a training step is measured in processes
of their own: what each needed at most beyond its weights and their gradients (Linux only).
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import transformers
from timing import begun, compare
from torch import Tensor, nn

from ptbert_models import GPT2Config, GPT2LMHeadModel, generate

# ruff: noqa: T201

OURS, TODAY = "ptbert", "transformers"
PROMPT, NEW = 32, 32
RATES = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
SMALL = {"n_layer": 4, "n_embd": 256, "n_head": 4}  # is trained
TRAINED = (8, 256)

Runs = dict[str, Callable[[], Tensor]]


def models(**sizes: int) -> tuple[nn.Module, nn.Module]:
    """Return GPT-2 of both libraries, with the same weights."""
    torch.manual_seed(0)
    ours = GPT2LMHeadModel(GPT2Config(**sizes, **RATES))
    today = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **RATES))
    weights = ours.state_dict()
    weights["lm_head.weight"] = weights.pop("lm_head.decoder.weight")
    today.load_state_dict(weights)
    return ours, today


def random_ids(texts: int, length: int) -> Tensor:
    """Return texts of random tokens, the same in every process."""
    return torch.randint(50257, (texts, length), generator=torch.Generator().manual_seed(1))


def writing(layers: int, texts: int, beams: int, prompt: int = PROMPT, new: int = NEW) -> Runs:
    """Continue texts of ``prompt`` tokens with the ``new`` likeliest tokens."""
    ours, today = (model.eval() for model in models(n_layer=layers))
    ids = random_ids(texts, prompt)
    mask = torch.ones_like(ids)
    options = {"do_sample": False, "pad_token_id": 0, "eos_token_id": None, "num_beams": beams}
    chosen = {"num_beams": beams} if beams > 1 else {"temperature": 0}
    return {
        OURS: lambda: generate(ours, ids, new, **chosen),
        TODAY: lambda: today.generate(ids, attention_mask=mask, max_new_tokens=new, **options),
    }


def training_step(library: str) -> Callable[[], Tensor]:
    """Return what computes the loss of a language model and its gradients."""
    ours, today = (model.train() for model in models(**SMALL))
    ids = random_ids(*TRAINED)
    model = {OURS: ours, TODAY: today}[library]

    def step() -> Tensor:
        model.zero_grad(set_to_none=False)
        loss = ours(ids, lm_labels=ids) if library == OURS else today(ids, labels=ids).loss
        loss.backward()
        return loss.detach()

    return step


def memory(name: str) -> float:
    """Return a value of this process in MB: ``VmRSS`` is what it has, ``VmHWM`` had at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def print_memory(library: str) -> None:
    """Print what a step needed at most in this process, beyond what it has before and after."""
    step = training_step(library)
    step()  # with the gradients, and what PyTorch makes once
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of what came before
    before = memory("VmRSS")
    step()
    print(memory("VmHWM") - before)


def memory_table() -> None:
    """Print the memory of a training step of both libraries."""
    needed = {}
    for library in (OURS, TODAY):
        command = [sys.executable, __file__, "--memory-of", library]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        needed[library] = float(result.stdout.split()[-1])
    print("\n| | memory of the step, MB | times transformers |\n|---|---|---|")
    for library, size in needed.items():
        print(f"| {library} | {size:.0f} | {size / needed[TODAY]:.2f} |")


def same(outputs: dict[str, Tensor], name: str, output: Tensor) -> None:
    """Raise unless the numbers are those of the first model."""
    expected = outputs.setdefault("first", output)
    torch.testing.assert_close(output, expected, msg=lambda text: f"{name} differs: {text}")


def main() -> None:
    """Run all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory-of", choices=(OURS, TODAY), help=argparse.SUPPRESS)
    arguments = begun(parser, rounds=5, layers=12)
    if arguments.memory_of:
        print_memory(arguments.memory_of)
        return
    with torch.no_grad():
        for texts, beams in ((8, 1), (1, 4)):
            how = f"{beams} beams" if beams > 1 else "greedy"
            title = f"{texts} text(s), {PROMPT} tokens in, {NEW} out, {how}"
            runs = writing(arguments.layers, texts, beams)
            compare(title, runs, arguments.rounds, partial(same, {}))
    title = f"Training step, {TRAINED[0]} x {TRAINED[1]} tokens, 4 layers of width 256"
    runs = {library: training_step(library) for library in (OURS, TODAY)}
    compare(title, runs, arguments.rounds, partial(same, {}))
    memory_table()


if __name__ == "__main__":
    main()
