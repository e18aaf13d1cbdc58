r"""Heavy ball against gradient descent, per step at the same learning rate: better exactly when eta lambda_0 < 1/2.

Assumptions
-----------
Frozen kernel with lambda_0 I <= H <= I/eta, lambda_0 its smallest eigenvalue; gradient descent with learning rate
eta; heavy ball (3.1) with the same eta and momentum 1 - b sqrt(eta), b = sqrt(2 lambda_0).

Source
------
Beside Bu, Xu and Chen (2021), section 3, after Theorem 2, which compares sqrt(lambda_0/2) with lambda_0 although one
is per unit of sqrt(eta) k and the other per unit of eta k.

Idea of the proof
-----------------
Let x = eta lambda_0 and y = sqrt(2x): the momentum is 1 - y. Gradient descent has the factor 1 - x. A mode with
eta lambda = u in [x, 1] has p(z) = z^2 - (2 - y - u) z + 1 - y. For y < 1: a complex pair has
|z|^2 = 1 - y < (1 - x)^2; a real pair is positive and lies below 1 - x, where p > 0 and behind the vertex. At y = 1
both methods are the same; for y > 1 the slowest mode has p(1 - x) < 0, a root above 1 - x.

Deviations from the paper
-------------------------
The condition has no unit and needs no normalised data. To leading order the exponents of the loss per step are
2 eta lambda_0 and sqrt(2 eta lambda_0). For eta lambda_0 > 1/2 the momentum is negative, which (3.1) excludes.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.rates import fit_exponential
from odeflow.numeric.training import GradientDescent, HeavyBallMethod, iterate_modes
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_discrete_linear import LEARNING_RATE
from theory.bu2021_dynamical_view.notation import LAMBDA0, PAPER

RADIUS = sp.Symbol("rho_HB", positive=True)


def better(factor: sp.Expr, condition: sp.Basic) -> Claim:
    """Return the claim that heavy ball's factor per step is below `factor` exactly under `condition`."""
    return Claim(
        "Per step and with the same learning rate heavy ball beats gradient descent exactly when eta lambda_0 < 1/2.",
        sp.Equivalent(sp.Lt(RADIUS, factor, evaluate=False), condition, evaluate=False),
        ("lambda_0 I <= H <= I/eta, H constant", "momentum 1 - sqrt(2 eta lambda_0)"),
        {
            RADIUS: "largest modulus of heavy ball's roots over the spectrum, its factor per step",
            LEARNING_RATE: "learning rate of both methods",
            LAMBDA0: "smallest eigenvalue of H",
        },
    )


BELOW_HALF = sp.Lt(LEARNING_RATE * LAMBDA0, sp.Rational(1, 2), evaluate=False)
CLAIM = better(1 - LEARNING_RATE * LAMBDA0, BELOW_HALF)


def derive(claim: Claim) -> Derivation:
    """Locate the roots of every mode against 1 - x."""
    z, y, u = sp.symbols("z y u", positive=True)
    d = sp.Symbol("d", positive=True)
    g = sp.Symbol("g", nonnegative=True)
    x, momentum = y**2 / 2, 1 - y
    p = z**2 - (1 + momentum - u) * z + momentum
    small = {y: 1 / (1 + d)}  # 0 < y < 1
    inside = x + (1 - x) * g / (1 + g)  # x <= u < 1
    at_descent = sp.expand(p.subs(z, 1 - x))

    def on_range(expression: sp.Expr) -> sp.Expr:
        return sp.cancel(expression.subs(u, inside).subs(small))

    steps = [
        assume(
            "lambda_0 I <= H <= I/eta: every mode has u = eta lambda in [x, 1], and gradient descent the factor 1 - x"
        ),
        define("x = eta lambda_0, y = sqrt(2x), momentum 1 - y", equate(sp.Symbol("x"), x)),
        show_less(
            "y < 1, complex pair: 1 - y + y^4/4 <= (1 - x)^2", on_range(momentum + y**4 / 4), on_range((1 - x) ** 2)
        ),
        infer("there |z|^2 is the product of the roots, the momentum 1 - y: so |z| < 1 - x"),
        show_equal("real pair: p(1 - x) = x (1 - y) + (1 - x) (u - x)", at_descent, x * momentum + (1 - x) * (u - x)),
        show_less("y < 1: that is positive, at least x (1 - y)", on_range(x * momentum), on_range(at_descent)),
        show_less(
            "y < 1: the vertex is below 1 - x by at least (y - x)/2",
            on_range((y - x) / 2),
            on_range(1 - x - (1 + momentum - u) / 2),
        ),
        show_less("and y - x >= y/2", (y / 2).subs(small), (y - x).subs(small)),
        show_less(
            "the sum of the roots is at least 1 - y: with the product they are positive",
            on_range(momentum),
            on_range(1 + momentum - u),
        ),
        infer("so both real roots lie in (0, 1 - x)"),
        show_equal("y = 1: the momentum is 0, both methods are the same", sp.Subs(momentum, y, 1), sp.Integer(0)),
        show_less(
            "y > 1: on the slowest mode, u = x, p(1 - x) <= -x (y - 1) < 0",
            at_descent.subs(u, x).subs(y, 1 + d),
            (-x * (y - 1)).subs(y, 1 + d),
        ),
        infer("so one root is above 1 - x"),
    ]
    return Derivation((*steps, infer("y < 1 is eta lambda_0 < 1/2", CLAIM.formula, from_=steps)))


