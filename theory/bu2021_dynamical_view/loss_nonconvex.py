r"""Section 2: the loss is not convex in the weights, although it is convex within every activation cell.

Assumptions
-----------
f(x) = m^{-1/2} sum_r a_r relu(w_r.x), L = sum_i (f(x_i) - y_i)^2/2. The witness: n = m = p = 1, a = x = y = 1.

Source
------
Bu, Xu and Chen (2021), abstract and section 2: "the loss function is nonconvex and non-smooth".

Idea of the proof
-----------------
L(w) = (relu(w) - 1)^2/2 has L(-1) = 1/2, L(1) = 0 and L(0) = 1/2, above the mean 1/4. Where no activation changes f is
linear and L a convex quadratic; the loss is flat on w <= 0 and kinks at 0.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import by_case
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Derivation, Kind, Step, assume, define, equate, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

W = sp.Symbol("w", real=True)
LOSS_AT = sp.Function("L", nonnegative=True)
RELU_LOSS = (sp.Max(W, 0) - 1) ** 2 / 2
LINEAR_LOSS = (W - 1) ** 2 / 2


def above_the_mean(first: sp.Expr, second: sp.Expr) -> Claim:
    """Return the claim that the loss at the midpoint is above the mean of the losses at two points."""
    middle = (first + second) / 2
    return Claim(
        "The loss is not convex in the weights.",
        sp.Gt(LOSS_AT(middle), (LOSS_AT(first) + LOSS_AT(second)) / 2, evaluate=False),
        ("two-layer ReLU network, square loss", "n = m = p = 1, a = x = y = 1"),
        {LOSS_AT(W): "the loss as a function of the one weight"},
    )


CLAIM = above_the_mean(sp.Integer(-1), sp.Integer(1))


def derive(claim: Claim) -> Derivation:
    """Evaluate the loss at the claim's three points."""
    return _derive(claim, RELU_LOSS)


def derive_linear(claim: Claim) -> Derivation:
    """Evaluate the identity network at the same points."""
    return _derive(claim, LINEAR_LOSS)


def _derive(claim: Claim, loss: sp.Expr) -> Derivation:
    values = {atom: loss.subs(W, atom.args[0]) for atom in claim.formula.atoms(LOSS_AT)}
    gap = (claim.formula.lhs - claim.formula.rhs).xreplace(values)
    known = gap.is_positive
    decision = Decision(
        Status.HOLDS if known else Status.FAILS if known is False else Status.UNDECIDED,
        "exact evaluation",
        f"midpoint minus mean is {gap}",
        {} if known else {**values},
    )
    positive = sp.Symbol("u", positive=True)
    return Derivation(
        (
            assume("n = m = p = 1, a = x = y = 1"),
            define("the loss", equate(LOSS_AT(W), loss)),
            show_equal(
                "for w > 0 it is the convex quadratic (w - 1)^2/2", sp.Subs(loss, W, positive), (positive - 1) ** 2 / 2
            ),
            infer("a convex function is at most the mean at a midpoint"),
            Step("evaluate at the three points", claim.formula, Kind.COMPUTED, decision),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Search networks of 3 neurons on 4 points for midpoints above the mean, and cells for a negative curvature."""
    rng = np.random.default_rng(seed)
    above, curvature, pairs, excesses = 0, 0.0, 400, list[float]()
    for _ in range(pairs):
        X, y, a = rng.standard_normal((4, 2)), rng.standard_normal(4), rng.choice([-1.0, 1.0], 3) / np.sqrt(3.0)
        U, V = rng.standard_normal((2, 3, 2))
        predictions = (np.maximum(X @ W.T, 0.0) @ a for W in (U, (U + V) / 2, V))
        at_u, middle, at_v = (0.5 * float(np.sum((f - y) ** 2)) for f in predictions)
        excesses.append(middle - (at_u + at_v) / 2)
        above += excesses[-1] > 1e-12
        J = np.hstack([(X @ U[r] > 0.0)[:, None] * a[r] * X for r in range(3)])
        curvature = min(curvature, float(np.linalg.eigvalsh(J.T @ J)[0]))
    return Evidence.measured(
        claim,
        f"{above} of {pairs} random midpoints above the mean; least curvature in a cell {curvature:.2g}",
        contradicted=False if above else None,
        error_bar="1e-12 (rounding)",
        cases=pairs,
        seed=seed,
        picture=by_case(
            excesses,
            0.0,
            title="Some midpoints lie above the mean: L is not convex",
            ylabel="L at the midpoint - mean of the ends",
            limit_label="convex: never above",
        ),
    )


FALSE_TWINS = (
    FalseTwin("identity in place of the ReLU", {"derive": derive_linear, "simulate": None}),
    FalseTwin("both points active", {"claim": above_the_mean(sp.Integer(1), sp.Integer(3)), "simulate": None}),
)

THEOREM = Theorem(
    name="loss_nonconvex",
    source=Source(PAPER, "Section 2, the loss"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("gronwall_second_order",),
)
