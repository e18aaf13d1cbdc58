"""The audit's numbers on the confusion paper's sections 2, 5 and 6, its figures, and its networks, one by one."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from odeflow.figures import Figure
from odeflow.numeric.confusion import Activation, Architecture
from odeflow.theorem import Claim
from theory.iclr2020_gradient_confusion import (
    average_confusion_printed,
    batch_variance,
    depth_lowers_end_cosine_printed,
    figures,
    hessian_product_bound,
    noise_floor_two_wells,
    operator_norm_printed,
    parameter_count,
    signal_kurtosis,
    stationary_confusion,
    variance_for_fixed_samples,
)
from theory.iclr2020_gradient_confusion._gradient_sets import drawn_sets, outside, stationary, values_of
from theory.iclr2020_gradient_confusion._random_layers import chi_square_moment, largest_singular_values, normal_moment
from theory.iclr2020_gradient_confusion._small_networks import (
    Difference,
    Shape,
    difference,
    measured_evidence,
    ratio,
    trained,
    trend_evidence,
)
from theory.iclr2020_gradient_confusion._training import clusters, outcome, regression_path

ROUNDING = 1e-11
"""Sums of at most 100 terms of order one."""


# section 2


def test_the_floor_of_two_wells_at_three_tenths_is_the_audits() -> None:
    assert float(noise_floor_two_wells.CLAIM.formula.rhs.subs(noise_floor_two_wells.ALPHA, sp.Rational(3, 10))) == (
        pytest.approx(0.088235, abs=1e-6)
    )


def test_the_printed_average_is_the_squared_mean_gradient() -> None:
    for gradients in drawn_sets(3, count=20):
        average = float((gradients @ gradients.T).mean())
        assert average == pytest.approx(float((gradients.mean(axis=0) ** 2).sum()), abs=ROUNDING)
        assert average >= -ROUNDING


def test_the_printed_average_is_refuted_at_every_learning_rate_of_the_theorem() -> None:
    """The corrected bound holds where the printed one fails."""
    for step in (0.01, 0.1, 0.4, 0.8):
        floor = step / (4 - 2 * step)
        values = {average_confusion_printed.ALPHA: step, average_confusion_printed.MU: 1.0}
        values |= {average_confusion_printed.SMOOTH: 1.0, average_confusion_printed.SAMPLES: 2.0}
        printed = average_confusion_printed.CLAIM.bound({**values, average_confusion_printed.AVERAGE: 0.0})
        corrected = average_confusion_printed.CORRECTED.bound({**values, average_confusion_printed.DIFFERENT: 1.0})
        assert float(printed) == 0.0 < floor < float(corrected)


def test_batch_variance_has_a_term_in_one_over_b() -> None:
    """By enumeration: B times the variance tends to 2 g'Sg, not to 0."""
    values = [batch_variance.exact_values([(1, 0), (3, 1)], batch) for batch in (1, 2, 3, 4)]
    assert len({v[batch_variance.ALONG] for v in values}) == 1
    for v in values:
        exact = v[batch_variance.VARIANCE_OF_PRODUCT]
        assert exact == batch_variance.CLAIM.formula.rhs.xreplace(v)
        assert v[batch_variance.BATCH] * exact > 2 * v[batch_variance.ALONG]


def test_stationary_points_that_do_not_interpolate_are_confused() -> None:
    for gradients in drawn_sets(4, count=20):
        centred = stationary(gradients)
        values = values_of(centred)
        if values[stationary_confusion.MEAN_SQUARE] > 1e-6:
            assert values[variance_for_fixed_samples.ETA] > 0.0
            assert outside(stationary_confusion.CLAIM, centred) <= ROUNDING


def test_the_audits_two_readings_of_the_hessian_bound_differ_at_its_instance() -> None:
    at = {
        hessian_product_bound.FIRST: 0.0,
        hessian_product_bound.SECOND: 0.0,
        hessian_product_bound.LIPSCHITZ: 2.0,
        hessian_product_bound.RADIUS: 1.0,
    }
    assert float(hessian_product_bound.CLAIM.bound(at)) == 1.0
    linear = hessian_product_bound.product_at_most(hessian_product_bound.LIPSCHITZ / 4)
    assert float(linear.bound(at)) == 0.5


