r"""Appendix A.1: on square layers Glorot's and LeCun's initialisations are the same.

Assumptions
-----------
Glorot: variance 2/(n_in + n_out); LeCun: variance 1/n_in; equal numbers of inputs and outputs.

Source
------
"Gradient Confusion" (2020), Appendix A.1 and Figures 5 and 6, which compare the two on networks of constant width.

Idea of the proof
-----------------
2/(n + m) - 1/n = (n - m)/(n (n + m)).

Deviations from the paper
-------------------------
A remark that the paper does not make: only the first layer (784 inputs) and the last one (10 outputs) differ between
the columns of Figures 5 and 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.confusion import Architecture, Initialiser, initial_weights
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

INPUTS, OUTPUTS = sp.symbols("n_in n_out", positive=True, integer=True)
DIFFERENCE = sp.Symbol("v_Glorot - v_LeCun", real=True)


def differ_by(value: sp.Expr) -> Claim:
    """Return the claim about the difference of the two variances."""
    return Claim(
        "Glorot's and LeCun's variances differ by (n_in - n_out)/(n_in (n_in + n_out)): not at all on square layers.",
        equate(DIFFERENCE, value),
        ("Glorot: 2/(n_in + n_out)", "LeCun: 1/n_in"),
        {DIFFERENCE: "difference of the variances", INPUTS: "inputs of the layer", OUTPUTS: "outputs of the layer"},
    )


CLAIM = differ_by((INPUTS - OUTPUTS) / (INPUTS * (INPUTS + OUTPUTS)))


def derive(claim: Claim) -> Derivation:
    """Subtract."""
    difference = 2 / (INPUTS + OUTPUTS) - 1 / INPUTS
    return Derivation(
        (
            define("v_Glorot = 2/(n_in + n_out), v_LeCun = 1/n_in"),
            show_equal(
                "for n_out = n_in", difference.subs(OUTPUTS, INPUTS), sp.Integer(0), name="difference for n_out = n_in"
            ),
            infer("normal weights with the same variance have the same law"),
            show_with("in general", claim.formula, {DIFFERENCE: difference}),
        )
    )


def ratio(inputs: int, outputs: int) -> float:
    """Return the ratio of the library's weights, Glorot over LeCun, for one seed: the square root of the variances'."""
    shape = Architecture((inputs, outputs), biases=False)
    glorot, lecun = (initial_weights(shape, 0, initialiser=i) for i in (Initialiser.GLOROT, Initialiser.LECUN))
    return float(np.median(glorot / lecun))


def sides(claim: Claim, inputs: int, outputs: int) -> tuple[float, float]:
    """Return the claimed difference of the variances and the library's, in units of LeCun's variance."""
    claimed = float(claim.bound({INPUTS: inputs, OUTPUTS: outputs})) if claim.formula.rhs.free_symbols else 0.0
    return claimed * inputs, ratio(inputs, outputs) ** 2 - 1.0


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the weights that the library draws for the paper's layers."""
    pairs = [sides(claim, *shape) for shape in ((784, 100), (100, 100), (100, 10), (10, 10), (784, 1000))]
    worst = max(abs(seen - claimed) for claimed, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest difference {worst:.2g} of 1/n_in over the paper's layers",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=5,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True),
            what="difference, in 1/n_in",
            title="Glorot's and LeCun's variances differ as claimed",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Layers."""
    return st.tuples(st.integers(1, 40), st.integers(1, 40))


def holds(claim: Claim, case: Any) -> bool:
    """Compare one layer."""
    claimed, seen = sides(claim, *case)
    return abs(seen - claimed) <= 1e-12


FALSE_TWINS = (
    FalseTwin("always the same", {"claim": differ_by(sp.Integer(0))}),
    FalseTwin("twice", {"claim": differ_by(2 * (INPUTS - OUTPUTS) / (INPUTS * (INPUTS + OUTPUTS)))}),
)

THEOREM = Theorem(
    name="glorot_and_lecun",
    source=Source(PAPER, "Appendix A.1, initialisers", "new: what the comparison compares"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("operator_norm",),
)
