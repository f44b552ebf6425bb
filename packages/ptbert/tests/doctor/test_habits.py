"""Habits of 2019 that differ today are found where they are, and nothing else is."""

import json
from textwrap import dedent

import pytest

from ptbert.__main__ import main
from ptbert.doctor.findings import Effect

HEAD = """\
import torch
from pytorch_pretrained_bert import *
tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")
model = BertForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=3)
gpt2 = GPT2Model.from_pretrained("gpt2")
model.eval()
"""


HEAD_LINES = HEAD.count("\n")


# Each line follows the head, and is what the finding is about.
STOPS = {
    "from pytorch_pretrained_bert import RobertaModel": "install that one beside ptbert",
    "from pytorch_pretrained_bert import AdamW": "install that one beside ptbert",
    "from pytorch_pretrained_bert.modeling import BertModle": "did you mean BertModel",
    "from pytorch_pretrained_bert.modeling import BertTokenizer": "_bert.tokenization",
    "from pytorch_pretrained_bert.modeling_xlnet import XLNetModel": "there is no module",
    "from pytorch_pretrained_bert.file_utils import s3_get": "cached_path and http_get",
    "from pytorch_pretrained_bert.file_utils import boto3": "import it from where it comes from",
    "from pytorch_pretrained_bert.tokenization_transfo_xl import _is_control": "from tokenization",
    "model(ids, return_dict=True)": "plain tensors and tuples",
    "BertForSequenceClassification.from_pretrained('a', num_label=3)": "did you mean num_labels=?",
    "BertTokenizer.from_pretrained(pretrained_model_name='a')": "without a name",
    "loss, scores = model(ids, None, mask, labels)": "with labels",
    "loss, scores = model(ids, labels=labels)": "with labels",
    "scores = model(ids).logits": "tensors and tuples",
    "tokenizer.encode_plus('a')": "use encode",
    "tokenizer.mask_token_id": "vocab[mask_token]",
    "gpt2.set_tied()": "call tie_weights()",
    "model.gradient_checkpointing_enable()": "gradient_checkpointing = True",
    "import numpy as np; x = np.int(3)": "write int",
    "import numpy; x = numpy.asscalar(3)": "write array.item()",
    "import time; time.clock()": "time.perf_counter",
    "from collections import Iterable": "collections.abc",
    "from torch._six import string_classes": "write str",
    "torch.symeig(model.weight)": "torch.linalg.eigh",
    "from caffe2.python import workspace": "leave it out; models are exported by torch.onnx",
    "from sklearn.externals import joblib": "import joblib",
    "import tensorflow as tf; tf.contrib.layers.fully_connected": "TensorFlow is not needed",
    "import tensorflow.contrib.slim as slim": "TensorFlow is not needed",
    "from apex.optimizers import FusedAdam": "BertAdam(fused=True)",
    "scores.masked_fill(mask.byte(), 0)": "write .bool()",
    "scores.masked_select(torch.tensor([1], dtype=torch.uint8))": "write .bool()",
    "import spacy; spacy.load('en')": "en_core_web_sm",
    "import yaml; yaml.load(file)": "yaml.safe_load",
    "total += loss.data[0]": ".item()",
    "keep = 1 - ids.eq(0)": "write ~ in the place of 1 -",
    "import importlib; importlib.import_module('pytorch_pretrained_bert.modeling_xlnet')": (
        "there is no module"
    ),
    "getattr(modeling, 'BertModle')": "did you mean BertModel",
    "from importlib.metadata import version; version('pytorch-pretrained-bert')": "ask for ptbert",
    "torch.hub.load('huggingface/pytorch-pretrained-BERT', 'bertModel', 'bert-base-cased')": (
        "from_pretrained of the class"
    ),
}


DIFFERS = {
    "model is None": "catch the OSError",
    "modeling.PRETRAINED_MODEL_ARCHIVE_MAP['mine'] = 'x'": "path or the address",
    "modeling.PRETRAINED_MODEL_ARCHIVE_MAP.update(mine='x')": "path or the address",
    "BertTokenizer.from_pretrained('biobert_cased/')": "do_lower_case=False",
    "BertTokenizer.from_pretrained('./cased-vocab')": "do_lower_case=False",
    "whole = torch.load('model.bin'); whole.eval()": "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD",
    "DataParallel(model); next(self.parameters()).dtype": "ask one weight",
    "TransfoXLLMHeadModel.from_pretrained('transfo-xl-wt103')(ids, ids)": "order of the tokens",
    "hidden = ids[~mask.byte()]": "write .bool()",
    "saved = torch.load('model.bin'); vars(saved['opt'])": "argparse.Namespace",
}