# section 4 and 6: random layers


@pytest.mark.parametrize("kappa", [1.0, 0.5, 4.0, 5.0])
def test_norms_of_square_layers_are_those_of_johnstones_law(kappa: float) -> None:
    """The square of the norm is about m + s TW, m = (sqrt(n-1) + sqrt n)^2, and TW has mean -1.2065.

    At width 50 that is 1.93 (kappa = 1), 2.73 (1/2), 0.97 (4), 0.86 (5). The audit has 1.92, 2.79, 1.01, 0.85.
    """
    n = 50
    middle = (np.sqrt(n - 1) + np.sqrt(n)) ** 2
    scale = (np.sqrt(n - 1) + np.sqrt(n)) * (1 / np.sqrt(n - 1) + 1 / np.sqrt(n)) ** (1 / 3)
    expected = np.sqrt((middle - 1.2065 * scale) / (kappa * n))
    norms = largest_singular_values(n, n, 1.0 / (kappa * n), count=40, seed=0)
    assert abs(norms.mean() / expected - 1.0) < 4.0 * norms.std() / np.sqrt(40) / expected + 0.003


def test_moments_agree_with_sampling() -> None:
    z = np.random.default_rng(0).standard_normal(400_000)
    assert float(normal_moment(4, half=True)) == pytest.approx((np.maximum(z, 0.0) ** 4).mean(), rel=0.03)
    n = sp.Symbol("n", positive=True)
    chi = (z.reshape(-1, 4) ** 2).sum(axis=1) - 4.0
    assert float(chi_square_moment(4, n).subs(n, 4)) == pytest.approx((chi**4).mean(), rel=0.1)
    assert chi_square_moment(1, n) == 0


def test_a_share_of_one_sixtieth_is_below_the_true_chance() -> None:
    """P(chi^2_n > n) is known: at least 0.317 (n = 1), 1/e (n = 2)."""
    from scipy.special import gammaincc

    chances = [float(gammaincc(n / 2, n / 2)) for n in (1, 2, 3, 10, 100, 1000)]
    assert min(chances) > 0.3
    assert all(n / (12 * (n + 4)) < p for n, p in zip((1, 2, 3, 10, 100, 1000), chances, strict=True))
    assert operator_norm_printed.CLAIM.formula.rhs == 1


def test_four_layers_of_width_ten_have_the_audits_kurtosis() -> None:
    relu, linear = (float(part.rhs.subs(signal_kurtosis.WIDTH, 10)) ** 4 for part in signal_kurtosis.CLAIM.formula.args)
    assert sorted([relu, linear]) == pytest.approx([2.07, 5.06], abs=0.005)


def test_the_papers_networks_have_the_audits_sizes() -> None:
    sizes = [parameter_count.size(*shape) for shape in ((300, 10), (300, 30), (3, 100))]
    assert sizes == [40850, 301930, 99710]
    assert round(sizes[1] / sizes[2], 2) == 3.03


# measured pages


def test_measured_evidence_has_three_outcomes() -> None:
    x = sp.Symbol("x", real=True)
    claim = stationary_confusion.CLAIM.__class__("at least 1", sp.Ge(x, 1, evaluate=False))
    for value, expected in ((2.0, "HOLDS"), (1.05, "UNDECIDED"), (0.0, "FAILS")):
        assert measured_evidence(claim, {x: Difference(value, 0.1, 4)}, seed=0).status.name == expected
    unknown = measured_evidence(claim, {x: Difference(float("nan"), float("inf"), 2)}, seed=0)
    assert unknown.status.name == "UNDECIDED"


