"""Panels keep what they were given, stay small, and draw bounds where they can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from odeflow.figures import Figure
from odeflow.panels import MOST_POINTS, Curve, Panel, against_claim, along, by_case
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
        ("b, claimed", 1, True),
        ("bound", 2, True),
    ]


def test_a_zero_is_seen_on_a_logarithmic_axis_and_so_is_the_bound_far_above_it() -> None:
    panel = by_case([0.0, 1e-15], 1e-6, title="", ylabel="", yscale="log")
    assert panel.curves[0].y.tolist() == [1e-18, 1e-15]
    assert panel.ylabel.endswith("(0 drawn at 1e-18)")
    assert by_case([1e-17, 1e-15], 1e-6, title="", ylabel="y", yscale="log").ylabel == "y"
    low, high = draw(Figure("", "", (panel,), ())).axes[0].get_ylim()
    assert low < 1e-18
    assert high > 1e-6


@pytest.mark.parametrize("values", [[], [np.inf, np.inf]])
def test_nothing_to_draw_is_an_empty_picture(values: list[float]) -> None:
    assert by_case(values, 1.0, title="", ylabel="").curves[0].y.size == 0
    for panel in (
        by_case(values, 1.0, title="", ylabel="", yscale="log"),
        Panel("", "", "", (Curve("", np.array([]), np.array([]), theory=True),)),
    ):
        assert "</svg>" in panel_svg(panel)
