"""The user's data are checked first, then followed in both worlds; what cannot be said is said to be so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from odeflow.data_case import DataCase, open_case, rate_evidence
from odeflow.datasets import Dataset
from odeflow.errors import DataError, InvalidArgumentError, UnknownNameError
from odeflow.numeric.flows import GradientFlow, HeavyBall
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Claim

CLAIM = Claim("a bound", sp.true)


def case(X: np.ndarray, y: np.ndarray, width: int = 64) -> DataCase:
    names = tuple(f"x{i}" for i in range(X.shape[1]))
    return DataCase(Dataset("made up", X, y, names, "y", "here", "none needed"), width=width)


def test_orthonormal_data_have_lambda0_one_half() -> None:
    data = case(np.eye(3), np.ones(3))
    assert data.lambda0.lower <= 0.5 <= data.lambda0.upper
    assert data.unit_norm
    assert data.parallel_pair is None


def test_antipodal_rows_are_found_and_scaled_rows_are_not_unit() -> None:
    data = case(np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]), np.ones(3))
    assert data.parallel_pair in {(0, 2), (2, 0)}
    assert not data.unit_norm


def test_a_singular_kernel_is_named_as_a_violated_hypothesis() -> None:
    angles = np.arange(6) * np.pi / 3
    data = case(np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(6))
    with pytest.raises(DataError, match=r"hypothesis lambda_0 > 0 is not met"):
        data.certified_lambda0()


def test_the_network_run_converges_to_the_flow_as_its_error_bar_says() -> None:
    from odeflow.numeric.relu_flow import relu_flow

    rng = np.random.default_rng(0)
    X = rng.standard_normal((4, 5))
    data = case(X / np.linalg.norm(X, axis=1, keepdims=True), rng.uniform(-1, 1, 4))
    for flow in (GradientFlow(), HeavyBall(0.5)):
        curve = data.network(flow, 8.0)
        exact = relu_flow(data.X, data.y, *data.initial_weights, flow, curve.times).losses
        later = curve.times > 2.0
        gap = np.abs(curve.losses - exact) / np.maximum.accumulate(exact[::-1])[::-1]
        assert gap[later].max() < 8.0 * curve.error_bar + 1e-6


def test_a_false_bound_on_the_users_data_fails_and_a_true_one_holds() -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((5, 6))
    data = case(X / np.linalg.norm(X, axis=1, keepdims=True), rng.uniform(-1, 1, 5))
    lam = data.certified_lambda0()
    for factor, status in ((2.0, Status.HOLDS), (200.0, Status.FAILS)):
        found = rate_evidence(
            CLAIM,
            data,
            GradientFlow(),
            horizon=4.0 / lam,
            promised="a rate",
            bound=lambda t, loss, pseudo, k=factor: loss * np.exp(-k * lam * t),
        )
        assert found.status is status, found.observed


def test_normalising_is_said_and_done(tmp_path: Path) -> None:
    data = open_case("diabetes", normalise=True)
    assert data.unit_norm
    assert abs(data.y.std() - 1.0) < 1e-12
    assert "unit norm" in data.summary
    assert all(check.holds for check in data.hypotheses)


def test_bad_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="diabetes"):
        open_case("diabets")
    constant = tmp_path / "constant.csv"
    constant.write_text("a,b,y\n1,2,3\n2,1,3\n")
    with pytest.raises(DataError, match="target that varies"):
        open_case(str(constant), normalise=True)
    many = tmp_path / "many.npy"
    np.save(many, np.random.default_rng(0).standard_normal((2001, 3)))
    with pytest.raises(DataError, match="at most 2000 rows"):
        open_case(str(many))


@pytest.mark.parametrize("size", ["1e308", "1e-320"])
def test_targets_of_any_size_are_scaled_to_variance_one(size: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"a,b,y\n1,0,{size}\n0,1,-{size}\n1,1,{size}\n")
    scaled = open_case(str(file), normalise=True).dataset.target
    np.testing.assert_allclose(scaled, [2**-0.5, -(2**0.5), 2**-0.5], rtol=1e-12)


def test_a_target_that_varies_by_rounding_only_does_not_vary(tmp_path: Path) -> None:
    assert np.full(3, 0.1).std() > 0.0  # the mean is rounded
    file = tmp_path / "mine.csv"
    file.write_text("a,b,y\n1,0,0.1\n0,1,0.1\n1,1,0.1\n")
    with pytest.raises(DataError, match="Expected a target that varies"):
        open_case(str(file), normalise=True)


def test_cases_that_no_machine_holds_are_refused_before_they_are_made() -> None:
    with pytest.raises(InvalidArgumentError, match="Expected at most 20000 samples but got 20001"):
        case(np.ones((20_001, 1)), np.ones(20_001))
    with pytest.raises(InvalidArgumentError, match="Expected at most 1000000000 weights"):
        case(np.eye(2), np.ones(2), width=10**9)
