"""Gradient flow on a Polyak-Lojasiewicz function: f - f* decays at rate 2 mu, convex or not.

Assumptions
-----------
f is continuously differentiable and bounded below by f*; |grad f(x)|^2 >= 2 mu (f(x) - f*) for all x, mu > 0; x' =
-grad f(x).

Source
------
Polyak (1963), Gradient methods for the minimisation of functionals; Lojasiewicz (1963). The example x^2 + 3 sin(x)^2
with mu = 1/32 is from Karimi, Nutini and Schmidt (2016).

Idea of the proof
-----------------
Along the flow F = f - f* has F' = <grad f, x'> = -|grad f|^2 <= -2 mu F. Gronwall integrates this.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.codegen import compile_field
from odeflow.numeric.integrate import integrate
from odeflow.panels import Curve, Panel
from odeflow.symbolic.derivations import Derivation, assume, chain, decay_rate, define, equate, gronwall, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Theorem, Verdict, World

PAPER = Paper("polyak_lojasiewicz", "Boris Polyak", 1963, "Gradient Methods for the Minimisation of Functionals", "")

T, MU = sp.symbols("t mu", positive=True)
GAP = sp.Function("F", nonnegative=True)(T)
START = sp.Function("F", nonnegative=True)(0)
F = sp.Symbol("F", nonnegative=True)
EXCESS = sp.Symbol("s", nonnegative=True)


def decays_at(rate: sp.Expr) -> Claim:
    """Return the claim F(t) <= e^{-rate t} F(0)."""
    return Claim(
        "Under the Polyak-Lojasiewicz inequality gradient flow decays exponentially, convex or not.",
        sp.Le(GAP, sp.exp(-rate * T) * START, evaluate=False),
        ("|grad f|^2 >= 2 mu (f - f*)", "x' = -grad f(x)"),
        {GAP: "f(x(t)) - f*", MU: "Polyak-Lojasiewicz constant"},
    )


CLAIM = decays_at(2 * MU)


def derive(claim: Claim) -> Derivation:
    """Bound F' at the rate that the claim states, and integrate."""
    rate = decay_rate(claim.formula.rhs, T)
    gradient_squared = 2 * MU * F + EXCESS
    steps = [
        assume("x' = -grad f(x), so F' = <grad f, x'> = -|grad f|^2 by the chain rule"),
        define("the Polyak-Lojasiewicz inequality: an excess s >= 0 with", equate(sp.Symbol("g2"), gradient_squared)),
        show_less("hence F' + rate F <= 0", -gradient_squared + rate * F, sp.Integer(0)),
    ]
    integrated = gronwall(steps[-1], GAP, START, rate, T)
    return Derivation(
        (*steps, integrated, chain("as claimed", claim.formula, integrated.formula.rhs, from_=[*steps, integrated]))
    )


def functions(mu: float) -> list[tuple[str, sp.Expr]]:
    """Return a parabola and a function that is not convex, both with this constant and the minimum 0 at 0."""
    x = sp.Symbol("x", real=True)
    return [("parabola", mu * x**2 / 2), ("x^2 + 3 sin(x)^2, scaled", 32 * mu * (x**2 + 3 * sp.sin(x) ** 2))]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow both functions from several starts and compare with the bound."""
    rng = np.random.default_rng(seed)
    x, mu, times = sp.Symbol("x", real=True), 0.5, np.linspace(0.0, 8.0, 200)
    worst, where, curves = 0.0, "", []
    for name, f in functions(mu):
        field = compile_field([-sp.diff(f, x)], [x])
        value = sp.lambdify(x, f, "numpy")
        for start in rng.uniform(0.5, 4.0, 6):
            path = integrate(field, np.array([start]), times, rtol=1e-11, atol=1e-13).states[:, 0]
            gap = value(path)
            bound = claim.bound({MU: mu, T: times, START: gap[0]})
            if (ratio := float((gap / bound).max())) > worst:
                worst, where = ratio, f"{name} from {start:.3g}"
                curves = [Curve("observed", times, gap), Curve("claimed bound", times, bound, theory=True, group=1)]
    return Evidence.measured(
        claim,
        f"largest F / bound {worst:.6f}, {where}",
        contradicted=worst > 1 + 1e-8,
        error_bar="1e-8 (tolerance of the integrator)",
        cases=12,
        seed=seed,
        picture=Panel("", "t", "f - f*", tuple(curves)),
    )


def domain() -> st.SearchStrategy[tuple[float, tuple[float, ...], float]]:
    """Quadratics: a constant, a spectrum above it, and a time."""
    constant = st.floats(0.1, 5.0)
    return constant.flatmap(
        lambda mu: st.tuples(
            st.just(mu),
            st.lists(st.floats(mu, 20 * mu), min_size=1, max_size=4).map(tuple),
            st.floats(0.01, 3.0).map(lambda tau: tau / mu),
        )
    )


def holds(claim: Claim, case: tuple[float, tuple[float, ...], float]) -> bool:
    """Check the bound on a quadratic with unit coordinates, in closed form."""
    mu, spectrum, time = case
    eigenvalues = np.array(spectrum)
    start, now = eigenvalues.sum() / 2, (eigenvalues * np.exp(-2 * eigenvalues * time)).sum() / 2
    return bool(now <= claim.bound({MU: mu, T: time, START: start}) * (1 + 1e-9))


THEOREM = Theorem(
    name="gradient_flow_rate_pl",
    source=Source(PAPER, "Theorem 4", "for the flow"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=(
        FalseTwin("rate 3 mu", {"claim": decays_at(3 * MU)}),
        FalseTwin("rate 2 mu + 1/100", {"claim": decays_at(2 * MU + sp.Rational(1, 100))}),
    ),
)
