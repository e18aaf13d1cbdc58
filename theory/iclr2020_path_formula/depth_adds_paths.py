r"""Remark 6.11, the true part: cutting one hidden layer into two gives more paths with no more parameters.

Assumptions
-----------
d inputs, one output, fully connected; widths a, b >= 2 with a <= d, against one hidden layer of width a + b.

Source
------
Corrects Remark 6.11 (depth against width).

Idea of the proof
-----------------
One layer of a + b: P = q = (d + 1)(a + b). Two layers a, b: q = d a b + a b + b and P = d a + a b + b. The differences
are (d + 1)((a - 1)(b - 1) - 1) + b and a + b (d - a).

Deviations from the paper
-------------------------
The remark's own example, one parameter in a layer of its own, adds one path: `depth_against_width_printed`. Here full
layers: widths (10, 16) have P = q = 176, (10, 10, 6) have P = 166 and q = 666, (10, 6, 6, 6) P = 138 and q = 2418.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_with
from odeflow.symbolic.path_counts import layered_path_counts
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import enumerate_paths
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

WIDE_PATHS, DEEP_PATHS, WIDE_SIZE, DEEP_SIZE = sp.symbols("q_1 q_2 P_1 P_2", positive=True, integer=True)
INPUTS, FIRST, SECOND = sp.symbols("d a b", positive=True, integer=True)


def deeper(paths: sp.Expr, size: sp.Expr) -> Claim:
    """Return the claim q_2 >= paths and P_2 <= size."""
    return Claim(
        "Two hidden layers a, b have at least b paths more than one of width a + b, with no more parameters.",
        sp.And(sp.Ge(DEEP_PATHS, paths, evaluate=False), sp.Le(DEEP_SIZE, size, evaluate=False), evaluate=False),
        ("fully connected, one output, untied, no biases", "2 <= a <= d, b >= 2"),
        {
            WIDE_PATHS: "paths of widths (d, a + b)", DEEP_PATHS: "paths of widths (d, a, b)",
            WIDE_SIZE: "parameters of (d, a + b)", DEEP_SIZE: "parameters of (d, a, b)",
            INPUTS: "inputs", FIRST: "first hidden width", SECOND: "second hidden width",
        },
    )  # fmt: skip


CLAIM = deeper(WIDE_PATHS + SECOND, WIDE_SIZE)


def counted() -> dict[sp.Basic, sp.Expr]:
    """Return the four numbers as polynomials in the widths."""
    return {
        WIDE_PATHS: (INPUTS + 1) * (FIRST + SECOND),
        WIDE_SIZE: (INPUTS + 1) * (FIRST + SECOND),
        DEEP_PATHS: INPUTS * FIRST * SECOND + FIRST * SECOND + SECOND,
        DEEP_SIZE: INPUTS * FIRST + FIRST * SECOND + SECOND,
    }


def derive(claim: Claim) -> Derivation:
    """Compare the polynomials where a, b >= 2 and d >= a."""
    numbers = counted()
    low = {FIRST: sp.Integer(2), SECOND: sp.Integer(2), INPUTS: FIRST}
    gap = (INPUTS + 1) * ((FIRST - 1) * (SECOND - 1) - 1) + SECOND
    return Derivation(
        (
            define("|pre(w)| is the product of the widths above w: d a b, a b and b paths end in the three layers"),
            show_equal("q_2 - q_1", numbers[DEEP_PATHS] - numbers[WIDE_PATHS], gap),
            show_equal("P_1 - P_2", numbers[WIDE_SIZE] - numbers[DEEP_SIZE], FIRST + SECOND * (INPUTS - FIRST)),
            show_with("both for a, b >= 2 and d >= a", claim.formula, numbers, low),
        )
    )


def true_at(claim: Claim, d: int, a: int, b: int, *, listed: bool = False) -> bool:
    """Evaluate the claim for given widths, by listing the paths or by the product formula."""
    sizes: dict[sp.Basic, sp.Expr] = {}
    for paths, size, hidden in ((WIDE_PATHS, WIDE_SIZE, [a + b]), (DEEP_PATHS, DEEP_SIZE, [a, b])):
        counts = layered_path_counts([d, *hidden])
        found = len(enumerate_paths(layered_network([d, *hidden, 1]))) if listed else counts.paths
        sizes |= {paths: sp.Integer(found), size: sp.Integer(counts.parameters)}
    at = {INPUTS: sp.Integer(d), FIRST: sp.Integer(a), SECOND: sp.Integer(b)}
    return bool(claim.formula.xreplace(sizes | at))


def simulate(claim: Claim, seed: int) -> Evidence:
    """List the paths of networks with up to six inputs."""
    cases = [(d, a, b) for d in range(2, 6) for a in range(2, d + 1) for b in range(2, 5)]
    wrong = [case for case in cases if not true_at(claim, *case, listed=True)]
    return Evidence.measured(
        claim,
        f"{len(wrong)} of {len(cases)} widths (d, a, b) contradict the claim when paths are listed: {wrong[:3]}",
        contradicted=bool(wrong),
        error_bar="none (integers)",
        cases=len(cases),
    )


def domain() -> st.SearchStrategy[Any]:
    """Widths (d, a, b) with 2 <= a <= d, b >= 2, and far too many paths to list."""
    return st.tuples(st.integers(2, 500), st.integers(2, 500), st.integers(2, 500)).map(
        lambda s: (max(s[0], s[1]), min(s[0], s[1]), s[2])
    )


def holds(claim: Claim, case: Any) -> bool:
    """Compare the product formula's counts."""
    return true_at(claim, *case)


FALSE_TWINS = (
    FalseTwin("three times as many paths", {"claim": deeper(3 * WIDE_PATHS, WIDE_SIZE)}),
    FalseTwin("half of the parameters", {"claim": deeper(WIDE_PATHS + SECOND, WIDE_SIZE / 2)}),
)

THEOREM = Theorem(
    name="depth_adds_paths",
    source=Source(PAPER, "Remark 6.11", "for full layers"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_against_width_printed", "layered_summands"),
)
