"""Speed and memory on a GPU: models in bfloat16, writing, and optimizers, beside their peers."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from models import Size, config_of, inputs_of
from torch import Tensor, nn

from ptbert_models import BertModel, GPT2LMHeadModel, generate
from ptbert_optim import BertAdam, OpenAIAdam

# ruff: noqa: T201

BATCHES = (1, 8, 64)
WRITTEN = (1, 8)  # texts at a time; each number is compiled anew
NEW_TOKENS = 128
NARROW = torch.bfloat16
ADAMW = "torch AdamW(fused=True)"


def wait(device: torch.device) -> None:
    """Wait until the device has computed everything."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(action: Callable[[], object], device: torch.device, times: int) -> float:
    """Return the median seconds of an action, after two that are not counted."""
    return in_turns({"": action}, device, times)[""]


def in_turns(
    actions: Mapping[str, Callable[[], object]], device: torch.device, times: int
) -> dict[str, float]:
    """Return the median seconds of each action, one after the other in each of so many rounds.

    Two rounds before are not counted. What slows the machine for a while slows all of them.
    """
    found: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(times + 2):
        for name, action in actions.items():
            wait(device)
            begun = time.perf_counter()
            action()
            wait(device)
            found[name].append(time.perf_counter() - begun)
    return {name: statistics.median(seconds[2:]) for name, seconds in found.items()}


def start_counting(device: torch.device) -> None:
    """Begin to look for the peak of memory."""
    if device.type == "cuda":
        wait(device)
        torch.cuda.reset_peak_memory_stats(device)


def counted(device: torch.device) -> str:
    """The peak of memory since then, in MB; nothing on a CPU."""
    if device.type != "cuda":
        return "-"
    return f"{torch.cuda.max_memory_allocated(device) / 1e6:,.0f} MB"


def theirs(ours: nn.Module) -> Any:
    """Return the model of transformers with PyTorch's attention and our sizes; None without it."""
    name = type(ours).__name__
    try:
        import transformers
    except ImportError:
        return None
    values = {key: value for key, value in vars(ours.config).items() if value is not None}
    family = name.partition("For")[0].partition("LM")[0].removesuffix("Model")
    config = getattr(transformers, f"{family}Config")
    place = next(ours.parameters())
    model = getattr(transformers, name)(config(**values, attn_implementation="sdpa"))
    return model.to(device=place.device, dtype=place.dtype).eval()


