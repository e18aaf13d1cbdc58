r"""After Theorem 2 as printed: lambda_0 < 1/2, so heavy ball is strictly faster. Refuted by orthonormal inputs.

Assumptions
-----------
Every input has norm 1, and no two are parallel.

Source
------
Bu, Xu and Chen (2021), the remark after Theorem 2: "we claim that lambda_0 < 1/2 as tr(H_inf) = n/2 = sum_i lambda_i
> n lambda_0" and "indeed sqrt(lambda_0/2) > lambda_0".

Idea of the refutation
----------------------
The sum of the eigenvalues exceeds n lambda_0 only if they are not all equal. For orthonormal inputs H_inf = I/2 and
lambda_0 = 1/2 = sqrt(lambda_0/2): the two rates agree. The corrected statement is `smallest_eigenvalue_at_most_half`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER
from theory.bu2021_dynamical_view.smallest_eigenvalue_at_most_half import CLAIM as CORRECTED
from theory.bu2021_dynamical_view.smallest_eigenvalue_at_most_half import HALF, SMALLEST, UNIT, on_data, orthonormal


def below(formula: sp.Basic) -> Claim:
    """Return the claim that lambda_0 is strictly below something."""
    return Claim(
        "On inputs of unit norm the smallest eigenvalue of H_inf is strictly below 1/2.",
        formula,
        (UNIT, "no two inputs are parallel"),
        {SMALLEST: "smallest eigenvalue of H_inf"},
    )


CLAIM = below(sp.Lt(SMALLEST, HALF, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Take two orthonormal inputs: both eigenvalues are 1/2, and the paper's two rates agree."""
    found = orthonormal(claim)
    rates = show_equal("the paper's two rates agree there", sp.sqrt(HALF / 2), HALF, name="sqrt(lambda_0/2)")
    (violated,) = found.steps[-1:]
    at = show_violated("orthonormal inputs", claim.formula, violated.decision.witness)
    return Derivation((*found.steps[:-1], rates, at))


FALSE_TWINS = (
    FalseTwin("at most 49/100", {"claim": below(sp.Le(SMALLEST, sp.Rational(49, 100), evaluate=False))}),
    FalseTwin("the rates differ", {"claim": below(sp.Lt(SMALLEST, sp.sqrt(SMALLEST / 2), evaluate=False))}),
)

THEOREM = Theorem(
    name="smallest_eigenvalue_strict",
    source=Source(PAPER, "Section 3, after Theorem 2", "as printed; corrected in smallest_eigenvalue_at_most_half"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    on_data=on_data,
    twins=FALSE_TWINS,
    related=("smallest_eigenvalue_at_most_half",),
)
