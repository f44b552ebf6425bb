"""Programs save whole models and load them again, by ``torch.load`` as it is today."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from ptbert import (
    BertConfig,
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
