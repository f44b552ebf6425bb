"""Which release a program is for, and what a diagnosis prints."""

from pathlib import Path

import pytest

from ptbert.__main__ import main
from ptbert.doctor.diagnosis import diagnosis_of
from ptbert.doctor.findings import Effect

PROGRAMS = Path(__file__).parents[1] / "programs"


RELEASES = {
    "from pytorch_pretrained_bert.modeling import PreTrainedBertModel": "0.4.0",
    "from pytorch_pretrained_bert.optimization import warmup_linear": "0.4.0 to 0.6.1",
    "from pytorch_pretrained_bert.optimization import *; warmup_linear": "0.4.0 to 0.6.1",
    "import pytorch_pretrained_bert as p; p.optimization.WarmupLinearSchedule": "0.6.2 and June",
    "import pytorch_pretrained_bert.modeling_gpt2": "0.6.0 to June",
    "def f():\n    from pytorch_pretrained_bert import OpenAIGPTModel as G": "0.5.0 to June",
    "from pytorch_pretrained_bert import WEIGHTS_NAME": "0.6.2 and June",
    "from pytorch_pretrained_bert import BertAdam as A; A(p, betas=(0.9, 0.9))": "June",
    "from pytorch_pretrained_bert import BertAdam as A; A(p, b1=0.9)": "0.4.0 to 0.6.2",
    "from pytorch_pretrained_bert import BertModel as B; B(c).prune_heads({})": "June",
    "from pytorch_pretrained_bert import GPT2Model\nm = GPT2Model(c)\n"
    "m.set_num_special_tokens(3)": "June",
    "from pytorch_pretrained_bert import BertModel as B\nB(c, True)": "June",
    "from pytorch_pretrained_bert import BertModel as B\nclass C(B):\n"
    "    def __init__(self, c): super(C, self).__init__(c, True)": "June",
    "from pytorch_pretrained_bert import BertModel as B, WEIGHTS_NAME\nB(c, *more)": "0.6.2 and",
    "from pytorch_pretrained_bert.modeling import BertLayerNorm, BertPreTrainedModel\n"
    "BertLayerNorm(8, eps=1e-12)": "0.5.0 to June",
    "from pytorch_pretrained_bert import BertModel as B, WEIGHTS_NAME\nclass C(D, B):\n"
    "    def __init__(self, c): super().__init__(c, True)": "0.6.2 and",
    "from pytorch_pretrained_bert.modeling_gpt2 import Attention\n"
    "class A(Attention):\n    def _attn(self, q, k, v): pass": "0.6.0 to 0.6.2",
}


@pytest.mark.parametrize(("text", "wanted"), RELEASES.items(), ids=RELEASES)
def test_the_release_is_that_which_had_all_names(diagnosis, text, wanted, capsys):
    found = diagnosis(text)
    main(["doctor", found.files[0]])
    assert f"written for {wanted}" in capsys.readouterr().out


def test_names_of_two_releases_are_told(diagnosis, capsys):
    found = diagnosis(
        "from pytorch_pretrained_bert.modeling import PreTrainedBertModel\n"
        "from pytorch_pretrained_bert.optimization import WarmupLinearSchedule\n"
    )
    assert found.fitting == frozenset()
    assert main(["doctor", found.files[0]]) == 0
    printed = capsys.readouterr().out
    assert "no single release has all that is used" in printed
    assert "program.py:1: PreTrainedBertModel is in 0.4.0\n" in printed


def test_june_is_run_as_june(diagnosis):
    found = diagnosis(
        "from pytorch_pretrained_bert import BertModel\nBertModel(c).get_multihead_outputs()"
    )
    (command,) = found.commands
    assert command.startswith("ptbert run --release june ")


def test_programs_of_this_repository_have_few_findings():
    found = diagnosis_of(PROGRAMS)
    assert not found.must_be_changed
    assert len(found.using) == 5
    assert [(Path(each.file).name, each.effect) for each in found.findings] == [
        ("classify.py", Effect.NOTE),  # the slip of the examples of 2019, on purpose
        ("evaluate_lm.py", Effect.DIFFERS),
    ]
    assert len(found.commands) == 5
