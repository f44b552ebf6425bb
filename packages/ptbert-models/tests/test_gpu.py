"""On a GPU: all models, their losses and texts are those of the CPU; half precision has no holes.

``python -m pytest -m gpu`` runs these where PyTorch finds a GPU.
"""

import copy
import warnings
from contextlib import contextmanager

import pytest
import torch
from tiny_models import MODELS, call, tensors, tiny

from ptbert_models import BertForQuestionAnswering, generate, generate_scored
from ptbert_models.parts import packed_attention

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU"),
    pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores"),  # advice of the compiler
    pytest.mark.filterwarnings("ignore:The CUDA Graph is empty"),  # of a part that only allocates
]
WRITERS = [kind for kind in MODELS if hasattr(kind, "start_decoding")]
# Without those of answers, whose loss is another one: it leaves out padding too.
READERS = [k for k in MODELS if k.family == "bert" and k is not BertForQuestionAnswering]
PROMPTS = torch.tensor([[3, 4, 5], [7, 8, 9]])


def on_gpu(values):
    return {name: value.cuda() for name, value in values.items()}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("labels", [True, False])
def test_outputs_and_gradients_are_those_of_the_cpu(kind, labels):
    model = tiny(kind)
    other = copy.deepcopy(model).cuda()
    given = call(kind, labels=labels)
    want, got = tensors(model(**given)), tensors(other(**on_gpu(given)))
    for ours, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, atol=1e-3, rtol=1e-3)
    for outputs in (want, got):
        sum(each.sum() for each in outputs if each.requires_grad).backward()
    for (name, ours), theirs in zip(other.named_parameters(), model.parameters(), strict=True):
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad.cpu(), theirs.grad, atol=1e-2, rtol=1e-2, msg=name)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("automatic", [True, False])
def test_half_precision_gives_finite_numbers_and_gradients(kind, dtype, automatic):
    model = tiny(kind).cuda() if automatic else tiny(kind).cuda().to(dtype)
    with torch.autocast("cuda", dtype, enabled=automatic):
        outputs = tensors(model(**on_gpu(call(kind))))
    sum(each.float().sum() for each in outputs if each.requires_grad).backward()
    found = [each.grad for each in model.parameters() if each.grad is not None]
    assert all(each.isfinite().all() for each in [*outputs, *found])


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("compiled", [False, True, {"mode": "reduce-overhead"}], ids=str)
@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 3}], ids=str)
def test_texts_are_those_of_the_cpu(kind, compiled, options):
    torch.compiler.reset()
    model = tiny(kind).eval()
    want = generate_scored(model, PROMPTS, 6, **options)
    model.cuda()
    for _ in range(3):  # the third run replays what the second one records
        got = generate_scored(model, PROMPTS.cuda(), 6, compile=compiled, **options)
        torch.testing.assert_close(
            got.log_probabilities.sum(1).cpu(), want.log_probabilities.sum(1), atol=1e-2, rtol=1e-2
        )


def test_texts_of_two_runs_at_once_keep_apart_in_graphs():
    torch.compiler.reset()
    model = tiny(WRITERS[0]).cuda().eval()
    how = {"temperature": 0, "compile": {"mode": "reduce-overhead"}}
    want = generate(model, PROMPTS.cuda(), 5, temperature=0)
    for _ in range(2):
        one = model.start_decoding(8, None, compile_options=how["compile"])
        with torch.no_grad():
            one.feed(PROMPTS.cuda())
            one.feed(PROMPTS[:, :1].cuda())
        assert torch.equal(generate(model, PROMPTS.cuda(), 5, **how), want)


@contextmanager
def waits():
    """Count how often the host waits for the device: a list of where."""
    places = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield places
        finally:
            torch.cuda.set_sync_debug_mode("default")
    places += [
        f"{each.filename}:{each.lineno}" for each in caught if "called a synchron" in str(each)
    ]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("labels", [True, False])
def test_a_pass_waits_for_the_device_at_most_twice(kind, labels):
    model = tiny(kind).cuda()
    given = on_gpu(call(kind, labels=labels))
    model(**given)
    with waits() as forward:
        outputs = tensors(model(**given))
    with waits() as backward:
        sum(each.sum() for each in outputs if each.requires_grad).backward()
    assert len(forward) <= 2, forward
    assert len(backward) <= 2, backward


@pytest.mark.parametrize("kind", MODELS)
def test_files_have_no_device_and_are_read_onto_any(kind, tmp_path):
    model = tiny(kind).eval()
    copy.deepcopy(model).cuda().save_pretrained(tmp_path)
    saved = torch.load(tmp_path / "pytorch_model.bin")  # without map_location, as on any computer
    assert {each.device.type for each in saved.values()} == {"cpu"}
    read = kind.from_pretrained(tmp_path, device="cuda")
    assert {each.device.type for each in read.parameters()} == {"cuda"}
    given = call(kind, labels=False)
    with torch.no_grad():
        pairs = zip(tensors(read(**on_gpu(given))), tensors(model(**given)), strict=True)
        for ours, theirs in pairs:
            torch.testing.assert_close(ours.cpu(), theirs, atol=1e-3, rtol=1e-3)


# Of answers the loss itself is another one: it leaves out padding.
@pytest.mark.parametrize(
    "kind",
    [each for each in MODELS if each.family == "bert" and each is not BertForQuestionAnswering],
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_without_padding_all_is_as_with_it(kind, dtype, monkeypatch):
    calls, original = [], packed_attention.run_kernel
    monkeypatch.setattr(packed_attention, "run_kernel", lambda *a: calls.append(1) or original(*a))
    config = tiny(kind).config
    config.hidden_size, config.intermediate_size = 32, 32  # heads of 16, which the kernel takes
    torch.manual_seed(0)
    model = kind(config).cuda()
    given = on_gpu(call(kind))
    found = []
    for leaves_out in (True, False):
        model.zero_grad()
        model.leave_out_padding = leaves_out
        if not leaves_out:
            encoder = getattr(model, "bert", model).encoder
            encoder.register_forward_hook(lambda *_: None)  # who watches sees padding
        with torch.autocast("cuda", dtype, enabled=dtype != torch.float32):
            output = tensors(model(**given))[-1]
        output.float().sum().backward()
        found.append([each.grad for each in model.parameters() if each.grad is not None])
    assert bool(calls) == (dtype != torch.float32)
    scale = max(float(each.norm()) for each in found[1])
    for ours, theirs in zip(*found, strict=True):
        assert float((ours - theirs).norm()) <= (1e-4 if dtype == torch.float32 else 0.05) * scale
