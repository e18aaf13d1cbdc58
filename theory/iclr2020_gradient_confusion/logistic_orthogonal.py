r"""Section 2: logistic regression on orthogonal inputs has no confusion, and a step on f_i leaves f_j as it is.

Assumptions
-----------
f_i(w) = log(1 + exp(-y_i <x_i, w>)), <x_i, x_j> = 0 for i != j, y_i = +-1, any learning rate.

Source
------
"Gradient Confusion" (2020), section 2, "Observations in simplified settings".

Idea of the proof
-----------------
grad f_i = zeta_i x_i; the margin of sample j moves by -alpha zeta_i y_j <x_i, x_j>.

Deviations from the paper
-------------------------
As printed. The claim is stated for any two inputs: the margin of j moves by exactly that much.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.confusion import (
    Architecture,
    LogisticLoss,
    gradient_confusion,
    per_sample_gradients,
    sample_losses,
)
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ALPHA
from theory.iclr2020_gradient_confusion.notation import PAPER

FIRST, SECOND, WEIGHTS = (Vector.base(name) for name in ("x_i", "x_j", "w"))
BETWEEN = inner(FIRST, SECOND)
SLOPE = sp.Symbol("zeta_i", real=True)
LABEL = sp.Symbol("y_j", real=True)
MOVED = sp.Symbol("m_j(w+) - m_j(w)", real=True)


def margin_moves_by(value: sp.Expr) -> Claim:
    """Return the claim about the change of sample j's margin in a step on f_i."""
    return Claim(
        "A step on f_i moves the margin of j by -alpha zeta_i y_j <x_i, x_j>: not at all if they are orthogonal.",
        equate(MOVED, value),
        ("f_i = log(1 + exp(-y_i <x_i, w>))", "w+ = w - alpha grad f_i(w)"),
        {
            MOVED: "change of y_j <x_j, w>",
            SLOPE: "y_i l'(y_i <x_i, w>)",
            LABEL: "label of sample j",
            ALPHA: "learning rate",
            BETWEEN: "inner product of the two inputs",
        },
    )


CLAIM = margin_moves_by(-ALPHA * SLOPE * LABEL * BETWEEN)


def derive(claim: Claim) -> Derivation:
    """Step and compare margins."""
    z, y = sp.symbols("z y", real=True)
    stepped = WEIGHTS - FIRST * (ALPHA * SLOPE)
    other = sp.Symbol("zeta_j", real=True)
    change = LABEL * inner(SECOND, stepped) - LABEL * inner(SECOND, WEIGHTS)
    return Derivation(
        (
            show_equal(
                "the slope of log(1 + e^{-y z}) by z",
                sp.Derivative(sp.log(1 + sp.exp(-y * z)), z),
                -y * sp.exp(-y * z) / (1 + sp.exp(-y * z)),
            ),
            define("so grad f_i = zeta_i x_i with a number zeta_i"),
            show_equal(
                "<grad f_i, grad f_j> = zeta_i zeta_j <x_i, x_j>: 0 for orthogonal inputs, so eta = 0",
                inner(FIRST * SLOPE, SECOND * other),
                SLOPE * other * BETWEEN,
                name="<grad f_i, grad f_j>",
            ),
            infer("f_j depends on w through the margin y_j <x_j, w> only"),
            show_with("how it moves", claim.formula, {MOVED: change}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Step with a network f(x) = w.x on orthogonal and on other inputs; the losses say what the margins did."""
    rng = np.random.default_rng(seed)
    line, pairs, untouched, eta = Architecture((6, 1), biases=False), [], 0.0, 0.0
    for trial in range(50):
        X = np.linalg.qr(rng.standard_normal((6, 6)))[0] * 2.0
        X = X if trial % 2 == 0 else rng.standard_normal((6, 6))
        y, w = rng.choice([-1.0, 1.0], 6), rng.standard_normal(6)
        alpha, i = float(rng.uniform(0.1, 5.0)), int(rng.integers(6))
        g = per_sample_gradients(line, w, X, y, loss=LogisticLoss())
        before, after = (sample_losses(line, v, X, y, loss=LogisticLoss()) for v in (w, w - alpha * g[i]))
        others = np.arange(6) != i
        moved = (-np.log(np.expm1(after)) + np.log(np.expm1(before)))[others]  # f = log(1 + e^{-m})
        slope = float(g[i] @ X[i]) / float(X[i] @ X[i])
        values = {ALPHA: alpha, SLOPE: slope, LABEL: y[others], BETWEEN: (X @ X[i])[others]}
        needed = {s: v for s, v in values.items() if s in claim.formula.rhs.free_symbols}
        pairs.append(np.broadcast_arrays(claim.bound(needed), moved))
        if trial % 2 == 0:
            untouched = max(untouched, float(np.abs(after - before)[others].max()))
            eta = max(eta, gradient_confusion(line, w, X, y, loss=LogisticLoss()).bound)
    claimed, seen = np.concatenate(pairs, axis=1)
    gap = float(np.abs(seen - claimed).max())
    return Evidence.measured(
        claim,
        f"margins move as claimed up to {gap:.2g}; orthogonal inputs: eta at most {eta:.2g}, other losses change by "
        f"at most {untouched:.2g}",
        contradicted=gap > 1e-9,
        error_bar="1e-9 (margins recomputed from losses)",
        cases=250,
        seed=seed,
        picture=against_claim(claimed, seen, what="change of the margin", title="Margins move as claimed"),
    )


FALSE_TWINS = (
    FalseTwin("never at all", {"claim": margin_moves_by(sp.Integer(0))}),
    FalseTwin("in the other direction", {"claim": margin_moves_by(ALPHA * SLOPE * LABEL * BETWEEN)}),
)

THEOREM = Theorem(
    name="logistic_orthogonal",
    source=Source(PAPER, "Section 2, orthogonal inputs", "as printed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("logistic_factors", "isotropic_inner_products"),
)
