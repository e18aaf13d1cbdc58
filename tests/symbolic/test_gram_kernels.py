"""The two-layer kernel's entries and sign, decided for claims that are right and for claims that are not."""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import equate
from odeflow.symbolic.error_dynamics import (
    BOTH_ACTIVE,
    GRAM_ENTRY,
    WIDTH,
    derive_gram_kernel,
    derive_gram_semidefinite,
    gram_entry,
)
from odeflow.symbolic.inner_products import Operator, Vector, inner


def test_the_entries_are_proved_as_the_paper_prints_them():
    assert derive_gram_kernel().judge(gram_entry()).status is Status.HOLDS


def test_a_wrong_power_of_the_width_is_refuted_exactly():
    gram = inner(Vector.base("x_i"), Vector.base("x_j"))
    wrong = equate(GRAM_ENTRY, gram * BOTH_ACTIVE / WIDTH**2)
    assert derive_gram_kernel(wrong).judge(wrong).status is Status.FAILS


def test_the_kernel_is_proved_semidefinite_but_not_definite():
    v, H = Vector.base("v"), Operator("H", symmetric=True)
    form = inner(v, H @ v)
    proof = derive_gram_semidefinite()
    assert proof.judge(sp.Ge(form, 0, evaluate=False)).status is Status.HOLDS
    assert proof.judge(sp.Gt(form, 0, evaluate=False)).status is Status.UNDECIDED
