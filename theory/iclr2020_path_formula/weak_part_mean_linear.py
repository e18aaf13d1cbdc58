r"""Appendix C, the true part for linear networks: E[PG_p PG_p'] = 0 for different paths, at any depth.

Assumptions
-----------
Linear nodes, untied independent weights of mean 0, any distribution with finite moments; any finite acyclic graph.

Source
------
Appendix C: "each term E[PG_p1(w, X_i) PG_p2(w, X_j)] tend to be 0 because of independent weights in PG".

Idea of the proof
-----------------
No cycle: a path uses an edge at most once. Two different paths with the same last edge differ in an edge that only one
of them uses; its weight stands in the product once, its mean 0 is a factor. The value f[w] that enters w is made of
weights below w, which no path to w uses: it does not help.

Deviations from the paper
-------------------------
"Tend to be 0" is exactly 0 here. For nonlinear networks see `weak_part_mean_three_layers` and `weak_part_mean_printed`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_value, show_with
from odeflow.symbolic.path_networks import Edge, Network, Node
from odeflow.symbolic.paths import gram_split
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._gaussian import drawn_parts, gaussian_mean, linear, mean_over
from theory.iclr2020_path_formula.notation import PAPER

WEAK_MEAN, STRONG_MEAN = sp.symbols("E[H^W_ij] E[H^S_ij]", real=True)
SIGMAS = 5.0
"""A mean counts as different beyond this many standard errors: chance 6e-7."""


def mean_is(value: sp.Expr) -> Claim:
    """Return the claim E[H^W_ij] = value."""
    return Claim(
        "For linear networks with independent weights of mean 0 E[H^W] = 0, at any depth.",
        equate(WEAK_MEAN, value),
        ("linear nodes, untied weights", "weights independent with mean 0 and finite moments"),
        {WEAK_MEAN: "mean of H^W_ij over the weights", STRONG_MEAN: "mean of H^S_ij"},
    )


CLAIM = mean_is(sp.Integer(0))


def derive(claim: Claim) -> Derivation:
    """Find a weight of mean 0 in every product of two different paths."""
    shared, one, other, below = sp.symbols("c a b F", real=True)
    product = shared**2 * one * other * below
    weak = mean_over(mean_over(product, one), shared)
    strong = mean_over(mean_over(shared**2 * one**2 * below, one), shared)
    vanishes = show_value("the mean over a of c^2 a b F", mean_over(product, one), sp.Integer(0))
    return Derivation(
        (
            assume("weights independent, E[w] = 0; the slopes of a linear network are 1"),
            infer("an acyclic path uses each edge at most once; different paths to one edge differ in some edge a"),
            define(
                "a pair of paths is c^2 a b F: c shared weights, a and b weights of one path only, F values below w"
            ),
            vanishes,
            show_with("each term of E[H^W_ij]", claim.formula, {WEAK_MEAN: weak, STRONG_MEAN: strong}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average H^W of three-layer linear networks over Gaussian weights."""
    rng = np.random.default_rng(seed)
    total, weak = drawn_parts(rng.standard_normal((2, 3)), (4, 4), linear, scale=0.7, draws=3000, seed=rng)
    entries, strong = weak[:, 0, 1], (total - weak)[:, 0, 0]
    mean, error = float(entries.mean()), float(entries.std(ddof=1) / np.sqrt(entries.size))
    own = float((claim.formula.rhs).xreplace({STRONG_MEAN: sp.Float(float(strong.mean()))}))
    return Evidence.measured(
        claim,
        f"mean of H^W_12 {mean:.4f}, of H^S_11 {float(strong.mean()):.3f}",
        contradicted=abs(mean - own) > SIGMAS * error,
        error_bar=f"{error:.2g} (standard error)",
        cases=entries.size,
        seed=seed,
        picture=along(
            counts := np.geomspace(20, entries.size, 40).astype(int),
            running := np.cumsum(entries)[counts - 1] / counts,
            own,
            title="The mean of H^W_12 tends to the claimed value",
            xlabel="networks drawn",
            ylabel="mean of H^W_12, standard error",
            xscale="log",
            interval=(running - (bars := entries.std() / np.sqrt(counts)), running + bars),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small linear networks; the weights are integrated out."""
    return networks_on_samples(activations=(Node.IDENTITY,), max_samples=2, max_hidden=2)


def square_output() -> NetworkOnSamples:
    """Return u = z^2/2 with z = (b_1 c_1 + b_2 c_2) w x, one sample."""
    w, c1, c2, b1, b2 = sp.symbols("w c_1 c_2 b_1 b_2", real=True)
    nodes = (Node.INPUT, Node.IDENTITY, Node.IDENTITY, Node.IDENTITY, Node.SQUARE)
    edges = (Edge(0, 1, w), Edge(1, 2, c1), Edge(1, 3, c2), Edge(2, 4, b1), Edge(3, 4, b2))
    return NetworkOnSamples(Network(nodes, edges), ((Fraction(1),),), {})


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Integrate the split over Gaussian weights, exactly."""
    split = gram_split(case.run(symbolic=True))
    weights = case.network.parameters
    value = {STRONG_MEAN: gaussian_mean(split.strong[0, 0], weights)}
    return all(gaussian_mean(entry, weights) == claim.formula.rhs.xreplace(value) for entry in split.weak)


FALSE_TWINS = (
    FalseTwin("a tenth of the strong part", {"claim": mean_is(STRONG_MEAN / 10)}),
    FalseTwin("a square output node", {"derive": None, "domain": lambda: st.just(square_output())}),
)

THEOREM = Theorem(
    name="weak_part_mean_linear",
    source=Source(PAPER, "Appendix C, E[PG PG'] = 0", "for linear networks"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weak_part_mean_printed", "weak_part_mean_three_layers", "weak_part_size"),
)
