r"""How many summands (12) has: sum_w |pre(w)|^2, in closed form for fully connected networks of any depth.

Assumptions
-----------
d inputs, L - 1 hidden layers of width m >= 2, one output, so L >= 2 layers of weights, all untied, no biases.

Source
------
Section 5, "number of terms in Equation 12"; the layered closed form is not in the paper.

Idea of the proof
-----------------
A weight of layer k ends m^{L-1-k} paths (`Network.counts` finds the same by dynamic programming). One more layer at the
inputs turns the d m first weights into m m ones and adds d m weights with m^{L-1} paths each: induction in L.

Deviations from the paper
-------------------------
The paper counts two examples only (`example_three_summands`, `example_fourteen_summands`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal
from odeflow.symbolic.path_counts import layered_path_counts
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import enumerate_paths
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

SUMMANDS = sp.Symbol("S_L", positive=True)
INPUTS = sp.Symbol("d", positive=True, integer=True)
WIDTH, LAYERS = sp.symbols("m L", positive=True, integer=True)


def number_is(value: sp.Expr) -> Claim:
    """Return the claim that (12) has `value` summands."""
    return Claim(
        "A network with d inputs, L - 1 hidden layers of width m and one output has that many summands in (12).",
        equate(SUMMANDS, value),
        ("fully connected, untied, no biases", "m >= 2, L >= 2"),
        {SUMMANDS: "sum_w |pre(w)|^2", INPUTS: "inputs", WIDTH: "hidden width", LAYERS: "layers of weights"},
    )


TOTAL = INPUTS * WIDTH ** (2 * LAYERS - 3) + (WIDTH ** (2 * LAYERS - 2) - WIDTH**2) / (WIDTH**2 - 1) + WIDTH
CLAIM = number_is(TOTAL)


def derive(claim: Claim) -> Derivation:
    """Prove the closed form by induction in the number of layers, from two layers on."""
    value = claim.formula.rhs
    first = INPUTS * WIDTH * 1 + WIDTH  # two layers: every weight ends one path
    shallow = show_equal(
        "L = 2: d m + m weights with one path each", first, value.subs(LAYERS, 2), name="number of weights"
    )
    ends = WIDTH ** (LAYERS - 1)  # paths from the output back to a node of the new first hidden layer
    step = show_equal(
        "one more layer at the inputs: d m weights with |pre| = m^{L-1}, and the old first layer has m inputs",
        value.subs(INPUTS, WIDTH) + INPUTS * WIDTH * ends**2,
        value.subs(LAYERS, LAYERS + 1),
    )
    return Derivation(
        (
            define("a path from the output back to a node of hidden layer k chooses one node in each layer above it"),
            define("so |pre(w)| = m^{L-1-k} for w in layer k < L, and 1 for w in layer L"),
            shallow,
            step,
            infer("by induction in L", claim.formula, from_=[shallow, step]),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """List all paths of small networks and count the pairs that end in the same edge."""
    wrong, pairs, sizes = [], [], [(1, 2, 2), (3, 2, 2), (2, 3, 3), (1, 2, 4), (2, 2, 5)]
    for d, m, layers in sizes:
        paths = enumerate_paths(layered_network([d, *[m] * (layers - 1), 1]))
        _, numbers = np.unique([path[-1] for path in paths], return_counts=True)
        pairs.append((float(claimed(claim, d, m, layers)), int(np.sum(numbers**2))))
        if pairs[-1][1] != claimed(claim, d, m, layers):
            wrong.append((d, m, layers))
    return Evidence.measured(
        claim,
        f"{len(sizes) - len(wrong)} of {len(sizes)} listed networks have the claimed number",
        contradicted=bool(wrong),
        error_bar="none (integers)",
        cases=len(sizes),
        picture=against_claim(
            *zip(*pairs, strict=True), what="summands", title="As many summands as claimed", log=True
        ),
        detail=f"differs at (d, m, L) = {wrong}",
    )


def claimed(claim: Claim, d: int, m: int, layers: int) -> int:
    """Return the claimed number, an integer (or a fraction if the claim is wrong)."""
    return claim.formula.rhs.xreplace({INPUTS: sp.Integer(d), WIDTH: sp.Integer(m), LAYERS: sp.Integer(layers)})  # type: ignore[no-any-return]


def domain() -> st.SearchStrategy[Any]:
    """Sizes (d, m, L): far beyond what could be listed."""
    return st.tuples(st.integers(1, 50), st.integers(2, 100), st.integers(2, 30))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the product formula for |pre(w)|, in integers."""
    d, m, layers = case
    return bool(layered_path_counts([d, *[m] * (layers - 1)]).summands == claimed(claim, d, m, layers))


FALSE_TWINS = (
    FalseTwin("twice the first layer", {"claim": number_is(TOTAL + INPUTS * WIDTH ** (2 * LAYERS - 3))}),
    FalseTwin("the number q of symmetric summands",
              {"claim": number_is(INPUTS * WIDTH ** (LAYERS - 1) + (WIDTH**LAYERS - WIDTH**2) / (WIDTH - 1) + WIDTH)}),
)  # fmt: skip

THEOREM = Theorem(
    name="layered_summands",
    source=Source(PAPER, "Section 5, number of terms in (12)", "closed form for fully connected networks"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("example_three_summands", "example_fourteen_summands", "cross_term_count"),
)
