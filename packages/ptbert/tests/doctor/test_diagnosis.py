"""What ``ptbert doctor`` says of programs in the style of 2019, one for each habit."""

import json
import os
from pathlib import Path
from textwrap import dedent

import pytest

from ptbert.__main__ import main
from ptbert.doctor.diagnosis import diagnosis_of
from ptbert.doctor.findings import Effect

PROGRAMS = Path(__file__).parents[1] / "programs"
HEAD = """\
import torch
from pytorch_pretrained_bert import *
tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")
model = BertForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=3)
gpt2 = GPT2Model.from_pretrained("gpt2")
model.eval()
"""
HEAD_LINES = HEAD.count("\n")


@pytest.fixture
def diagnosis(tmp_path):
    def diagnose(text, name="program.py"):
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
        return diagnosis_of(tmp_path / name)

    return diagnose


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
    "BertAdam(model.parameters(), lr=1e-3, weight_decay_rate=0.1)": "write weight_decay=",
    "BertForSequenceClassification.from_pretrained('a', num_label=3)": "did you mean num_labels=?",
    "BertTokenizer.from_pretrained(pretrained_model_name='a')": "without a name",
    "loss, scores = model(ids, None, mask, labels)": "with labels",
    "loss, scores = model(ids, labels=labels)": "with labels",
    "scores = model(ids).logits": "tensors and tuples",
    "tokenizer.encode_plus('a')": "use encode",
    "tokenizer.mask_token_id": "vocab[mask_token]",
    "model.gradient_checkpointing_enable()": "gradient_checkpointing = True",
    "import numpy as np; x = np.int(3)": "write int",
    "import numpy; x = numpy.asscalar(3)": "write array.item()",
    "import time; time.clock()": "time.perf_counter",
    "from collections import Iterable": "collections.abc",
    "from torch._six import string_classes": "write str",
    "torch.symeig(model.weight)": "torch.linalg.eigh",
    "from sklearn.externals import joblib": "import joblib",
    "import tensorflow as tf; tf.contrib.layers.fully_connected": "TensorFlow is not needed",
    "import tensorflow.contrib.slim as slim": "TensorFlow is not needed",
    "from apex.optimizers import FusedAdam": "BertAdam(fused=True)",
    "scores.masked_fill(mask.byte(), 0)": "write .bool()",
    "scores.masked_select(torch.tensor([1], dtype=torch.uint8))": "write .bool()",
    "import spacy; spacy.load('en')": "en_core_web_sm",
    "import yaml; yaml.load(file)": "yaml.safe_load",
    "total += loss.data[0]": ".item()",
}
DIFFERS = {
    "model is None": "catch the OSError",
    "modeling.PRETRAINED_MODEL_ARCHIVE_MAP['mine'] = 'x'": "path or the address",
    "modeling.PRETRAINED_MODEL_ARCHIVE_MAP.update(mine='x')": "path or the address",
    "BertTokenizer.from_pretrained('biobert_cased/')": "do_lower_case=False",
    "BertTokenizer.from_pretrained('./cased-vocab')": "do_lower_case=False",
    "whole = torch.load('model.bin'); whole.eval()": "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD",
    "grad(loss, x, create_graph=True)": "SDPBackend.MATH",
    "DataParallel(model); next(self.parameters()).dtype": "ask one weight",
    "TransfoXLLMHeadModel.from_pretrained('transfo-xl-wt103')(ids, ids)": "order of the tokens",
}
NOTES = {
    "gpt2(ids)": "ptbert run --release june and ptbert itself the list",
    "model(ids, input_mask)": "pass it as attention_mask=",
    "model(ids, head_mask=heads)": "1 keeps a head",
    "tokenizer.tokenize('Paris is [MASK].')": "put a space on both sides of [MASK]",
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


def test_a_rate_by_hand_beside_a_schedule_is_told(diagnosis):
    found = diagnosis(
        HEAD
        + "optimizer = BertAdam(model.parameters(), lr=1e-3, warmup=0.1, t_total=10)\n"
        + "optimizer.param_groups[0]['lr'] = lr * warmup_linear(step, 0.1)\n"
    )
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


def test_other_programs_are_left_alone(tmp_path, capsys):
    (tmp_path / "other.py").write_text(
        "import numpy as np\nfrom transformers import BertModel\nnp.int"
    )
    assert main(["doctor", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "none imports pytorch_pretrained_bert" in printed
    assert "transformers is imported too" in printed


def test_modules_of_a_program_are_read_for_what_has_moved(tmp_path):
    (tmp_path / "main.py").write_text("from pytorch_pretrained_bert import BertModel\nimport part")
    (tmp_path / "part.py").write_text("import numpy as np\nx = np.float(3)")
    (finding,) = diagnosis_of(tmp_path).findings
    assert Path(finding.file).name == "part.py"


def test_cells_of_a_notebook_have_their_places(tmp_path, capsys):
    cells = [
        {"cell_type": "markdown", "source": ["# A title"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "!pip install x\n", "import numpy as np\n"],
        },
        {"cell_type": "code", "source": "%%bash\nfor x in a; do echo; done"},
        {
            "cell_type": "code",
            "source": ["from pytorch_pretrained_bert import BertModel\n", "np.float(1)"],
        },
    ]
    path = tmp_path / "notes.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))

    assert main(["doctor", str(path)]) == 3
    printed = capsys.readouterr().out
    assert f"{path}:cell 4:2: np.float is gone — write float\n" in printed
    assert "run it" not in printed


CELLS = {
    "a list of files": "files = !ls\n",
    "a command of several lines": "!pip install \\\n    a_package\n",
    "a comment that asks": "if cells:  # really?\n    x = 3\n",
    "a text that asks": 'def f():\n    """Is it so?\n    Yes."""\n',
    "a text of commands": 's = """\n!ls\n%cd\n"""\n',
    "a remainder in its own line": "print('%s'\n      % 3)\n",
    "a bracket in a text": "print('(', 3)\n%matplotlib inline\n",
    "help": "?f\nf??\n%%f?\n",
    "a time": "%%time\n",
    "a command in a block": "if cells:\n    !ls\n",
    "many spaces": f"x = 3\n{' ' * 50_000}\n",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_commands_of_a_notebook_do_not_hide_its_python(tmp_path, cell):
    lines = cell.count("\n")
    code = f"{cell}from pytorch_pretrained_bert import BertModel\nimport numpy as np; np.int(3)"
    path = tmp_path / "notes.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": code}]}))

    found = diagnosis_of(path)
    assert found.unread == []
    assert [each.line for each in found.findings] == [lines + 2]


