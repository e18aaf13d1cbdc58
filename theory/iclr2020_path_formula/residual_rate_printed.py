r"""Section 4, literally: xi is determined by lambda_min(H). Refuted by a residual that never meets that eigenvector.

Assumptions
-----------
Those of section 4: gradient flow, L = |y - u|^2/2; a linear network u = v w x with one input, two samples.

Source
------
Section 4, after (9): "xi will be determined by the minimum eigenvalue of H(t)".

Idea of the refutation
----------------------
x = (1, 2), u = v w x, y on the line through x. H = (v^2 + w^2) x x^T has lambda_min = 0, so xi would be 0: the residual
would not move. But the residual stays on that line, where H acts as (v^2 + w^2)|x|^2 > 0.

Deviations from the paper
-------------------------
True: lambda_min bounds the rate from below (`residual_bound`); on an invariant subspace its smallest eigenvalue there.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_violated
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import kernel_by_paths, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

RATE, LOWEST, LARGEST = (
    sp.Symbol("rho", real=True),
    sp.Symbol("lambda_min", real=True),
    sp.Symbol("lambda_max", real=True),
)


def rate_is(formula: sp.Basic, statement: str) -> Claim:
    """Return a claim about rho = -(d|r|/dt)/(eta |r|), the exponent of the residual at the moment."""
    return Claim(
        statement,
        formula,
        ("d(y - u)/dt = -eta H (y - u)",),
        {RATE: "-(d|r|/dt)/(eta |r|), 1 - xi = e^{-eta rho}", LOWEST: "least eigenvalue of H", LARGEST: "largest"},
    )  # fmt: skip


CLAIM = rate_is(
    equate(RATE, LOWEST), "The residual's rate is determined by lambda_min(H(t)): 1 - xi = e^{-eta lambda_min}."
)
CORRECTED = rate_is(sp.Ge(RATE, LOWEST, evaluate=False), "The rate of the residual is at least lambda_min(H).")


def counterexample(claim: Claim) -> Derivation:
    """Two samples of one input, a linear network with two weights, at v = w = 1."""
    network = layered_network([1, 1, 1])
    w, v = network.parameters
    x = sp.Matrix([1, 2])
    H = kernel_by_paths(propagate(network, [[1], [2]]))
    y = sp.Symbol("y", real=True)
    residual = (y - v * w) * x  # y on the line through x
    here = {w: sp.Integer(1), v: sp.Integer(1)}
    moved = H * residual
    values = H.xreplace(here).eigenvals()
    rho = sp.cancel((residual.T * moved)[0] / (residual.T * residual)[0]).xreplace(here)
    return Derivation(
        (
            define("u = v w x for the inputs x = (1, 2), targets y (1, 2): the residual is (y - v w) x"),
            show_equal("det H", sp.Determinant(H), sp.Integer(0)),
            show_equal("trace H = (v^2 + w^2)|x|^2 > 0, so the smaller eigenvalue is 0", H.trace(), 5 * (v**2 + w**2),
                       name="trace H"),
            show_equal("H x, first entry", moved[0], 5 * (v**2 + w**2) * residual[0]),
            show_equal("second entry: the residual stays on the line", moved[1], 5 * (v**2 + w**2) * residual[1]),
            show_violated(
                "at v = w = 1", claim.formula, {RATE: rho, LOWEST: min(values), LARGEST: max(values)}
            ),
        )
    )  # fmt: skip


FALSE_TWINS = (
    FalseTwin("at most lambda_min", {"claim": rate_is(sp.Le(RATE, LOWEST, evaluate=False), "at most lambda_min")}),
    FalseTwin("half of the largest", {"claim": rate_is(equate(RATE, (LOWEST + LARGEST) / 2), "the mean")}),
)

THEOREM = Theorem(
    name="residual_rate_printed",
    source=Source(PAPER, "Section 4, lambda_min", "as printed; corrected in residual_bound"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("residual_bound",),
)
