r"""Section 4: softmax cross-entropy is a loss, that is, not negative, for labels with entries >= 0.

Assumptions
-----------
y in R^k with entries y_r >= 0 (one-hot vectors, or any point of the simplex); any outputs.

Source
------
Arora, Cohen and Hazan (2018), section 4: l(yhat, y) = -sum_r y_r log(e^{yhat_r}/sum_{r'} e^{yhat_{r'}}) into R_{>= 0}.

Idea of the proof
-----------------
e^{-l} = prod_r p_r^{y_r} with p_r = 1/(1 + S_r), S_r = sum_{r' != r} e^{yhat_{r'} - yhat_r} >= 0: a product of numbers
at most 1.

Deviations from the paper
-------------------------
The paper's labels live in R^k, where the claim is false: y = (-1, 0) gives l = -log 2 at equal outputs (a false twin).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, chain, define, equate, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

LIKELIHOOD = sp.Symbol("p", positive=True)


def likelihood_at_most(value: sp.Expr) -> Claim:
    """Return the claim e^{-loss} <= value."""
    return Claim(
        "Softmax cross-entropy is not negative for labels with entries >= 0.",
        sp.Le(LIKELIHOOD, value, evaluate=False),
        ("y_r >= 0 for every r",),
        {LIKELIHOOD: "e^{-l}: the product of p_r^{y_r}, p the softmax of the outputs"},
    )


CLAIM = likelihood_at_most(sp.Integer(1))


def derive(claim: Claim) -> Derivation:
    """Bound each factor by 1."""
    own = sp.Symbol("E_r", positive=True)
    others = sp.Symbol("S_r", nonnegative=True)
    share = own / (own + own * others)
    first = show_equal("p_r = e^{yhat_r}/sum, the others in units of e^{yhat_r}", share, 1 / (1 + others))
    below = show_less("is at most 1", 1 / (1 + others), sp.Integer(1))
    above = show_less("and not negative", sp.Integer(0), 1 / (1 + others))
    each = infer(
        "0 <= p_r <= 1 and y_r >= 0: p_r^{y_r} <= 1, and so is the product",
        sp.Le(LIKELIHOOD, 1, evaluate=False),
        from_=[first, below, above],
    )
    return Derivation(
        (
            assume("y_r >= 0"),
            define("e^{-l} is the product of p_r^{y_r}", equate(sp.Symbol("E_r"), sp.exp(sp.Symbol("yhat_r")))),
            first,
            below,
            above,
            each,
            chain("so e^{-l} is bounded", claim.formula, sp.Integer(1), from_=[each]),
        )
    )


def likelihood(labels: np.ndarray, outputs: np.ndarray) -> float:
    """Return e^{-l}."""
    shifted = outputs - outputs.max()
    return float(np.exp(labels @ (shifted - np.log(np.exp(shifted).sum()))))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Evaluate 300 random labels of the simplex, one-hot ones among them, at outputs of all sizes."""
    rng = np.random.default_rng(seed)
    found = list[float]()
    for i in range(300):
        k = int(rng.integers(2, 8))
        labels = np.eye(k)[0] if i % 3 == 0 else rng.dirichlet(np.ones(k))
        found.append(likelihood(labels, rng.standard_normal(k) * 10.0 ** rng.uniform(-2, 1.5)))
    largest, bound = max(found), float(claim.formula.rhs)
    return Evidence.measured(
        claim,
        f"largest e^{{-l}} {largest:.4g}",
        contradicted=largest > bound * (1 + 1e-12),
        error_bar="1e-12 (rounding)",
        cases=300,
        seed=seed,
        picture=by_case(
            found, bound, title="The softmax loss is never negative", ylabel="e^{-l}", limit_label="claimed: at most"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Labels >= 0 and outputs, three classes."""
    triple = st.tuples(*[st.floats(-20, 20)] * 3)
    return st.tuples(st.tuples(*[st.floats(0, 2)] * 3), triple)


def any_labels() -> st.SearchStrategy[Any]:
    """Labels anywhere in R^3."""
    triple = st.tuples(*[st.floats(-20, 20)] * 3)
    return st.tuples(st.tuples(*[st.floats(-2, 2)] * 3), triple)


def holds(claim: Claim, case: Any) -> bool:
    """Check one label."""
    labels, outputs = (np.array(v) for v in case)
    return bool(likelihood(labels, outputs) <= float(claim.formula.rhs) * (1 + 1e-12))


FALSE_TWINS = (
    FalseTwin("labels anywhere in R^k", {"domain": any_labels, "derive": None, "simulate": None}),
    FalseTwin("at least log 2", {"claim": likelihood_at_most(sp.Rational(1, 2))}),
)

THEOREM = Theorem(
    name="softmax_nonnegative",
    source=Source(PAPER, "Section 4, losses", "for labels with entries >= 0"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("end_to_end_loss",),
)
