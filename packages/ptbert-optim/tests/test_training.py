"""The optimizers inside training as PyTorch offers it today."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ptbert_optim import BertAdam, OpenAIAdam, WarmupCosineSchedule

both = pytest.mark.parametrize("optimizer_class", [BertAdam, OpenAIAdam], ids=lambda k: k.__name__)


def model_and_data():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(40, 30), nn.Tanh(), nn.Linear(30, 5))
    return model, torch.randn(16, 40), torch.randint(5, (16,))


def loss_of(model, inputs, labels):
    return nn.functional.cross_entropy(model(inputs).float(), labels)


@both
def test_training_fits_a_small_model(optimizer_class):
    model, inputs, labels = model_and_data()
    optimizer = optimizer_class(model.parameters(), lr=0.01, warmup=0.1, t_total=100)

    for _ in range(100):
        optimizer.zero_grad()
        loss = loss_of(model, inputs, labels)
        loss.backward()
        optimizer.step()

    assert loss.item() < 0.05


@both
def test_accumulated_gradients_are_those_of_the_whole_batch(optimizer_class):
    results = []
    for parts in (1, 4):
        model, inputs, labels = model_and_data()
        optimizer = optimizer_class(model.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            for x, y in zip(inputs.chunk(parts), labels.chunk(parts), strict=True):
                (loss_of(model, x, y) / parts).backward()
            optimizer.step()
        results.append(model[0].weight)

    assert torch.allclose(*results, rtol=0, atol=1e-5)


@both
def test_a_grad_scaler_unscales_and_skips_overflow(optimizer_class):
    scaled, inputs, labels = model_and_data()
    plain, _, _ = model_and_data()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    optimizer = optimizer_class(scaled.parameters(), lr=0.01)
    reference = optimizer_class(plain.parameters(), lr=0.01)

    for step in range(4):
        optimizer.zero_grad()
        reference.zero_grad()
        scaler.scale(loss_of(scaled, inputs, labels)).backward()
        loss_of(plain, inputs, labels).backward()
        if step == 2:
            scaled[0].weight.grad[0, 0] = float("inf")
        else:
            reference.step()
        scaler.step(optimizer)
        scaler.update()

    assert optimizer.state[scaled[0].weight]["step"] == 3
    assert torch.allclose(scaled[0].weight, plain[0].weight, rtol=0, atol=1e-6)


@both
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_low_precision_model_follows_the_float32_one(optimizer_class, dtype):
    low, inputs, labels = model_and_data()
    full, _, _ = model_and_data()
    low.to(dtype)
    for model in (low, full):
        optimizer = optimizer_class(model.parameters(), lr=0.01, e=1e-4)
        for _ in range(5):
            optimizer.zero_grad()
            loss_of(model, inputs.to(model[0].weight.dtype), labels).backward()
            optimizer.step()

    assert low[0].weight.dtype is dtype
    assert torch.allclose(low[0].weight.float(), full[0].weight, rtol=0, atol=0.02)


@both
def test_mixed_dtypes_stand_in_one_group(optimizer_class):
    dtypes = [torch.float32, torch.bfloat16, torch.float64, torch.float16]
    params = [nn.Parameter(torch.ones(600, dtype=dtype)) for dtype in dtypes]
    for param in params:
        param.grad = torch.ones_like(param)

    optimizer_class(params, lr=0.125).step()

    for param in params:
        assert torch.allclose(param.double(), params[2], rtol=0, atol=4e-3)
        assert param[0] < 1


@both
def test_a_compiled_step_is_the_step(optimizer_class):
    (here, there) = (nn.Parameter(torch.ones(40, 30)) for _ in range(2))
    options = {"lr": 0.1, "warmup": 0.1, "t_total": 10}
    first, second = optimizer_class([here], **options), optimizer_class([there], **options)
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(first.step, backend=backend)

    for step in range(10):
        here.grad, there.grad = (torch.full((40, 30), float(step - 3)) for _ in range(2))
        compiled()
        second.step()

    assert torch.equal(here, there)
    assert graphs == []  # a changing rate would make a new one at every step


@both
def test_what_another_thread_compiles_does_not_matter(optimizer_class, monkeypatch):
    """PyTorch's ``is_compiling`` is true for all threads meanwhile."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.setattr(torch.compiler, "disable", lambda _: pytest.fail("it looks compiled"))
    weight = nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)

    optimizer_class([weight], lr=0.1).step()

    assert torch.all(weight < 1)


