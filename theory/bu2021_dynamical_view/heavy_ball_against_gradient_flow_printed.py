r"""Section 3 as printed: sqrt(lambda_0/2) > lambda_0, strictly. Refuted by orthonormal data.

Assumptions
-----------
Unit-norm inputs.

Source
------
Bu, Xu and Chen (2021), section 3, after Theorem 2: "We notice that indeed sqrt(lambda_0/2) > lambda_0, suggesting a
boost in the linear convergence rate of HB when compared to GD ... we claim that lambda_0 < 1/2".

Idea of the refutation
----------------------
Orthonormal inputs have H_inf = I/2, lambda_0 = 1/2, and both rates are 1/2. The losses tie too, up to a factor that
does not decay: gradient flow e^{-t}, heavy ball with b = 1 e^{-t} (1 + sin t).

Deviations from the paper
-------------------------
Corrected with ">=" in `heavy_ball_against_gradient_flow`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_value, show_violated
from odeflow.symbolic.modes import FREQUENCY, gradient_flow_mode, heavy_ball_modes
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_against_gradient_flow import CLAIM as CORRECTED
from theory.bu2021_dynamical_view.heavy_ball_against_gradient_flow import ORTHONORMAL_ENTRY, compares
from theory.bu2021_dynamical_view.notation import LAMBDA, LAMBDA0, PAPER, RATE, T

CLAIM = compares(sp.Gt(sp.sqrt(LAMBDA0 / 2), LAMBDA0, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Orthonormal inputs: H_inf = I/2; the two losses in closed form."""
    half = sp.Rational(1, 2)
    under, _, _ = heavy_ball_modes(RATE)
    at_half = {RATE: half, FREQUENCY: half}  # lambda = r^2 + omega^2 = 1/2, r = sqrt(lambda_0/2) = 1/2
    off_diagonal = (half - sp.acos(0) / (2 * sp.pi)) * 0
    return Derivation(
        (
            assume("n orthonormal inputs"),
            show_value("diagonal of H_inf", ORTHONORMAL_ENTRY, half),
            show_equal("off the diagonal", off_diagonal, sp.Integer(0), name="entry off the diagonal"),
            show_equal("so every eigenvalue is 1/2 and r = sqrt(lambda_0/2) = 1/2", sp.sqrt(half / 2), half, name="r"),
            show_value("the mode's eigenvalue", under.eigenvalue.subs(at_half), half),
            *under.verify().steps,
            show_equal(
                "gradient flow's loss is e^{-t} L(0)",
                gradient_flow_mode(LAMBDA).response.subs(LAMBDA, half) ** 2,
                sp.exp(-T),
                name="L(t)/L(0)",
            ),
            show_equal(
                "heavy ball's is e^{-t} (1 + sin t) L(0): the same exponent",
                under.response.subs(at_half) ** 2,
                sp.exp(-T) * (1 + sp.sin(T)),
            ),
            show_violated("the rates are equal", claim.formula, {LAMBDA0: half}),
        )
    )


FALSE_TWINS = (
    FalseTwin("larger by a hundredth", {"claim": compares(sp.Ge(sp.sqrt(LAMBDA0 / 2), LAMBDA0 + sp.Rational(1, 100)))}),
)

THEOREM = Theorem(
    name="heavy_ball_against_gradient_flow_printed",
    source=Source(PAPER, "Section 3, after Theorem 2", "as printed, with a strict inequality"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("heavy_ball_against_gradient_flow",),
)
