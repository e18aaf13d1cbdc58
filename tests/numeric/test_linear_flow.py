"""Deep linear networks: layers against closed forms, against the product's own equation, against conservation laws."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Sequence
from functools import reduce

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric import _linear_flow_kernels as kernels
from odeflow.numeric._linear_stiff import implicit_pays, stiffness
from odeflow.numeric._small_product_kernels import SLACK, SPARE, multiply_small
from odeflow.numeric.linear_flow import (
    LinearTrajectory,
    Method,
    Solver,
    balanced_layers,
    flow_end_to_end,
    flow_layers,
    imbalance,
)

ROUNDING = 1e-12
"""A handful of products of well-scaled matrices."""
CLOSED = 1e-11
"""Closed forms at moderate times and starts, where nothing amplifies rounding by more than 1e4."""
STEPPED = 1e-8
"""Runs at tolerance 1e-11 whose start is not small enough to amplify it by more than 1e3."""


def orthogonal(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def random_layers(rng: np.random.Generator, widths: Sequence[int], scale: float = 1.0) -> list[np.ndarray]:
    pairs = itertools.pairwise(widths)
    return [scale * rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairs]


def product(layers: Sequence[np.ndarray], size: int) -> np.ndarray:
    return reduce(lambda so_far, W: W @ so_far, layers, np.eye(size))


@given(
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=8),
    whitened=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_the_field_is_the_negative_gradient_of_the_loss_at_any_shape(
    widths: list[int], whitened: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    layers = random_layers(rng, widths)
    X = np.eye(widths[0]) if whitened else rng.standard_normal((widths[0], 5))
    Y = rng.standard_normal((widths[-1], X.shape[1]))
    packed = kernels.pack(widths, Y @ X.T, None if whitened else X @ X.T)
    state = np.concatenate([W.ravel() for W in layers])
    field = np.full_like(state, np.nan)
    kernels.evaluate(state, packed, field)
    residual = (Y - product(layers, widths[0]) @ X) @ X.T
    expected = [
        product(layers[j + 1 :], widths[j + 1]).T @ residual @ product(layers[:j], widths[0]).T
        for j in range(len(layers))
    ]
    np.testing.assert_allclose(field, np.concatenate([g.ravel() for g in expected]), rtol=1e-10, atol=1e-10)


@given(p=st.integers(1, 13), q=st.integers(1, 9), r=st.integers(1, 21), seed=st.integers(0, 2**32 - 1))
def test_small_products_are_right_at_every_size_and_ignore_what_follows(p: int, q: int, r: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((p, q)), rng.standard_normal((q, r))
    behind = np.concatenate([B.ravel(), np.full(SLACK, np.nan)])
    for flat, row, column in ((A, q, 1), (np.ascontiguousarray(A.T), 1, p)):
        guarded = np.full(p * r + 2 * SLACK, 7.0)
        C = guarded[SLACK:-SLACK].reshape(p, r)
        multiply_small(flat, row, column, p, q, behind[: q * r].reshape(q, r), C, np.empty(SPARE))
        np.testing.assert_allclose(C, A @ B, rtol=0, atol=ROUNDING * 10)
        assert (guarded[:SLACK] == 7.0).all()
        assert (guarded[-SLACK:] == 7.0).all()


def test_large_products_through_blas_equal_those_of_the_loops() -> None:
    rng = np.random.default_rng(0)
    widths = [70, 65, 50, 60]
    layers = random_layers(rng, widths)
    M = rng.standard_normal((60, 70))
    state = np.concatenate([W.ravel() for W in layers])
    field = np.empty_like(state)
    kernels.evaluate(state, kernels.pack(widths, M, None), field)
    G = M - product(layers, 70)
    expected = [product(layers[j + 1 :], widths[j + 1]).T @ G @ product(layers[:j], 70).T for j in range(3)]
    np.testing.assert_allclose(field, np.concatenate([g.ravel() for g in expected]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 16])
def test_a_chain_of_scalars_follows_its_closed_form_within_its_error_bar(depth: int) -> None:
    times = np.linspace(0.0, 8.0, 9)
    start, target = 0.3, 1.3
    stepped = flow_end_to_end([[start]], [[target]], times, depth=depth, tolerance=1e-11)
    closed = flow_end_to_end([[start]], [[target]], times, depth=depth, method=Method.MODES)
    gap = np.abs(stepped.end_to_end - closed.end_to_end)[:, 0, 0]
    assert (gap <= stepped.error_bar + closed.error_bar).all()
    assert gap.max() < STEPPED
    assert stepped.imbalance_drift.max() < STEPPED


@pytest.mark.parametrize(
    ("depth", "start", "target"), [(2, 1e-6, 2.0), (3, 1e-4, 0.7), (4, 1e-3, 1.0), (7, 0.2, 3.0), (3, 0.99, 1.0)]
)
def test_modes_satisfy_the_time_map_in_fifty_digits(depth: int, start: float, target: float) -> None:
    # t = int ds / (N s^{2-2/N} (m - s)) between the start and the closed form's answer, by quadrature in log s
    with mpmath.workdps(50):
        m, n = mpmath.mpf(target), depth
        power = 1 - mpmath.mpf(2) / n

        def duration(s: float, e: float) -> float:
            low, high = mpmath.log(mpmath.mpf(s)), mpmath.log(mpmath.mpf(e))
            cuts = mpmath.linspace(low, high, 9)
            return float(mpmath.quad(lambda x: mpmath.exp(-power * x) / (n * (m - mpmath.exp(x))), cuts))

        for fraction in (0.3, 0.6, 0.95):
            end = start + fraction * (target - start)
            t = float(duration(start, end))
            got = flow_end_to_end([[start]], [[target]], [t], depth=depth, method=Method.MODES)
            speed = depth * end ** (2 - 2 / depth) * (target - end)
            # a double t is itself rounded, which moves a fast mode by speed x t x 1e-16
            assert abs(got.end_to_end[0, 0, 0] - end) <= CLOSED * target + 1e-15 * t * speed * depth


def test_modes_that_must_unlearn_decay_like_a_power() -> None:
    M = np.diag([1.0, 0.0])
    W = np.diag([0.2, 0.5])
    closed = flow_end_to_end(W, M, [0.0, 1.0, 30.0], depth=3, method=Method.MODES)
    stepped = flow_end_to_end(W, M, [0.0, 1.0, 30.0], depth=3, tolerance=1e-12)
    np.testing.assert_allclose(closed.end_to_end, stepped.end_to_end, rtol=0, atol=STEPPED)
    assert closed.end_to_end[2, 1, 1] < 0.1


@pytest.mark.parametrize(("k", "d", "rank"), [(4, 4, 4), (3, 5, 3), (5, 3, 3)])
def test_the_riccati_form_agrees_with_the_layers_at_any_shape(k: int, d: int, rank: int) -> None:
    rng = np.random.default_rng(k + d)
    M = rng.standard_normal((k, d))
    W = 0.05 * rng.standard_normal((k, d))
    if k == d:
        W[0] *= np.sign(np.linalg.det(W) * np.linalg.det(M))
    times = [0.0, 0.5, 2.0, 10.0]
    closed = flow_end_to_end(W, M, times, depth=2, method=Method.RICCATI)
    stepped = flow_end_to_end(W, M, times, depth=2, tolerance=1e-12)
    np.testing.assert_allclose(closed.end_to_end[0], W, rtol=0, atol=CLOSED)
    np.testing.assert_allclose(closed.end_to_end, stepped.end_to_end, rtol=0, atol=STEPPED)
    assert np.linalg.matrix_rank(M) == rank


def test_a_start_of_the_other_orientation_misses_a_direction_of_the_target_and_stalls() -> None:
    M, W = np.diag([2.0, 1.0]), np.array([[0.1, 0.03], [0.02, -0.1]])
    with pytest.raises(InvalidArgumentError, match="opposite signs"):
        flow_end_to_end(W, M, [1.0], depth=2, method=Method.RICCATI)
    run = flow_end_to_end(W, M, [12.0], depth=2)
    assert run.losses[0] == pytest.approx(0.5, abs=1e-3)  # |sigma_2|^2 / 2: the larger mode alone is learned


def test_the_riccati_form_is_accurate_after_hundreds_of_time_units() -> None:
    rng = np.random.default_rng(5)
    left, right = orthogonal(rng, 6), orthogonal(rng, 6)
    M = left @ np.diag(np.linspace(0.5, 3.0, 6)) @ right
    W = 1e-3 * left @ np.diag(np.linspace(1.0, 2.0, 6)) @ right
    times = np.array([0.1, 1.0, 3.0, 16.0, 40.0, 100.0, 1000.0])
    riccati = flow_end_to_end(W, M, times, depth=2, method=Method.RICCATI)
    modes = flow_end_to_end(W, M, times, depth=2, method=Method.MODES)
    np.testing.assert_allclose(riccati.end_to_end, modes.end_to_end, rtol=0, atol=CLOSED)
    np.testing.assert_allclose(riccati.end_to_end[-1], M, rtol=0, atol=CLOSED)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("whitened", [True, False])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_the_product_of_balanced_layers_obeys_its_own_equation(
    depth: int, whitened: bool, shape: tuple[int, int]
) -> None:
    k, d = shape
    rng = np.random.default_rng(depth)
    X = None if whitened else rng.standard_normal((d, 6)) / 2
    Y = rng.standard_normal((k, d if X is None else 6))
    W = 0.5 * rng.standard_normal((k, d))
    times = np.linspace(0.0, 3.0, 7)
    layers = flow_end_to_end(W, Y, times, depth=depth, inputs=X, tolerance=1e-11)
    direct = flow_end_to_end(W, Y, times, depth=depth, inputs=X, tolerance=1e-11, method=Method.END_TO_END)
    gap = np.linalg.norm(layers.end_to_end - direct.end_to_end, axis=(1, 2))
    assert (gap <= layers.error_bar + direct.error_bar + ROUNDING).all()
    assert gap.max() < STEPPED
    np.testing.assert_allclose(layers.losses, direct.losses, rtol=1e-7, atol=STEPPED)


def test_unbalanced_layers_agree_with_another_solver_and_conserve_their_imbalance() -> None:
    rng = np.random.default_rng(3)
    widths = [3, 4, 2, 5]
    start = random_layers(rng, widths)
    X, Y = rng.standard_normal((3, 7)), rng.standard_normal((5, 7))

    def field(_t: float, y: np.ndarray) -> np.ndarray:
        A, B, C = y[:12].reshape(4, 3), y[12:20].reshape(2, 4), y[20:].reshape(5, 2)
        G = (Y - C @ B @ A @ X) @ X.T
        return np.concatenate([((C @ B).T @ G).ravel(), (C.T @ G @ A.T).ravel(), (G @ (B @ A).T).ravel()])

    state = np.concatenate([W.ravel() for W in start])
    run = flow_layers(start, Y, [0.0, 0.7, 2.0], inputs=X, tolerance=1e-11)
    peer = solve_ivp(field, (0.0, 2.0), state, "RK45", rtol=1e-10, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(np.concatenate([W.ravel() for W in run.layers]), peer, rtol=0, atol=STEPPED)
    assert run.imbalance[0] == pytest.approx(imbalance(start), rel=ROUNDING)
    assert run.imbalance[0] > 0.5
    assert run.imbalance[-1] == pytest.approx(imbalance(run.layers), rel=ROUNDING)
    assert run.imbalance_drift.max() < 1e-9
    assert (np.diff(run.losses) < 0).all()
    expected = 0.5 * np.sum((product(run.layers, 3) @ X - Y) ** 2)
    assert run.losses[-1] == pytest.approx(expected, rel=1e-9)


def test_a_crude_run_owns_up_to_the_imbalance_it_makes() -> None:
    rng = np.random.default_rng(12)
    start = random_layers(rng, [3, 4, 2, 3], scale=1.5)
    run = flow_layers(start, 3 * rng.standard_normal((3, 3)), [0.0, 2.0], tolerance=1e-2, with_error_bar=False)
    changes = [
        np.linalg.norm((b.T @ b - a @ a.T) - (d.T @ d - c @ c.T))
        for (a, b), (c, d) in zip(itertools.pairwise(run.layers), itertools.pairwise(start), strict=True)
    ]
    assert run.imbalance_drift[0] == 0.0
    assert run.imbalance_drift[1] > 1e-6
    assert run.imbalance_drift[1] == pytest.approx(max(changes), rel=1e-6)


@given(
    k=st.integers(1, 5), d=st.integers(1, 5), depth=st.integers(1, 16), extra=st.integers(0, 3),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=50)
def test_balanced_layers_multiply_to_the_matrix_and_are_balanced(
    k: int, d: int, depth: int, extra: int, seed: int
) -> None:
    W = np.random.default_rng(seed).standard_normal((k, d))
    layers = balanced_layers(W, depth, widths=[min(k, d) + extra] * (depth - 1))
    np.testing.assert_allclose(product(layers, d), W, rtol=0, atol=1e-11)
    assert imbalance(layers) < ROUNDING * max(1.0, float(np.linalg.norm(W)))


def test_a_narrow_balanced_factorisation_of_a_low_rank_matrix_is_exact() -> None:
    W = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
    layers = balanced_layers(W, 3, widths=[1, 2])
    np.testing.assert_allclose(product(layers, 2), W, rtol=0, atol=ROUNDING * 15)


def plateau(scale: float, depth: int, end: float) -> tuple[LinearTrajectory, LinearTrajectory]:
    """Aligned modes 1 and 1/2 from layers of one scale: two fronts with a plateau between."""
    rng = np.random.default_rng(8)
    left, right = orthogonal(rng, 3), orthogonal(rng, 3)
    M = left @ np.diag([1.0, 0.5, 0.25]) @ right
    W = scale**depth * left @ right
    times = np.geomspace(1.0, end, 40)
    return (
        flow_end_to_end(W, M, times, depth=depth, tolerance=1e-11),
        flow_end_to_end(W, M, times, depth=depth, method=Method.MODES),
    )


@pytest.mark.parametrize(("scale", "depth", "end"), [(3e-2, 3, 1e3), (6e-2, 4, 5e3)])
def test_plateaus_are_crossed_at_the_times_of_the_closed_form(scale: float, depth: int, end: float) -> None:
    stepped, closed = plateau(scale, depth, end)
    gap = np.linalg.norm(stepped.end_to_end - closed.end_to_end, axis=(1, 2))
    assert (gap <= stepped.error_bar + closed.error_bar).all()
    assert gap.max() < 1e-6
    assert stepped.losses[0] > 0.5
    assert stepped.losses[-1] < 1e-6


def test_without_an_error_bar_one_run_answers_and_says_that_it_has_none() -> None:
    W, M = np.diag([0.1, 0.2]), np.eye(2)
    alone = flow_end_to_end(W, M, [1.0, 4.0], depth=3, tolerance=1e-11, with_error_bar=False)
    both = flow_end_to_end(W, M, [1.0, 4.0], depth=3, tolerance=1e-10)
    assert np.isnan(alone.error_bar).all()
    assert alone.evaluations < 0.7 * both.evaluations
    np.testing.assert_allclose(alone.end_to_end, both.end_to_end, rtol=0, atol=ROUNDING)


def test_closed_forms_refuse_what_they_cannot_answer() -> None:
    eye = np.eye(2)
    turned = np.array([[0.0, 0.1], [-0.1, 0.0]])
    cases: list[tuple[dict[str, object], str]] = [
        ({"method": Method.RICCATI, "depth": 3}, "depth=2"),
        ({"method": Method.RICCATI, "depth": 2, "inputs": eye}, "whitened"),
        ({"method": Method.RICCATI, "depth": 2, "target": np.diag([1.0, 0.0])}, "rank, 1, but got 2"),
        ({"method": Method.RICCATI, "depth": 2, "initial": np.diag([0.1, 0.0])}, "overlap"),
        ({"method": Method.MODES, "depth": 3, "initial": turned}, "singular vectors"),
        ({"method": Method.MODES, "depth": 3, "initial": 2 * eye}, "0 <= s <= target"),
        ({"method": Method.MODES, "depth": 3, "initial": -0.1 * eye}, "0 <= s <= target"),
    ]
    for change, message in cases:
        arguments: dict[str, object] = {"initial": 0.1 * eye, "target": eye, "times": [1.0], **change}
        with pytest.raises(InvalidArgumentError, match=message):
            flow_end_to_end(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": [np.eye(2), np.ones((1, 3))]}, "W_2"),
        ({"layers": []}, "depth >= 1"),
        ({"layers": [np.eye(2)] * 17}, "at most 16"),
        ({"target": np.ones((3, 2))}, "target of shape"),
        ({"inputs": np.ones((3, 4))}, "inputs of shape"),
        ({"times": [1.0, 0.5]}, "increase strictly"),
        ({"tolerance": 1e-15}, "tolerance"),
        ({"max_steps": 0}, "max_steps >= 1"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"layers": [np.eye(2)] * 2, "target": np.eye(2), "times": [0.0, 1.0], **change}
    with pytest.raises(InvalidArgumentError, match=message):
        flow_layers(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("widths", "message"), [([2], "Expected 2 widths"), ([2, 1], "widths >= 2")])
def test_bad_widths_are_named(widths: list[int], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        balanced_layers(np.eye(2), 3, widths=widths)


def test_too_few_steps_are_an_error_that_says_what_to_do() -> None:
    with pytest.raises(IntegrationError, match="Raise max_steps"):
        flow_layers([np.eye(2), 0.5 * np.eye(2)], 3 * np.eye(2), [0.0, 50.0], max_steps=3)


def near_zero(k: int, d: int, depth: int, end: float, largest: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return an aligned target of top singular value `largest` and a start whose slowest mode escapes near 0.9 `end`.

    From scale eps and slope g the escape takes eps^{2-N} / ((N-2) g) (Arora et al., 2018, oracles of section 9).
    """
    rng = np.random.default_rng(depth)
    rank = min(k, d)
    left, right = orthogonal(rng, k)[:, :rank], orthogonal(rng, d)[:rank]
    scale = ((depth - 2) * 0.9 * end * 0.5 * largest) ** (-1.0 / (depth - 2))
    values = largest * (np.linspace(1.0, 0.5, rank) if rank > 1 else np.array([0.5]))
    return (left * values) @ right, scale**depth * left @ right


