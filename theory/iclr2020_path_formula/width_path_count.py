r"""Output paths of a two-layer network: m of length 1 and m d of length 2.

Assumptions
-----------
d inputs, m hidden neurons, one output, fully connected; paths start at the output and follow edges backwards.

Source
------
Corrects the path formula paper (ICLR 2020), section 6.1, "m length 1 paths and m length 2 paths".

Idea of the proof
-----------------
A path of length 2 picks a neuron and then an input.

Deviations from the paper
-------------------------
The count; each of the m neurons carries one path of length 1 and d of length 2, so the conclusion that H is a sum of m
groups is untouched. As printed it is `width_path_count_printed`.
"""

from __future__ import annotations

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_with
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "COUNT", "INPUTS", "THEOREM", "WIDTH", "count_is", "enumerated"]

COUNT, WIDTH, INPUTS = sp.symbols("c m d", positive=True, integer=True)


def count_is(value: sp.Expr) -> Claim:
    """Return the claim that there are `value` output paths of length 2."""
    return Claim(
        "A two-layer network with m neurons and d inputs has m d output paths of length 2.",
        equate(COUNT, value),
        ("fully connected, one output",),
        {COUNT: "output paths of length 2", WIDTH: "hidden neurons", INPUTS: "inputs"},
    )


CLAIM = count_is(WIDTH * INPUTS)


def derive(claim: Claim) -> Derivation:
    """Sum over neurons and inputs."""
    neuron, entry = sp.symbols("l k", positive=True, integer=True)
    ones = sp.Sum(1, (neuron, 1, WIDTH)).doit()
    twos = sp.Sum(sp.Sum(1, (entry, 1, INPUTS)), (neuron, 1, WIDTH)).doit()
    return Derivation(
        (
            define("an output path of length 1 ends in a v_l, one of length 2 in a w_lk behind v_l"),
            show_equal("length 1", ones, WIDTH, name="number of walks of length 1"),
            show_with("length 2", claim.formula, {COUNT: twos}),
        )
    )


def enumerated(width: int, inputs: int) -> int:
    """Count the output paths of length 2 by the square of the adjacency matrix."""
    size = 1 + width + inputs
    edges = sp.zeros(size, size)
    for neuron in range(1, 1 + width):
        edges[0, neuron] = 1
        for entry in range(1 + width, size):
            edges[neuron, entry] = 1
    return int(sum((edges**2).row(0)))


def domain() -> st.SearchStrategy[tuple[int, int]]:
    """Width and inputs."""
    return st.tuples(st.integers(1, 4), st.integers(1, 4))


def holds(claim: Claim, case: tuple[int, int]) -> bool:
    """Count by powers of the adjacency matrix."""
    width, inputs = case
    claimed = claim.formula.rhs.xreplace({WIDTH: sp.Integer(width), INPUTS: sp.Integer(inputs)})
    return bool(claimed == enumerated(width, inputs))


FALSE_TWINS = (
    FalseTwin("m + d", {"claim": count_is(WIDTH + INPUTS)}),
    FalseTwin("m, as printed", {"claim": count_is(WIDTH)}),
)

THEOREM = Theorem(
    name="width_path_count",
    source=Source(PAPER, "Section 6.1, number of paths", "m d, not m"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("width_path_count_printed", "two_layer_kernel"),
)
