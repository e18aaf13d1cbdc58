r"""Equation (5.1) with J >= 2 momenta: no choice of coefficients is stable for all kernels.

Assumptions
-----------
H constant, symmetric, positive definite; Delta^(J+1) + b_J Delta^(J) + ... + b_1 Delta' + H Delta = 0, J = 2, ..., 5.

Source
------
Beside Bu, Xu and Chen (2021), section 5.1; generalises one half of `momentum_stability`.

Idea of the proof
-----------------
Let s_i = -u_i + i v_i be the J+1 roots of a mode, all u_i > 0. Newton's identities give sum u_i = b_J and sum (u_i^2
- v_i^2) = b_J^2 - 2 b_{J-1}. So every |s_i|^2 <= sum (u_i^2 + v_i^2) = 2 sum u_i^2 - b_J^2 + 2 b_{J-1} <= b_J^2 + 2
b_{J-1}, and lambda, the product of the |s_i|, is bounded. For J = 1 (heavy ball) b_0 is lambda itself, and nothing is
bounded.

Deviations from the paper
-------------------------
Necessary, not sufficient. For J = 2 the exact threshold is b1 b2 (`momentum_stability`).
"""

from __future__ import annotations

import itertools

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.momentum_stability import ABSCISSA, abscissa
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER

ORDER = sp.Symbol("J", positive=True, integer=True)
LAST, BEFORE_LAST = sp.symbols("b_J b_{J-1}", positive=True)


def needs(bound: sp.Expr) -> Claim:
    """Return the claim that a stable mode has lambda^2 <= bound."""
    return Claim(
        "With a frozen kernel the flow (5.1) with J >= 2 momenta is unstable as soon as lambda_max is large enough.",
        sp.Implies(sp.Lt(ABSCISSA, 0, evaluate=False), sp.Le(LAMBDA**2, bound, evaluate=False), evaluate=False),
        ("H is constant, symmetric, positive definite", "J = 2, ..., 5"),
        {
            ABSCISSA: "largest real part of the roots of s^(J+1) + b_J s^J + ... + b_1 s + lambda",
            LAMBDA: "an eigenvalue of H",
            ORDER: "number of momenta",
        },
    )


CLAIM = needs((LAST**2 + 2 * BEFORE_LAST) ** (ORDER + 1))


def derive(claim: Claim) -> Derivation:
    """Bound every root by the two leading coefficients."""
    u, v = sp.symbols("u v", real=True)
    newton, squares = [], []
    for roots in range(3, 7):
        s = sp.symbols(f"s_1:{roots + 1}")
        first = sum(s)
        second = sum(a * b for a, b in itertools.combinations(s, 2))
        newton.append(
            show_equal(f"{roots} roots: sum s_i^2 = e_1^2 - 2 e_2", sum(a**2 for a in s), first**2 - 2 * second)
        )
        positive = sp.symbols(f"u_1:{roots + 1}", positive=True)
        squares.append(
            show_less(
                f"{roots} positive numbers: sum u_i^2 <= (sum u_i)^2", sum(a**2 for a in positive), sum(positive) ** 2
            )
        )
    total = sp.Symbol("sum_u^2", positive=True)
    steps = [
        assume("all roots s_i = -u_i + i v_i of a mode have u_i > 0"),
        define("e_1 = sum s_i = -b_J, e_2 = sum_{i<j} s_i s_j = b_{J-1}, |prod s_i| = lambda (Vieta)"),
        *newton,
        show_equal("the real part of s^2", sp.re(sp.expand((-u + sp.I * v) ** 2)), u**2 - v**2, name="Re s^2"),
        infer("so sum (u_i^2 - v_i^2) = b_J^2 - 2 b_{J-1}, a real number, and sum u_i = b_J"),
        show_equal(
            "sum (u_i^2 + v_i^2) = 2 sum u_i^2 - b_J^2 + 2 b_{J-1}",
            total + (total - (LAST**2 - 2 * BEFORE_LAST)),
            2 * total - LAST**2 + 2 * BEFORE_LAST,
            name="sum of u_i^2 + v_i^2",
        ),
        *squares,
        show_equal(
            "with sum u_i^2 <= b_J^2 that is at most b_J^2 + 2 b_{J-1}",
            (2 * total - LAST**2 + 2 * BEFORE_LAST).subs(total, LAST**2),
            LAST**2 + 2 * BEFORE_LAST,
            name="bound at sum u_i^2 = b_J^2",
        ),
        infer("each |s_i|^2 is at most the sum of all, and lambda^2 is the product of J + 1 of them"),
    ]
    return Derivation((*steps, infer("so a stable mode has a bounded lambda", CLAIM.formula, from_=steps)))


def bound_of(claim: Claim, coefficients: list[float]) -> float:
    """Return the claimed bound on lambda^2 for (b_1, ..., b_J)."""
    (conclusion,) = (a for a in claim.formula.args if a.has(LAMBDA))
    values = {LAST: coefficients[-1], BEFORE_LAST: coefficients[-2], ORDER: len(coefficients)}
    return float(
        conclusion.rhs.xreplace({k: sp.Float(x) if k is not ORDER else sp.Integer(x) for k, x in values.items()})
    )


def breaks(claim: Claim, coefficients: list[float], eigenvalue: float) -> bool:
    """Tell whether a mode is stable although lambda^2 is above the bound."""
    return (
        eigenvalue**2 > bound_of(claim, coefficients) * (1 + 1e-9)
        and abscissa([*coefficients[::-1], eigenvalue]) < -1e-9
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Search 1000 random flows, coefficients from random stable roots, for a stable mode above the bound."""
    rng = np.random.default_rng(seed)
    shares, wrong = list[float](), ""
    for _ in range(1000):
        order = int(rng.integers(2, 6))
        pairs = (order + 1) // 2
        roots = [complex(-rng.exponential(), 3.0 * rng.standard_normal()) for _ in range(pairs)]
        roots += [z.conjugate() for z in roots] + ([-rng.exponential()] if (order + 1) % 2 else [])
        polynomial = np.poly(roots).real
        coefficients = polynomial[-2:0:-1].tolist()
        lam = float(polynomial[-1])
        shares.append(lam**2 / bound_of(claim, coefficients))
        if breaks(claim, coefficients, lam):
            wrong = wrong or f"b = {[round(c, 3) for c in coefficients]}, lambda = {lam:.4g}"
    return Evidence.measured(
        claim,
        wrong or f"largest lambda^2 / bound among stable modes {max(shares):.3g}",
        contradicted=bool(wrong),
        error_bar="1e-9 (roots in floats)",
        cases=1000,
        seed=seed,
        detail=f"stable although above the bound: {wrong}" if wrong else "",
        picture=by_case(
            shares,
            1.0,
            title="No stable mode lies above the claimed bound",
            ylabel="lambda^2 / bound",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[tuple[list[float], float]]:
    """Coefficients b_1, ..., b_J in [0.1, 10], J = 2, ..., 5, and lambda in [0.01, 1e4]."""
    return st.tuples(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=5), st.floats(0.01, 1e4))


def holds(claim: Claim, case: tuple[list[float], float]) -> bool:
    """Check one mode."""
    return not breaks(claim, *case)


FALSE_TWINS = (FalseTwin("without b_{J-1}", {"claim": needs((LAST**2) ** (ORDER + 1))}),)

THEOREM = Theorem(
    name="momentum_stability_any_order",
    source=Source(PAPER, "(5.1), J >= 2", "a necessary condition, not in the paper"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("momentum_stability", "momentum_stability_printed"),
)
