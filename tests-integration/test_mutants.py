"""The trial of small changes: ``mutation/mutants.py`` and its plugin."""

import ast
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MUTATION = ROOT / "mutation"

pytest.importorskip("cosmic_ray")


@pytest.fixture(autouse=True)
def _modules_of_the_trial(monkeypatch):
    monkeypatch.syspath_prepend(MUTATION)


SOURCE = """
from dataclasses import dataclass

def double(x: int | None) -> int:
    '''Return 2 * x.'''
    logger.info("%s", x * 2)
    if x is None:
        return 0
    return x * 2
"""


def changed(source):
    from changes import mutants_at, places

    return {
        (mutant.line, mutant.was, mutant.now)
        for changes in places(source).values()
        for mutant in mutants_at(Path("src/a/b.py"), source, changes)
    }


def test_operators_conditions_and_constants_are_changed():
    found = changed(SOURCE)

    assert {
        (7, "if x is None:", "if x is not None:"),
        (8, "return 0", "return 1"),
        (9, "return x * 2", "return x + 2"),
        (9, "return x * 2", "return x * 3"),
    } <= found


def test_a_bare_star_in_a_signature_is_left_alone():
    source = "def f(a: int, b=2, *, c: int = 3, **d):\n    return a * c\n"

    found = {now for _, was, now in changed(source) if was.startswith("def")}

    assert "def f(a: int, b= 3, *, c: int = 3, **d):" in found
    assert "def f(a: int, b=2, *, c: int = 4, **d):" in found
    assert not any("/" in now for now in found)
    assert (2, "return a * c", "return a / c") in changed(source)


def test_a_decorator_is_taken_away():
    source = "import functools\n\n\n@functools.cache\ndef f():\n    pass\n"

    assert changed(source) == {(4, "@functools.cache", "")}


def test_types_docstrings_and_messages_are_left_alone():
    assert {line for line, _, _ in changed(SOURCE)} == {7, 8, 9}


def test_every_mutant_is_a_program():
    for _, _, now in changed("def f(*a, b=-1):\n    return [*a, b ** 2]\n"):
        ast.parse(now if now.startswith("return") else f"{now} pass")


def test_the_statement_of_a_line_is_its_lines_and_of_a_block_its_head():
    from changes import statement

    tree = ast.parse("if (a\n    and b):\n    c(\n        d,\n    )\n")

    assert [statement(tree, line) for line in (1, 2, 3, 4)] == [
        (1, 2),
        (1, 2),
        (3, 5),
        (3, 5),
    ]


def test_the_same_seed_draws_the_same():
    from changes import drawn

    sources = {Path("src/a/b.py"): SOURCE}

    first, again = (list(drawn(sources, 4, 3, lambda _: True)) for _ in range(2))

    assert first == again
    assert len({(mutant.line, mutant.was) for mutant in first}) <= len(first) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[mutant]]\nfile = "a.py"\nwas = "x = 1"\n', "needs file, was and reason"),
        ('[[mutant]]\nfile = "a"\nwas = "b"\nreason = "c"\nline = 3\n', "needs file, was and"),
        ('[[mutant]]\nfile = "a"\nwas = "b"\nreason = " "\n', "'b' is listed without a reason"),
    ],
)
def test_a_faulty_entry_is_refused(tmp_path, text, message):
    from equivalents import read_known

    (tmp_path / "known.toml").write_text(text)

    with pytest.raises(ValueError, match=message):
        read_known(tmp_path / "known.toml")


CODE = """
def sign(x):
    return 1 if x >= 0 else -1


def floor(x):
    return x // 1
"""

TESTS = """
from tiny.code import floor, sign


def test_sign():
    assert (sign(2), sign(0), sign(-1)) == (1, 1, -1)


def test_floor():
    assert callable(floor)
"""


@pytest.fixture
def package(tmp_path):
    (tmp_path / "src/tiny").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src/tiny/__init__.py").touch()
    (tmp_path / "src/tiny/code.py").write_text(CODE)
    (tmp_path / "tests/test_code.py").write_text(TESTS)
    return tmp_path


def trial(package):
    command = [sys.executable, MUTATION / "mutants.py", package, "--seed", "1", "--workers", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_survivors_are_printed_until_they_are_listed(package):
    first = trial(package)
    (package / "tests/equivalent_mutants.toml").write_text(
        """
        [[mutant]]
        file = "code.py"
        was = "return x // 1"
        reason = "an example of a line that need not be tested"
        """
    )
    second = trial(package)

    assert first.returncode == 1, first.stderr
    assert "2 tests pass in" in first.stdout
    assert "--seed 1 --size 100" in first.stdout
    assert f"{package}/src/tiny/code.py:7\n    was  return x // 1\n    now  " in first.stdout
    assert second.returncode == 0, second.stdout
    assert "0 survived" in second.stdout
    assert (package / "src/tiny/code.py").read_text() == CODE
    assert not list((ROOT / "build").glob("mutants-*/0/packages/" + package.name))


def test_a_stale_entry_is_an_error(package):
    (package / "tests/equivalent_mutants.toml").write_text(
        """
        [[mutant]]
        file = "code.py"
        was = "return x // 1"
        reason = "an example of a line that need not be tested"

        [[mutant]]
        file = "code.py"
        was = "return x // 2"
        now = "return x / 2"
        reason = "this line has gone"
        """
    )

    done = trial(package)

    assert done.returncode == 1
    assert "nothing fits code.py: 'return x // 2' -> 'return x / 2'" in done.stdout


def test_ctrl_c_leaves_nothing_behind(package):
    (package / "tests/test_slow.py").write_text(
        "import time\n\n\ndef test():\n    time.sleep(60)\n"
    )
    build = ROOT / "build"
    logs = set(build.glob("mutants-*/unchanged/mutants.log"))
    command = [sys.executable, MUTATION / "mutants.py", package]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        while not (new := set(build.glob("mutants-*/unchanged/mutants.log")) - logs):
            time.sleep(0.05)
        it.send_signal(signal.SIGINT)
        _, error = it.communicate(timeout=30)

    assert (it.returncode, error) == (130, "mutants: stopped\n")
    assert not any(log.parents[1].exists() for log in new)


def test_tests_that_fail_without_a_change_end_the_trial(package):
    (package / "tests/test_code.py").write_text("def test_wrong():\n    assert False\n")

    done = trial(package)

    assert done.returncode == 1
    assert "1 failed" in done.stderr, done.stderr
