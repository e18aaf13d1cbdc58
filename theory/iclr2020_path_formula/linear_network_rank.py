r"""Linear networks: rank H <= rank H^S <= d inputs, however many paths there are.

Assumptions
-----------
Linear nodes, no biases, d inputs, scalar output.

Source
------
Corrects Remark 6.10: "The bigger q is, the more likely they are linearly independent".

Idea of the proof
-----------------
No slope depends on the sample and every value is linear in it, so g_i = C x_i with one q x d matrix C. With the samples
as rows of X the form <v, H^S v> = |C X' v|^2 vanishes where X' v = 0: on N - d dimensions at least.

Deviations from the paper
-------------------------
The paper speaks of networks in general; its first example, and all of section 7 but two figures, are linear.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._path_algebra import SCALAR_OUTPUT
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.paths_at_least_samples import PATHS, STRONG_RANK

INPUTS, SAMPLES = sp.symbols("d N", positive=True, integer=True)


def rank_at_most(upper: sp.Expr) -> Claim:
    """Return the claim rank H^S <= upper."""
    return Claim(
        "For a linear network with d inputs rank H^S <= d, whatever the number q of paths.",
        sp.Le(STRONG_RANK, upper, evaluate=False),
        (SCALAR_OUTPUT, "linear nodes, no biases"),
        {
            STRONG_RANK: "rank of H^S",
            INPUTS: "number of inputs",
            SAMPLES: "number of samples",
            PATHS: "number of paths",
        },
    )


CLAIM = rank_at_most(INPUTS)


def derive(claim: Claim) -> Derivation:
    """Factor the contributions through the inputs."""
    paths, inputs, v = Operator("C"), Operator("X"), Vector.base("v")
    missing = sp.Symbol("k", nonnegative=True, integer=True)
    factored = paths @ (inputs.T @ v)
    return Derivation(
        (
            define("g_i = C x_i: PG_p has no sample in it, and the value that enters an edge is linear in x_i"),
            show_equal(
                "<v, H^S v> = |C X' v|^2",
                inner(v, inputs @ (paths.T @ (paths @ (inputs.T @ v)))),
                norm2(factored),
                name="<v, H^S v>",
            ),
            infer("X' has d rows: its kernel has dimension >= N - d, and lies in that of H^S, of dimension N - d + k"),
            show_with(
                "rank H^S = N - (N - d + k)", claim.formula, {STRONG_RANK: SAMPLES - (SAMPLES - INPUTS + missing)}
            ),
        )
    )


def strong_rank(case: Any) -> tuple[int, int, int]:
    """Return rank H^S, d and N, exactly."""
    run = case.run()
    return gram_split(run).strong.rank(), len(case.network.inputs), len(run.rows)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Find rank H^S of linear networks with up to 10^4 paths and five samples, in rationals."""
    rng = np.random.default_rng(seed)
    wrong, seen, pairs = 0, [], []
    for widths in ([1, 5, 1], [2, 5, 1], [2, 4, 4, 1], [3, 5, 5, 5, 1]):
        network = layered_network(widths)
        samples = [[int(n) for n in rng.integers(-9, 10, widths[0])] for _ in range(5)]
        weights = {w: int(n) for w, n in zip(network.parameters, rng.integers(1, 6, 200), strict=False)}
        rank = gram_split(propagate(network, samples, weights)).strong.rank()
        seen.append((widths[0], network.counts().paths, rank))
        values = {STRONG_RANK: sp.Integer(rank), INPUTS: sp.Integer(widths[0]), SAMPLES: sp.Integer(5)}
        wrong += not bool(claim.formula.xreplace(values))
        pairs.append((int(claim.formula.rhs.xreplace(values)), rank))
    return Evidence.measured(
        claim,
        f"(d, q, rank H^S) of five samples: {seen}",
        contradicted=wrong > 0,
        error_bar="none (rationals)",
        cases=len(seen),
        seed=seed,
        picture=against_claim(*zip(*pairs, strict=True), what="rank H^S", title="No rank is above the claimed bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small linear networks in rationals, up to four samples."""
    return networks_on_samples(activations=(Node.IDENTITY,), bias=False, max_samples=4)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Find the rank exactly."""
    rank, d, n = strong_rank(case)
    return bool(claim.formula.xreplace({STRONG_RANK: sp.Integer(rank), INPUTS: sp.Integer(d), SAMPLES: sp.Integer(n)}))


FALSE_TWINS = (
    FalseTwin("one less than d", {"claim": rank_at_most(INPUTS - 1)}),
    FalseTwin(
        "with ReLU and square nodes",
        {"derive": None, "domain": lambda: networks_on_samples(max_samples=4, max_inputs=1, bias=False)},
    ),
)

THEOREM = Theorem(
    name="linear_network_rank",
    source=Source(PAPER, "Remark 6.10", "what bounds the rank of a linear network"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("more_paths_more_rank_printed", "paths_at_least_samples"),
)
