"""Programs run by ``ptbert run`` see what they would see under python."""

import os
import subprocess
import sys

import pytest
from ptbert_process import ptbert

from ptbert.__main__ import main

REPORT = """\
import sys, __main__
import pytorch_pretrained_bert
import neighbour
print(pytorch_pretrained_bert.__name__, __name__, __main__.__dict__ is globals())
print(sys.argv)
print(sys.path[0])
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "neighbour.py").touch()
    (folder / "report.py").write_text(REPORT)
    return folder


def test_a_script_is_the_main_program(folder, tmp_path):
    script = folder / "report.py"

    done = ptbert("run", "--release", "june", script, "-m", "--release", "x", cwd=tmp_path)

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "ptbert __main__ True",
        str([str(script), "-m", "--release", "x"]),
        str(folder),
    ]


def test_a_module_is_the_main_program(folder):
    done = ptbert("run", "--release", "june", "-m", "report", "--lr", "1", cwd=folder)

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "ptbert __main__ True",
        str([str(folder / "report.py"), "--lr", "1"]),
        str(folder),
    ]


def test_the_package_of_2019_is_a_program_too(folder):
    words = ["-m", "pytorch_pretrained_bert", "--help"]

    done = ptbert("run", "--release", "june", *words, cwd=folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ptbert ")


GPT2 = """\
import torch
from pytorch_pretrained_bert import GPT2Config, GPT2Model

sizes = dict(n_positions=4, n_ctx=4, n_embd=4, n_layer=2, n_head=2)
hidden, _ = GPT2Model(GPT2Config(5, **sizes))(torch.tensor([[1, 2]]))
print(type(hidden).__name__)
"""


@pytest.mark.parametrize(
    ("options", "returned"),
    [([], "Tensor"), (["--release", "june"], "list")],
)
def test_the_release_is_that_of_april_unless_asked(tmp_path, options, returned):
    (tmp_path / "program.py").write_text(GPT2)
    assert ptbert("run", *options, "program.py", cwd=tmp_path).stdout == f"{returned}\n"


def test_the_classes_of_a_script_can_be_pickled(tmp_path):
    (tmp_path / "program.py").write_text(
        "import pickle\n"
        "class Example: pass\n"
        "print(type(pickle.loads(pickle.dumps(Example()))) is Example)\n"
    )
    assert ptbert("run", "program.py", cwd=tmp_path).stdout == "True\n"


@pytest.mark.parametrize("words", [["program.py"], ["-m", "program"]])
def test_an_error_of_the_program_is_reported_from_its_own_first_line(tmp_path, words):
    program = tmp_path / "program.py"
    program.write_text("def train():\n    raise ValueError('no data')\ntrain()\n")

    done = ptbert("run", *words, cwd=tmp_path)

    alone = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", alone.stderr)
    assert done.stderr.splitlines()[-1] == "ValueError: no data"


ENDS = {  # the program, and the exit code under python
    "its own code": ("raise SystemExit(7)", 7),
    "a message": ("raise SystemExit('no data')", 1),
    "output that it closed": ("import sys; print('done'); sys.stdout.close()", 0),
    "a pipe of its own": ("raise BrokenPipeError('of a worker')", 1),
    "Ctrl-C": ("import os, signal; os.kill(os.getpid(), signal.SIGINT); signal.pause()", -2),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_program_ends_as_it_does_under_python(end, tmp_path):
    text, code = ENDS[end]
    (tmp_path / "program.py").write_text(text)

    done = ptbert("run", "program.py", cwd=tmp_path)

    words = [sys.executable, "program.py"]
    alone = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (alone.returncode, alone.stdout)
    assert done.returncode == code
    assert done.stderr.splitlines()[-1:] == alone.stderr.splitlines()[-1:]


@pytest.mark.parametrize("error", ["ValueError('no data')", "ModuleNotFoundError('no data')"])
def test_an_error_in_the_package_around_a_module_is_the_programs_own(tmp_path, error):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(f"raise {error}\n")
    (tmp_path / "package" / "program.py").touch()

    done = ptbert("run", "-m", "package.program", cwd=tmp_path)

    words = [sys.executable, "-m", "package.program"]
    alone = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", alone.stderr)
    assert f"{error.partition('(')[0]}: no data" in done.stderr


def test_a_module_that_a_package_lacks_is_named_by_python(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("import no_such_library\n")
    (tmp_path / "package" / "program.py").touch()

    done = ptbert("run", "-m", "package.program", cwd=tmp_path)

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ModuleNotFoundError: No module named 'no_such_library'"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is no program to run; give a script, or -m and a module"),
        (["-m"], "there is no program to run; give a script, or -m and a module"),
        (["no_such.py"], "there is no script 'no_such.py'; check the path"),
        (["-m", "no_such_module"], "there is no module 'no_such_module'; check the name"),
        (["-m", "no_such.module"], "there is no module 'no_such.module'; check the name"),
    ],
)
def test_what_cannot_be_run_is_an_error_of_one_line(words, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])

    assert main(["run", *words]) == 1

    error = capsys.readouterr().err
    assert error.startswith(f"ptbert run: {message}")
    assert error.count("\n") == 1


CHILD = """\
import pytorch_pretrained_bert
from pytorch_pretrained_bert.modeling_gpt2 import GPT2Config, GPT2Model
model = GPT2Model(GPT2Config(9, n_embd=8, n_layer=1, n_head=2))
print(pytorch_pretrained_bert.__name__, model.last_hidden_state_only)
"""


PARENTS = {
    "spawn": """\
import multiprocessing
from pytorch_pretrained_bert.modeling_gpt2 import GPT2Config, GPT2Model

def report():
    import pytorch_pretrained_bert
    model = GPT2Model(GPT2Config(9, n_embd=8, n_layer=1, n_head=2))
    print(pytorch_pretrained_bert.__name__, model.last_hidden_state_only, flush=True)

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=report)
    process.start()
    process.join()
""",
    "subprocess": """\
import subprocess, sys
subprocess.run([sys.executable, "child.py"], check=True)
""",
    "subprocess that forgets sys.path": """\
import subprocess, sys
sys.path[:] = []
subprocess.run([sys.executable, "child.py"], check=True)
""",
}


@pytest.mark.parametrize(
    ("parent", "release"), list(zip(PARENTS, ["april", "june", "april"], strict=True))
)
def test_processes_that_a_program_starts_are_in_this_mode_too(tmp_path, parent, release):
    (tmp_path / "child.py").write_text(CHILD)
    (tmp_path / "program.py").write_text(PARENTS[parent])
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "pytorch_pretrained_bert.py").write_text("raise RuntimeError('the old library')\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(installed), prepend=os.pathsep)
        done = ptbert("run", "--release", release, "program.py", cwd=tmp_path)

    assert (done.stdout, done.stderr) == (f"ptbert {release == 'april'}\n", "")
