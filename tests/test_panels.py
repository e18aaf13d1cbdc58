"""Panels keep what they were given, stay small, and draw bounds where they can be seen."""

from __future__ import annotations

import re

import numpy as np
import pytest

from odeflow.figures import Figure
from odeflow.panels import MOST_POINTS, Curve, Panel, against_claim, along, by_case, departures
from odeflow.plots import draw, panel_svg

WORDS = {"title": "never above 1", "xlabel": "t", "ylabel": "loss"}


def test_a_long_curve_keeps_its_ends_and_its_extremes() -> None:
    x = np.linspace(0.0, 1.0, 100_003)
    y = np.sin(40.0 * x)
    y[[7, 70_001]] = 5.0, -5.0
    for panel in (along(x, y, 1.0, **WORDS), by_case(y, 1.0, title="", ylabel=""), against_claim(y, y)):
        curve = panel.curves[0]
        assert curve.x.size == curve.y.size <= MOST_POINTS
        assert (curve.y.max(), curve.y.min()) == (5.0, -5.0)
    kept = along(x, y, 1.0, **WORDS).curves[0].x
    assert (kept[0], kept[-1]) == (0.0, 1.0)


def test_error_bars_follow_their_points() -> None:
    y, bars = np.array([3.0, 1.0, 2.0]), np.array([[2.5, 0.5, 1.5], [3.5, 1.5, 2.5]])
    curve = by_case(y, 4.0, title="", ylabel="", interval=bars).curves[0]
    assert curve.y.tolist() == [1.0, 2.0, 3.0]
    assert curve.interval is not None
    assert curve.interval.tolist() == [[0.5, 1.5, 2.5], [1.5, 2.5, 3.5]]
    curve = against_claim([1.0, np.nan, 2.0], y, interval=bars).curves[0]
    assert curve.interval is not None
    assert curve.interval.tolist() == [[2.5, 1.5], [3.5, 2.5]]
    drawn = panel_svg(along([1.0, 2.0, 3.0], {"a": y, "b": -y}, 4.0, interval={"a": bars}, **WORDS))
    assert drawn.count('<g id="LineCollection') == 2, "its points and its sign in the legend, and not those of b"


def test_a_claim_of_the_same_label_shares_the_colour_and_any_other_has_its_own() -> None:
    panel = along([1.0, 2.0], {"a": [1, 2], "b": [3, 4]}, {"b": [3, 4], "bound": 5}, **WORDS)
    assert [(c.label, c.group, c.theory) for c in panel.curves] == [
        ("a", 0, False),
        ("b", 1, False),
        ("claimed", 1, True),
        ("bound", 2, True),
    ]


def test_a_zero_is_seen_on_a_logarithmic_axis_and_so_is_the_bound_far_above_it() -> None:
    panel = by_case([0.0, 1e-15], 1e-6, title="", ylabel="", yscale="log")
    assert panel.curves[0].y.tolist() == [1e-18, 1e-15]
    assert panel.curves[0].label == "observed (0 at 1e-18)"
    assert by_case([1e-17, 1e-15], 1e-6, title="", ylabel="", yscale="log").curves[0].label == "observed"
    assert along([1, 2], [0.0, 1e-180], 1.0, yscale="log", **WORDS).curves[0].y[0] == pytest.approx(1e-181)
    assert departures([1e-30, 1e-15], 1e-12, title="").curves[0].y.tolist() == [1e-18, 1e-15]
    low, high = draw(Figure("", "", (panel,), ())).axes[0].get_ylim()
    assert low < 1e-18
    assert high > 1e-6


def test_a_level_claim_is_a_line_even_over_one_case() -> None:
    assert np.ptp(by_case([2.0], 1.0, title="", ylabel="").curves[1].x) > 0.0
    assert along([3.0, 1.0, 2.0], [1.0, 2.0, 3.0], 1.0, **WORDS).curves[1].x.tolist() == [1.0, 3.0]


def test_cases_are_counted_in_whole_numbers_and_values_are_written_out() -> None:
    for count in (1, 3, 30):
        panel = by_case(1.5312 + 1e-8 * np.arange(count), 1.5312, title="", ylabel="")
        axes = draw(Figure("", "", (panel,), ())).axes[0]
        axes.figure.canvas.draw()
        assert all(float(place).is_integer() for place in axes.get_xticks())
    assert axes.yaxis.get_offset_text().get_text() == ""


def test_a_long_title_takes_two_lines_that_fit_above_the_picture() -> None:
    drawn = panel_svg(along([1.0], [1.0], 1.0, **{**WORDS, "title": " ".join(["long"] * 20)}))
    words = re.findall(r">([long ]+)</", drawn)
    assert [line.count("long") for line in words] == [9, 9, 2]
    (width,) = re.findall(r'<svg [^>]*viewBox="0 0 ([0-9.]+) ', drawn)
    (size,) = {float(m) for m in re.findall(r"font:? ?(?:-size: )?([0-9.]+)px[^>]*>long", drawn)}
    assert size * max(map(len, words)) * 0.6 < float(width) * 1.05


@pytest.mark.parametrize("values", [[], [np.inf, np.inf]])
def test_nothing_to_draw_is_an_empty_picture(values: list[float]) -> None:
    assert by_case(values, 1.0, title="", ylabel="").curves[0].y.size == 0
    for panel in (
        by_case(values, 1.0, title="", ylabel="", yscale="log"),
        Panel("", "", "", (Curve("", np.array([]), np.array([]), theory=True),)),
    ):
        assert "</svg>" in panel_svg(panel)


def test_a_few_widths_are_written_as_they_are_on_a_logarithmic_axis() -> None:
    widths = [250, 750, 2250]
    axes = draw(Figure("", "", (along(widths, [1.0, 3.0, 9.0], 1.0, xscale="log", **WORDS),), ())).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["250", "750", "2250"]
    assert axes.get_xticks(minor=True).size == 0
    for places in ([0.1, 0.2], [54, 66], [0, 8]):
        axes = draw(Figure("", "", (along(places, [1.0, 3.0], 1.0, xscale="log", **WORDS),), ())).axes[0]
        assert axes.get_xticks().tolist() != places, "fractions, labels that would touch, and zero"
