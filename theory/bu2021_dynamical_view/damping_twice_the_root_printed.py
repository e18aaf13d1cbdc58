r"""Section 3 as printed: b = sqrt(2 lambda_0), "i.e. twice the strongly convexity of Lhat". Refuted.

Assumptions
-----------
H >= (lambda_0/2) I, the paper's hypothesis; b = sqrt(2 lambda_0).

Source
------
Bu, Xu and Chen (2021), section 3, before (3.5).

Idea of the refutation
----------------------
At lambda_0 = 1/8 the damping is 1/2 and twice the strong convexity is 1/8. They agree only at lambda_0 = 2, which
unit-norm data never have (lambda_0 <= 1/2).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, show_less, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import damping_twice_the_root
from theory.bu2021_dynamical_view.damping_twice_the_root import DAMPING, SETTING, equals
from theory.bu2021_dynamical_view.notation import LAMBDA0, MU, PAPER

CLAIM = equals(2 * MU)
CORRECTED = damping_twice_the_root.CLAIM


def counterexample(claim: Claim) -> Derivation:
    """lambda_0 = 1/8."""
    at = {LAMBDA0: sp.Rational(1, 8)}
    instance = {name: value.subs(at) for name, value in SETTING.items()}
    return Derivation(
        (
            assume("lambda_0 = 1/8"),
            show_less("lambda_0 <= 1/2, as for unit-norm data", at[LAMBDA0], sp.Rational(1, 2)),
            by(
                "damping_twice_the_root",
                damping_twice_the_root.derive(damping_twice_the_root.CLAIM),
                damping_twice_the_root.CLAIM.formula,
            ),
            show_value("the damping", instance[DAMPING], sp.Rational(1, 2)),
            show_violated("twice the strong convexity is 1/8", claim.formula, instance),
        )
    )


FALSE_TWINS = (FalseTwin("four times the strong convexity", {"claim": equals(4 * MU)}),)

THEOREM = Theorem(
    name="damping_twice_the_root_printed",
    source=Source(PAPER, "Section 3, before (3.5)", "as printed"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("damping_twice_the_root",),
)
