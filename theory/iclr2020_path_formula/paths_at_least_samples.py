r"""Remark 6.10, first half: full rank of H needs q >= N paths; but it needs N parameters already, and P <= q.

Assumptions
-----------
Those of `gram_split`; every weight is reached from the output.

Source
------
Remark 6.10: "to ensure H is full-rank, q should satisfy q >= N".

Idea of the proof
-----------------
0 <= H <= K H^S (`gram_split_bounds`): where <v, H^S v> = 0 also <v, H v> = 0, so ker H^S lies in ker H and rank H <=
rank H^S; H^S is the Gram matrix of vectors in R^q, so rank H^S <= q. H = J J' with N x P matrices J, so rank H <= P;
each weight ends at least one path, so P <= q.

Deviations from the paper
-------------------------
The paper draws q >= N; since P <= q always, the count of paths never binds before the count of parameters does.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.derivations import Derivation, by, define, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import gram_split_bounds
from theory.iclr2020_path_formula._path_algebra import DIFFERENTIABLE, SCALAR_OUTPUT, UNTIED
from theory.iclr2020_path_formula.gram_split_bounds import STRONG_FORM
from theory.iclr2020_path_formula.notation import PAPER

RANK, STRONG_RANK, PARAMETERS, PATHS = sp.symbols("r r_S P q", nonnegative=True, integer=True)


def ranks(*parts: sp.Basic) -> Claim:
    """Return a claim about the ranks of H and H^S and the numbers of parameters and paths."""
    return Claim(
        "rank H <= rank H^S <= q and rank H <= P <= q: full rank N needs q >= N, and P >= N before that.",
        sp.And(*parts, evaluate=False),
        (SCALAR_OUTPUT, UNTIED, DIFFERENTIABLE, "every weight is reached from the output"),
        {RANK: "rank of H", STRONG_RANK: "rank of H^S", PARAMETERS: "weights", PATHS: "q = sum_w |pre(w)|"},
    )


def chain_of(*names: sp.Expr) -> tuple[sp.Basic, ...]:
    """Return names[0] <= names[1] <= ..."""
    return tuple(sp.Le(a, b, evaluate=False) for a, b in itertools.pairwise(names))


CLAIM = ranks(*chain_of(RANK, STRONG_RANK, PATHS), *chain_of(RANK, PARAMETERS, PATHS))


def derive(claim: Claim) -> Derivation:
    """Compare kernels, then count."""
    jacobian, v = Operator("J"), Vector.base("v")
    used = gram_split_bounds.CLAIM
    a, b, c, d = sp.symbols("a b c d", nonnegative=True, integer=True)
    samples, kernel = sp.symbols("N k", nonnegative=True, integer=True)
    larger, slack = sp.symbols("K e", nonnegative=True)
    form_of_h = sp.Symbol("H_v", nonnegative=True)
    form = show_equal(
        "<v, H v> = |J' v|^2", inner(v, jacobian @ (jacobian.T @ v)), norm2(jacobian.T @ v), name="<v, H v>"
    )
    bounds = by("gram_split_bounds: 0 <= H <= K H^S", gram_split_bounds.derive(used), used.formula)
    vanishes = show_with(
        "<v, H v> = <v, H^S v> + <v, H^W v> = K <v, H^S v> - e with e >= 0: 0 where <v, H^S v> is",
        sp.Le(form_of_h, larger * STRONG_FORM, evaluate=False),
        {form_of_h: STRONG_FORM + (larger - 1) * STRONG_FORM - slack},
    )
    inside = infer(
        "so ker H^S, of dimension k, lies in ker H, of dimension k + a: PSD matrices vanish where their forms do",
        from_=[bounds, vanishes],
    )
    over_strong = {RANK: samples - kernel - a, STRONG_RANK: samples - kernel, PATHS: samples - kernel + b}
    over_size = {PARAMETERS: RANK + c, PATHS: RANK + c + d}
    parts = [
        show_with(f"{part.lhs} against {part.rhs}", part, over_size if part.has(PARAMETERS) else over_strong)
        for part in claim.formula.args
    ]
    return Derivation(
        (
            bounds,
            vanishes,
            inside,
            infer("H^S is the Gram matrix of vectors in R^q (gram_split): rank H^S <= q"),
            form,
            infer("J has P columns: rank H <= P; each weight ends a path, |pre(w)| >= 1: P <= sum_w |pre(w)| = q",
                  from_=[form]),
            define("rank H = N - k - a, rank H^S = N - k, q = r_S + b; P = r + c and q = P + d, with a, b, c, d >= 0"),
            *parts,
            infer("all together", claim.formula, from_=[inside, form, *parts]),
        )
    )  # fmt: skip


def numbers(network: Any, split: Any) -> dict[sp.Basic, sp.Expr]:
    """Return the ranks and counts of an evaluated network, exactly."""
    counts = network.counts()
    found = (split.total.rank(), split.strong.rank(), counts.parameters, counts.paths)
    return dict(zip((RANK, STRONG_RANK, PARAMETERS, PATHS), map(sp.Integer, found), strict=True))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Find exact ranks of networks with fewer, as many and more weights than samples."""
    rng = np.random.default_rng(seed)
    wrong, seen = 0, []
    for widths in ([1, 1, 1], [1, 2, 1], [2, 2, 1], [1, 2, 2, 1]):
        network = layered_network(widths, hidden=Node.SQUARE)
        samples = [[int(n) for n in rng.integers(-4, 5, widths[0])] for _ in range(5)]
        weights = {w: int(n) for w, n in zip(network.parameters, rng.integers(1, 6, 20), strict=False)}
        found = numbers(network, gram_split(propagate(network, samples, weights)))
        seen.append(tuple(int(n) for n in found.values()))
        wrong += not bool(claim.formula.xreplace(found))
    return Evidence.measured(
        claim,
        f"(rank H, rank H^S, P, q) of 5 samples: {seen}",
        contradicted=wrong > 0,
        error_bar="none (rationals)",
        cases=len(seen),
        seed=seed,
    )


def domain() -> st.SearchStrategy[Any]:
    """Small networks in rationals, up to four samples."""
    return networks_on_samples(max_samples=4)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Find both ranks exactly."""
    return bool(claim.formula.xreplace(numbers(case.network, gram_split(case.run()))))


FALSE_TWINS = (
    FalseTwin("q <= rank H^S", {"claim": ranks(*chain_of(RANK, PATHS, STRONG_RANK))}),
    FalseTwin("P <= rank H", {"claim": ranks(*chain_of(PARAMETERS, RANK, STRONG_RANK, PATHS))}),
)

THEOREM = Theorem(
    name="paths_at_least_samples",
    source=Source(PAPER, "Remark 6.10, q >= N", "with the sharper count of parameters"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("more_paths_more_rank_printed", "linear_network_rank", "gram_split_bounds"),
)
