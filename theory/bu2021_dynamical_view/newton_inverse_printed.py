r"""Section 5.2 as printed: Newton's flow inverts J_r^T J_r for every neuron. Refuted: it is singular for many neurons.

Assumptions
-----------
Two-layer ReLU network, J_r has the rows a_r 1{w_r.x_i > 0} x_i^T / sqrt(m).

Source
------
Bu, Xu and Chen (2021), section 5.2: w_r' = -(J_r^T J_r)^{-1} J_r^T (f - y).

Idea of the refutation
----------------------
J_r^T J_r is the sum of x_i x_i^T over the active samples, over m: it is invertible iff the active samples span R^p.
With n < p it never is. With n >= p one neuron that sees a single sample is enough.

Deviations from the paper
-------------------------
The matrix is always positive semidefinite (the control), so the flow exists with the pseudo-inverse (`newton_rate`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import random_network
from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["THEOREM"]

DETERMINANT = sp.Symbol("det(J_r^T J_r)", real=True)


def states(formula: sp.Basic) -> Claim:
    """Return a claim about the determinant of the block."""
    return Claim(
        "The per-neuron Hessian J_r^T J_r is invertible.",
        formula,
        ("two-layer ReLU network", "w_r.x_i != 0 for every sample"),
        {DETERMINANT: "determinant of the per-neuron Hessian"},
    )


CLAIM = states(sp.Gt(DETERMINANT, 0, evaluate=False))
CORRECTED = states(sp.Ge(DETERMINANT, 0, evaluate=False))


def block(samples: sp.Matrix, weight: sp.Matrix) -> sp.Matrix:
    """Return J_r for one neuron, m = 1, a_r = 1."""
    gates = [1 if value > 0 else 0 for value in samples * weight]
    return sp.diag(*gates) * samples


def counterexample(claim: Claim) -> Derivation:
    """One sample in the plane; then three samples in the plane of which the neuron sees one."""
    single = block(sp.Matrix([[1, 0]]), sp.Matrix([1, 1]))
    three = sp.Matrix([[1, 0], [-sp.Rational(1, 2), sp.sqrt(3) / 2], [-sp.Rational(1, 2), -sp.sqrt(3) / 2]])
    weight = sp.Matrix([1, sp.Rational(1, 10)])
    values = three * weight
    few = block(three, weight)
    return Derivation(
        (
            assume("n = 1 < p = 2: x = (1, 0), w = (1, 1)"),
            show_violated("one rank for two weights", claim.formula, {DETERMINANT: (single.T * single).det()}),
            assume("n = 3 > p = 2: equispaced unit vectors, w = (1, 1/10)"),
            show_less("the neuron sees x_1", sp.Rational(1, 2), values[0]),
            show_less("not x_2", values[1], sp.Rational(-1, 10)),
            show_less("and not x_3", values[2], sp.Rational(-1, 10)),
            show_equal(
                "its Hessian has trace 1, it is not zero",
                (few.T * few).trace(),
                sp.Integer(1),
                name="trace of the Hessian",
            ),
            show_violated("but only one rank", claim.formula, {DETERMINANT: (few.T * few).det()}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count the neurons of random networks (n = 10, p = 3) that see too few samples."""
    singular, total = 0, 0
    for k in range(5):
        case = random_network(10, 3, 1000, seed=np.random.default_rng((seed, k)))
        active = case.W @ case.X.T > 0
        ranks = np.array([np.linalg.matrix_rank(case.X[row]) if row.any() else 0 for row in active])
        singular, total = singular + int((ranks < 3).sum()), total + 1000
    share = singular / total
    return Evidence.measured(
        claim,
        f"{singular} of {total} neurons have a singular Hessian ({share:.2%})",
        contradicted=bool(singular and isinstance(claim.formula, sp.StrictGreaterThan)),
        error_bar=f"{np.sqrt(share * (1 - share) / total):.2%} (binomial)",
        cases=total,
        seed=seed,
        detail=f"{singular} of {total} neurons have a singular Hessian",
    )


FALSE_TWINS = (FalseTwin("at least 1/100", {"claim": states(sp.Ge(DETERMINANT, sp.Rational(1, 100), evaluate=False))}),)

THEOREM = Theorem(
    name="newton_inverse_printed",
    source=Source(PAPER, "Section 5.2, Newton's gradient flow", "as printed; the pseudo-inverse exists always"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("newton_hessian", "newton_rate"),
)
