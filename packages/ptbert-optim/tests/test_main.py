import sys

import pytest

from ptbert_optim import ConstantLR
from ptbert_optim.__main__ import main
from ptbert_optim.plot import plot_schedules, reference_schedules

PNG = b"\x89PNG\r\n"


def test_the_five_curves_of_the_documentation_are_drawn(tmp_path, capsys):
    out = tmp_path / "five.png"

    assert main(["plot", str(out)]) == 0

    assert out.read_bytes().startswith(PNG)
    assert capsys.readouterr().out == f"{out}\n"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    "arguments", [["warmup_linear"], ["WarmupCosineSchedule", "--cycles", "2", "--t-total", "50"]]
)
def test_any_schedule_is_drawn(tmp_path, arguments):
    assert main(["plot", str(tmp_path / "one.png"), *arguments]) == 0
    assert (tmp_path / "one.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one.png", "warmup_linaer"], "did you mean 'warmup_linear'?"),
        (["one.png", "warmup_linear", "--warmup", "3"], "warmup=3.0 is no share"),
        (["one.png", "warmup_linear", "--t-total", "-1"], "has no length to draw"),
        (["nowhere/one.png"], "is in no existing folder; create"),
        (["one.foo"], "foo"),
    ],
)
def test_an_error_is_one_line_and_leaves_no_file(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)

    assert main(["plot", *arguments]) == 1

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)

    assert main(["plot", str(tmp_path / "five.png")]) == 1

    assert capsys.readouterr().err == "error: drawing needs matplotlib; pip install matplotlib\n"


def test_a_schedule_without_length_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="has no length to draw; give it a t_total"):
        plot_schedules(tmp_path / "x.png", [ConstantLR()])


def test_the_reference_shows_five_schedules():
    assert [str(s).split("(")[0] for s in reference_schedules()] == [
        "WarmupConstantSchedule",
        "WarmupLinearSchedule",
        "WarmupCosineSchedule",
        "WarmupCosineWithHardRestartsSchedule",
        "WarmupCosineWithWarmupRestartsSchedule",
    ]