NOTES = {
    "gpt2(ids)": "ptbert run --release june and ptbert itself the list",
    "model(ids, input_mask)": "pass it as attention_mask=",
    "model(ids, head_mask=heads)": "1 keeps a head",
    "tokenizer.tokenize('Paris is [MASK].')": "put a space on both sides of [MASK]",
    "BertAdam(model.parameters(), lr=1e-3, weight_decay_rate=0.1)": "write weight_decay=",
    "BertAdam(model.parameters(), lr=1e-3, warmup=0.1)": "t_total= the number of updates",
    "WarmupLinearSchedule(0.1, 10).get_lr(step, args.warmup_proportion)": "leave it out",
    "torch.save(model, 'model.bin')": "save its state_dict()",
    "weights.add_(0.5, other)": "alpha=number",
    "parser.add_argument('--local_rank', type=int)": "LOCAL_RANK",
    "if fp16:\n    from apex.optimizers import FP16_Optimizer": "leave off the option that leads",
}


CASES = [
    *((line, Effect.STOPS, text) for line, text in STOPS.items()),
    *((line, Effect.DIFFERS, text) for line, text in DIFFERS.items()),
    *((line, Effect.NOTE, text) for line, text in NOTES.items()),
]


IMPORTS = "from pytorch_pretrained_bert import modeling\n" + (
    "from pytorch_pretrained_bert.optimization import WarmupLinearSchedule\n"
)


@pytest.mark.parametrize(("line", "effect", "text"), CASES, ids=[case[0] for case in CASES])
def test_a_habit_is_found_where_it_is(diagnosis, line, effect, text):
    found = diagnosis(HEAD + IMPORTS + line + "\n")

    (finding,) = found.findings
    assert (finding.effect, finding.line) == (effect, HEAD_LINES + 2 + line.count("\n") + 1)
    assert text in f"{finding.what} — {finding.remedy}"
    assert found.must_be_changed == (effect is Effect.STOPS)


