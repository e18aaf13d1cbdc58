r"""E[H_m] = m E[Z]: the expected kernel is linear in the width; for linear networks (sw^2 + sv^2) m <x_i, x_j>.

Assumptions
-----------
Two layers, m neurons; the pairs (v_l, w_l) independent and identically distributed over l, at the same scale for every
m: w ~ N(0, sw^2 I), v ~ N(0, sv^2). Identity activation for the closed form; any input dimension.

Source
------
Path formula paper (ICLR 2020), Proposition 6.1: the part that is true; after (16), "H_ij is composed of m i.i.d
components".

Idea of the proof
-----------------
H is a sum over neurons (`two_layer_kernel`), the expectation is linear, E w_k w_l = sw^2 delta_kl.

Deviations from the paper
-------------------------
The paper concludes that the expected convergence rate is linear in m. The rate is a function of lambda_min(H), and
E lambda_min is not lambda_min E (`expected_smallest_eigenvalue_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import two_layer_kernel
from theory.iclr2020_path_formula._kernel_means import (
    FIRST,
    MEAN,
    SECOND,
    WHERE,
    WIDTH,
    identity,
    mean_kernel_evidence,
)
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.two_layer_kernel import GRAM

__all__ = ["CLAIM", "THEOREM", "gaussian_mean"]


def mean_is(value: sp.Expr) -> Claim:
    """Return the claim that E[H_ij] is `value`."""
    return Claim(
        "The expected kernel of m independent neurons is m times that of one; linear: (sw^2 + sv^2) <x_i, x_j>.",
        equate(MEAN, value),
        ("(v_l, w_l) iid over l, scale independent of m", "identity activation", "w ~ N(0, sw^2 I), v ~ N(0, sv^2)"),
        {**WHERE, GRAM: "<x_i, x_j>"},
    )


CLAIM = mean_is(WIDTH * (FIRST**2 + SECOND**2) * GRAM)


def gaussian_mean(function: sp.Expr, variable: sp.Symbol, deviation: sp.Expr) -> sp.Expr:
    """Return the exact mean of a function of a normal variable."""
    density = sp.exp(-(variable**2) / (2 * deviation**2)) / (sp.sqrt(2 * sp.pi) * deviation)
    return sp.integrate(function * density, (variable, -sp.oo, sp.oo))


def derive(claim: Claim) -> Derivation:
    """Take the moments of one neuron, then add m of them."""
    kernel = two_layer_kernel
    w = sp.Symbol("w", real=True)
    index = sp.Symbol("l", positive=True, integer=True)
    moments = [gaussian_mean(w**2, w, deviation) for deviation in (FIRST, SECOND)]
    one = moments[0] * GRAM + moments[1] * GRAM
    return Derivation(
        (
            assume("(v_l, w_l) iid over l; coordinates independent, w_lk ~ N(0, sw^2), v_l ~ N(0, sv^2)"),
            by("two_layer_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
            show_equal("E w_k = 0, so E w_k w_l = 0 for k != l", gaussian_mean(w, w, FIRST), sp.S.Zero, name="E w_k"),
            show_equal("E w_k^2 = sw^2", moments[0], FIRST**2, name="E w_k^2"),
            show_equal("E v^2 = sv^2", moments[1], SECOND**2, name="E v^2"),
            infer("so E <w, x_i><w, x_j> = sum_k sw^2 x_ik x_jk = sw^2 <x_i, x_j>, in every dimension"),
            define("E Z_ij = sw^2 <x_i, x_j> + sv^2 <x_i, x_j>, the same for all neurons"),
            show_with("add m of them", claim.formula, {MEAN: sp.Sum(one, (index, 1, WIDTH)).doit()}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average the kernels of many random networks."""
    return mean_kernel_evidence(claim, identity, lambda X: {GRAM: np.asarray(X @ X.T)}, seed)


FALSE_TWINS = (
    FalseTwin("m^2", {"claim": mean_is(WIDTH**2 * (FIRST**2 + SECOND**2) * GRAM)}),
    FalseTwin("only the first layer", {"claim": mean_is(WIDTH * FIRST**2 * GRAM)}),
)

THEOREM = Theorem(
    name="expected_kernel",
    source=Source(PAPER, "Proposition 6.1, E[H]", "the reading that is true; closed form for linear networks"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("two_layer_kernel", "expected_kernel_relu", "expected_kernel_erf", "expected_smallest_eigenvalue_printed"),
)
