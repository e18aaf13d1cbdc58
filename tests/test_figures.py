"""Figures are reproduced from one command; pictures are whole files; remarks follow from the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from odeflow.catalogue import Catalogue, load_catalogue
from odeflow.cli import OK, USAGE, app
from odeflow.errors import InvalidArgumentError, OdeflowError, UnknownNameError
from odeflow.figures import Curve, Figure, Panel
from odeflow.plots import draw, save

PNG = b"\x89PNG\r\n\x1a\n"


def simple() -> Figure:
    x = np.linspace(1.0, 2.0, 5)
    curves = (
        Curve("measured", x, np.array([1.0, 0.1, np.nan, 0.01, 0.001])),
        Curve("theory", x, np.array([1.0, 1e-9, 1e-20, 1e-30, 1e-40]), theory=True, group=1),
        Curve("", x, np.ones(5), group=2, markers=True),
    )
    return Figure("title", "setting", (Panel("panel", "x", "y", curves),), ())


def test_pictures_are_written_whole_and_twice_the_same(tmp_path: Path) -> None:
    first = [p.read_bytes() for p in save(simple(), tmp_path / "new" / "folder", "picture")]
    assert first[0].startswith(PNG)
    assert b"<svg" in first[1]
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == ["picture.png", "picture.svg"]


def test_a_steep_theory_line_does_not_squeeze_the_measured_curve() -> None:
    low, _ = draw(simple()).axes[0].get_ylim()
    assert low > 1e-5


def test_bad_formats_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="Expected formats among png, svg but got gif"):
        save(simple(), tmp_path, "picture", ["gif"])
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OdeflowError, match="Could not write"):
        save(simple(), blocked, "picture")


def test_unknown_papers_and_figures_are_named() -> None:
    catalogue = load_catalogue()
    with pytest.raises(UnknownNameError, match="Known: 1, 2, 3, 4"):
        catalogue.figures("bu2021", ["9"])
    with pytest.raises(UnknownNameError, match="Unknown paper"):
        catalogue.figures("nobody")
    assert [s.number for s in catalogue.figures("bu2021", ["3", "1", "3"])] == ["3", "1"]
    assert Catalogue(catalogue.papers, ()).figures("bu2021") == ()


def test_figures_one_to_four_come_from_one_command(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["figure", "bu2021", "-o", str(tmp_path), "--format", "json"])
    assert outcome.exit_code == OK, outcome.output
    figures = json.loads(outcome.stdout)
    assert [f["figure"] for f in figures] == ["1", "2", "3", "4"]
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.glob("*.svg"))) == 4
    # Figure 1: heavy ball's exponent per iteration is known in closed form, -ln(beta)
    (row,) = [r for r in figures[0]["rows"] if r["what"].startswith("heavy ball per iteration")]
    assert row["interval"][0] <= float(row["theory"].split()[0]) <= row["interval"][1]
    # Figure 2: the power of t is gamma, never the paper's 2 gamma/3
    for r in figures[1]["rows"]:
        if "power of t" in r["what"]:
            assert r["interval"][0] > float(r["paper"].split()[0])
            assert abs(r["measured"] - float(r["theory"].split()[0])) < 0.3
    # Figure 3: the paper's width claim is looked for and not found
    assert any(remark.startswith("Not reproduced: a larger gamma needs more width") for remark in figures[2]["remarks"])
    # Figure 4: the network stays near the frozen kernel's prediction
    for r in figures[3]["rows"][:4]:
        assert 0.2 < r["measured"] / float(r["theory"].split()[0]) < 5.0


def test_an_unknown_figure_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["figure", "bu2021", "12", "-o", str(tmp_path)])
    assert outcome.exit_code == USAGE
    assert "Unknown figure of bu2021_dynamical_view '12'" in outcome.output