SILENT = {
    "a rate by hand, with an option": """
        optimizer = BertAdam(model.parameters(), lr=1e-3, warmup=0.1, t_total=10)
        if args.fp16:
            for group in optimizer.param_groups:
                group['lr'] = args.lr * warmup_linear(step, 0.1)
        """,
    "a rate by hand, alone": "group['lr'] = args.lr * warmup_linear(step, 0.1)",
    "weights": "model.load_state_dict(torch.load('weights.bin')); model.to(device)",
    "weights among others": "saved = torch.load('all.bin'); saved['model'], saved['step']",
    "settings of another file": "saved = json.load(file); saved['args']",
    "settings that are put in": "saved = torch.load('all.bin'); saved['args'] = None",
    "saved weights": "torch.save(model.state_dict(), 'weights.bin')",
    "a published cased model": "BertTokenizer.from_pretrained('bert-base-cased')",
    "a folder with its casing": "BertTokenizer.from_pretrained('cased/', do_lower_case=False)",
    "segments": "model(ids, segment_ids, input_mask, labels)",
    "a segment mask": "model(ids, seg_mask)",
    "a special token alone": "tokenizer.tokenize('[CLS] a [MASK] b [SEP]')",
    "all keywords of April": (
        "BertAdam(p, lr=1, warmup=0.1, t_total=9, schedule='warmup_linear', b1=0.9, b2=0.99, "
        "e=1e-6, weight_decay=0.01, max_grad_norm=1.0)"
    ),
    "from_pretrained of 2019": (
        "BertForSequenceClassification.from_pretrained('a', num_labels=2, cache_dir='c', "
        "state_dict=state, from_tf=False)"
    ),
    "options that are not written here": "BertAdam(p, warmup=0.1, **options)",
    "bool masks": "scores.masked_fill(ids == 0, 0)",
    "another variable of that name": "other = None\nif other is None: other = 3",
    "a variable that is two things": "net = BertModel(config)\nnet = other()\nnet(ids).logits",
    "a name that the program adds": """
        from pytorch_pretrained_bert import modeling
        modeling.BertForMine = BertModel
        net = modeling.BertForMine.from_pretrained('a')
        """,
    "methods of every module": (
        "gpt2.to(device, non_blocking=True); gpt2.train(mode=False); gpt2.cuda(device=0).float()"
    ),
    "other attributes": "tokenizer.vocab; tokenizer.basic_tokenizer.do_lower_case",
    "a vocabulary by its file, as in 2019": "BertTokenizer('./cased/vocab.txt')",
    "names that only begin alike": "import imports, Queues, time; time.clock_gettime(0)",
    "newer numpy": "import numpy as np; np.int64(3); np.inf",
    "an old name with an alternative": """
        try:
            from urllib.parse import urlparse
        except ImportError:
            from urlparse import urlparse
        """,
    "an old name for an old Python": """
        import sys
        if sys.version_info[0] == 2:
            import cPickle as pickle
        else:
            import pickle
        """,
    "an old name where it is": """
        import time
        now = time.perf_counter if hasattr(time, 'perf_counter') else time.clock
        """,
    "an old name of a module, attempted": """
        import inspect
        try:
            ask = inspect.getfullargspec
        except AttributeError:
            ask = inspect.getargspec
        """,
    "a later name with an alternative": """
        try:
            from pytorch_pretrained_bert import RobertaModel
        except ImportError:
            RobertaModel = None
        """,
    "a distribution with an alternative": """
        import pkg_resources
        try:
            pkg_resources.get_distribution('pytorch-pretrained-bert')
        except pkg_resources.DistributionNotFound:
            print('not installed')
        """,
    "a module with an alternative": """
        import importlib
        try:
            later = importlib.import_module('pytorch_pretrained_bert.modeling_xlnet')
        except ImportError:
            later = None
        """,
    "a name with an alternative": "getattr(modeling, 'BertModle', None)",
    "comparisons of numbers": "keep = 1 - ids.eq(0).float(); keep = 1 - numbers",
    "what every module has": "import pytorch_pretrained_bert as p; p.__version__; p.__file__",
    "a model that is loaded when it is needed": """
        net = None
        if net is None:
            net = BertModel.from_pretrained('a')
        """,
    "labels that are None": "scores, attention = model(ids, labels=None)",
    "half of the labels": """
        both = BertForPreTraining.from_pretrained('a')
        words, sentences = both(ids, masked_lm_labels=labels)
        words, sentences = both(ids, None, mask, labels, None)
        spans = BertForQuestionAnswering.from_pretrained('a')
        starts, ends = spans(ids, start_positions=labels)
        """,
    "outputs of another model too": """
        outputs = model(ids)
        outputs = other(ids)
        outputs.logits
        """,
    "a question for an argument": """
        def words(text, tokenizer=None):
            if tokenizer is not None:
                return tokenizer.tokenize(text)
        """,
    "an argument that is loaded if it is not given": """
        def words(text, net=None):
            net = BertModel.from_pretrained('a') if net is None else net
        """,
    "comparisons that are turned over": "ids[~(ids == 0)]; ids[~ids.eq(0)]",
    "a rate by hand, for another optimizer": """
        optimizer = BertAdam(p, lr=1, warmup=0.1, t_total=9)
        for rate in rates:
            warmup_rate = rate
            group['lr'] = rate
        """,
    "bytes that become a bool mask": "scores.masked_fill(ids.byte().bool(), 0)",
    "bytes that are compared": "scores.masked_fill(ids.byte() == 0, 0)",
    "a number for each of many losses": "losses.data[0]",
}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_what_is_right_is_not_found(diagnosis, text):
    assert diagnosis(HEAD + dedent(text)).findings == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import cPickle\nexcept ImportError:\n    raise SystemExit(1)",
        "try:\n    import cPickle\nexcept ValueError:\n    pass",
        "import numpy as np\ntry:\n    np.int(3)\nexcept ImportError:\n    pass",
        "import numpy as np\nif hasattr(model, 'module'):\n    np.int(3)",
    ],
)
def test_what_only_looks_like_an_alternative_is_none(diagnosis, text):
    assert diagnosis(HEAD + text).must_be_changed


