"""A program under ptbert run sees what it sees under python, but for copies of the library."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from ptbert_process import ptbert

FACTS = """\
import atexit, builtins, os, pickle, sys, threading, time
import __main__

class Example:
    pass

def again():
    print(type(pickle.loads(pickle.dumps(Example()))) is Example, flush=True)

def late():
    time.sleep(0.3)
    again()

atexit.register(again)
threading.Thread(target=late).start()
print(__name__, repr(__file__), __package__, __builtins__ is builtins, type(__loader__).__name__)
print(__spec__ and __spec__.name, __main__.__dict__ is globals(), sorted(globals()))
print(sys.argv, sys.orig_argv[-3:], [path for path in sys.path if "import_path" not in path])
print(sys.flags, sys.warnoptions, sys.stdout.write_through, sys.stdin.read())
print(sorted(name for name in sys.modules if name.startswith("ptbert")))
"""


WAYS = {
    "a script": ["facts.py", "--lr", "-m", "x"],
    "a script elsewhere": ["inner/facts.py", "--release", "june"],
    "a module": ["-m", "facts", "-h"],
    "a module in a package": ["-m", "inner.facts"],
    "a folder": ["inner", "x"],
    "a zip file": ["facts.zip", "x"],
    "standard input": ["-", "x"],
}


OPTIONS = [[], ["-u", "-W", "error", "-X", "utf8"], ["-P"], ["-sO"]]


@pytest.fixture
def places(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("facts.py", "inner/facts.py", "inner/__main__.py"):
        (tmp_path / name).write_text(FACTS)
    (inner / "__init__.py").touch()
    with zipfile.ZipFile(tmp_path / "facts.zip", "w") as archive:
        archive.writestr("__main__.py", FACTS)
    return tmp_path


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", OPTIONS[:1])
def test_a_program_sees_what_it_sees_under_python(places, way, options):
    check_that_nothing_differs(places, WAYS[way], options)


@pytest.mark.parametrize("options", OPTIONS[1:], ids=" ".join)
def test_the_options_of_python_are_those_of_the_program(places, options):
    check_that_nothing_differs(places, WAYS["a script elsewhere"], options)


def check_that_nothing_differs(folder, words, options):
    found = []
    for start in (["-m", "ptbert", "run"], []):
        done = subprocess.run(
            [sys.executable, *options, *start, *words],
            input=FACTS if "-" in words else "text",
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )
        found.append((done.returncode, done.stdout, done.stderr))
    assert found[0] == found[1]
    assert found[0][1].count("True\n") == 2  # of the thread and at the end


def test_the_start_of_the_words_may_be_marked(places):
    plain, marked = (ptbert("run", *start, "facts.py", "x", cwd=places) for start in ([], ["--"]))
    assert (plain.stdout, plain.stderr) == (marked.stdout, marked.stderr)
    assert "['facts.py', 'x']" in plain.stdout


def test_a_python_that_ignores_its_environment_cannot_do_it(places):
    words = [sys.executable, "-E", "-m", "ptbert", "run", "facts.py"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=places, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ptbert run: the options -E and -I of python hide what ptbert run needs; leave them\n"
    )


def test_ptbert_is_found_before_copies_beside_the_program(tmp_path):
    """A folder with a changed copy gets a warning; one with a module called ptbert, nothing."""
    (tmp_path / "pytorch_pretrained_bert").mkdir()
    (tmp_path / "pytorch_pretrained_bert/__init__.py").write_text("print('the copy')\n")
    (tmp_path / "ptbert.py").write_text("print('another ptbert')\n")
    (tmp_path / "program.py").write_text(
        "import pytorch_pretrained_bert as library\nprint(library.__name__, library.BertConfig)\n"
    )

    done = ptbert("run", tmp_path / "program.py", cwd=tmp_path.parent)

    assert done.stdout == "ptbert <class 'ptbert_models.bert.config.BertConfig'>\n"
    assert "so the copy in " in done.stderr


COPY = {
    "__init__.py": "",
    "modeling.py": "class BertConfig: pass\nclass BertModel: pass\nclass BertEncoder: pass\n"
    "class BertForMaskedLM: pass\n",
    "tokenization.py": "class BertTokenizer: pass\nclass BasicTokenizer: pass\n"
    "class WordpieceTokenizer: pass\ndef load_vocab(): pass\n",
}


@pytest.fixture
def with_copy(tmp_path):
    """A folder with a program that imports a copy of the library by another name."""
    (tmp_path / "my_bert").mkdir()
    for name, text in COPY.items():
        (tmp_path / "my_bert" / name).write_text(text)
    (tmp_path / "train.py").write_text(
        "import subprocess, sys\n"
        "from my_bert.modeling import BertModel\n"
        "from pytorch_pretrained_bert import BertModel as Old\n"
        "import my_bert\n"
        "print(BertModel.__module__, my_bert.__version__, BertModel is Old, flush=True)\n"
        "if len(sys.argv) == 1: subprocess.run([sys.executable, __file__, 'x'], check=True)\n"
    )
    return tmp_path


def test_a_copy_of_another_name_is_replaced_also_in_child_processes(with_copy):
    done = ptbert("run", "--as", "my_bert", "train.py", cwd=with_copy)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ptbert_models.bert.bare 0.6.2 True\n" * 2


def test_a_copy_that_was_deleted_is_replaced(with_copy):
    shutil.rmtree(with_copy / "my_bert")
    done = ptbert("run", "--as", "my_bert", "train.py", cwd=with_copy)
    assert done.stdout == "ptbert_models.bert.bare 0.6.2 True\n" * 2


def test_without_the_option_the_copy_stays(with_copy):
    done = ptbert("run", "train.py", cwd=with_copy)
    assert done.returncode == 1
    assert "my_bert" in done.stderr


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("my_bert", "modeling.py", "class Extra: pass", "changed: it adds Extra; run the program"),
        ("other", "other.py", "x = 1", "is no copy of the library, and ptbert takes the place of"),
        ("json", "a.py", "", "--as json is a module of Python"),
        ("numpy", "a.py", "", "is no copy of the library"),
        ("ptbert", "a.py", "", "cannot be used; give the one name of a package"),
        ("src.my_bert", "a.py", "", "cannot be used; give the one name of a package"),
    ],
)
def test_no_other_module_is_replaced(with_copy, name, file, text, message):
    place = with_copy / "my_bert" / file if name == "my_bert" else with_copy / file
    place.write_text(COPY.get(file, "") + text)
    done = ptbert("run", "--as", name, "train.py", cwd=with_copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ptbert run: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_misspelled_name_of_a_copy_is_refused(with_copy):
    done = ptbert("run", "--as", "my_brt", "train.py", cwd=with_copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--as my_brt: no import of the program, or of the modules beside it" in done.stderr
    assert "copies of the library that it imports: my_bert; did you mean my_bert?" in done.stderr


def test_a_name_that_no_import_has_is_told_and_the_program_runs(tmp_path):
    (tmp_path / "train.py").write_text("import json, parts\nprint('ran')")
    (tmp_path / "parts.py").write_text("import numpy")
    done = ptbert("run", "--as", "my_bert", "train.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr.endswith("has this name; it imports numpy, parts\n")


@pytest.mark.parametrize("start", [["train.py"], ["-m", "pack.train"], ["folder"]])
def test_a_copy_that_a_module_imports_is_known(with_copy, start):
    (with_copy / "pack").mkdir()
    (with_copy / "folder").mkdir()
    (with_copy / "parts.py").write_text("import importlib; importlib.import_module('my_bert')")
    for file in ("train.py", "pack/train.py", "folder/__main__.py"):
        (with_copy / file).write_text("import sys; sys.path.append('.')\nimport parts")
    (with_copy / "folder" / "parts.py").write_text("import my_bert")
    done = ptbert("run", "--as", "my_bert", *start, cwd=with_copy)
    assert done.returncode == 0
    assert "has this name" not in done.stderr


def test_a_copy_with_modules_that_are_needed_is_not_replaced(with_copy):
    (with_copy / "my_bert" / "losses.py").touch()
    (with_copy / "train.py").write_text("from my_bert import losses, modeling")
    done = ptbert("run", "--as", "my_bert", "train.py", cwd=with_copy)
    assert done.returncode == 1
    assert "programs also need losses of my_bert, which ptbert does not have" in done.stderr


def test_the_sitecustomize_of_an_installation_runs_as_well(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.seen = __name__, __file__\n")
    (tmp_path / "program.py").write_text("import sys; print(sys.seen)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        done = ptbert("run", "program.py", cwd=tmp_path)
    assert done.stdout == f"{('sitecustomize', str(site / 'sitecustomize.py'))}\n"