def times_on_the_fronts(W: np.ndarray, M: np.ndarray, depth: int, end: float) -> np.ndarray:
    """Return 12 times where the loss moves fastest, and 6 elsewhere."""
    grid = np.linspace(1.0, end, 4001)
    losses = flow_end_to_end(W, M, grid, depth=depth, method=Method.MODES).losses
    steepest = np.argsort(np.abs(np.diff(losses)))[-12:]
    return np.asarray(grid[np.union1d(steepest, np.linspace(0, 4000, 6).astype(int))])


LONG = 1e5
"""Length of the plateaus that the numeric layer promises."""
FRONT = 5e-6
"""On a front the time error of a plateau of 1e5 shows: its rounding alone (1e5 eps N^2 of slope N) is 1e-8."""


@pytest.mark.parametrize("depth", [3, 5, 16, *(pytest.param(N, marks=pytest.mark.slow) for N in range(6, 16))])
def test_a_scalar_chain_leaves_a_plateau_of_1e5_when_the_time_map_says(depth: int) -> None:
    M, W = near_zero(1, 1, depth, LONG)
    times = times_on_the_fronts(W, M, depth, LONG)
    closed = flow_end_to_end(W, M, times, depth=depth, method=Method.MODES)
    assert closed.losses[0] > 0.9 * closed.losses.max()
    assert closed.losses[-1] < 1e-9  # the plateau lies within the run
    for solver in (Solver.EXPLICIT, Solver.IMPLICIT):
        stepped = flow_end_to_end(W, M, times, depth=depth, tolerance=1e-10, solver=solver)
        gap = np.abs(stepped.end_to_end - closed.end_to_end)[:, 0, 0]
        assert (gap <= stepped.error_bar + closed.error_bar).all()
        assert gap.max() < FRONT
        assert stepped.solver is solver


