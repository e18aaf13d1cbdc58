"""The exact infinite-width kernel against floats, against integration, and its spectra against eigenvectors."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.kernels import relu_ntk_limit
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import equate
from odeflow.symbolic.limit_kernels import (
    ANGLE,
    ENTRY,
    PRODUCT,
    circle_kernel,
    derive_limit_entry,
    limit_entry,
    limit_kernel,
    show_spectrum,
)

FLOAT_ROUNDING = 1e-14
"""Entries are of order 1 and each is a handful of operations."""

ROWS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)).filter(any), min_size=1, max_size=4)


@given(ROWS)
def test_exact_kernel_agrees_with_the_float_kernel_on_integer_points(rows):
    exact = limit_kernel(sp.Matrix(rows))
    floats = np.array(exact.evalf(30).tolist(), dtype=float)
    scale = max(x * x + y * y for x, y in rows)
    assert np.abs(floats - relu_ntk_limit(np.array(rows, dtype=float))).max() <= FLOAT_ROUNDING * scale


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 12])
def test_circle_kernel_is_the_kernel_of_points_on_the_circle(n):
    angles = 2 * np.pi * np.arange(n) / n
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    floats = np.array(circle_kernel(n).evalf(30).tolist(), dtype=float)
    assert np.abs(floats - relu_ntk_limit(points)).max() <= FLOAT_ROUNDING


def test_entry_formula_is_derived_and_a_wrong_one_is_refuted():
    proof = derive_limit_entry()
    assert proof.broken is None
    assert proof.conclusion == equate(ENTRY, limit_entry(PRODUCT, ANGLE))
    wrong = derive_limit_entry(equate(ENTRY, PRODUCT * (sp.Rational(1, 2) - ANGLE / sp.pi)))
    assert wrong.steps[-1].decision.status is Status.FAILS


def test_spectrum_with_a_wrong_multiplicity_is_refuted():
    kernel = circle_kernel(3)
    right = (sp.Rational(1, 3), sp.Rational(7, 12), sp.Rational(7, 12))
    assert show_spectrum("n = 3", kernel, right).decision.holds
    assert show_spectrum("n = 3", kernel, (right[0], right[0], right[1])).decision.status is Status.FAILS


def test_bad_points_are_refused():
    with pytest.raises(InvalidArgumentError, match="row 1"):
        limit_kernel(sp.Matrix([[1, 0], [0, 0]]))
    with pytest.raises(InvalidArgumentError, match="n=0"):
        circle_kernel(0)