class NoReading(TorchDispatchMode):
    """Refuse to read a number from a tensor, as a graph capture does."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if str(function) == "aten._local_scalar_dense.default":
            raise RuntimeError("a number was read from the device")
        return function(*args, **(kwargs or {}))


CAPTURABLE = [
    {},
    {"warmup": 0.2, "t_total": 10},
    {"schedule": WarmupCosineSchedule(warmup=0.1, t_total=4)},
    {"bias_correction": True, "weight_decay": 0.1},
    {"bias_correction": False, "betas": (0.0, 0.9)},
]


@both
@pytest.mark.parametrize("options", CAPTURABLE, ids=str)
@pytest.mark.parametrize("fused", [True, False])
def test_a_capturable_step_equals_the_other(optimizer_class, options, fused):
    (here, there) = (nn.Parameter(torch.linspace(-1, 1, 1200).view(40, 30)) for _ in range(2))
    lr = torch.tensor(0.01)
    capturable = optimizer_class(
        [here], lr=lr, max_grad_norm=1.0, capturable=True, fused=fused, **options
    )
    plain = optimizer_class([there], lr=0.01, max_grad_norm=1.0, fused=False, **options)

    for step in range(4):
        for param in (here, there):
            param.grad = torch.sin(torch.arange(1200.0) * (step + 1)).view(40, 30)
        capturable.step()
        plain.step()

    assert lr.item() == pytest.approx(0.01)
    assert torch.allclose(here, there, rtol=0, atol=1e-6)
    assert capturable.get_lr() == pytest.approx(plain.get_lr())


@both
def test_a_capturable_schedule_keeps_its_last_value_past_t_total(optimizer_class, caplog):
    # A whole wave: 1, 0, 1, and then it would go down again.
    schedule = WarmupCosineSchedule(warmup=0, t_total=2, cycles=1)
    weight = nn.Parameter(torch.zeros(1))
    optimizer = optimizer_class(
        [weight], lr=1.0, schedule=schedule, capturable=True, betas=(0, 0), e=0, max_grad_norm=-1,
        weight_decay=0, bias_correction=False,
    )  # fmt: skip

    moves = []
    for _ in range(6):
        weight.grad, before = torch.ones(1), weight.item()
        optimizer.step()
        moves.append(before - weight.item())

    expected = {"BertAdam": [1, 0, 1, 1, 1, 1], "OpenAIAdam": [0, 1, 1, 1, 1, 1]}
    assert moves == pytest.approx(expected[optimizer_class.__name__])
    assert caplog.messages == []


@both
def test_a_capturable_step_reads_nothing_from_the_device(optimizer_class):
    weight = nn.Parameter(torch.ones(40, 30))
    optimizer = optimizer_class(
        [weight], lr=0.01, warmup=0.2, t_total=10, capturable=True, fused=False, max_grad_norm=-1
    )
    weight.grad = torch.ones(40, 30)
    optimizer.step()

    with NoReading():
        optimizer.step()
        with pytest.raises(RuntimeError, match="was read from the device"):
            weight.sum().item()

    assert optimizer.state[weight]["step"].item() == 2


@both
def test_a_state_counted_by_numbers_goes_on_in_a_capturable_optimizer_and_back(optimizer_class):
    weight = nn.Parameter(torch.ones(40, 30))
    weight.grad = torch.ones(40, 30)
    optimizer = optimizer_class([weight], lr=0.01)
    optimizer.step()

    for capturable, kind in ((True, torch.Tensor), (False, int)):
        optimizer.param_groups[0]["capturable"] = capturable
        optimizer.step()
        assert isinstance(optimizer.state[weight]["step"], kind)

    assert optimizer.state[weight]["step"] == 3


@both
def test_the_closure_is_called_once_with_gradients(optimizer_class):
    weight = nn.Parameter(torch.ones(4, 3))
    optimizer = optimizer_class([weight], lr=0.1)
    before, calls = weight.detach().clone(), []

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        calls.append(loss)
        return loss

    assert optimizer.step(closure) is calls[0]
    assert len(calls) == 1
    assert not torch.equal(weight, before)
