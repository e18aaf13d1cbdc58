"""A slim drawing keeps every mark, letter and frame that the reader sees, in a fraction of the characters."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odeflow.panels import Curve, Panel, along, by_case
from odeflow.plots import panel_svg
from odeflow.report.slim_svg import slim

TIMES = np.linspace(0.1, 8.0, 300)
PANEL = along(
    TIMES,
    {"a < b & c": np.exp(-TIMES), "two": np.exp(-2 * TIMES)},
    np.exp(-TIMES / 2),
    title="below",
    xlabel="t",
    ylabel="L",
    yscale="log",
)


def dots(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"M([-\d.]+) ([-\d.]+)h0", svg)]


def test_it_is_well_formed_and_a_quarter_as_long() -> None:
    drawn = panel_svg(PANEL)
    short = slim(drawn, "p-")
    ElementTree.fromstring(short)
    assert len(short) < len(drawn) / 4


def test_no_letter_is_lost() -> None:
    def letters(svg: str) -> str:
        return "".join("".join(ElementTree.fromstring(svg[svg.index("<svg") :]).itertext()).split())

    drawn = panel_svg(PANEL)
    without = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawn, flags=re.DOTALL)
    assert letters(slim(drawn, "p-")) == letters(without)
    assert "a&lt;b&amp;c" in slim(drawn, "p-").replace(" ", "")


@given(st.lists(st.floats(-50.0, 50.0), min_size=1, max_size=30))
def test_every_marker_stays_within_a_hundredth_of_where_it_was(values: list[float]) -> None:
    drawn = panel_svg(by_case(values, 1.0, title="t", ylabel="y"))
    placed = [(float(x), float(y)) for x, y in re.findall(r'<use xlink:href="#m\w+" x="([\d.]+)" y="([\d.]+)"', drawn)]
    found = dots(slim(drawn, "p-"))
    assert len(found) >= len(values)
    assert all(min(abs(x - a) + abs(y - b) for a, b in placed) < 0.011 for x, y in found)


def test_a_curve_that_leaves_its_frame_is_cut_by_it_and_one_within_is_not() -> None:
    steep = Curve("theory", TIMES, np.exp(-40 * TIMES), theory=True)
    calm = Curve("seen", TIMES, np.exp(-TIMES))
    both = slim(panel_svg(Panel("t", "x", "y", (calm, steep))), "p-")
    assert (both.count('clip-path="url(#p-0)"'), both.count('<clipPath id="p-0">')) == (1, 1)
    assert "clip" not in slim(panel_svg(Panel("t", "x", "y", (calm,))), "p-")


def test_names_of_two_drawings_differ() -> None:
    steep = Curve("theory", TIMES, np.exp(-40 * TIMES), theory=True)
    drawn = panel_svg(Panel("t", "x", "y", (Curve("seen", TIMES, np.exp(-TIMES)), steep)))
    first, second = (set(re.findall(r'id="([^"]*)"', slim(drawn, prefix))) for prefix in ("one-", "two-"))
    assert first
    assert not first & second


@pytest.mark.parametrize("turned", ["rotate(-90 10 95)", "translate(86.56 189.25)"])
def test_what_turns_or_moves_letters_is_kept(turned: str) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><g transform="{turned}"><text>a</text></g></svg>'
    assert f'transform="{turned}"' in slim(svg, "p-")
