r"""Near zero a network is ahead of (8) by a constant time, however small the weights: the corrected statement.

Assumptions
-----------
N = 2, k = d = 1, constant slope L' = -g (what any loss looks like near zero); u(0) = a eps, v(0) = b eps, a, b > 0.

Source
------
Corrects Arora, Cohen and Hazan (2018), section 5, below (10).

Idea of the proof
-----------------
w(network) = eps^2 ((a + b)^2 e^{2gt} - (a - b)^2 e^{-2gt})/4, w(8) = a b eps^2 e^{2gt}. The first is the second, a
constant time later, up to a term that dies out like e^{-4gt}.

Deviations from the paper
-------------------------
New. The shift is 0 only for a = b, that is for balanced weights. For N = 3 it grows like 1/eps (see the simulation).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import flow_end_to_end, flow_layers
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.near_zero_printed import FIRST, SECOND, SLOPE, TIME, measured, solutions
from theory.arora2018_implicit_acceleration.notation import PAPER

SHIFT = sp.Symbol("tau", real=True)


def shift_is(value: sp.Expr) -> Claim:
    """Return the claim that the network is ahead by `value`."""
    return Claim(
        "From near zero the network is ahead of (8) by the constant time ln[(a + b)^2/(4ab)]/(2g), for every eps.",
        equate(SHIFT, value),
        ("N = 2, one weight a layer", "constant slope -g", "u(0) = a eps, v(0) = b eps, a, b > 0"),
        {
            SHIFT: "time by which the network is ahead, as t -> oo",
            FIRST: "first weight / eps",
            SECOND: "second weight / eps",
            SLOPE: "g = |L'(0)|",
        },
    )


CLAIM = shift_is(sp.log((FIRST + SECOND) ** 2 / (4 * FIRST * SECOND)) / (2 * SLOPE))


def derive(claim: Claim) -> Derivation:
    """Divide the two closed forms, the second at the claimed later time."""
    u, v, rule = solutions()
    later = rule.subs(TIME, TIME + claim.formula.rhs)
    e = sp.Symbol("E", positive=True)  # e^{2gt}
    quotient = sp.expand(sp.expand(u * v) / later)
    quotient = sp.cancel(sp.together(sp.powsimp(sp.expand(quotient)).subs(TIME, sp.log(e) / (2 * SLOPE))))
    limit = sp.limit(quotient, e, sp.oo)
    steps = [
        show_equal("u' = g v", sp.diff(u, TIME), SLOPE * v),
        show_equal("v' = g u", sp.diff(v, TIME), SLOPE * u),
        show_equal("(8): w' = 2 w g", sp.Derivative(rule, TIME), 2 * rule * SLOPE),
        show_equal("from one w", sp.Subs(rule, TIME, 0), (u * v).subs(TIME, 0)),
        show_equal("u(t) v(t) / w(t + tau) tends to 1", limit, sp.Integer(1), name="limit of u(t) v(t)/w(t + tau)"),
    ]
    return Derivation(
        (
            assume("N = 2, k = d = 1, eta = 1, L(w) = -g w; u(0) = a eps, v(0) = b eps"),
            *steps,
            infer("w is strictly increasing, so no other shift does", claim.formula, from_=steps),
        )
    )


def claimed(claim: Claim, a: float, b: float) -> float:
    """Return the claimed shift at g = 1."""
    return float(claim.bound({FIRST: a, SECOND: b, SLOPE: 1.0}))


def deeper(eps: float) -> float:
    """Return the shift of three weights 2 eps, eps, eps with target 1."""
    scale = 2.0 ** (1 / 3) * eps
    times = np.linspace(0.0, 3.0 / scale + 10.0, 6001)
    network = flow_layers([[[2 * eps]], [[eps]], [[eps]]], [[1.0]], times, with_error_bar=False).end_to_end[:, 0, 0]
    rule = flow_end_to_end([[2 * eps**3]], [[1.0]], times, depth=3, with_error_bar=False).end_to_end[:, 0, 0]
    return float(np.interp(0.5, rule, times) - np.interp(0.5, network, times))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train l_2 regression to target 1 from eps = 1e-5 with several ratios of the weights; g = 1."""
    pairs = ((2.0, 1.0), (5.0, 1.0), (1.0, 10.0))
    shifts = [(claimed(claim, a, b), measured(1e-5, a, b)[1]) for a, b in pairs]
    off = [abs(found - said) for said, found in shifts]
    three = [deeper(eps) for eps in (0.1, 0.05)]
    return Evidence.measured(
        claim,
        f"l_2 from eps = 1e-5 departs by at most {max(off):.2g}; N = 3: shift {three[0]:.2f} at eps = 0.1, "
        f"{three[1]:.2f} at 0.05",
        contradicted=max(off) > 1e-3,
        error_bar="1e-3 (interpolation and eps)",
        cases=len(pairs),
        seed=seed,
        picture=against_claim(
            *np.array(shifts).T, what="shift in time", title="The network is ahead by the claimed time"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Weights a and b."""
    return st.tuples(st.floats(0.1, 5.0), st.floats(0.1, 5.0))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the closed forms at g t = 12."""
    a, b = case
    ahead = np.log(((a + b) ** 2 - (a - b) ** 2 * np.exp(-48.0)) / (4 * a * b)) / 2.0
    return bool(abs(claimed(claim, a, b) - ahead) < 1e-9)


FALSE_TWINS = (
    FalseTwin("balanced and not, the same", {"claim": shift_is(sp.Integer(0))}),
    FalseTwin("twice as much", {"claim": shift_is(sp.log((FIRST + SECOND) ** 2 / (4 * FIRST * SECOND)) / SLOPE)}),
)

THEOREM = Theorem(
    name="unbalanced_time_shift",
    source=Source(PAPER, "Section 5, below (10)", "corrected"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("near_zero_printed", "unbalanced_dynamics", "restart_order"),
)