@pytest.mark.parametrize(
    ("k", "d", "depth"),
    [(2, 3, 5), *(pytest.param(*case, marks=pytest.mark.slow) for case in [(3, 2, 3), (2, 2, 8), (2, 3, 16)])],
)
def test_several_modes_leave_their_plateaus_one_after_the_other(k: int, d: int, depth: int) -> None:
    M, W = near_zero(k, d, depth, LONG)
    times = times_on_the_fronts(W, M, depth, LONG)
    closed = flow_end_to_end(W, M, times, depth=depth, method=Method.MODES)
    stepped = flow_end_to_end(W, M, times, depth=depth, tolerance=1e-10)
    gap = np.linalg.norm(stepped.end_to_end - closed.end_to_end, axis=(1, 2))
    assert (gap <= stepped.error_bar + closed.error_bar).all()
    assert gap.max() < FRONT


def test_a_large_target_at_depth_16_is_out_of_reach_of_explicit_steps_and_not_of_implicit_ones() -> None:
    M, W = near_zero(2, 3, 16, LONG, largest=10.0)
    times = times_on_the_fronts(W, M, 16, LONG)
    with pytest.raises(IntegrationError, match="TOO_MANY_STEPS"):
        flow_end_to_end(W, M, times, depth=16, solver=Solver.EXPLICIT, max_steps=100_000)
    run = flow_end_to_end(W, M, times, depth=16, tolerance=1e-9, max_steps=100_000)
    closed = flow_end_to_end(W, M, times, depth=16, method=Method.MODES)
    gap = np.linalg.norm(run.end_to_end - closed.end_to_end, axis=(1, 2))
    assert run.solver is Solver.IMPLICIT
    assert (gap <= run.error_bar + closed.error_bar).all()
    assert gap.max() < FRONT * np.linalg.norm(M)


