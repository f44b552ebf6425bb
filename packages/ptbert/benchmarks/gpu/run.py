"""Try everything on a GPU in six minutes: all models, training of each family, speed.

``python3 noxfile.py -s gpu`` compares outputs and gradients of each model with those of the CPU,
trains a model of each family in bfloat16, and measures speed and memory: training, reading 1 to 64
texts with and without padding, and writing, beside transformers with the attention of PyTorch;
compiled steps with CUDA graphs beside the reading of the weights; the optimizers, also captured in
a graph, beside fused AdamW. ``-- reading writing`` runs these parts only. ``-- --device cpu`` does
all that with tiny models on the CPU, which shows that the script works, and nothing of the speed.
``python -m pytest -m gpu`` in the folders of the packages runs the tests for a GPU.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from models import LARGE, TINY, Size, config_of, inputs_of, total
from speed import (
    ADAMW,
    beside,
    counted,
    in_turns,
    reading,
    seconds_of,
    start_counting,
    stepping,
    theirs,
    updating,
    writing,
)
from torch import Tensor, nn

from ptbert_models import BertForMaskedLM, BertForSequenceClassification, GPT2LMHeadModel
from ptbert_models.families import FAMILIES
from ptbert_optim import BertAdam

# ruff: noqa: T201

TRAINED = {
    "bert": "BertForMaskedLM",
    "gpt": "OpenAIGPTLMHeadModel",
    "gpt2": "GPT2LMHeadModel",
    "transfo_xl": "TransfoXLLMHeadModel",
}
CLOSE = 1e-3  # a gradient of the device may be this far from that of the CPU, in its norm


def main() -> None:
    """Run all parts; the exit code is 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all when left out")
    parser.add_argument("--device", default="cuda", help="where to compute")
    parser.add_argument("--tiny", action="store_true", help="tiny models, as on the CPU")
    parser.add_argument("--minutes", type=float, default=5.5, help="no part begins after that")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"there is no part {unknown.pop()!r}; give some of {', '.join(PARTS)}")
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU that PyTorch can use; give --device cpu to try the script")
    size = TINY if arguments.tiny or device.type == "cpu" else LARGE
    print(
        f"{name_of(device)}, torch {torch.__version__}, {size.layers} layers of width {size.width}"
    )
    begun = time.monotonic()
    failed = []
    for name in arguments.parts or PARTS:
        part = PARTS[name]
        title = (part.__doc__ or "").splitlines()[0]
        if time.monotonic() - begun > arguments.minutes * 60:
            print(f"\nleft out for lack of time: {title}")
            continue
        print(f"\n{title}\n", flush=True)
        if not part(device, size):
            failed.append(title)
    print(f"\n{time.monotonic() - begun:.0f} seconds")
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


def models_agree(device: torch.device, _: Size) -> bool:
    """The sixteen models: largest difference of a gradient from that of the CPU, in its norm."""
    print("| model | difference |\n|---|---|")
    worst = 0.0
    for family in FAMILIES.values():
        for kind in family.models:
            found = difference(kind, device)
            worst = max(worst, found)
            print(f"| `{kind.__name__}` | {found:.1e} |", flush=True)
    return worst <= CLOSE


def difference(kind: type[Any], device: torch.device) -> float:
    """Return how far loss and gradients on the device are from those on the CPU."""
    gradients = []
    for place in (torch.device("cpu"), device):
        torch.manual_seed(0)
        model = kind(config_of(kind.family, TINY, dropout=0.0)).to(place)
        inputs = {key: value.to(place) for key, value in inputs_of(kind.__name__, TINY).items()}
        loss = total(model(**inputs))
        loss.backward()
        found = {name: p.grad.cpu() for name, p in model.named_parameters() if p.grad is not None}
        gradients.append({"loss": loss.detach().cpu(), **found})
    ours, theirs = gradients
    if ours.keys() != theirs.keys():
        return float("inf")
    return max(
        float((theirs[name] - each).norm() / each.norm().clamp(min=1e-2))
        for name, each in ours.items()
    )


