import inspect
import subprocess
import sys

import pytest

import ptbert_optim

PUBLIC = [
    "SCHEDULES",
    "BertAdam",
    "ConstantLR",
    "OpenAIAdam",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
    "__version__",
    "warmup_constant",
    "warmup_cosine",
    "warmup_cosine_hard_restarts",
    "warmup_cosine_warmup_restarts",
    "warmup_cosine_waves",
    "warmup_linear",
    "warmup_linear_decay",
]


def test_the_public_names_are_these():
    assert ptbert_optim.__all__ == PUBLIC


def test_every_public_name_exists():
    assert [name for name in PUBLIC if not hasattr(ptbert_optim, name)] == []


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'AdamW'"):
        _ = ptbert_optim.AdamW


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        ("BertAdam", "params lr warmup t_total schedule betas e weight_decay max_grad_norm"),
        (
            "OpenAIAdam",
            "params lr schedule warmup t_total betas e weight_decay vector_l2 max_grad_norm",
        ),
    ],
)
def test_positional_arguments_stand_in_the_order_of_2019(optimizer, names):
    parameters = inspect.signature(getattr(ptbert_optim, optimizer)).parameters.values()

    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == names.split()


@pytest.mark.parametrize(
    ("optimizer", "defaults"),
    [
        (
            "BertAdam",
            {"warmup": -1, "t_total": -1, "schedule": "warmup_linear", "betas": (0.9, 0.999)}
            | {"e": 1e-6, "weight_decay": 0.01, "max_grad_norm": 1.0},
        ),
        (
            "OpenAIAdam",
            {"warmup": -1, "t_total": -1, "schedule": "warmup_linear", "betas": (0.9, 0.999)}
            | {"e": 1e-8, "weight_decay": 0, "vector_l2": False, "max_grad_norm": -1},
        ),
    ],
)
def test_defaults_are_those_of_2019(optimizer, defaults):
    parameters = inspect.signature(getattr(ptbert_optim, optimizer)).parameters.values()

    found = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert {name: found[name] for name in found if name not in {"params", "lr"}} == defaults


def test_it_works_without_numpy_and_imports_no_other_distribution():
    code = """
import sys, warnings
sys.modules["numpy"] = None
warnings.simplefilter("ignore")
import torch, ptbert_optim
weight = torch.nn.Parameter(torch.ones(600))
optimizer = ptbert_optim.BertAdam([weight], lr=0.1)
weight.sum().backward()
optimizer.step()
optimizer.load_state_dict(optimizer.state_dict())
print(sorted(name for name in sys.modules if name.startswith("ptbert") and "optim" not in name))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
