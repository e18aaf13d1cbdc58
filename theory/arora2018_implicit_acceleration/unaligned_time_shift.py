r"""Near zero the network is ahead of (8) by a constant time, also where the start points away from the gradient.

Assumptions
-----------
N = 2, k = 1, width 1; constant gradient -g e of size g (what any loss looks like near zero); w_1(0) = a eps n with a
unit vector n at the angle theta to e, 0 <= theta < pi; w_2(0) = b eps; a, b > 0; a cos theta + b > 0.

Source
------
Corrects Arora, Cohen and Hazan (2018), section 5, below (10): "equation (7) holds approximately" near zero.

Idea of the proof
-----------------
Network: the part of w_1 along e and w_2 form the linear system u' = g v, v' = g u; the part across e stays, and its
product with v grows only half as fast. So |W_e| ~ eps^2 ((a cos theta + b)/2)^2 e^{2gt}. Rule (8) at N = 2:
r' = 2 g r cos psi, psi' = -g sin psi, whence tan(psi/2) = tan(theta/2) e^{-gt}, r ~ a b eps^2 cos^4(theta/2) e^{2gt}.
The ratio of the two is e^{2g tau}.

Deviations from the paper
-------------------------
New; theta = 0 is `unbalanced_time_shift`. For a = b, balanced layers, tau = 0 at every angle, since then
(1 + cos theta)^2 = 4 cos^4(theta/2): balance counts, not alignment. For a > b and a large angle tau < 0: the network is
behind. For a cos theta + b < 0 its product first grows towards -e, which the rule's does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

FIRST, SECOND, SLOPE, TIME, SCALE = sp.symbols("a b g t epsilon", positive=True)
HALF = sp.Symbol("h", nonnegative=True)
"""tan(theta/2)."""
SHIFT = sp.Symbol("tau", real=True)
COSINE = (1 - HALF**2) / (1 + HALF**2)
"""cos theta."""
AGREEMENT = 1e-6


def shift_is(value: sp.Expr) -> Claim:
    """Return the claim that the network is ahead by `value`."""
    return Claim(
        "Near zero the network is ahead of (8) by ln[(a cos theta + b)^2/(4 a b cos^4(theta/2))]/(2g), for every eps.",
        equate(SHIFT, value),
        ("N = 2, k = 1, width 1, constant gradient of size g", "|w_1| = a eps, w_2 = b eps, a, b > 0, theta < pi",
         "a cos theta + b > 0"),
        {
            SHIFT: "time by which the network is ahead, as t -> oo",
            FIRST: "|w_1| / eps",
            SECOND: "w_2 / eps",
            SLOPE: "size of the gradient",
            HALF: "tan(theta/2), theta the angle between w_1 and the descent direction",
        },
    )  # fmt: skip


CLAIM = shift_is(sp.log((FIRST * COSINE + SECOND) ** 2 * (1 + HALF**2) ** 2 / (4 * FIRST * SECOND)) / (2 * SLOPE))


def derive(claim: Claim) -> Derivation:
    """Solve network and rule in closed form, and compare them at shifted times."""
    e = sp.exp(SLOPE * TIME)
    u, v = (FIRST * COSINE * SCALE, SECOND * SCALE)
    along = ((u + v) * e + (u - v) / e) / 2
    out = ((u + v) * e - (u - v) / e) / 2
    across = FIRST * SCALE * 2 * HALF / (1 + HALF**2)
    tangent = HALF / e
    cosine, sine = (1 - tangent**2) / (1 + tangent**2), 2 * tangent / (1 + tangent**2)
    r = FIRST * SECOND * SCALE**2 * ((1 + tangent**2) / (1 + HALF**2)) ** 2 * e**2
    x = sp.Symbol("x", positive=True)  # e^{gt}

    def late(value: sp.Expr) -> sp.Expr:
        return sp.limit(sp.cancel(sp.together(sp.expand(value.subs(TIME, sp.log(x) / SLOPE)))), x, sp.oo)

    ahead = sp.exp(2 * SLOPE * claim.formula.rhs)
    steps = [
        show_equal("network, along e: u' = g v", sp.diff(along, TIME), SLOPE * out),
        show_equal("network, output weight: v' = g u", sp.diff(out, TIME), SLOPE * along),
        show_equal("network: u at t = 0", sp.Subs(along, TIME, 0), u),
        show_equal("network: v at t = 0", sp.Subs(out, TIME, 0), v),
        show_equal(
            "across e it falls behind: (c v)/(u v) tends to 0",
            late(across / along),
            sp.Integer(0),
            name="limit of (c v)/(u v)",
        ),
        show_equal(
            "rule: psi' = -g sin psi, by tan(psi/2)",
            2 * sp.diff(tangent, TIME) / (1 + tangent**2),
            -SLOPE * sine,
            name="psi'",
        ),
        show_equal("rule: r' = 2 g r cos psi", sp.diff(r, TIME), 2 * SLOPE * r * cosine),
        show_equal("rule: r at t = 0", sp.Subs(r, TIME, 0), FIRST * SECOND * SCALE**2),
        show_equal("u v / r tends to e^{2 g tau}", late(along * out / r), sp.powsimp(sp.expand(ahead))),
    ]
    return Derivation(
        (
            assume("N = 2, k = 1, width 1, eta = 1, gradient -g e; h = tan(theta/2)"),
            define("cos theta", equate(sp.Symbol("cos(theta)"), COSINE)),
            *steps,
            infer("r grows like e^{2gt}, so that no other shift does", claim.formula, from_=steps),
        )
    )  # fmt: skip


def claimed(claim: Claim, a: float, b: float, half: float, g: float) -> float:
    """Return the claimed shift."""
    return float(claim.bound({FIRST: a, SECOND: b, HALF: half, SLOPE: g}))


def measured(a: float, b: float, half: float, g: float) -> float:
    """Integrate the two weight matrices and rule (12) in the plane of w_1 and e, and compare their sizes late."""
    theta, late = 2.0 * np.arctan(half), 12.0 / g

    def network(_: float, y: np.ndarray) -> np.ndarray:
        return np.array([g * y[2], 0.0, g * y[0]])

    def rule(_: float, w: np.ndarray) -> np.ndarray:
        size = np.hypot(*w)
        return np.array([g * size + g * w[0] * w[0] / size, g * w[0] * w[1] / size])

    start = a * np.array([np.cos(theta), np.sin(theta)])
    options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-13}
    y = solve_ivp(network, (0.0, late), [*start, b], **options).y[:, -1]
    w = solve_ivp(rule, (0.0, late), b * start, **options).y[:, -1]
    return float(np.log(np.hypot(y[0], y[1]) * y[2] / np.hypot(*w)) / (2.0 * g))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate network and rule for random starts."""
    rng = np.random.default_rng(seed)
    cases = [(*rng.uniform(0.3, 3.0, 2), rng.uniform(0.0, 0.9), rng.uniform(0.5, 2.0)) for _ in range(12)]
    seen = [measured(*case) for case in cases]
    off = max(abs(claimed(claim, *case) - shift) for case, shift in zip(cases, seen, strict=True))
    return Evidence.measured(
        claim,
        f"shifts {min(seen):.3f} to {max(seen):.3f}, departing from the claim by at most {off:.2g}",
        contradicted=off > AGREEMENT,
        error_bar=f"{AGREEMENT:g} (integration, e^{{-2gt}} at g t = 12)",
        cases=len(cases),
        seed=seed,
        picture=against_claim(
            [claimed(claim, *case) for case in cases],
            seen,
            what="shift in time, g = 1/time",
            title="The network is ahead by the claimed time",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """a, b in [0.3, 3], tan(theta/2) in [0, 0.9] (so that a cos theta + b > 0), g in [0.5, 2]."""
    size = st.floats(0.3, 3.0)
    return st.tuples(size, size, st.floats(0.0, 0.9), st.floats(0.5, 2.0))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the closed forms at g t = 16."""
    a, b, half, g = case
    cosine = (1.0 - half**2) / (1.0 + half**2)
    small = np.exp(-32.0)
    along, out = (a * cosine + b) + (a * cosine - b) * small, (a * cosine + b) - (a * cosine - b) * small
    rule = a * b * ((1.0 + half**2 * small) / (1.0 + half**2)) ** 2
    return bool(abs(claimed(claim, a, b, half, g) - np.log(along * out / (4.0 * rule)) / (2.0 * g)) < 1e-9)


ALIGNED = sp.log((FIRST + SECOND) ** 2 / (4 * FIRST * SECOND)) / (2 * SLOPE)
FALSE_TWINS = (
    FalseTwin("the shift of the aligned start", {"claim": shift_is(ALIGNED)}),
    FalseTwin("none", {"claim": shift_is(sp.Integer(0))}),
)

THEOREM = Theorem(
    name="unaligned_time_shift",
    source=Source(PAPER, "Section 5, below (10)", "new; the aligned case is unbalanced_time_shift"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("unbalanced_time_shift", "near_zero_printed", "rule_emulates_network_after_shift"),
)
