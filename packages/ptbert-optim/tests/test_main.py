import subprocess
import sys

import pytest

from ptbert_optim import ConstantLR, WarmupLinearSchedule, __main__
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
    assert error.startswith("python -m ptbert_optim: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)

    assert main(["plot", str(tmp_path / "five.png")]) == 1

    assert capsys.readouterr().err == (
        "python -m ptbert_optim: drawing needs matplotlib; pip install matplotlib\n"
    )


def test_a_message_of_several_lines_is_printed_on_one(monkeypatch, capsys):
    def failing(*_):
        raise OSError("the disk\n  is full")

    monkeypatch.setattr(__main__, "plot_schedules", failing)

    assert main(["plot", "five.png"]) == 1

    assert capsys.readouterr() == ("", "python -m ptbert_optim: the disk is full\n")


def test_a_fault_of_the_program_itself_keeps_its_traceback(monkeypatch):
    def failing(*_):
        raise KeyError("x")

    monkeypatch.setattr(__main__, "plot_schedules", failing)

    with pytest.raises(KeyError):
        main(["plot", "five.png"])


def test_a_stop_takes_one_line_and_has_its_own_code(monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "plot_schedules", stopped)

    assert main(["plot", "five.png"]) == 130

    assert capsys.readouterr() == ("", "python -m ptbert_optim: stopped\n")


@pytest.mark.parametrize("arguments", [[], ["paint"], ["plot"], ["plot", "x.png", "--warmup", "x"]])
def test_wrong_usage_has_its_own_code(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "usage: python -m ptbert_optim" in capsys.readouterr().err


def test_output_that_nobody_reads_ends_quietly(tmp_path, monkeypatch):
    """The reader closes the pipe before anything is written, as ``head`` may."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = [sys.executable, "-W", "ignore", "-m", "ptbert_optim", "plot", "five.png"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""

    assert process.returncode == 1


@pytest.mark.parametrize("t_total", [-1, 0.5])
def test_a_schedule_without_length_cannot_be_drawn(tmp_path, t_total):
    message = "has no length to draw; give it a t_total of 1 or more"
    with pytest.raises(ValueError, match=message):
        plot_schedules(tmp_path / "x.png", [ConstantLR(t_total=t_total)])


def test_the_reference_shows_five_schedules():
    assert list(map(str, reference_schedules())) == [
        "WarmupConstantSchedule(warmup=0.1, t_total=1000)",
        "WarmupLinearSchedule(warmup=0.1, t_total=1000)",
        "WarmupCosineSchedule(warmup=0.1, t_total=1000, cycles=0.5)",
        "WarmupCosineWithHardRestartsSchedule(warmup=0.1, t_total=1000, cycles=5)",
        "WarmupCosineWithWarmupRestartsSchedule(warmup=0.05, t_total=1000, cycles=5)",
    ]


@pytest.mark.parametrize(
    ("arguments", "drawn"),
    [
        (["warmup_linear"], "WarmupLinearSchedule(warmup=0.1, t_total=1000)"),
        (
            ["warmup_cosine", "--warmup", "0.2", "--t-total", "50", "--cycles", "2"],
            "WarmupCosineSchedule(warmup=0.2, t_total=50, cycles=2)",
        ),
    ],
)
def test_the_arguments_make_the_schedule(monkeypatch, arguments, drawn):
    calls = []
    monkeypatch.setattr(__main__, "plot_schedules", lambda *given: calls.append(given))

    assert main(["plot", "one.png", *arguments]) == 0

    ((path, (schedule,)),) = calls
    assert (path, str(schedule)) == ("one.png", drawn)


def test_a_picture_shows_each_schedule_step_by_step(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, format: (
        figures.append((figure, format)), path.touch()))  # fmt: skip
    schedules = [
        WarmupLinearSchedule(warmup=0.5, t_total=4),
        WarmupLinearSchedule(warmup=0, t_total=1),
    ]

    plot_schedules(tmp_path / "two.svg", schedules)

    ((figure, file_format),) = figures
    assert file_format == "svg"
    left, right = figure.axes
    assert [list(line.get_xdata()) for line in left.lines] == [[0, 1, 2, 3]]
    assert [list(line.get_ydata()) for line in left.lines] == [[0, 0.5, 1, 0.5]]
    assert [list(line.get_ydata()) for line in right.lines] == [[1]]
    assert left.get_title() == "WarmupLinearSchedule\n(warmup=0.5, t_total=4)"
    assert (left.get_xlabel(), left.get_ylabel()) == ("step", "multiplier")


def test_a_picture_without_an_ending_is_a_png(tmp_path):
    plot_schedules(tmp_path / "one", reference_schedules()[:1])

    assert (tmp_path / "one").read_bytes().startswith(PNG)
    assert list(tmp_path.iterdir()) == [tmp_path / "one"]
