r"""Section 5.1 as the paper uses it: (5.1) converges for any positive coefficients. Refuted at b1 = b2 = 1, lambda = 2.

Assumptions
-----------
H constant, symmetric, positive definite; Delta''' + b2 Delta'' + b1 Delta' + H Delta = 0 with b1, b2 > 0.

Source
------
Bu, Xu and Chen (2021), section 5.1: the higher momentum method "allows faster convergence rate than GD and HB"; no
condition on the coefficients is given.

Idea of the refutation
----------------------
s^3 + s^2 + s + 2 has one real root, about -1.353; the three roots add up to -1, so the other two have real part
(1.353 - 1)/2 > 0 and the error grows.

Deviations from the paper
-------------------------
The paper never prints "(5.1) converges" as a theorem; this entry is the statement that its comparison presupposes.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.flows import LinearFlow
from odeflow.numeric.modal import mode_response
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.momentum_stability import ABSCISSA, B1, B2, WHERE, abscissa
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER


def states(formula: sp.Basic) -> Claim:
    """Return the claim about the largest real part of the roots."""
    return Claim(
        "With a frozen kernel the flow (5.1) with two momenta converges for all positive coefficients.",
        formula,
        ("H is constant, symmetric, positive definite", "b1 > 0, b2 > 0", "J = 2"),
        WHERE,
    )


CLAIM = states(sp.Lt(ABSCISSA, 0, evaluate=False))
CORRECTED = states(sp.Implies(sp.Lt(LAMBDA, B1 * B2, evaluate=False), sp.Lt(ABSCISSA, 0, evaluate=False)))
AT = {B1: sp.Integer(1), B2: sp.Integer(1), LAMBDA: sp.Integer(2)}


def counterexample(claim: Claim) -> Derivation:
    """b1 = b2 = 1, lambda = 2: the real part of the complex pair is an exact algebraic number > 0."""
    s = sp.Symbol("s")
    cubic = (s**3 + B2 * s**2 + B1 * s + LAMBDA).xreplace(AT)
    real_root = sp.CRootOf(cubic, 0)
    pair = sp.Rational(-1, 2) * (1 + real_root)
    return Derivation(
        (
            assume("n = 1, H = 2, b1 = b2 = 1"),
            show_equal("at -3/2 the polynomial is negative", sp.Subs(cubic, s, sp.Rational(-3, 2)), sp.Rational(-5, 8)),
            show_equal("at -1 it is positive", sp.Subs(cubic, s, -1), sp.Integer(1)),
            show_less("so it has a real root below -1", real_root, sp.Integer(-1)),
            show_equal(
                "its slope is 3 (s + 1/3)^2 + 2/3 > 0: no other real root",
                sp.diff(cubic, s),
                3 * (s + sp.Rational(1, 3)) ** 2 + sp.Rational(2, 3),
            ),
            infer("the roots add up to -b2 = -1, so the complex pair has the real part -(1 + real root)/2"),
            show_violated("that is positive", claim.formula, {ABSCISSA: pair, **AT}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow the mode from x = 1 at rest by its closed form, and compare its growth with the roots."""
    sigma, times = abscissa([1.0, 1.0, 2.0]), np.linspace(20.0, 60.0, 4001)
    x = np.abs(mode_response(LinearFlow((1.0, 1.0)), np.array([2.0]), times)[0])
    early, late = (float(x[part].max()) for part in (times < 30.0, times > 50.0))
    growth = float(np.log(late / early) / 30.0)
    return Evidence.measured(
        claim,
        f"the error grows from {early:.1f} to {late:.1f}, at rate {growth:.3f}; the roots say {sigma:.4f}",
        contradicted=growth > 0.0 and not isinstance(claim.formula, sp.Implies),
        error_bar=f"{abs(growth - sigma):.2g} (growth of maxima against roots)",
        detail=f"at b1 = b2 = 1, lambda = 2 the error grows at rate {sigma:.4f}",
        picture=along(
            times,
            x,
            {"growth of the roots": early * np.exp(sigma * (times - 25.0))},
            title="With b_1 = b_2 = 1 and lambda = 2 the error grows",
            xlabel="flow time t",
            ylabel="|x|",
            yscale="log",
            line=True,
        ),
    )


FALSE_TWINS = (
    FalseTwin(
        "stable below 3 b1 b2",
        {"claim": states(sp.Implies(sp.Lt(LAMBDA, 3 * B1 * B2, evaluate=False), sp.Lt(ABSCISSA, 0, evaluate=False)))},
    ),
)

THEOREM = Theorem(
    name="momentum_stability_printed",
    source=Source(PAPER, "(5.1), J = 2", "as presupposed; corrected in momentum_stability"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("momentum_stability", "momentum_stability_any_order"),
)
