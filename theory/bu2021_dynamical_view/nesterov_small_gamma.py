r"""Section 4, gamma < 3: with a frozen kernel O(1/t^2) fails only below gamma = 2; between 2 and 3 it holds.

Assumptions
-----------
H constant, symmetric, positive definite; one eigenmode of Nesterov's flow from rest; gamma > 0.

Source
------
Bu, Xu and Chen (2021), section 4: "When gamma < 3, there exist counter-examples that fail the desired O(1/t^2)
convergence rate."

Idea of the proof
-----------------
limsup s^gamma x^2 is a positive number (`nesterov_true_power`), so s^2 x^2 = s^{2-gamma} s^gamma x^2 stays bounded
exactly when gamma >= 2. At gamma = 2 the mode is sin(s)/s.

Deviations from the paper
-------------------------
The paper's sentence is about general convex losses, where 3 is the threshold; it is an existence statement and true,
at gamma = 1 even here. For the quadratic pseudo-loss of the paper the threshold is 2.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.flows import Nesterov
from odeflow.numeric.modal import mode_response
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal
from odeflow.symbolic.modes import FREQUENCY, nesterov_even_mode
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import nesterov_true_power
from theory.bu2021_dynamical_view.notation import GAMMA, PAPER, SYMBOLS, T

GROWTH = sp.Symbol("limsup_s^2_x^2", positive=True)


def bounded_iff(condition: sp.Basic) -> Claim:
    """Return the claim that s^2 x(s)^2 stays bounded exactly under `condition`."""
    return Claim(
        "With a frozen kernel Nesterov's loss is O(1/t^2) exactly when gamma >= 2.",
        sp.Equivalent(sp.Lt(GROWTH, sp.oo, evaluate=False), condition, evaluate=False),
        ("H is constant, symmetric, positive definite", "one eigenmode, x(0) = 1, x'(0) = 0", "gamma > 0"),
        {GROWTH: "limsup of s^2 x(s)^2, s = sqrt(lambda) t -> infinity", GAMMA: SYMBOLS[GAMMA]},
    )


CLAIM = bounded_iff(sp.Ge(GAMMA, 2, evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Multiply the true law by s^{2-gamma}."""
    s, gap = sp.symbols("s d", positive=True)
    law = nesterov_true_power
    proof = law.derive(law.CLAIM)
    two = nesterov_even_mode(2)
    steps = [
        assume("gamma > 0, one eigenmode from rest"),
        *(step for step in proof.steps),
        infer("the amplitude 2^gamma Gamma((gamma+1)/2)^2/pi is positive, since Gamma(z) > 0 for z > 0"),
        show_equal("s^2 x^2 = s^{2-gamma} (s^gamma x^2)", s ** (2 - GAMMA) * s**GAMMA, s**2),
        show_equal(
            "gamma = 2 - d < 2: s^{-d} -> 0, the factor s^d tends to infinity",
            sp.Limit(s ** (-gap), s, sp.oo),
            sp.Integer(0),
        ),
        *two.verify().steps,
        show_equal(
            "gamma = 2: s^2 x^2 = sin(s)^2 <= 1",
            (two.response * FREQUENCY * T) ** 2,
            sp.sin(FREQUENCY * T) ** 2,
            name="s^2 x^2",
        ),
        infer("gamma > 2: the factor tends to 0"),
    ]
    return Derivation((*steps, infer("bounded exactly when gamma >= 2", CLAIM.formula, from_=steps)))


def growth_exponent(gamma: float) -> float:
    """Return log2 of the growth of max s^2 x^2 over a period, from s = 1000 to s = 2000."""
    tops = []
    for s in (1000.0, 2000.0):
        grid = s + np.linspace(0.0, np.pi, 257)
        tops.append(float((grid**2 * mode_response(Nesterov(gamma), np.array([1.0]), grid)[0] ** 2).max()))
    return float(np.log2(tops[1] / tops[0]))


def agrees(claim: Claim, gamma: float) -> bool:
    """Compare the claim with the growth; |gamma - 2| < 0.02 is too close to tell."""
    (condition,) = (a for a in claim.formula.args if not a.has(GROWTH))
    grows = growth_exponent(gamma) > 0.01
    return abs(gamma - 2.0) < 0.02 or grows != bool(condition.xreplace({GAMMA: sp.Float(gamma)}))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the growth of s^2 x^2 at eight gammas."""
    found = {g: growth_exponent(g) for g in (0.5, 1.0, 1.5, 1.9, 2.1, 2.5, 2.9, 3.0)}
    wrong = [g for g in found if not agrees(claim, g)]
    return Evidence.measured(
        claim,
        "s^2 x^2 grows like s to the power " + ", ".join(f"{v:+.3f} at gamma = {g:g}" for g, v in found.items()),
        contradicted=bool(wrong),
        error_bar=f"{max(abs(v - (2 - g)) for g, v in found.items()):.2g} (largest difference to 2 - gamma)",
        cases=len(found),
        detail=f"claim and growth disagree at gamma = {wrong[0]:g}" if wrong else "",
        picture=along(
            list(found),
            list(found.values()),
            {"2 - gamma": [2.0 - g for g in found], "no growth": 0.0},
            title="s^2 x^2 grows just below gamma = 2",
            xlabel="gamma",
            ylabel="power of s with which it grows",
        ),
    )


def domain() -> st.SearchStrategy[float]:
    """gamma in [0.3, 8]."""
    return st.floats(0.3, 8.0)


def holds(claim: Claim, gamma: float) -> bool:
    """Compare the claim with the growth at one gamma."""
    return agrees(claim, gamma)


FALSE_TWINS = (FalseTwin("threshold 3", {"claim": bounded_iff(sp.Ge(GAMMA, 3, evaluate=False))}),)

THEOREM = Theorem(
    name="nesterov_small_gamma",
    source=Source(PAPER, "Section 4, after Theorem 3", "on quadratics the threshold is 2, not 3"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_true_power", "nesterov_power_range"),
)
