r"""Equations (22), (23), with the sign: for L = sum_i (y_i - u_i)^p, dL/du_j = -p (y_j - u_j)^{p-1}.

Assumptions
-----------
p >= 2 even; p = 2 gives du/dt = 2 eta H (y - u), that is (23) up to the factor 2 that the paper drops in (6), too.

Source
------
Path formula paper (ICLR 2020), Appendix A, equations (22) and (23); (6) in section 4.

Idea of the proof
-----------------
The chain rule: d(y - u)/du = -1.

Deviations from the paper
-------------------------
The sign; as printed it is `lp_gradient_printed`. With the printed sign gradient descent would climb.
"""

from __future__ import annotations

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_with
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "GRADIENT", "OUTPUT", "POWER", "TARGET", "THEOREM", "gradient_is"]

TARGET, OUTPUT = sp.symbols("y_j u_j", real=True)
POWER = sp.Symbol("p", integer=True, positive=True, even=True)
GRADIENT = sp.Symbol("dL/du_j", real=True)


def gradient_is(value: sp.Expr) -> Claim:
    """Return the claim that dL/du_j is `value`."""
    return Claim(
        "The gradient of sum_i (y_i - u_i)^p is -p (y_j - u_j)^(p-1).",
        equate(GRADIENT, value),
        ("L = sum_i (y_i - u_i)^p, p even",),
        {
            GRADIENT: "derivative of the loss by one output",
            TARGET: "target",
            OUTPUT: "output",
            POWER: "power of the loss",
        },
    )


CLAIM = gradient_is(-POWER * (TARGET - OUTPUT) ** (POWER - 1))


def derive(claim: Claim) -> Derivation:
    """Differentiate."""
    y1, u1 = sp.symbols("y_i u_i", real=True)
    loss = (TARGET - OUTPUT) ** POWER + (y1 - u1) ** POWER
    slope = sp.powsimp(sp.expand_power_exp(sp.diff(loss, OUTPUT)))
    eta, entry = sp.symbols("eta H", positive=True)
    return Derivation(
        (
            define("L = (y_j - u_j)^p + the other samples"),
            show_equal(
                "(23): for p = 2 one sample moves by 2 eta H (y - u)",
                -eta * entry * sp.diff((TARGET - OUTPUT) ** 2, OUTPUT),
                2 * eta * entry * (TARGET - OUTPUT),
            ),
            show_with("differentiate by u_j", claim.formula, {GRADIENT: slope}),
        )
    )


def domain() -> st.SearchStrategy[tuple[float, float, int]]:
    """A target, an output and an even power."""
    return st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.sampled_from([2, 4, 6])).map(
        lambda case: (float(case[0]), float(case[1]), case[2])
    )


def holds(claim: Claim, case: tuple[float, float, int]) -> bool:
    """Compare with the quotient of central differences, good to h^2 times the third derivative."""
    y, u, p = case
    h = 1e-4
    quotient = ((y - u - h) ** p - (y - u + h) ** p) / (2.0 * h)
    room = p**3 * (abs(y - u) + h) ** max(p - 3, 0) * h**2 + 1e-8 * (1.0 + abs(quotient))
    claimed = float(claim.formula.rhs.xreplace({TARGET: sp.Float(y), OUTPUT: sp.Float(u), POWER: sp.Integer(p)}))
    return bool(abs(quotient - claimed) <= room)


FALSE_TWINS = (
    FalseTwin("without the factor p", {"claim": gradient_is(-((TARGET - OUTPUT) ** (POWER - 1)))}),
    FalseTwin("power p", {"claim": gradient_is(-POWER * (TARGET - OUTPUT) ** POWER)}),
)

THEOREM = Theorem(
    name="lp_gradient",
    source=Source(PAPER, "(22), (23)", "with the sign"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("lp_gradient_printed", "lp_decay"),
)
