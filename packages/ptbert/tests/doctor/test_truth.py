"""What a finding says is so: the lines are run, and so is what the report advises."""

import warnings
from textwrap import dedent

import pytest

from .test_habits import DIFFERS, NOTES, STOPS

TINY = "ptbert-tiny-bert"
BEFORE = f"""
import importlib, os, sys, torch
import ptbert, pytorch_pretrained_bert
from pathlib import Path
from ptbert import *
from ptbert import modeling, modeling_gpt2, optimization
from ptbert.optimization import WarmupLinearSchedule
from torch.nn import DataParallel
tokenizer = BertTokenizer.from_pretrained({TINY!r})
model = BertForSequenceClassification.from_pretrained({TINY!r}, num_labels=3)
gpt2 = GPT2Model.from_pretrained("ptbert-tiny-gpt2")
model.eval()
ids = torch.tensor([tokenizer.encode("He went up to the mountain.")])
mask = input_mask = torch.ones_like(ids)
labels = torch.tensor([1])
scores = torch.zeros(1)
loss, total = torch.tensor(1.0), 0.0
weights, other = torch.ones(2), torch.ones(2)
file = "a: 1"
"""
# Each line that must be changed: the error that it ends with, and a line that follows the advice.
# An empty line: the advice is to leave it out, or to use another library.
FAILING = {
    "from pytorch_pretrained_bert import RobertaModel": (ImportError, ""),
    "from pytorch_pretrained_bert import AdamW": (ImportError, ""),
    "from pytorch_pretrained_bert.modeling import BertModle": (
        ImportError,
        "from pytorch_pretrained_bert.modeling import BertModel",
    ),
    "from pytorch_pretrained_bert.modeling import BertTokenizer": (
        ImportError,
        "from pytorch_pretrained_bert.tokenization import BertTokenizer",
    ),
    "from pytorch_pretrained_bert.modeling_xlnet import XLNetModel": (ImportError, ""),
    "from pytorch_pretrained_bert.file_utils import s3_get": (
        ImportError,
        "from pytorch_pretrained_bert.file_utils import cached_path, http_get",
    ),
    "from pytorch_pretrained_bert.file_utils import boto3": (ImportError, ""),
    "from pytorch_pretrained_bert.tokenization_transfo_xl import _is_control": (
        ImportError,
        "from pytorch_pretrained_bert.tokenization import _is_control",
    ),
    "model(ids, return_dict=True)": (TypeError, "model(ids)"),
    "BertForSequenceClassification.from_pretrained('a', num_label=3)": (
        TypeError,
        f"BertForSequenceClassification.from_pretrained({TINY!r}, num_labels=3)",
    ),
    "BertTokenizer.from_pretrained(pretrained_model_name='a')": (
        TypeError,
        f"BertTokenizer.from_pretrained({TINY!r})",
    ),
    "loss, scores = model(ids, None, mask, labels)": (TypeError, "scores = model(ids, None, mask)"),
    "loss, scores = model(ids, labels=labels)": (TypeError, "scores = model(ids)"),
    "scores = model(ids).logits": (AttributeError, "scores = model(ids)"),
    "tokenizer.encode_plus('a')": (AttributeError, "tokenizer.encode('a')"),
    "tokenizer.mask_token_id": (AttributeError, "tokenizer.vocab[tokenizer.mask_token]"),
    "gpt2.set_tied()": (AttributeError, "gpt2.tie_weights()"),
    "model.gradient_checkpointing_enable()": (
        AttributeError,
        "model.gradient_checkpointing = True",
    ),
    "import numpy as np; x = np.int(3)": (AttributeError, "x = int(3)"),
    "import numpy; x = numpy.asscalar(3)": (
        AttributeError,
        "import numpy; x = numpy.array(3).item()",
    ),
    "import time; time.clock()": (AttributeError, "import time; time.perf_counter()"),
    "from collections import Iterable": (ImportError, "from collections.abc import Iterable"),
    "from torch._six import string_classes": (ImportError, "string_classes = str"),
    "torch.symeig(model.weight)": (
        (AttributeError, RuntimeError),
        "torch.linalg.eigh(torch.eye(2))",
    ),
    "from caffe2.python import workspace": (ImportError, ""),
    "from sklearn.externals import joblib": (ImportError, ""),
    "import tensorflow as tf; tf.contrib.layers.fully_connected": (
        (ImportError, AttributeError),
        "",
    ),
    "import tensorflow.contrib.slim as slim": (ImportError, ""),
    "from apex.optimizers import FusedAdam": (
        ImportError,
        "BertAdam(model.parameters(), lr=1e-3, fused=True)",
    ),
    "scores.masked_fill(mask.byte(), 0)": (
        RuntimeError,
        "scores.masked_fill(mask.bool(), 0)",
    ),
    "scores.masked_select(torch.tensor([1], dtype=torch.uint8))": (
        RuntimeError,
        "scores.masked_select(torch.tensor([1], dtype=torch.bool))",
    ),
    "import spacy; spacy.load('en')": ((ImportError, OSError), ""),
    "import yaml; yaml.load(file)": ((ImportError, TypeError), ""),
    "total += loss.data[0]": (IndexError, "total += loss.data.item()"),
    "keep = 1 - ids.eq(0)": (RuntimeError, "keep = ~ids.eq(0)"),
    "import importlib; importlib.import_module('pytorch_pretrained_bert.modeling_xlnet')": (
        ImportError,
        "",
    ),
    "getattr(modeling, 'BertModle')": (AttributeError, "getattr(modeling, 'BertModel')"),
    "from importlib.metadata import version; version('pytorch-pretrained-bert')": (
        ImportError,
        "from importlib.metadata import version; version('ptbert')",
    ),
    "torch.hub.load('huggingface/pytorch-pretrained-BERT', 'bertModel', 'bert-base-cased')": (
        (OSError, RuntimeError),  # without a network
        f"BertModel.from_pretrained({TINY!r})",
    ),
}


