r"""P1 and P2 on [-1, 1] with exact suprema: sigmoid e/(1+e), 1/4, 0.0908...; tanh tanh 1, 1, 4/(3 sqrt 3).

Assumptions
-----------
None; the suprema of |sigma|, |sigma'|, |sigma''| over [-1, 1].

Source
------
"Gradient Confusion" (2020), section 4, properties (P1) and (P2): "sigmoid, tanh, softmax and ReLU satisfy these".

Idea of the proof
-----------------
tanh: with u = tanh z, sigma'' = -2u(1 - u^2), and 4/(3 sqrt 3) - 2u(1 - u^2) = 2 (u - 1/sqrt 3)^2 (u + 2/sqrt 3); the
maximum lies inside since tanh 1 > 1/sqrt 3. Sigmoid: with v = tanh(z/2), |sigma''| = |v|(1 - v^2)/4, which rises up to
1/sqrt 3 > tanh(1/2): the maximum is at the end.

Deviations from the paper
-------------------------
True for sigmoid and tanh (and the identity: 1, 1, 0). ReLU has no bounded second derivative
(`relu_curvature_printed`), softmax is not applied entry by entry (`softmax_pointwise_printed`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_less, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

NAMES = ("sup|sigmoid|", "sup|sigmoid'|", "sup|sigmoid''|", "sup|tanh|", "sup|tanh'|", "sup|tanh''|")
SUPREMA = sp.symbols(" ".join(n.replace(" ", "") for n in NAMES), nonnegative=True)
TOP = sp.tanh(sp.Rational(1, 2))
VALUES = (
    sp.E / (1 + sp.E),
    sp.Rational(1, 4),
    TOP * (1 - TOP**2) / 4,
    sp.tanh(1),
    sp.Integer(1),
    4 / (3 * sp.sqrt(3)),
)


def suprema(*values: sp.Expr) -> Claim:
    """Return the claim about the six suprema over [-1, 1]."""
    return Claim(
        "On [-1, 1] sigmoid and tanh and their first two derivatives are bounded by 1; the suprema are known.",
        sp.And(*(equate(s, v) for s, v in zip(SUPREMA, values, strict=True)), evaluate=False),
        ("-1 <= z <= 1",),
        dict(zip(SUPREMA, ("supremum over [-1, 1]",) * 6, strict=True)),
    )


CLAIM = suprema(*VALUES)


def derive(claim: Claim) -> Derivation:
    """Maximise in u = tanh z and v = tanh(z/2)."""
    z, u = sp.Symbol("z", real=True), sp.Symbol("u", nonnegative=True)
    root, step = 1 / sp.sqrt(3), sp.Symbol("s", nonnegative=True)
    logistic = 1 / (1 + sp.exp(-z))
    inside = u.subs(u, root / (1 + step))  # 0 <= v <= 1/sqrt 3
    return Derivation(
        (
            define("u = tanh z, v = tanh(z/2)"),
            show_equal("tanh'' = -2u(1 - u^2)", sp.diff(sp.tanh(z), z, 2), -2 * sp.tanh(z) * (1 - sp.tanh(z) ** 2)),
            show_equal(
                "4/(3 sqrt 3) - 2u(1 - u^2) = 2 (u - 1/sqrt 3)^2 (u + 2/sqrt 3) >= 0",
                4 / (3 * sp.sqrt(3)) - 2 * u * (1 - u**2),
                2 * (u - root) ** 2 * (u + 2 * root),
            ),
            show_less("equality at u = 1/sqrt 3, inside: 1/3 <= tanh(1)^2", sp.Rational(1, 3), sp.tanh(1) ** 2),
            infer("|tanh| rises with |z|, |tanh'| = 1 - u^2 is largest at 0"),
            show_equal("sigmoid = (1 + v)/2", logistic.rewrite(sp.tanh), (1 + sp.tanh(z / 2)) / 2),
            show_equal(
                "sigmoid'' = -v(1 - v^2)/4",
                sp.diff((1 + sp.tanh(z / 2)) / 2, z, 2),
                -sp.tanh(z / 2) * (1 - sp.tanh(z / 2) ** 2) / 4,
            ),
            show_less("v(1 - v^2) rises while 3v^2 <= 1", sp.Integer(0), sp.diff(u * (1 - u**2), u).subs(u, inside)),
            show_less("and tanh(1/2)^2 <= 1/3", TOP**2, sp.Rational(1, 3)),
            infer("|sigmoid'| = (1 - v^2)/4 is largest at 0; sigmoid rises"),
            *(
                show_less(f"{name} is at most 1: P1, P2", value, sp.Integer(1), name=name)
                for name, value in zip(NAMES, VALUES, strict=True)
            ),
            show_with("so", claim.formula, dict(zip(SUPREMA, VALUES, strict=True))),
        )
    )


def functions() -> tuple[Callable[[Any], Any], ...]:
    """Return |sigma|, |sigma'|, |sigma''| of sigmoid and tanh."""

    def logistic(z: Any) -> Any:
        return 1.0 / (1.0 + np.exp(-z))

    return (
        logistic,
        lambda z: logistic(z) * (1 - logistic(z)),
        lambda z: np.abs(logistic(z) * (1 - logistic(z)) * (1 - 2 * logistic(z))),
        lambda z: np.abs(np.tanh(z)),
        lambda z: 1 - np.tanh(z) ** 2,
        lambda z: np.abs(2 * np.tanh(z) * (1 - np.tanh(z) ** 2)),
    )


def claimed(claim: Claim) -> list[float]:
    """Return the claimed suprema in floats."""
    parts = {part.lhs: float(part.rhs) for part in claim.formula.args}
    return [parts[s] for s in SUPREMA]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with the maxima on a grid of 200001 points."""
    grid = np.linspace(-1.0, 1.0, 200_001)
    found = [float(f(grid).max()) for f in functions()]
    gaps = [value - seen for value, seen in zip(claimed(claim), found, strict=True)]
    return Evidence.measured(
        claim,
        f"claimed - grid maximum between {min(gaps):.2g} and {max(gaps):.2g}",
        contradicted=min(gaps) < -1e-12 or max(gaps) > 1e-9,
        error_bar="1e-9 (spacing 1e-5, curvature below 10)",
        cases=6 * grid.size,
        seed=seed,
        picture=against_claim(
            claimed(claim), found, what="supremum on [-1, 1]", title="The six suprema are the claimed ones"
        ),
    )


def domain() -> st.SearchStrategy[float]:
    """Points of [-1, 1]."""
    return st.floats(-1.0, 1.0)


def holds(claim: Claim, case: float) -> bool:
    """Check that no value exceeds its supremum."""
    return all(float(f(case)) <= value + 1e-12 for value, f in zip(claimed(claim), functions(), strict=True))


FALSE_TWINS = (
    FalseTwin("tanh'' at most 3/4", {"claim": suprema(*VALUES[:5], sp.Rational(3, 4))}),
    FalseTwin("sigmoid'' as on the whole line", {"claim": suprema(*VALUES[:2], sp.sqrt(3) / 18, *VALUES[3:])}),
)

THEOREM = Theorem(
    name="activation_bounds",
    source=Source(PAPER, "Section 4, P1 and P2", "for sigmoid and tanh, with the exact suprema"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("relu_curvature_printed", "softmax_pointwise_printed", "output_gradient"),
)
