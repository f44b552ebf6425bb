"""What is read: programs, notebooks and folders, in any state; nothing of them is run."""

import json
import os
from pathlib import Path

import pytest

from ptbert.__main__ import main
from ptbert.doctor.diagnosis import diagnosis_of


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


def test_names_in_files_cannot_change_the_terminal(tmp_path, capsys):
    (tmp_path / "a\x1b[2Jb.py").write_text("print 'x'")
    main(["doctor", str(tmp_path)])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "taken",
    [
        "import importlib\nbert = importlib.import_module('pytorch_pretrained_bert')",
        "from importlib import import_module as load\nbert = load('pytorch_pretrained_bert')",
        "bert = __import__('pytorch_pretrained_bert')",
        "bert = __import__('pytorch_pretrained_bert.modeling')",
        "bert = __import__('pytorch_pretrained_bert.modeling', fromlist=['BertModel'])",
        "bert = __import__('pytorch_pretrained_bert.modeling', {}, {}, ['BertModel'], 0)",
    ],
)
def test_modules_that_calls_import_are_known(diagnosis, taken):
    found = diagnosis(f"{taken}\nmodel = bert.BertModel(config)\nmodel(ids).logits\nbert.BertModle")
    assert len(found.using) == 1
    assert [each.what.split()[0] for each in found.findings] == [".logits", "no"]
    assert "BertModle" in found.findings[1].what


def test_a_module_whose_name_is_not_written_is_not_guessed(diagnosis):
    found = diagnosis(
        "from importlib import import_module\nimport_module(name); import_module('.a')"
    )
    assert (found.using, found.findings) == ([], [])
