"""Every command that runs a model takes a device, by one rule."""

import pytest
import torch

from ptbert import devices
from ptbert.__main__ import main
from ptbert.sentences import SentenceEncoder
from ptbert.tasks.fill_mask import FillMask
from ptbert.tasks.writer import Writer
from ptbert_models import BertModel

COMMANDS = {
    "generate": (["generate", "ptbert-tiny-gpt2", "a", "--temperature", "0"], Writer),
    "fill-mask": (["fill-mask", "ptbert-tiny-bert", "a [MASK]"], FillMask),
    "features": (["features", "ptbert-tiny-bert", "a.txt", "--query", "a"], SentenceEncoder),
    "see next-words": (["see", "next-words", "ptbert-tiny-gpt2", "a"], Writer),
    "see attention": (["see", "attention", "ptbert-tiny-bert", "a"], BertModel),
}


@pytest.fixture(params=COMMANDS)
def command(request, tmp_path, monkeypatch):
    """The words of a command line, and the class whose model it loads."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("A text. Another one.")
    return COMMANDS[request.param]


def test_cpu_gives_the_usual_result(command, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words, _ = command
    printed = []
    for device in ([], ["--device", "cpu"], ["--device", "cpu:0"]):
        assert main([*words, *device]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0]
    assert printed == printed[:1] * 3


@pytest.mark.parametrize("device", ["abacus", "meta", "cuda:99", "cpu cpu"])
def test_a_device_that_cannot_be_used_is_told_on_one_line(command, device, capsys, monkeypatch):
    words, loaded = command
    monkeypatch.setattr(loaded, "from_pretrained", lambda *_, **__: pytest.fail("it was loaded"))
    assert main([*words, "--device", device]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ptbert {words[0]}: --device '{device}' cannot be used (")
    assert line.endswith("); give cpu or cuda")


@pytest.mark.parametrize(("given", "is_there"), [("", True), ("", False), ("cuda", True)])
def test_the_model_is_loaded_where_it_is_to_compute(command, given, is_there, capsys, monkeypatch):
    def from_pretrained(name, *, device, **options):
        raise OSError(f"it would be on {device}")

    made = torch.zeros
    monkeypatch.setattr(devices.torch, "zeros", lambda size, device: made(size))  # as on a GPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: is_there)
    words, loaded = command
    monkeypatch.setattr(loaded, "from_pretrained", from_pretrained)
    assert main([*words, *(["--device", given] if given else [])]) == 1
    assert f"it would be on {'cuda' if is_there else 'cpu'}\n" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["", "cuda"])
def test_integers_of_8_bits_are_for_a_cpu(device, capsys, monkeypatch):
    made = torch.zeros
    monkeypatch.setattr(devices.torch, "zeros", lambda size, device: made(size))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def from_pretrained(name, *, device, **options):
        raise OSError(f"it would be on {device}")

    monkeypatch.setattr(Writer, "from_pretrained", from_pretrained)
    words = ["generate", "ptbert-tiny-gpt2", "a", "--int8"]
    assert main([*words, "--device", device]) == 1
    found = capsys.readouterr().err
    if device:
        assert found == "ptbert generate: --int8 computes on a CPU; leave out --device cuda\n"
    else:
        assert "it would be on cpu\n" in found
