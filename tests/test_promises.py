"""A bound is held against losses of any size: where both have underflowed, and where the bound overflows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from odeflow.flow_text import parse_flow
from odeflow.flows import Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.promises import LEAST, Promise, held_against, promise
from odeflow.symbolic.rate_certificates import ModalCertificate

SLOW = Promise(Kind.EXPONENTIAL, 1.0, 0.0, 1.0, 1.0)
SQUARE = Promise(Kind.POWER, 2.0, 0.0, 1.0, None)


def test_times_at_which_loss_and_bound_have_underflowed_are_not_told() -> None:
    t = np.array([1.0, 600.0, 700.0, 745.0, 1e20, 1e308])
    found = held_against(SLOW, t, 0.5 * np.exp(-t))
    assert found is not None
    assert found.holds
    assert found.largest == pytest.approx(0.5, rel=1e-12)
    # e^-744 and the bound e^-744.6 are both rounded to few bits: their quotient is not 1.8
    coarse = held_against(SLOW, t, np.where(t == 745.0, 1e-323, 0.5 * np.exp(-t)))
    assert coarse is not None
    assert coarse.holds
    assert held_against(SLOW, t[3:], np.zeros(3)) is None


def test_a_loss_that_stays_while_its_bound_underflows_breaks_it() -> None:
    found = held_against(SLOW, np.array([1.0, 1e4]), np.array([0.1, 1e-10]))
    assert found is not None
    assert not found.holds
    assert found.time == 1e4
    assert found.largest >= 1e-10 / LEAST


def test_a_bound_beyond_double_precision_is_met() -> None:
    found = held_against(SQUARE, np.array([1e-200, 1.0]), np.array([5.0, 0.25]))
    assert found is not None
    assert (found.largest, found.time, found.holds) == (0.25, 1.0, True)


@pytest.mark.parametrize("size", [1, 10**160])
def test_the_constant_of_a_modal_energy_is_exact_where_the_energy_leaves_double_precision(size: int) -> None:
    # P = size [[lam, 1], [1, 1]], so that P_00 (P^{-1})_00 = lam / (lam - 1)
    flow = parse_flow("x'' + 2*x' + grad(x)").at()
    known = FunctionClass(ClassName.QUADRATIC, Fraction(2), Fraction(9))
    one, lam = (Fraction(size) ** 2,), (Fraction(0), Fraction(size) ** 2)
    certificate = ModalCertificate(flow, known, Fraction(2), ((lam, one), (one, one)))
    eigenvalues = np.array([1.0 + 2.0**-50, 4.0])
    for k in range(2):
        found = promise(certificate, eigenvalues[k:], np.array([[2.0] * (2 - k), [0.0] * (2 - k)]))
        assert found is not None
        assert found.factor == (2.0**50 + 1.0 if k == 0 else 4.0 / 3.0)