def reading(device: torch.device, size: Size) -> bool:
    """BERT in bfloat16, without gradients: tokens a second, and times transformers."""
    print("| texts | padding | ptbert | transformers | ratio | memory of ptbert |")
    print("|---|---|---|---|---|---|")
    ours = BertModel(config_of("bert", size)).to(device=device, dtype=NARROW).eval()
    peer = theirs(ours)
    for texts in BATCHES:
        batch = inputs_of("BertModel", size._replace(batch=texts))["input_ids"].to(device)
        lengths = torch.linspace(size.length // 8, size.length, texts, device=device).long()
        mask = (torch.arange(size.length, device=device) < lengths[:, None]).long()
        for name, given in (("none", None), ("padded", mask)):
            if texts == 1 and given is not None:
                continue
            tokens = int(lengths.sum()) if given is not None else texts * size.length
            ours.leave_out_padding = given is not None
            runs: dict[str, Callable[[], object]] = {
                "ptbert": lambda b=batch, g=given: ours(b, None, g, output_all_encoded_layers=False)
            }
            if peer is not None:
                runs["transformers"] = lambda b=batch, g=given: peer(b, attention_mask=g)
            with torch.no_grad():
                took = in_turns(runs, device, size.steps)
                start_counting(device)
                runs["ptbert"]()
            speeds = [tokens / seconds for seconds in took.values()]
            cells = f"{texts} | {name} | {beside(speeds)} | {counted(device)}"
            print(f"| {cells} |", flush=True)
    return True


def beside(speeds: list[float]) -> str:
    """Our speed, that of a peer and the ratio, as cells of a table."""
    if len(speeds) == 1:
        return f"{speeds[0]:,.0f} | - | -"
    return f"{speeds[0]:,.0f} | {speeds[1]:,.0f} | {speeds[0] / speeds[1]:.2f}"


def writing(device: torch.device, size: Size) -> bool:
    """GPT-2 in bfloat16, greedy: milliseconds a token, and times the reading of the weights."""
    print("| texts | plain steps | compiled steps | transformers | reading the weights | best |")
    print("|---|---|---|---|---|---|")
    model = GPT2LMHeadModel(config_of("gpt2", size)).to(device=device, dtype=NARROW).eval()
    peer = theirs(model)
    # Without a GPU the small trial only shows that the script works.
    how: dict[str, Any] = (
        {"mode": "reduce-overhead"} if device.type == "cuda" else {"backend": "eager"}
    )
    weight_seconds = reading_seconds(model, device, size)
    new = min(NEW_TOKENS, size.length // 2)
    same = True
    for texts in WRITTEN:
        ids = inputs_of("", size._replace(batch=texts, length=size.length - new))["input_ids"]
        ids = ids.to(device).clamp(min=1)  # no token that might be padding
        runs: dict[str, Callable[[], Tensor]] = {
            "plain": lambda i=ids: generate(model, i, new, temperature=0),
            "compiled": lambda i=ids: generate(model, i, new, temperature=0, compile=how),
        }
        if peer is not None:
            more = {"do_sample": False, "max_new_tokens": new, "min_new_tokens": new}
            runs["transformers"] = lambda i=ids, m=more: peer.generate(
                i, attention_mask=torch.ones_like(i), pad_token_id=0, **m
            )
        took = {name: each / new for name, each in in_turns(runs, device, 3).items()}
        scores = {name: last_scores(model, run()) for name, run in list(runs.items())[:2]}
        same = same and close(*scores.values())
        cells = [f"{1e3 * took[name]:.2f}" if name in took else "-" for name in (*runs, "-")]
        best = min(took["plain"], took["compiled"]) / weight_seconds
        print(
            f"| {texts} | {' | '.join(cells[:3])} | {1e3 * weight_seconds:.2f} | {best:.2f} |",
            flush=True,
        )
    return same


def reading_seconds(model: nn.Module, device: torch.device, size: Size) -> float:
    """The seconds in which the device can read as many bytes as the weights have, at once."""
    numbers = sum(each.numel() for each in model.parameters())
    together = torch.randn(numbers, device=device).to(NARROW)
    return seconds_of(together.sum, device, size.steps)


def last_scores(model: nn.Module, ids: Tensor) -> float:
    """The mean log-probability of the tokens of texts: rounding may choose other tokens."""
    with torch.no_grad():
        return float(model(ids, lm_labels=ids))


def close(one: float, other: float) -> bool:
    """Whether texts are about as likely."""
    return abs(one - other) <= 0.05 * max(abs(one), 1.0)


def updating(device: torch.device, size: Size) -> bool:
    """A step of the optimizers: milliseconds, and times fused AdamW that clips in the same way."""
    print("| optimizer | clipping | ms | ratio | in a CUDA graph | memory |")
    print("|---|---|---|---|---|---|")
    model = BertModel(config_of("bert", size)).to(device)
    parameters = list(model.parameters())
    for each in parameters:
        each.grad = torch.randn_like(each) * 1e-3
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        (ADAMW, "none", {}),
        ("BertAdam", "none", {"max_grad_norm": -1}),
        ("OpenAIAdam", "none", {}),
        (ADAMW, "all together", {"clips": True}),
        ("BertAdam", "all together", {"max_grad_norm": 1.0, "global_clip": True}),
        (ADAMW, "each alone", {"clips": True}),  # all together: PyTorch has no other clipping
        ("BertAdam", "each alone", {"max_grad_norm": 1.0}),
    ]
    alone = in_turns(
        {f"{name} {how}": stepping(parameters, name, **more) for name, how, more in kinds},
        device,
        size.steps,
    )
    for name, clipping, options in kinds:
        took, usual = (alone[f"{each} {clipping}"] for each in (name, ADAMW))
        step = stepping(parameters, name, capturable=True, **options)
        step()
        start_counting(device)
        step()
        memory, replayed = counted(device), "-"
        if device.type == "cuda":
            replayed = f"{1e3 * replay_seconds(step, device, size):.2f}"
        cells = f"{1e3 * took:.2f} | {took / usual:.2f} | {replayed} | {memory}"
        print(f"| {name} | {clipping} | {cells} |", flush=True)
    return True


def stepping(
    parameters: list[nn.Parameter], name: str, *, clips: bool = False, **options: Any
) -> Callable[[], object]:
    """Return a step of an optimizer; with ``clips`` PyTorch's function clips before it."""
    if name != ADAMW:
        kind = {"BertAdam": BertAdam, "OpenAIAdam": OpenAIAdam}[name]
        return cast("Callable[[], object]", kind(parameters, **{"lr": 1e-5, **options}).step)
    optimizer = torch.optim.AdamW(parameters, fused=True, **{"lr": 1e-5, **options})

    def step() -> None:
        if clips:
            nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimizer.step()

    return step


def replay_seconds(step: Callable[[], object], device: torch.device, size: Size) -> float:
    """Return the median seconds of a step that is held by a CUDA graph and replayed."""
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return seconds_of(graph.replay, device, size.steps)
