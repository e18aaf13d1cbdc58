r"""Section 4: the loss of Nesterov's flow is never monotone, whatever gamma and the spectrum.

Assumptions
-----------
H constant, symmetric, positive definite; gamma > 0; one eigenmode x'' + (gamma/t) x' + lambda x = 0, x(0) = 1,
x'(0) = 0.

Source
------
Bu, Xu and Chen (2021), section 4: "NAG and HB are well-known to have non-monotone loss dynamics".

Idea of the proof
-----------------
u = t^{gamma/2} x has u'' + (lambda + gamma (2 - gamma)/(4 t^2)) u = 0, and the bracket is at least lambda/4 for large
t, so by Sturm's comparison u has a zero in every interval of length 2 pi/sqrt(lambda). A zero of x is simple, so the
loss is 0 there and positive behind.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.flows import Nesterov
from odeflow.numeric.modal import mode_response
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, cite, infer, show_equal, show_less
from odeflow.symbolic.flows import nesterov
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import GAMMA, LAMBDA, PAPER, SYMBOLS, T

RISES = sp.Function("rises_per_unit_of_s", nonnegative=True)(GAMMA)


def rises_as_often_as(formula: sp.Basic) -> Claim:
    """Return the claim about how often the loss of a mode rises."""
    return Claim(
        "With a frozen kernel the loss of a mode of Nesterov's flow rises again and again: once in every 2 pi of s.",
        formula,
        ("H is constant, symmetric, positive definite", "gamma > 0", "Delta'(0) = 0, one eigenmode"),
        {
            RISES: "lower limit of the number of rises per unit of s = sqrt(lambda) t, s -> infinity",
            GAMMA: SYMBOLS[GAMMA],
        },
    )


CLAIM = rises_as_often_as(sp.Ge(RISES, 1 / (2 * sp.pi), evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Remove the damping by a substitution and compare with a sine."""
    u = sp.Function("u")(T)
    residual = nesterov(GAMMA).mode_residual(T ** (-GAMMA / 2) * u, LAMBDA) * T ** (GAMMA / 2)
    bracket = LAMBDA + GAMMA * (2 - GAMMA) / (4 * T**2)
    excess = sp.Symbol("d", nonnegative=True)  # t^2 = gamma^2/(3 lambda) + d
    late = sp.Symbol("t2", positive=True)
    derivatives = {sp.diff(u, T, 2): sp.Symbol("u2"), sp.diff(u, T): sp.Symbol("u1"), u: sp.Symbol("u0")}
    expanded = sp.expand(sp.expand(residual.doit()).xreplace(derivatives))
    expected = sp.expand(sp.Symbol("u2") + bracket * sp.Symbol("u0"))
    steps = [
        assume("gamma > 0, lambda > 0"),
        show_equal(
            "u = t^{gamma/2} x has u'' + (lambda + gamma (2 - gamma)/(4 t^2)) u = 0",
            expanded,
            expected,
            name="left side of the equation for u",
        ),
        show_less(
            "the bracket is >= lambda/4 once t^2 >= gamma^2/(3 lambda)",
            LAMBDA / 4,
            bracket.subs(T**2, late).subs(late, GAMMA**2 / (3 * LAMBDA) + excess),
        ),
        cite("Sturm's comparison theorem"),
        infer("so u, hence x, has a zero in every interval of length 2 pi/sqrt(lambda) from then on"),
        infer("a zero of x is simple (else x would vanish identically), so x^2 rises behind it from 0"),
    ]
    return Derivation((*steps, infer("in s that is once in every 2 pi", CLAIM.formula, from_=steps)))


def rises(gamma: float, end: float) -> int:
    """Count the minima of the squared mode with a rise behind them, on (0, end] in s."""
    s = np.linspace(0.0, end, int(end * 40.0))
    loss = mode_response(Nesterov(gamma), np.array([1.0]), s)[0] ** 2
    return int(((loss[1:-1] < loss[:-2]) & (loss[1:-1] <= loss[2:])).sum())


def enough(claim: Claim, gamma: float, end: float) -> bool:
    """Compare the number of rises up to s = end with the claim, one rise and the first gamma s left out."""
    per_unit = float(claim.formula.rhs)
    return rises(gamma, end) + 1 >= per_unit * (end - gamma)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count the rises of the loss up to s = 400 at five gammas."""
    counts = {gamma: rises(gamma, 400.0) for gamma in (0.5, 2.0, 3.0, 7.0, 12.0)}
    wrong = [g for g in counts if not enough(claim, g, 400.0)]
    said = ", ".join(f"{c} at gamma = {g:g}" for g, c in counts.items())
    return Evidence.measured(
        claim,
        f"rises up to s = 400: {said} (400/pi = {400 / np.pi:.1f})",
        contradicted=bool(wrong),
        error_bar="1 rise (the last one may be cut)",
        cases=len(counts),
        detail=f"too few rises at gamma = {wrong[0]:g}" if wrong else "",
        picture=along(
            list(counts),
            list(counts.values()),
            {"claimed: at least": [float(claim.formula.rhs) * (400.0 - g) for g in counts]},
            title="The loss rises again and again",
            xlabel="gamma",
            ylabel="rises up to s = 400",
        ),
    )


def domain() -> st.SearchStrategy[float]:
    """gamma in [0.2, 15]."""
    return st.floats(0.2, 15.0)


def holds(claim: Claim, gamma: float) -> bool:
    """Count the rises up to s = 200."""
    return enough(claim, gamma, 200.0)


FALSE_TWINS = (FalseTwin("once in every unit of s", {"claim": rises_as_often_as(sp.Ge(RISES, 1, evaluate=False))}),)

THEOREM = Theorem(
    name="nesterov_loss_oscillates",
    source=Source(PAPER, "Section 4, after Theorem 3"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("loss_oscillates", "nesterov_true_power"),
)