@pytest.mark.parametrize("first", ["pytorch_pretrained_bert", "transformers"])
def test_the_library_is_found_beside_its_alternative(diagnosis, first):
    second = {"pytorch_pretrained_bert", "transformers"} - {first}
    found = diagnosis(
        f"try:\n    from {first} import BertModel\n"
        f"except ImportError:\n    from {second.pop()} import BertModel\n"
        "BertModel.from_pretrained('a', num_label=3)\n"
    )

    assert found.using
    assert [each.line for each in found.findings] == [5]


def test_two_names_for_two_releases_show_neither(diagnosis):
    found = diagnosis("""
        try:
            from pytorch_pretrained_bert.modeling import BertPreTrainedModel
        except ImportError:
            from pytorch_pretrained_bert.modeling import PreTrainedBertModel
        """)

    assert (found.evidence, len(found.fitting)) == ([], 7)


@pytest.mark.parametrize(
    "line",
    [
        "class Net(GPT2Model): pass",
        "kinds = {'gpt2': GPT2Model}",
        "build(GPT2Model)",
        "from pytorch_pretrained_bert import modeling_gpt2; net = build(modeling_gpt2.GPT2Model)",
    ],
)
def test_a_class_whose_calls_cannot_be_seen_is_told_where_it_is_handed_on(diagnosis, line):
    found = diagnosis(f"{HEAD}{line}\n")
    (finding,) = found.findings
    assert finding.line == HEAD_LINES + 1
    assert finding.what.startswith("GPT2Model returns the last layer's hidden states")


@pytest.mark.parametrize(
    "lines",
    [
        "optimizer.param_groups[0]['lr'] = lr * warmup_linear(step, 0.1)",
        "rate = lr * warmup_linear(step, 0.1)\nfor group in groups: group['lr'] = rate",
    ],
)
def test_a_rate_by_hand_beside_a_schedule_is_told(diagnosis, lines):
    optimizer = "optimizer = BertAdam(model.parameters(), lr=1e-3, warmup=0.1, t_total=10)\n"
    found = diagnosis(f"{HEAD}{optimizer}{lines}\n")
    (finding,) = found.findings
    assert "multiplies it again" in finding.what


def test_a_model_that_stays_in_training_mode_is_told(diagnosis):
    text = """
        from pytorch_pretrained_bert import BertModel
        bert = BertModel.from_pretrained("bert-base-uncased")
        layers, pooled = bert(ids)
        """
    (finding,) = diagnosis(text).findings
    assert finding.remedy == "call bert.eval() before"
    for there in ("bert.eval()", "bert.train()", "loss.backward()"):
        assert diagnosis(dedent(text) + there).findings == []


def test_json_has_the_same(diagnosis, capsys):
    found = diagnosis(HEAD + "import numpy as np\nnp.int(1)\n")
    assert main(["doctor", found.files[0], "--json"]) == 3
    facts = json.loads(capsys.readouterr().out)
    assert facts["findings"] == [
        {
            "file": found.files[0],
            "cell": 0,
            "line": HEAD_LINES + 2,
            "effect": "stops",
            "what": "np.int is gone",
            "remedy": "write int",
        }
    ]
    assert facts["releases"] == ["0.6.0", "0.6.1", "0.6.2", "june"]


def test_another_file_that_calls_eval_counts(tmp_path):
    from ptbert.doctor.diagnosis import diagnosis_of

    (tmp_path / "model.py").write_text(
        "from pytorch_pretrained_bert import BertModel\nclass Net:\n    def __init__(self):\n"
        "        self.bert = BertModel.from_pretrained('a')\n"
        "    def vectors(self, ids):\n        return self.bert(ids)\n"
    )
    assert ["training mode" in each.what for each in diagnosis_of(tmp_path).findings] == [True]
    (tmp_path / "main.py").write_text("from model import Net\nNet().bert.eval()")
    assert diagnosis_of(tmp_path).findings == []


def test_modules_alone_are_run_by_the_program_that_imports_them(tmp_path, capsys):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from .part import Net")
    (tmp_path / "pack" / "part.py").write_text(
        "import logging\nfrom pytorch_pretrained_bert import BertModel\nlogging.basicConfig()\n"
        "class Net: pass\n"
    )
    assert main(["doctor", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("these are modules: run the program that imports them by ptbert run\n")