def test_a_timed_line_is_read(tmp_path):
    path = tmp_path / "notes.ipynb"
    code = (
        "from pytorch_pretrained_bert import BertModel\n%time BertModel.from_pretrained('a', x=3)"
    )
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": code}]}))

    assert [each.line for each in diagnosis_of(path).findings] == [2]


def test_an_empty_folder_is_told(tmp_path, capsys):
    assert main(["doctor", str(tmp_path)]) == 0
    assert (
        capsys.readouterr().out == "there is no Python file and no notebook here; check the path\n"
    )


UNREADABLE = {
    "old.py": (b'print "hello"\n', "Python of another time (line 1"),
    "async.py": (b"x.cuda(async=True)\n", "write non_blocking=True"),
    "latin.py": (b'x = "\xe9"\n', "is not UTF-8"),
    "strange.py": (b"# coding: klingon\n", "is not UTF-8"),
    "zeros.py": (b"x = 1\0\0", "cannot be read by Python 3."),
    "deep.py": (b"(" * 100_000, "cannot be read by Python 3."),
    "deep_calls.py": (b"import pytorch_pretrained_bert\nx" + b".a()" * 600, "too deeply nested"),
    "deep_items.py": (
        b"import pytorch_pretrained_bert\nx" + b"[0]" * 600 + b".y = 3",
        "too deeply nested",
    ),
    "bad.ipynb": (b"{}", "is no notebook"),
    "worse.ipynb": (b"[" * 100_000, "is no notebook"),
    "large.py": (b"#" * (5 << 20), "has 5 MiB"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_takes_one_line(tmp_path, capsys, name):
    data, reason = UNREADABLE[name]
    (tmp_path / name).write_bytes(data)

    assert main(["doctor", str(tmp_path)]) == 3
    (line,) = [line for line in capsys.readouterr().out.splitlines() if name in line]
    assert reason in line


def test_one_file_that_is_nested_too_deeply_hides_no_other(tmp_path, capsys):
    (tmp_path / "deep.py").write_text(f"import pytorch_pretrained_bert\nx{'[0]' * 600}.y = 3")
    (tmp_path / "train.py").write_text("import pytorch_pretrained_bert, cPickle")

    assert main(["doctor", str(tmp_path)]) == 3
    printed = capsys.readouterr().out
    assert printed.startswith("1 file read, 1 of which uses pytorch_pretrained_bert\n")
    assert "train.py:1: cPickle is gone" in printed


def test_other_encodings_are_read_if_they_are_named(tmp_path):
    text = "# -*- coding: latin-1 -*-\nfrom pytorch_pretrained_bert import BertModel  # é\n"
    (tmp_path / "program.py").write_bytes(text.encode("latin-1"))
    assert diagnosis_of(tmp_path).using


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_circles_and_environments_are_not_followed(tmp_path):
    (tmp_path / "program.py").write_text("from pytorch_pretrained_bert import BertModel")
    (tmp_path / "circle").symlink_to(tmp_path)
    for folder in ("venv", ".hidden"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "inner.py").write_text("")
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "broken.py").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.py")

    found = diagnosis_of(tmp_path)

    assert found.files == [str(tmp_path / "program.py")]
    assert {each.reason for each in found.unread} == {"is no ordinary file"}


def test_a_path_that_does_not_exist_is_an_error(tmp_path, capsys):
    assert main(["doctor", str(tmp_path / "no.py")]) == 1
    assert "there is no file or folder" in capsys.readouterr().err


def test_nothing_of_a_program_is_run(tmp_path):
    (tmp_path / "program.py").write_text(
        "from pytorch_pretrained_bert import BertModel\n"
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
    )
    diagnosis_of(tmp_path)
    assert not (tmp_path / "ran").exists()


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


def test_names_in_files_cannot_change_the_terminal(tmp_path, capsys):
    (tmp_path / "a\x1b[2Jb.py").write_text("print 'x'")
    main(["doctor", str(tmp_path)])
    assert "\x1b" not in capsys.readouterr().out


COPY = """
class BertConfig: pass
class BertModel: pass
class BertEncoder: pass
class BertForMaskedLM: pass
"""


def write_copy(folder, more=""):
    (folder / "my_bert").mkdir()
    (folder / "my_bert" / "__init__.py").touch()
    (folder / "my_bert" / "modeling.py").write_text(COPY + more)
    (folder / "train.py").write_text(
        "from my_bert.modeling import BertModel\nscores = BertModel(config)(ids).logits\n"
        "print(scores)"
    )


@pytest.mark.parametrize("path", [".", "train.py"])
def test_a_copy_of_another_name_is_the_library(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    write_copy(tmp_path)
    found = diagnosis_of(path)
    (copy,) = found.copies
    assert (copy.name, copy.modules, copy.own) == ("my_bert", ("modeling",), ())
    assert found.using == ["train.py"]
    assert found.commands == ["ptbert run --as my_bert train.py"]
    (finding,) = found.findings
    assert ".logits" in finding.what


def test_a_changed_copy_is_told(tmp_path, capsys):
    write_copy(tmp_path, "class BertForRelations: pass\n")
    main(["doctor", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "changed: it adds BertForRelations\n" in printed
    assert "ptbert cannot take the place of my_bert" in printed
    assert "--as" not in printed
    assert f"\npython {tmp_path / 'train.py'}\n" in printed


def test_what_a_changed_copy_adds_is_there(tmp_path):
    write_copy(tmp_path, "class BertForRelations: pass\n")
    (tmp_path / "train.py").write_text(
        "from my_bert.modeling import BertForRelations, BertForAll\nprint(BertForRelations)"
    )

    found = diagnosis_of(tmp_path / "train.py")
    assert [each.what for each in found.findings] == [
        "no release of 2019 has BertForAll in pytorch_pretrained_bert.modeling"
    ]


@pytest.mark.parametrize("path", [".", "project"])
def test_a_program_of_a_package_is_run_as_a_module(tmp_path, monkeypatch, path):
    (tmp_path / path / "pack").mkdir(parents=True)
    (tmp_path / path / "pack" / "train.py").write_text(
        "from .parts import loss\nfrom pytorch_pretrained_bert import BertModel\n"
        "if __name__ == '__main__':\n    print(loss, BertModel)\n"
    )
    monkeypatch.chdir(tmp_path)

    (command,) = diagnosis_of(path).commands
    assert command == ("" if path == "." else f"cd {path} && ") + "ptbert run -m pack.train"


def test_the_code_of_the_authors_is_no_copy(tmp_path):
    write_copy(tmp_path)
    path = tmp_path / "my_bert" / "modeling.py"
    path.write_text("import tensorflow as tf\n" + path.read_text())
    assert diagnosis_of(tmp_path).copies == []