def test_a_trend_is_decided_only_where_all_comparisons_agree() -> None:
    x, y = sp.symbols("x y", real=True)
    claim = Claim("both rise", sp.And(sp.Ge(x, 0, evaluate=False), sp.Ge(y, 0, evaluate=False), evaluate=False))

    def status(first: float, second: float) -> str:
        found = {x: Difference(first, 0.1, 8), y: Difference(second, 0.1, 8)}
        return trend_evidence(claim, found, seed=0, observed="").status.name

    assert (status(1.0, 1.0), status(-1.0, -1.0)) == ("HOLDS", "FAILS")
    assert {status(1.0, -1.0), status(1.0, 0.1), status(-1.0, -0.1)} == {"UNDECIDED"}


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "rate"), depth_lowers_end_cosine_printed.BEST_RATE.items())
def test_the_rates_of_the_depth_page_are_the_best_of_three(depth: int, rate: float) -> None:
    losses = {
        each: trained(Shape(depth, 16, rates=(each,), steps=150, seeds=6, data_sets=4), 0).losses.mean()
        for each in (0.3, 0.1, 0.03)
    }
    assert min(losses, key=lambda each: losses[each]) == rate


def test_differences_are_paired_and_leave_out_what_is_missing() -> None:
    first, second = np.array([1.0, 2.0, 3.0, np.nan]), np.array([0.0, 1.0, 2.0, 5.0])
    found = difference(first, second)
    assert (found.value, found.error, found.runs) == (1.0, 0.0, 6)
    assert ratio(np.exp(first), np.exp(second)).value == pytest.approx(1.0)
    assert np.isnan(difference(first[:2], second[:2]).value)


def test_outcomes_keep_the_best_rate_and_the_runs_that_reached_the_level() -> None:
    data = clusters(100, 6, 3, seed=1)
    network = Architecture(data.shape(2, 8), Activation.TANH)
    found = outcome(
        data, network, rates=(1e-6, 0.3), steps=60, seeds=(0, 1), level=0.8, batch=20, compared=6, look_at_start=False
    )
    assert found.rate == 0.3
    assert found.at_start == ()
    assert all(c is not None and c.count == 6 for c in (*found.at_end, *found.at_level))
    never = outcome(data, network, rates=(1e-6,), steps=2, seeds=(0,), level=1e-9, batch=20, compared=6)
    assert never.at_level == (None,)


def test_regression_paths_start_at_zero_and_end_where_sgd_ends() -> None:
    at, path, X, y = regression_path(4, samples=3, steps=5, rate=0.1, seed=2, records=3)
    assert at[0] == 0
    assert at[-1] == 5
    assert not path[0].any()
    rng = np.random.default_rng((2, 4))
    assert np.array_equal(rng.standard_normal((3, 4)), X)
    rng.standard_normal(3)
    w = np.zeros(4)
    for i in rng.integers(0, 3, 5):
        w = w - 0.1 * (X[i] @ w - y[i]) * X[i]
    np.testing.assert_allclose(path[-1], w, atol=1e-14)


# figures


def run(number: str) -> Figure:
    (scenario,) = [s for s in figures.FIGURES if s.number == number]
    return scenario.run(False, 0)


def test_figure_1_reproduces_and_its_cosines_are_those_of_the_data() -> None:
    figure = run("1")
    assert sum(r.startswith("Reproduced") for r in figure.remarks) == 2
    spreads = [row for row in figure.rows if "standard deviation" in row.what]
    for row in spreads:
        assert row.measured == pytest.approx(float(row.theory.split()[0]), rel=0.03)
    floor = next(row for row in figure.rows if row.what.startswith("d = 80: loss"))
    assert floor.measured > float(floor.theory.split()[0])


@pytest.mark.slow
@pytest.mark.parametrize("number", ["4", "5", "6"])
def test_the_swept_figures_run_on_digits(number: str) -> None:
    pytest.importorskip("sklearn")
    figure = run(number)
    assert any(r.startswith("Reproduced") for r in figure.remarks)
    assert all(np.isfinite(row.measured) for row in figure.rows if ": loss" in row.what and "plain" not in row.what)
    if number == "5":
        assert sum("at loss" in r and r.startswith("Reproduced") for r in figure.remarks) == 2
        assert any(r.startswith("Not reproduced") and "smallest cosine at the end" in r for r in figure.remarks)
