"""Activations: their derivatives against mpmath, and their exact values far out and at the kink."""

from __future__ import annotations

import inspect
from typing import Any

import mpmath
import numpy as np
import pytest

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.activations import Activation, activated

ROUNDING = 4e-16
"""Relative rounding of value and slope, a few units in the last place; slopes cancel where 1 - value^2 is small."""
FORMULAS = {
    Activation.IDENTITY: lambda z: z,
    Activation.TANH: mpmath.tanh,
    Activation.RELU: lambda z: max(z, 0),
    Activation.SIGMOID: lambda z: 1 / (1 + mpmath.exp(-z)),
}


@pytest.mark.parametrize("activation", Activation)
def test_values_and_slopes_are_those_of_the_formula(activation: Activation) -> None:
    z = np.array([-5.0, -1.25, -0.3, 0.7, 2.5])
    value, slope = activated(z, activation)
    with mpmath.workdps(30):
        values = [float(FORMULAS[activation](mpmath.mpf(x))) for x in z.tolist()]
        slopes = [float(mpmath.diff(FORMULAS[activation], mpmath.mpf(x))) for x in z.tolist()]
    np.testing.assert_allclose(value, values, rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_allclose(np.ones_like(z) if slope is None else slope, slopes, rtol=ROUNDING, atol=ROUNDING)


def test_relu_has_slope_zero_at_its_kink() -> None:
    _, slope = activated(np.array([[0.0, -0.0]]), Activation.RELU)
    assert slope is not None
    assert not slope.any()


def test_sigmoid_does_not_overflow() -> None:
    value, slope = activated(np.array([-800.0, 800.0]), Activation.SIGMOID)
    assert value.tolist() == [0.0, 1.0]
    assert slope is not None
    assert not slope.any()


def test_names_are_refused() -> None:
    unchecked: Any = inspect.unwrap(activated)  # in tests the annotation refuses them first
    with pytest.raises(InvalidArgumentError, match="Expected an Activation but got 'tanh'"):
        unchecked(np.zeros(1), "tanh")
