r"""Appendix A.1, corrected: MLP-300-10 has 40850 parameters; the count for every depth and width.

Assumptions
-----------
MLP-beta-l for MNIST: W_0 is l x 784, W_1 to W_{beta-1} are l x l, W_beta is 10 x l, with a bias for every output.

Source
------
Corrects "Gradient Confusion" (2020), Appendix A.1: "MLP-300-10 still has more than 50000 parameters".

Idea of the proof
-----------------
Count entries: 785 l + (beta - 1)(l^2 + l) + 10 l + 10.

Deviations from the paper
-------------------------
40850 is still more than the 40000 training samples, which is the paper's point; and MLP-300-30 has 301930 parameters,
3.03 times the 99710 of MLP-3-100 ("almost three times": more than three times).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.confusion import Architecture
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_less, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

DEPTH, WIDTH = sp.symbols("beta l", positive=True, integer=True)
COUNT = sp.Symbol("P", positive=True, integer=True)


def counts(value: sp.Expr) -> Claim:
    """Return the claim that MLP-beta-l has `value` parameters."""
    return Claim(
        "MLP-beta-l for MNIST has 785 l + (beta - 1)(l^2 + l) + 10 l + 10 parameters, MLP-300-10 has 40850.",
        equate(COUNT, value),
        ("784 inputs, 10 outputs, biases in every layer",),
        {COUNT: "number of parameters", DEPTH: "depth: W_0 to W_beta", WIDTH: "width of the hidden layers"},
    )


CLAIM = counts(785 * WIDTH + (DEPTH - 1) * (WIDTH**2 + WIDTH) + 10 * WIDTH + 10)


def counted() -> sp.Expr:
    """Sum the entries of all layers for symbolic depth and width."""
    p = sp.Symbol("p", integer=True, positive=True)
    return (784 + 1) * WIDTH + sp.summation(WIDTH * WIDTH + WIDTH, (p, 1, DEPTH - 1)) + (WIDTH + 1) * 10


def derive(claim: Claim) -> Derivation:
    """Sum over layers, then put the paper's sizes in."""

    def at(depth: int, width: int) -> sp.Expr:
        return sp.expand(counted()).subs({DEPTH: depth, WIDTH: width})

    return Derivation(
        (
            define("W_0: l (784 + 1); W_1, ..., W_{beta-1}: l (l + 1) each; W_beta: 10 (l + 1)"),
            show_equal("MLP-300-10", at(300, 10), sp.Integer(40850), name="parameters of MLP-300-10"),
            show_less("still more than the 40000 training samples", sp.Integer(40001), at(300, 10)),
            show_equal("MLP-300-30", at(300, 30), sp.Integer(301930), name="parameters of MLP-300-30"),
            show_equal("MLP-3-100", at(3, 100), sp.Integer(99710), name="parameters of MLP-3-100"),
            show_with("in general", claim.formula, {COUNT: counted()}),
        )
    )


def size(depth: int, width: int) -> int:
    """Return the number of parameters of the library's network."""
    return Architecture((784, *[width] * depth, 10)).size


def simulate(claim: Claim, seed: int) -> Evidence:
    """Build the paper's networks of Figures 5 and 6 and count."""
    shapes = [(beta, 100) for beta in (3, 10, 30, 100, 300, 1000)] + [(300, width) for width in (10, 30, 300, 1000)]
    claimed = [float(claim.bound({DEPTH: beta, WIDTH: width})) for beta, width in shapes]
    counted = [size(*shape) for shape in shapes]
    wrong = [s for s, said, seen in zip(shapes, claimed, counted, strict=True) if said != seen]
    return Evidence.measured(
        claim,
        f"{len(wrong)} of {len(shapes)} networks have another number of parameters; MLP-300-10 has {size(300, 10)}",
        contradicted=bool(wrong),
        error_bar="exact count",
        cases=len(shapes),
        seed=seed,
        picture=against_claim(
            claimed, counted, what="parameters", title="The paper's networks have as many as claimed", log=True
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depths and widths."""
    return st.tuples(st.integers(1, 60), st.integers(1, 60))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the library's network."""
    return size(*case) == float(claim.bound({DEPTH: case[0], WIDTH: case[1]}))


FALSE_TWINS = (
    FalseTwin("one more hidden layer", {"claim": counts(785 * WIDTH + DEPTH * (WIDTH**2 + WIDTH) + 10 * WIDTH + 10)}),
    FalseTwin("no biases", {"claim": counts(784 * WIDTH + (DEPTH - 1) * WIDTH**2 + 10 * WIDTH)}),
)

THEOREM = Theorem(
    name="parameter_count",
    source=Source(PAPER, "Appendix A.1, number of parameters", "the count"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("parameter_count_printed",),
)
