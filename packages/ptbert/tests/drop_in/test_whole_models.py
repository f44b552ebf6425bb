"""Programs save whole models and load them again, by ``torch.load`` as it is today."""

import pickle
import subprocess
import sys
import zipfile

import pytest
import torch
from torch import nn

from ptbert import (
    BertConfig,
    BertModel,
    GPT2Config,
    OpenAIGPTConfig,
    TransfoXLConfig,
)
from ptbert.drop_in.whole_models import allow_whole_models
from ptbert_models.families import FAMILIES

CONFIGS = {
    "bert": BertConfig(
        20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    ),
    "gpt": OpenAIGPTConfig(20, n_positions=8, n_ctx=8, n_embd=8, n_layer=1, n_head=2),
    "gpt2": GPT2Config(20, n_positions=8, n_ctx=8, n_embd=8, n_layer=1, n_head=2),
    "transfo_xl": TransfoXLConfig(
        20,
        cutoffs=[5, 10],
        d_model=8,
        d_embed=8,
        n_head=2,
        d_head=4,
        d_inner=8,
        div_val=2,
        n_layer=1,
        mem_len=5,
    ),
}
MODELS = [(family.name, model) for family in FAMILIES.values() for model in family.models]


@pytest.fixture
def _allowed(restored_safe_globals):
    allow_whole_models("pytorch_pretrained_bert")


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize(("family", "model_class"), MODELS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_model_comes_back(family, model_class, wrapped, tmp_path):
    model = model_class(CONFIGS[family])
    torch.save(nn.DataParallel(model) if wrapped else model, tmp_path / "model.bin")

    again = torch.load(tmp_path / "model.bin")

    again = again.module if wrapped else again
    assert type(again) is model_class
    state = again.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in model.state_dict().items())


class Own(nn.Module):
    pass


@pytest.mark.usefixtures("_allowed")
def test_a_programs_own_classes_are_still_refused(tmp_path):
    torch.save(Own(), tmp_path / "model.bin")
    with pytest.raises(Exception, match="Unsupported global"):
        torch.load(tmp_path / "model.bin")


@pytest.mark.usefixtures("_allowed")
def test_the_error_for_a_programs_own_class_names_the_switch(tmp_path, monkeypatch):
    torch.save(Own(), tmp_path / "model.bin")
    with pytest.raises(pickle.UnpicklingError) as caught:
        torch.load(tmp_path / "model.bin")
    (note,) = caught.value.__notes__
    assert note.startswith(
        "The file holds other objects than tensors and the library's classes. "
        "If you trust the file, "
    )

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.warns(UserWarning, match="TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected"):
        assert type(torch.load(tmp_path / "model.bin")) is Own


class Called:
    """Pickles as a call of a class with arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


HARMFUL = {
    "a layer of gigabytes": (nn.Embedding, 1_000_000, 1500),
    "a configuration from a file": (BertConfig, "secret.json"),
    "a model": (BertModel, "x"),
    "a list of modules": (nn.ModuleList, [5]),
}


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize("what", HARMFUL)
def test_no_constructor_runs_on_what_a_file_says(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, *arguments = HARMFUL[what]
    for name in ("secret.json", "model.bin"):
        (tmp_path / name).write_text('{"vocab_size": 3, "password": "x"}')
    torch.save(Called(function, *arguments), "model.bin")

    with pytest.raises(pickle.UnpicklingError, match=r"is made by torch\.save without a call"):
        torch.load("model.bin")


@pytest.mark.usefixtures("_allowed")
def test_arguments_of_new_objects_are_not_used(tmp_path):
    """The opcode NEWOBJ could give a path to a configuration, which would read that file."""
    content = (
        b"\x80\x02cpytorch_pretrained_bert.modeling\nBertConfig\nU\x0bsecret.json\x85\x81"
        b"}X\x0a\x00\x00\x00vocab_sizeK\x07sb."
    )
    with zipfile.ZipFile(tmp_path / "model.bin", "w") as file:
        file.writestr("model/data.pkl", content)
        file.writestr("model/version", "3")

    found = torch.load(tmp_path / "model.bin")
    assert type(found) is BertConfig
    assert vars(found) == {"vocab_size": 7}


def test_nothing_is_noted_or_wrapped_twice(restored_safe_globals):
    allow_whole_models("pytorch_pretrained_bert")
    load = torch.load
    allow_whole_models("another_name")
    assert torch.load is load


PROGRAM = """\
import torch
from pytorch_pretrained_bert import BertConfig, BertForSequenceClassification
config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
torch.save(BertForSequenceClassification(config, 3), "model.bin")
print(type(torch.load("model.bin")).__name__)
"""


@pytest.mark.parametrize("release", ["april", "june"])
def test_a_program_of_2019_does_it(tmp_path, release):
    (tmp_path / "program.py").write_text(PROGRAM)
    words = [sys.executable, "-m", "ptbert", "run", "--release", release, "program.py"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("BertForSequenceClassification\n", "")


def test_nothing_is_allowed_without_drop_in_mode():
    code = "import torch, ptbert.modeling; print(torch.serialization.get_safe_globals())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "ptbert" not in done.stdout
    assert "Linear" not in done.stdout
