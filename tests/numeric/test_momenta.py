"""One iteration serves gradient descent, the heavy ball and higher momenta."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.momenta import iterate_momenta
from odeflow.numeric.training import HeavyBallMethod, iterate_modes

EXACT = 1e-12


@given(st.floats(0.01, 0.5), st.floats(0.0, 0.9), st.floats(0.1, 2.0))
def test_one_momentum_is_the_heavy_ball(rate: float, beta: float, eigenvalue: float) -> None:
    ours = iterate_momenta(
        lambda x: eigenvalue * x, [1.0], learning_rate=rate, momenta=(beta,), steps=30, observe=lambda x: float(x[0])
    )
    theirs = iterate_modes(HeavyBallMethod(rate, beta), [eigenvalue], 30)[0]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=EXACT)


def test_two_momenta_follow_the_roots_of_their_characteristic_polynomial() -> None:
    rate, betas = 0.3, (0.5, 0.2)
    records = iterate_momenta(
        lambda x: x, [1.0], learning_rate=rate, momenta=betas, steps=60, observe=lambda x: float(x[0])
    )
    # z^3 = (1 - eta) z^2 + beta_1 (z^2 - z) + beta_2 (z - 1)
    roots = np.roots([1.0, -(1 - rate + betas[0]), betas[0] - betas[1], betas[1]])
    start = np.vander(roots, 3, increasing=True).T  # w(0), w(1), w(2) as combinations of powers
    weights = np.linalg.solve(start, records[:3].astype(complex))
    predicted = np.real(weights @ roots[:, None] ** np.arange(61))
    np.testing.assert_allclose(records, predicted, rtol=0, atol=1e-10)


def test_divergence_is_recorded_as_infinity() -> None:
    records = iterate_momenta(
        lambda x: x, [1.0], learning_rate=9.0, momenta=(), steps=2000, observe=lambda x: float(x @ x)
    )
    assert records[0] == 1.0
    assert np.isinf(records[-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": -1.0}, "learning_rate > 0"),
        ({"momenta": (float("nan"),)}, r"momenta\[0\] to be finite"),
        ({"steps": -1}, "steps >= 0"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"learning_rate": 0.1, "momenta": (), "steps": 3, "observe": lambda x: 0.0, **change}
    with pytest.raises(InvalidArgumentError, match=message):
        iterate_momenta(lambda x: x, [1.0], **arguments)  # type: ignore[arg-type]