def radius(learning_rate: float, lowest: float, spectrum: list[float]) -> float:
    """Return heavy ball's largest root modulus over a spectrum, in floats."""
    momentum = 1.0 - np.sqrt(2.0 * learning_rate * lowest)
    return max(
        float(np.abs(np.roots([1.0, -(1.0 + momentum - learning_rate * lam), momentum])).max()) for lam in spectrum
    )


def agrees(claim: Claim, learning_rate: float, spectrum: list[float]) -> bool:
    """Compare the claim with the roots; differences below 1e-7 (double roots) are not counted."""
    values = {LEARNING_RATE: sp.Float(learning_rate), LAMBDA0: sp.Float(min(spectrum))}
    factor, condition = _parts(claim)
    gap = radius(learning_rate, min(spectrum), spectrum) - float(factor.xreplace(values))
    return abs(gap) < 1e-7 or (gap < 0.0) == bool(condition.xreplace(values))


def _parts(claim: Claim) -> tuple[sp.Expr, sp.Basic]:
    """Return the factor and the condition that the claim names."""
    (first,) = (a for a in claim.formula.args if a.has(RADIUS))
    (condition,) = (a for a in claim.formula.args if not a.has(RADIUS))
    return first.rhs, condition


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare roots on 200 random spectra, and the slopes of two runs at eta lambda_0 = 0.08."""
    rng = np.random.default_rng(seed)
    wrong = ""
    for _ in range(200):
        spectrum = [float(v) for v in rng.uniform(0.02, 1.0, int(rng.integers(1, 6)))]
        eta = float(rng.uniform(0.1, 1.0))
        if not agrees(claim, eta, spectrum):
            wrong = wrong or f"eta = {eta:.4g}, spectrum {[round(v, 4) for v in spectrum]}"
    slopes, curves = [], []
    for method in (
        HeavyBallMethod(0.5, 1.0 - 0.4),
        GradientDescent(0.5),
    ):  # lambda_0 = 0.16: sqrt(2 eta lambda_0) = 0.4
        losses = (iterate_modes(method, [0.16, 0.4, 1.0], 90) ** 2).sum(axis=0) / 2
        fit = fit_exponential(np.arange(91.0), losses, window=(15.0, 90.0))
        curves.append(losses)
        slopes.append(f"{-fit.exponent:.4f} [{-fit.interval[1]:.4f}, {-fit.interval[0]:.4f}]")
    return Evidence.measured(
        claim,
        wrong
        or f"no mismatch in 200 spectra; slopes per step at eta lambda_0 = 0.08: heavy ball {slopes[0]} "
        f"(ln momentum {np.log(0.6):.4f}), gradient descent {slopes[1]} (2 ln(1 - x) {2 * np.log(0.92):.4f})",
        contradicted=bool(wrong),
        error_bar="1e-7 (double roots in floats)",
        cases=200,
        seed=seed,
        detail=wrong,
        picture=along(
            np.arange(91.0),
            dict(zip(("heavy ball", "gradient descent"), curves, strict=True)),
            {"heavy ball": 0.6 ** np.arange(91.0), "gradient descent": 0.92 ** np.arange(0.0, 182.0, 2.0)},
            title="Losses fall by momentum and by (1 - eta lambda_0)^2 a step",
            xlabel="steps",
            ylabel="L",
            yscale="log",
            line=True,
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, list[float]]]:
    """A learning rate in [0.05, 1] and a spectrum in [0.01, 1]."""
    return st.tuples(st.floats(0.05, 1.0), st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4))


def holds(claim: Claim, case: tuple[float, list[float]]) -> bool:
    """Compare the claim with the roots on one spectrum."""
    return agrees(claim, *case)


FALSE_TWINS = (
    FalseTwin(
        "better than gradient descent's square", {"claim": better((1 - LEARNING_RATE * LAMBDA0) ** 2, BELOW_HALF)}
    ),
    FalseTwin(
        "only when eta lambda_0 < 1/4",
        {
            "claim": better(
                1 - LEARNING_RATE * LAMBDA0, sp.Lt(LEARNING_RATE * LAMBDA0, sp.Rational(1, 4), evaluate=False)
            )
        },
    ),
    FalseTwin(
        "condition lambda_0 < 1/2, without the learning rate",
        {"claim": better(1 - LEARNING_RATE * LAMBDA0, sp.Lt(LAMBDA0, sp.Rational(1, 2), evaluate=False))},
    ),
)

THEOREM = Theorem(
    name="heavy_ball_against_gradient_descent",
    source=Source(PAPER, "Section 3, after Theorem 2", "per step instead of per unit of two different times"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_against_gradient_flow", "heavy_ball_limit"),
)
