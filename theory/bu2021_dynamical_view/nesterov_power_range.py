r"""Which powers? The energy identity behind Theorem 3: up to 2 gamma/3 if strongly convex, up to gamma if quadratic.

Assumptions
-----------
x'' + (gamma/t) x' + g = 0 with g the gradient of a loss F at x (F' = <g, x'>); any dimension; V = t^p F +
t^{p-2} |k x + t x'|^2/2, k = gamma - p/2.

Source
------
Bu, Xu and Chen (2021), section 4: "When gamma >= 3, the convergence rate is shown to be O(t^{-2 gamma/3})", and the
range 2 <= alpha <= 2 gamma/3 of Lemma 4.1.

Idea of the proof
-----------------
V' = t^{p-1} (p F - k <g, x>) + ((p-2) k/2) t^{p-3} (k |x|^2 + t <x, x'>). A strongly convex loss has <g, x> >= F, so
the first term has the coefficient p - k, which is <= 0 for p <= 2 gamma/3. A quadratic one has <g, x> = 2F and the
coefficient p - 2k = 2 (p - gamma), which is <= 0 for p <= gamma.

Deviations from the paper
-------------------------
The pseudo-loss of the paper is quadratic, so its Theorem 3 holds for every power below gamma (`nesterov_rate`), and
t^{-gamma} is the law (`nesterov_true_power`). The quoted sentence needs strong convexity, which it leaves out.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_less
from odeflow.symbolic.inner_products import Dynamics, InnerProduct, Vector, inner, norm2
from odeflow.symbolic.lyapunov import show_along
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import GAMMA, PAPER, POWER, SYMBOLS, T

X, X_PRIME, G = Vector.base("x"), Vector.base("x", 1), Vector.base("g")
FLOW = Dynamics({"x": (2, -(GAMMA / T) * X_PRIME - G)}, T)
LOSS_VALUE = sp.Symbol("F", nonnegative=True)
K = GAMMA - POWER / 2
KINETIC = T ** (POWER - 2) * norm2(K * X + T * X_PRIME) / 2
CHANGE = sp.Symbol("V'", real=True)
REST = (POWER - 2) * K / 2 * T ** (POWER - 3) * (K * norm2(X) + T * inner(X, X_PRIME))


def changes_by(first: sp.Expr) -> Claim:
    """Return the claim V' = t^{p-1} first + the rest."""
    return Claim(
        "Along Nesterov's flow the paper's V changes by t^{p-1} (p F - k <grad F, x>) and a term of order t^{p-3}.",
        equate(CHANGE, T ** (POWER - 1) * first + REST),
        ("any differentiable F, any dimension", "k = gamma - p/2"),
        {
            CHANGE: "time derivative of V = t^p F + t^{p-2} |k x + t x'|^2/2",
            LOSS_VALUE: "F(x)",
            GAMMA: SYMBOLS[GAMMA],
            POWER: SYMBOLS[POWER],
        },
    )


FIRST = POWER * LOSS_VALUE - K * inner(G, X)
CLAIM = changes_by(FIRST)


def change() -> sp.Expr:
    """Differentiate V along the flow; F changes by <g, x'>."""
    potential = POWER * T ** (POWER - 1) * LOSS_VALUE + T**POWER * inner(G, X_PRIME)
    return sp.expand(potential + FLOW.derivative(KINETIC))


def derive(claim: Claim) -> Derivation:
    """Compute V' for any loss, and the sign of its first term for two kinds of loss."""
    share = sp.Symbol("F_", nonnegative=True)
    gap = sp.Symbol("d", nonnegative=True)
    strongly, quadratic = POWER - K, POWER - 2 * K
    return Derivation(
        (
            assume("x'' + (gamma/t) x' + g = 0, F' = <g, x'>"),
            define("V = t^p F + t^{p-2} |k x + t x'|^2/2", equate(sp.Symbol("V"), T**POWER * LOSS_VALUE + KINETIC)),
            show_equal(
                "<g, x> >= F (strongly convex): the first term is at most (p - k) F, and",
                strongly,
                3 * POWER / 2 - GAMMA,
                name="factor of F",
            ),
            show_less(
                "that is <= 0 for p <= 2 gamma/3", (strongly * share).subs(GAMMA, 3 * POWER / 2 + gap), sp.Integer(0)
            ),
            show_equal(
                "<g, x> = 2F (quadratic): it is (p - 2k) F, and", quadratic, 2 * (POWER - GAMMA), name="factor of F"
            ),
            show_less("that is <= 0 for p <= gamma", (quadratic * share).subs(GAMMA, POWER + gap), sp.Integer(0)),
            show_along("differentiate V along the flow", claim.formula, {CHANGE: change()}, FLOW),
        )
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer x, x', g in dimension 3, and integers F, p, gamma, t."""
    vector = integer_matrices(3, 1)
    return st.tuples(vector, vector, vector, st.integers(0, 9), st.integers(2, 8), st.integers(1, 9), st.integers(1, 5))


def holds(claim: Claim, case: Any) -> bool:
    """Differentiate V on concrete integers by the product rule, in Fractions: a route without the symbolic engine."""
    x, velocity, g, loss, power, gamma, time = case
    position, speed, force = ([Fraction(int(v)) for v in part.ravel()] for part in (x, velocity, g))
    k, t = Fraction(gamma) - Fraction(power, 2), Fraction(time)

    def dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
        return sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))

    acceleration = [-gamma / t * v - f for v, f in zip(speed, force, strict=True)]
    moved = [k * u + t * v for u, v in zip(position, speed, strict=True)]
    moved_slope = [(k + 1) * v + t * w for v, w in zip(speed, acceleration, strict=True)]
    slope = power * t ** (power - 1) * loss + t**power * dot(force, speed)
    slope += (power - 2) * t ** (power - 3) * dot(moved, moved) / 2 + t ** (power - 2) * dot(moved, moved_slope)
    values: dict[sp.Basic, sp.Expr] = {
        POWER: sp.Integer(power),
        GAMMA: sp.Integer(gamma),
        T: sp.Integer(time),
        LOSS_VALUE: sp.Integer(loss),
    }
    for product in claim.formula.rhs.atoms(InnerProduct):
        sides = [{"x": position, "x'": speed, "g": force}[str(base)] for base in (product.left, product.right)]
        values[product] = sp.Rational(str(dot(*sides)))
    return bool(claim.formula.rhs.xreplace(values) == sp.Rational(str(slope)))


FALSE_TWINS = (
    FalseTwin("k = gamma - p", {"claim": changes_by(POWER * LOSS_VALUE - (GAMMA - POWER) * inner(G, X))}),
    FalseTwin("quadratic coefficient for every loss", {"claim": changes_by(2 * (POWER - GAMMA) * LOSS_VALUE)}),
)

THEOREM = Theorem(
    name="nesterov_power_range",
    source=Source(PAPER, "Section 4, after Theorem 3; Lemma 4.1", "why 2 gamma/3, and why gamma here"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_rate", "nesterov_true_power", "nesterov_small_gamma"),
)
