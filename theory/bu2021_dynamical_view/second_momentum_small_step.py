r"""When more momenta do help: one eigenvalue, a fixed learning rate, and the best factor 1 - (eta lambda)^{1/(J+1)}.

Assumptions
-----------
One eigenmode, 0 < x = eta lambda < 1 fixed; gradient descent with J constant momenta, the momenta tuned.

Source
------
Beside Bu, Xu and Chen (2021), section 5.1 and Figure 4 ("higher momentum method allows faster convergence rate").

Idea of the proof
-----------------
The roots solve p(z) = (z - 1) q(z) + x z^J with q monic of degree J, and any q can be had. p(1) = x is the product of
the 1 - z_i, each of modulus at least 1 - rho if all |z_i| <= rho: so x >= (1 - rho)^{J+1}. Equality for
p = (z - rho)^{J+1}, which has this form because (z - rho)^{J+1} - x z^J vanishes at z = 1.

Deviations from the paper
-------------------------
The second momentum that does it is negative, beta_2 = -rho^3. With several eigenvalues the gain disappears as the
spectrum widens (`second_momentum_acceleration`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

STEP = sp.Symbol("x", positive=True)
MOMENTA = sp.Symbol("J", positive=True, integer=True)
BEST = sp.Function("best_factor", positive=True)(MOMENTA, STEP)


def best_is(factor: sp.Expr) -> Claim:
    """Return the claim that the best factor per step with J momenta is `factor`."""
    return Claim(
        "On one eigenmode, at a fixed learning rate, each further momentum helps: best factor 1 - x^(1/(J+1)).",
        equate(BEST, factor),
        ("one eigenmode of a quadratic", "0 < x = eta lambda < 1", "J constant momenta, tuned"),
        {BEST: "least possible factor per step of the error", STEP: "x = eta lambda", MOMENTA: "number of momenta"},
    )


CLAIM = best_is(1 - STEP ** (1 / (MOMENTA + 1)))


def optimal_momenta(order: int, y: sp.Expr) -> list[sp.Expr]:
    """Return (beta_1, ..., beta_J) that put all roots at 1 - y when x = y^(J+1).

    Examples
    --------
    >>> import sympy as sp
    >>> optimal_momenta(2, sp.Rational(1, 2))
    [5/8, -1/8]
    """
    z = sp.Symbol("z")
    quotient, rest = sp.div(sp.expand((z - 1 + y) ** (order + 1) - y ** (order + 1) * z**order), z - 1, z)
    assert sp.expand(rest) == 0
    return [sp.expand(-c) for c in sp.Poly(quotient, z).all_coeffs()[1:]]


def derive(claim: Claim) -> Derivation:
    """Evaluate the characteristic polynomial at 1, and place all its roots at one point."""
    z, y = sp.symbols("z y", positive=True)
    attained = []
    for order in range(1, 6):
        momenta = optimal_momenta(order, y)
        q = z**order - sum(b * z ** (order - j) for j, b in enumerate(momenta, start=1))
        attained.append(
            show_equal(
                f"J = {order}: momenta {', '.join(map(str, momenta))} put all roots at 1 - y"
                if order < 3
                else f"J = {order}",
                sp.expand((z - 1) * q + y ** (order + 1) * z**order),
                sp.expand((z - 1 + y) ** (order + 1)),
                name="characteristic polynomial",
            )
        )
    q_at = sp.Symbol("q", real=True)
    return Derivation(
        (
            assume("one eigenmode, 0 < x = eta lambda < 1"),
            define("roots of p(z) = (z - 1) q(z) + x z^J, q(z) = z^J - beta_1 z^{J-1} - ... - beta_J, any monic q"),
            show_equal("p(1) = x", sp.Subs((z - 1) * q_at + STEP * z**MOMENTA, z, 1), STEP),
            infer("x = prod |1 - z_i| >= (1 - rho)^{J+1} when all |z_i| <= rho < 1: so rho >= 1 - x^{1/(J+1)}"),
            define("attained at all z_i = 1 - y, y = x^{1/(J+1)}: (z - 1 + y)^{J+1} - x z^J vanishes at z = 1"),
            *attained,
            show_with("so this is the best factor", claim.formula, {BEST: 1 - STEP ** (1 / (MOMENTA + 1))}),
        )
    )


def claimed(claim: Claim, order: int, x: float) -> float:
    """Return the claimed factor in floats."""
    return float(claim.formula.rhs.subs({MOMENTA: order, STEP: x}))


def factor(momenta: list[float], x: float) -> float:
    """Return the largest root modulus of (z - 1) q(z) + x z^J."""
    order = len(momenta)
    polynomial = np.polymul([1.0, -1.0], [1.0, *(-b for b in momenta)])
    polynomial[1] += x
    assert polynomial.size == order + 2
    return float(np.abs(np.roots(polynomial)).max())


def agrees(claim: Claim, order: int, x: float) -> bool:
    """Check that the optimal momenta attain the claimed factor; a root of multiplicity J+1 costs eps^{1/(J+1)}."""
    allowed = 20.0 * float(np.finfo(float).eps) ** (1.0 / (order + 1))
    return bool(abs(factor(_float_momenta(order, x), x) - claimed(claim, order, x)) < allowed)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the claim with the optimal momenta for J = 1, 2, 3, and search 600 random momenta for better ones."""
    rng = np.random.default_rng(seed)
    wrong, margins = "", list[float]()
    for order in (1, 2, 3):
        for x in (0.01, 0.1, 0.5):
            if not agrees(claim, order, x):
                wrong = wrong or f"J = {order}, x = {x:g} does not attain {claimed(claim, order, x):.4f}"
    for _ in range(600):
        order, x = int(rng.integers(1, 4)), float(rng.uniform(0.01, 0.9))
        base = np.array(_float_momenta(order, x))
        margins.append(factor((base + 0.05 * rng.standard_normal(order)).tolist(), x) - claimed(claim, order, x))
    margin = min(margins)
    return Evidence.measured(
        claim,
        f"best factors at x = 0.01: {claimed(claim, 1, 0.01):.4f} (J = 1), {claimed(claim, 2, 0.01):.4f} "
        f"(J = 2); no random momenta better, the nearest worse by {margin:.2g}",
        contradicted=bool(wrong or margin < -1e-6),
        error_bar="eps^(1/(J+1)) (multiple roots in floats)",
        cases=609,
        seed=seed,
        picture=by_case(
            margins,
            0.0,
            title="No momenta do better than the claimed factor",
            ylabel="largest root modulus - claimed",
            limit_label="claimed: at least",
        ),
        detail=wrong or (f"momenta better by {-margin:.3g} found" if margin < -1e-6 else ""),
    )


def _float_momenta(order: int, x: float) -> list[float]:
    """Return the optimal momenta in floats: the quotient of (z - rho)^{J+1} - x z^J by z - 1."""
    y = x ** (1.0 / (order + 1))
    polynomial = np.poly([1.0 - y] * (order + 1))
    polynomial[1] -= x
    return [float(-c) for c in np.polydiv(polynomial, [1.0, -1.0])[0][1:]]


def domain() -> st.SearchStrategy[tuple[int, float]]:
    """J in 1, ..., 4 and x in [0.01, 0.9]."""
    return st.tuples(st.integers(1, 4), st.floats(0.01, 0.9))


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Check that the optimal momenta attain the claimed factor."""
    return agrees(claim, *case)


FALSE_TWINS = (
    FalseTwin("1 - x^(1/J)", {"claim": best_is(1 - STEP ** (1 / MOMENTA))}),
    FalseTwin("no gain beyond the first momentum", {"claim": best_is(1 - sp.sqrt(STEP))}),
)

THEOREM = Theorem(
    name="second_momentum_small_step",
    source=Source(PAPER, "Section 5.1, Figure 4", "what is true: one eigenvalue, a fixed learning rate"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("second_momentum_acceleration",),
)