def families_train(device: torch.device, size: Size) -> bool:
    """Training in bfloat16, the same batch again and again: the loss has to fall."""
    print("| model | first loss | last loss | tokens a second | memory |\n|---|---|---|---|---|")
    all_learn = True
    for family in FAMILIES.values():
        for kind in family.models:
            if kind.__name__ != TRAINED[kind.family]:
                continue
            torch.manual_seed(0)
            model = kind(config_of(kind.family, size)).to(device)
            batch = on(device, inputs_of(kind.__name__, size))
            optimizer = BertAdam(
                model.parameters(),
                lr=1e-3,
                warmup=0.1,
                t_total=size.steps + 2,
                bias_correction=True,
            )
            start_counting(device)
            step = training_step(model, lambda m=model, b=batch: loss_of(m(**b)), optimizer.step)
            losses, seconds = trained(step, device, size)
            all_learn = all_learn and losses[-1] < losses[0]
            speed = size.batch * size.length / seconds
            print(
                f"| `{kind.__name__}` | {losses[0]:.3f} | {losses[-1]:.3f} | {speed:,.0f} "
                f"| {counted(device)} |",
                flush=True,
            )
    return all_learn


def padding_costs(device: torch.device, size: Size) -> bool:
    """Training a classifier on texts of very different lengths: without padding, and with it."""
    config = config_of("bert", size)
    lengths = torch.linspace(size.length // 8, size.length, size.batch).long()
    mask = (torch.arange(size.length) < lengths[:, None]).long()
    batch = on(device, {**inputs_of("BertForSequenceClassification", size), "attention_mask": mask})
    steps = {}
    for name, wanted in (("without padding", True), ("with padding", False)):
        torch.manual_seed(0)
        model = BertForSequenceClassification(config).to(device)
        model.leave_out_padding = wanted
        if not wanted:
            model.bert.encoder.register_forward_hook(lambda *_: None)  # who watches sees padding
        optimizer = BertAdam(model.parameters(), lr=1e-4)
        steps[name] = training_step(model, lambda m=model: m(**batch), optimizer.step)
    took = in_turns(steps, device, size.steps)
    for name, seconds in took.items():
        print(f"* {name}: {int(lengths.sum()) / seconds:,.0f} tokens a second")
    print(f"* ratio: {took['with padding'] / took['without padding']:.2f}")
    return True


def beside_transformers(device: torch.device, size: Size) -> bool:
    """Training beside transformers, both in bfloat16 with PyTorch's attention: tokens a second."""
    print("| model | ptbert | transformers | ratio |\n|---|---|---|---|")
    for kind in (BertForMaskedLM, GPT2LMHeadModel):
        ours = kind(config_of(kind.family, size)).to(device)
        peer = theirs(ours)
        if peer is None:
            print("\ntransformers is not installed")
            return True
        batch = on(device, inputs_of(kind.__name__, size))
        ids = {"input_ids": batch["input_ids"], "labels": batch["input_ids"]}
        rates: dict[str, Any] = {"lr": 1e-4, "weight_decay": 0.01}
        steps = {
            "ptbert": training_step(
                ours,
                lambda m=ours, b=batch: loss_of(m(**b)),
                stepping(list(ours.parameters()), "BertAdam", global_clip=True, **rates),
            ),
            "transformers": training_step(
                peer,
                lambda m=peer, b=ids: m(**b).loss,
                stepping(list(peer.parameters()), ADAMW, clips=True, **rates),
            ),
        }
        took = in_turns(steps, device, size.steps)
        speeds = [size.batch * size.length / seconds for seconds in took.values()]
        print(f"| `{kind.__name__}` | {beside(speeds)} |", flush=True)
    return True


def trained(
    step: Callable[[], Tensor], device: torch.device, size: Size
) -> tuple[list[float], float]:
    """Train, and return the losses and the median seconds of a step."""
    losses: list[float] = []
    seconds = seconds_of(lambda: losses.append(float(step())), device, size.steps)
    return losses, seconds


def training_step(
    model: nn.Module, loss_now: Callable[[], Tensor], update: Callable[[], object]
) -> Callable[[], Tensor]:
    """Return a step of training in bfloat16, which returns the loss."""
    model.train()
    kind = next(model.parameters()).device.type

    def step() -> Tensor:
        with torch.autocast(kind, torch.bfloat16):
            loss = loss_now()
        loss.backward()
        update()
        model.zero_grad()
        return loss.detach()

    return step


def loss_of(output: Any) -> Tensor:
    """The mean loss that a model of 2019 returns, alone or first."""
    return (output[0] if isinstance(output, tuple | list) else output).mean()


def on(device: torch.device, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a batch on a device."""
    return {key: value.to(device) for key, value in batch.items()}


def name_of(device: torch.device) -> str:
    """The name of a card, or of the kind of device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


PARTS: dict[str, Callable[[torch.device, Size], bool]] = {
    "agreement": models_agree,
    "learning": families_train,
    "padding": padding_costs,
    "training": beside_transformers,
    "reading": reading,
    "writing": writing,
    "updating": updating,
}

if __name__ == "__main__":
    main()
