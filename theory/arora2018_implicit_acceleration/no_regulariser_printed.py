r"""Theorem 2 as printed, for every dimension. Refuted for d = 1, where F has a potential.

Assumptions
-----------
Those that Theorem 2 states: grad L(0) is not 0, grad L is continuous near 0, N > 2. Nothing on d.

Source
------
Arora, Cohen and Hazan (2018), Theorem 2.

Idea of the refutation
----------------------
On the line every continuous field is a gradient. For L(w) = w: F = N |w|^{2-2/N} and
Phi = N/(3 - 2/N) sign(w) |w|^{3-2/N}. The paper's curve needs an arc from -r e to r e that avoids 0.

Deviations from the paper
-------------------------
Corrected by d >= 2 (`no_regulariser`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_less, show_violated
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import field_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.no_regulariser import DIMENSION, DISTANCE
from theory.arora2018_implicit_acceleration.notation import PAPER


def no_potential_from(dimension: int, depth: int) -> Claim:
    """Return the claim that for d >= dimension and N >= depth no gradient field is F."""
    return Claim(
        "If grad L is continuous near 0 and does not vanish there, no function has F as its gradient.",
        sp.Implies(sp.And(sp.Ge(DIMENSION, dimension), sp.Ge(DEPTH, depth)), sp.Gt(DISTANCE, 0), evaluate=False),
        ("grad L(0) is not 0, grad L is continuous near 0",),
        {
            DISTANCE: "least supremum of |F - grad Phi| over a ball around 0",
            DIMENSION: "number of inputs",
            DEPTH: "number of layers",
        },
    )


CLAIM = no_potential_from(1, 3)
CORRECTED = no_potential_from(2, 3)


def potential(depth: sp.Expr, side: int, x: sp.Symbol) -> sp.Expr:
    """Return Phi at side x, x > 0."""
    return side * depth / (3 - 2 / depth) * x ** (3 - 2 / depth)


def counterexample(claim: Claim) -> Derivation:
    """Differentiate the potential on both sides of 0, and at 0, for every N > 1."""
    x = sp.Symbol("x", positive=True)
    power = 2 - 2 / DEPTH
    N = sp.Symbol("N", integer=True, positive=True)
    steps = []
    for side, name in ((1, "w = x > 0"), (-1, "w = -x < 0")):
        field = field_at(sp.Matrix([side * x]), sp.Matrix([1]))[0]
        slope = side * sp.diff(potential(N, side, x), x)
        steps.append(show_equal(f"{name}: Phi' = F", slope, field))
    quotient = potential(N, 1, x) / x
    steps.append(show_equal("at 0: Phi(x)/x = N/(3 - 2/N) x^{2-2/N}", quotient, N / (3 - 2 / N) * x**power))
    steps.append(show_less("whose power is at least 4/3 > 0 for N >= 3", sp.Rational(4, 3), power, {N: sp.Integer(3)}))
    instance = {DIMENSION: sp.Integer(1), DEPTH: sp.Integer(3), DISTANCE: sp.Integer(0)}
    return Derivation(
        (
            assume("d = 1, L(w) = w: grad L = 1 is continuous and not 0"),
            define("Phi(w) = N/(3 - 2/N) sign(w) |w|^{3-2/N}"),
            *steps,
            infer("Phi'(0) = 0 = F(0): F is the gradient of Phi on the whole line", from_=steps),
            show_violated("so the distance is 0, with N = 3", claim.formula, instance),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate F on the line for a random cubic loss, N = 3, and differentiate what comes out."""
    rng = np.random.default_rng(seed)
    c = rng.standard_normal(3)
    gap, bar, derivative, truth = 0.0, 0.0, list[float](), list[float]()
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def field(w: np.ndarray) -> np.ndarray:
        return np.asarray(3.0 * np.abs(w) ** (4.0 / 3.0) * (c[0] + c[1] * w + c[2] * w**2))

    def phi(end: float) -> float:  # u = t^3 makes the integrand a polynomial
        t = 0.5 * (nodes + 1.0)
        return float(np.sum(0.5 * weights * field(end * t**3) * 3.0 * t**2) * end)

    for w in np.linspace(-1.0, 1.0, 21):
        slopes = [(phi(w + h) - phi(w - h)) / (2.0 * h) for h in (1e-3, 5e-4)]
        derivative.append(slopes[1])
        truth.append(float(field(np.array(w))))
        gap = max(gap, abs(slopes[1] - truth[-1]))
        bar = max(bar, 2.0 * abs(slopes[1] - slopes[0]) + 1e-11)
    one_dimension = claim.formula.args[0].subs({DIMENSION: 1, DEPTH: 3}) == sp.true
    return Evidence.measured(
        claim,
        f"d = 1, N = 3: the integral of F has the derivative F up to {gap:.2g}",
        contradicted=bool(one_dimension and gap <= bar),
        error_bar=f"{bar:.2g} (two step sizes)",
        cases=21,
        seed=seed,
        picture=along(
            np.linspace(-1.0, 1.0, 21),
            {"slope of its integral": derivative},
            {"F": truth},
            title="For d = 1 F is the derivative of its integral",
            xlabel="w",
            ylabel="F, N = 3",
        ),
    )


FALSE_TWINS = (
    FalseTwin("N = 2 as well", {"claim": no_potential_from(1, 2)}),
    FalseTwin("for one input, by numbers alone", {"claim": no_potential_from(1, 3), "counterexample": None}),
)

THEOREM = Theorem(
    name="no_regulariser_printed",
    source=Source(PAPER, "Theorem 2", "as printed, without d >= 2; corrected in no_regulariser"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("no_regulariser", "potential_iff_radial"),
)