@pytest.fixture
def run(monkeypatch, clean_imports):
    """Run lines where the old name is ptbert, as ``ptbert run`` does in a process of its own."""
    import ptbert

    ptbert.install_as("pytorch_pretrained_bert", release="june")
    monkeypatch.setattr("torch.hub.urlopen", _no_network)
    names = {"__name__": "program"}
    exec(BEFORE, names)

    def run_lines(lines):
        exec(lines, names)
        return names

    return run_lines


def _no_network(*_, **__):
    raise OSError("no network in tests")


def test_every_line_that_must_be_changed_is_run():
    assert STOPS.keys() == FAILING.keys()


@pytest.mark.parametrize("line", FAILING)
def test_a_line_that_must_be_changed_fails_and_its_remedy_does_not(run, line):
    error, remedy = FAILING[line]
    warnings.simplefilter("ignore")  # pytest puts the filters back
    with pytest.raises(error):
        run(line)
    run(remedy)


# Each line that works: what is claimed of it, as lines that fail if it is not so.
SHOWN = {
    "model is None": """
        with pytest.raises(OSError): BertModel.from_pretrained("./no/such/folder")
        """,
    "modeling.PRETRAINED_MODEL_ARCHIVE_MAP['mine'] = 'x'": """
        modeling.PRETRAINED_MODEL_ARCHIVE_MAP["mine"] = "x"
        with pytest.raises(OSError): BertModel.from_pretrained("mine")
        del modeling.PRETRAINED_MODEL_ARCHIVE_MAP["mine"]
        """,
    "modeling.PRETRAINED_MODEL_ARCHIVE_MAP.update(mine='x')": """
        modeling.PRETRAINED_MODEL_ARCHIVE_MAP.update(mine="x")
        with pytest.raises(OSError): BertModel.from_pretrained("mine")
        del modeling.PRETRAINED_MODEL_ARCHIVE_MAP["mine"]
        """,
    "BertTokenizer.from_pretrained('biobert_cased/')": """
        os.mkdir("biobert_cased")
        Path("biobert_cased/vocab.txt").write_text("[UNK]\\nRome\\nrome\\n")
        Path("biobert_cased/tokenizer_config.json").write_text('{"do_lower_case": false}')
        load = BertTokenizer.from_pretrained
        assert load("biobert_cased/").tokenize("Rome") == ["Rome"]
        assert load("biobert_cased/", do_lower_case=False).tokenize("Rome") == ["Rome"]
        assert load("biobert_cased/", do_lower_case=True).tokenize("Rome") == ["rome"]
        """,
    "whole = torch.load('model.bin'); whole.eval()": """
        class Own(torch.nn.Module): pass
        Own.__module__, sys.modules["own_module"] = "own_module", type(sys)("own_module")
        sys.modules["own_module"].Own = Own
        torch.save(Own(), "model.bin")
        with pytest.raises(Exception, match="Own"): torch.load("model.bin")
        torch.save(model, "model.bin")
        assert type(torch.load("model.bin")) is type(model)
        """,
    "hidden = ids[~mask.byte()]": """
        bytes_of = torch.tensor([1, 0]).byte()
        assert (~bytes_of).tolist() == [254, 255]
        assert (~bytes_of.bool()).tolist() == [False, True]
        """,
    "saved = torch.load('model.bin'); vars(saved['opt'])": """
        import argparse
        torch.save({"opt": argparse.Namespace(lr=1)}, "model.bin")
        with pytest.raises(Exception, match="Namespace"): torch.load("model.bin")
        os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
        try:
            with pytest.warns(UserWarning, match="forcing weights_only=False"):
                assert torch.load("model.bin")["opt"].lr == 1
        finally: del os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"]
        """,
    "gpt2(ids)": """
        from ptbert_hub.release import set_release
        gpt2 = GPT2Model.from_pretrained("ptbert-tiny-gpt2")
        assert isinstance(gpt2(ids)[0], list)
        set_release("april")
        april = GPT2Model.from_pretrained("ptbert-tiny-gpt2")
        set_release("june")
        assert torch.is_tensor(april(ids)[0])
        """,
    "model(ids, input_mask)": """
        assert torch.equal(model(ids, input_mask), model(ids, token_type_ids=input_mask))
        assert not torch.equal(model(ids, input_mask), model(ids, attention_mask=input_mask))
        """,
    "model(ids, head_mask=heads)": """
        heads = model.config.num_attention_heads
        kept, removed = torch.ones(heads), torch.zeros(heads)
        assert torch.allclose(model(ids, head_mask=kept), model(ids))
        assert not torch.allclose(model(ids, head_mask=removed), model(ids))
        """,
    "tokenizer.tokenize('Paris is [MASK].')": """
        assert "[MASK]" not in tokenizer.tokenize("Paris is [MASK].")
        assert "[MASK]" in tokenizer.tokenize("Paris is [MASK] .")
        """,
    "BertAdam(model.parameters(), lr=1e-3, weight_decay_rate=0.1)": """
        for name in ("weight_decay_rate", "weight_decay"):
            (group,) = BertAdam(model.parameters(), lr=1e-3, **{name: 0.1}).param_groups
            assert group["weight_decay"] == (0.01 if name == "weight_decay_rate" else 0.1)
        """,
    "BertAdam(model.parameters(), lr=1e-3, warmup=0.1)": """
        def rates(**options):
            weight = torch.nn.Parameter(torch.ones(1))
            optimizer = BertAdam([weight], lr=1e-3, warmup=0.5, **options)
            for _ in range(2):
                weight.grad = torch.ones(1)
                optimizer.step()
                yield optimizer.get_lr()[0]
        assert list(rates()) == [1e-3, 1e-3]
        assert next(rates(t_total=8)) < 1e-3
        """,
    "WarmupLinearSchedule(0.1, 10).get_lr(step, args.warmup_proportion)": """
        schedule = WarmupLinearSchedule(0.1, 10)
        assert schedule.get_lr(5, 0.1) == schedule.get_lr(5)
        """,
    "torch.save(model, 'model.bin')": """
        torch.save(model, "model.bin")
        assert type(model).__module__.encode() in Path("model.bin").read_bytes()
        """,
    "weights.add_(0.5, other)": """
        assert torch.ones(2).add_(other, alpha=0.5).tolist() == [1.5, 1.5]
        """,
}
SHOWN["BertTokenizer.from_pretrained('./cased-vocab')"] = SHOWN[
    "BertTokenizer.from_pretrained('biobert_cased/')"
]
ELSEWHERE = {
    "DataParallel(model); next(self.parameters()).dtype": "needs two GPUs",
    "TransfoXLLMHeadModel.from_pretrained('transfo-xl-wt103')(ids, ids)": "the tests of the model",
    "parser.add_argument('--local_rank', type=int)": "the recipe for torchrun in the docs",
    "if fp16:\n    from apex.optimizers import FP16_Optimizer": "as the import alone",
}


def test_every_line_that_works_is_shown():
    assert {*DIFFERS, *NOTES} == {*SHOWN, *ELSEWHERE}


@pytest.mark.parametrize("line", SHOWN)
def test_what_is_said_of_a_line_that_works_is_so(run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    run("import pytest\n" + dedent(SHOWN[line]))
