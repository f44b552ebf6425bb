"""The picture of a training: valid XML whose curves are where its axes say."""

import re
from xml.etree import ElementTree

import pytest

from ptbert.training.history import Evaluated, History
from ptbert.training.picture import Curve, Panel, drawn, picture_of, round_numbers

SVG = "{http://www.w3.org/2000/svg}"


def history(losses, evaluations=()):
    steps = list(range(1, len(losses) + 1))
    return History(steps, [1] * len(steps), list(losses), [1e-5] * len(steps), list(evaluations))


def parsed(text):
    return ElementTree.fromstring(text)


def texts(element):
    return [each.text for each in element.iter(f"{SVG}text")]


def points(element):
    (line,) = element.iter(f"{SVG}polyline")
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def panel_of(values, steps=None):
    curve = Curve("a", steps or range(1, len(values) + 1), values, dots=False)
    return parsed(drawn([Panel("a", [curve])], "title"))


def test_there_is_a_panel_for_loss_rate_and_metric():
    evaluations = [Evaluated(2, 1, {"loss": 0.4, "f1": 0.5})]
    picture = parsed(picture_of(history([0.5, 0.25], evaluations), "out", "f1"))
    titles = [each.text for each in picture.iter(f"{SVG}text") if each.get("class") == "title"]
    assert titles == ["loss", "learning rate", "f1"]
    assert picture.find(f"{SVG}title").text == "out: loss, learning rate, f1 by step"
    assert picture.get("viewBox") == f"0 0 720 {picture.get('height')}"


def test_without_evaluations_there_is_no_panel_of_a_metric():
    picture = parsed(picture_of(history([0.5, 0.25]), "out", "f1"))
    titles = [each.text for each in picture.iter(f"{SVG}text") if each.get("class") == "title"]
    assert titles == ["loss", "learning rate"]


def test_a_point_is_where_the_marks_of_the_axes_say():
    panel = panel_of([0.0, 1.0, 0.25], [0, 2, 4])
    heights = {
        text.text: float(text.get("y")) - 4
        for text in panel.iter(f"{SVG}text")
        if text.get("text-anchor") == "end" and text.text != "step"
    }
    places = {
        text.text: float(text.get("x"))
        for text in panel.iter(f"{SVG}text")
        if text.get("text-anchor") == "middle"
    }
    first, second, third = points(panel)
    assert first == pytest.approx((places["0"], heights["0"]), abs=0.1)
    assert second == pytest.approx((places["2"], heights["1"]), abs=0.1)
    assert third[0] == pytest.approx(places["4"], abs=0.1)
    assert third[1] == pytest.approx((heights["0"] * 3 + heights["1"]) / 4, abs=0.1)
    assert heights["1"] < heights["0"]  # SVG counts downwards


@pytest.mark.parametrize(
    "values", [[0.5], [0.0, 0.0], [3.0, 3.0], [1e-300, 1e300], [-1.0, 1.0], [float("nan"), 1.0]]
)
def test_all_points_are_within_the_picture(values):
    panel = panel_of(values)
    for x, y in points(panel):
        assert 0 < x < 720
        assert 0 < y < 190


def test_a_single_point_can_be_seen():
    assert len(list(panel_of([0.5]).iter(f"{SVG}circle"))) == 1


def test_what_is_not_finite_is_left_out():
    panel = panel_of([float("inf"), float("nan")])
    assert not list(panel.iter(f"{SVG}polyline"))
    assert texts(panel) == ["a"]


def test_many_steps_become_means_of_steps_beside_each_other():
    # 600 steps of 0 and 2 by turns: each pair has the mean 1.
    panel = panel_of([0.0, 2.0] * 300)
    shown = points(panel)
    assert len(shown) == 300
    assert len({y for _, y in shown}) == 1


def test_names_cannot_end_the_picture():
    text = picture_of(history([0.5]), "</title><script>\x1b\x00\ud800&", "f1")
    assert parsed(text).find(f"{SVG}title").text.startswith("</title><script>???&: loss")
    text.encode()


def test_colours_of_light_and_dark_pages_can_be_read():
    """Texts and lines have a contrast of at least 3 to the ground (WCAG 2.2, 1.4.11)."""
    style = parsed(drawn([], "a")).find(f"{SVG}style").text
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for part in (light, dark):
        ground = luminance(re.search("background: #(.{6})", part)[1])
        for colour in re.findall("(?:fill|stroke): #(.{6})", part):
            if f".grid {{ stroke: #{colour}" in part:
                continue
            lower, higher = sorted((ground, luminance(colour)))
            assert (higher + 0.05) / (lower + 0.05) > 3


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 1, [0, 0.5, 1]),
        (0.2, 0.9, [0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 894, [0, 500, 1000]),
        (0, 5e-5, [0, 2e-5, 4e-5, 6e-5]),
        (7, 7, [6, 6.5, 7, 7.5, 8]),
    ],
)
def test_marks_are_round_and_cover_the_range(low, high, marks):
    assert round_numbers(low, high) == pytest.approx(marks)