def test_unbalanced_layers_with_data_go_the_same_way_implicitly() -> None:
    rng = np.random.default_rng(6)
    start, X, Y = random_layers(rng, [3, 4, 2, 3]), rng.standard_normal((3, 7)), rng.standard_normal((3, 7))
    runs = [
        flow_layers(start, Y, [0.0, 0.5, 20.0], inputs=X, tolerance=1e-10, solver=solver)
        for solver in (Solver.EXPLICIT, Solver.IMPLICIT)
    ]
    gap = np.linalg.norm(runs[0].end_to_end - runs[1].end_to_end, axis=(1, 2))
    assert (gap <= runs[0].error_bar + runs[1].error_bar).all()
    assert gap.max() < STEPPED
    assert runs[1].imbalance_drift.max() < STEPPED


def test_the_rule_takes_implicit_steps_where_the_plateau_is_long_and_the_network_small() -> None:
    short = flow_end_to_end([[0.01]], [[1.0]], [1.0], depth=4)
    assert short.solver is Solver.EXPLICIT
    assert stiffness([3, 2, 2], np.diag([5.0, 1.0, 1.0])[:2], None) == pytest.approx(10.0)
    X = np.diag([2.0, 1.0, 1.0])
    assert stiffness([3, 2], np.ones((2, 3)) @ X, X) == pytest.approx(4.0)
    assert implicit_pays(100, 2e6)
    assert not implicit_pays(200, 2e6)
    assert not implicit_pays(1001, 1e12)


def test_memory_grows_with_the_records_and_not_with_the_time() -> None:
    M, W = near_zero(2, 2, 5, LONG)
    for solver in (Solver.EXPLICIT, Solver.IMPLICIT):
        flow_end_to_end(W, M, [1.0], depth=5, solver=solver)  # what is loaded once
        peaks = []
        for end in (1e2, LONG):
            tracemalloc.start()
            flow_end_to_end(W, M, np.geomspace(1.0, end, 20), depth=5, tolerance=1e-7, solver=solver)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        # SciPy's objects come and go; the 40,000 steps of the explicit run would be 6 MB.
        assert peaks[1] < peaks[0] + 100_000


def test_too_few_implicit_steps_are_an_error_that_holds_what_was_reached() -> None:
    with pytest.raises(IntegrationError, match="Raise max_steps") as caught:
        flow_layers([np.eye(2), 0.5 * np.eye(2)], 3 * np.eye(2), [1e-3, 50.0], max_steps=8, solver=Solver.IMPLICIT)
    assert isinstance(caught.value.partial, np.ndarray)
    assert 1 <= len(caught.value.partial) <= 2
