r"""Appendix C, the true part for three layers: E[H^W] = 0 for every activation, if the output is linear.

Assumptions
-----------
Three layers of weights, fully connected, any activations of the hidden nodes, linear output; the last layer's weights
v_r are independent of mean 0 and variance s^2, and independent of the others.

Source
------
Appendix C, three-layer networks.

Idea of the proof
-----------------
Only first-layer weights share paths: two, through the second-layer nodes r and s. With a_r the rest of the path
gradient, H = <v, a_i><v, a_j> for such a weight and H^S = sum_r v_r^2 a_ir a_jr. The slopes do not depend on v: given
all else both have the mean s^2 <a_i, a_j>.

Deviations from the paper
-------------------------
With a nonlinear output node, or four layers, slopes depend on all weights above, and it is false
(`weak_part_mean_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, show_equal, show_value, show_with
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import weak_part_mean_linear
from theory.iclr2020_path_formula._gaussian import drawn_parts, gaussian_mean, mean_over, relu, tanh
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.weak_part_mean_linear import SIGMAS, STRONG_MEAN, WEAK_MEAN


def mean_is(value: sp.Expr) -> Claim:
    """Return the claim E[H^W_ij] = value for three layers."""
    return Claim(
        "For three layers and a linear output E[H^W] = 0, whatever the hidden activations.",
        weak_part_mean_linear.mean_is(value).formula,
        ("three layers, fully connected, linear output", "last layer independent of the rest, mean 0"),
        weak_part_mean_linear.CLAIM.where,
    )


CLAIM = mean_is(sp.Integer(0))


def derive(claim: Claim) -> Derivation:
    """Integrate the last layer out, in symbolic width; the split itself on a network with smooth nodes."""
    v, w, a_r, a_s = sp.symbols("v_r v_s a_ir a_js", real=True)
    variance = sp.Symbol("s^2", positive=True)
    network = layered_network([1, 1, 2, 1], hidden=Node.SMOOTH)
    run = propagate(network, [[sp.Symbol("x_i", real=True)], [sp.Symbol("x_j", real=True)]])
    weak = gram_split(run).weak[0, 1]
    last = network.parameters[-2:]
    paired = gaussian_mean(weak, last, variance)
    pair = v * w * a_r * a_s
    return Derivation(
        (
            assume("E[v_r] = 0, E[v_r v_s] = s^2 (r = s), 0 (r != s), independent of the other weights"),
            define(
                "first-layer weight: du_i = <v, a_i>, a_ir = (slope, weight, slope) on the way to node r, no v in it"
            ),
            show_equal(
                "two paths, every activation: H^W has mean 0 over v", paired, sp.Integer(0), name="mean of H^W over v"
            ),
            define("any width: H^W_ij is a sum of pairs v_r v_s a_ir a_js with r != s, H^S_ij of v_r^2 a_ir a_jr"),
            show_value("the mean of such a pair over v_r", mean_over(pair, v), sp.S.Zero),
            show_with(
                "over both weights, and of each pair",
                claim.formula,
                {WEAK_MEAN: mean_over(mean_over(pair, v), w), STRONG_MEAN: variance * a_r * a_s},
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average H^W of tanh and ReLU networks over Gaussian weights."""
    rng = np.random.default_rng(seed)
    worst, bar, contradicted, found = 0.0, 0.0, False, []
    for activation in (tanh, relu):
        total, weak = drawn_parts(rng.standard_normal((2, 3)), (4, 4), activation, scale=0.8, draws=2000, seed=rng)
        own = float(claim.formula.rhs.xreplace({STRONG_MEAN: sp.Float(float((total - weak)[:, 0, 0].mean()))}))
        for i, j in ((0, 0), (0, 1)):
            entries = weak[:, i, j]
            error = float(entries.std(ddof=1) / np.sqrt(entries.size))
            found.append((own, float(entries.mean()), SIGMAS * error))
            gap = abs(float(entries.mean()) - own) / error
            worst, bar, contradicted = max(worst, gap), max(bar, error), contradicted or gap > SIGMAS
    claimed, means, bars = np.array(found).T
    return Evidence.measured(
        claim,
        f"means of H^W entries off by at most {worst:.2f} standard errors (tanh, ReLU)",
        contradicted=contradicted,
        error_bar=f"{bar:.2g} (largest standard error)",
        cases=4000,
        seed=seed,
        picture=along(
            (1, 2, 3, 4),
            means,
            claimed,
            title="Mean entries of H^W are the claimed ones",
            xlabel="tanh: entries 11, 12; ReLU: entries 11, 12",
            ylabel=f"mean, with {SIGMAS:g} standard errors",
            interval=(means - bars, means + bars),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Widths and activations: identity, square, or any smooth one, as symbols."""
    return st.tuples(st.integers(1, 2), st.integers(1, 2), st.sampled_from((Node.IDENTITY, Node.SQUARE, Node.SMOOTH)))


def holds(claim: Claim, case: Any) -> bool:
    """Integrate the last layer out of the exact split; the other weights stay symbols."""
    first, second, activation = case
    network = layered_network([1, first, second, 1], hidden=activation)
    split = gram_split(propagate(network, [[1], [2]]))
    last = network.parameters[-second:]
    strong = gaussian_mean(split.strong[0, 0], last)
    entries = (split.weak[0, 0], split.weak[0, 1])
    return all(
        sp.expand(gaussian_mean(e, last) - claim.formula.rhs.xreplace({STRONG_MEAN: strong})) == 0 for e in entries
    )


FALSE_TWINS = (FalseTwin("a tenth of the strong part", {"claim": mean_is(STRONG_MEAN / 10)}),)

THEOREM = Theorem(
    name="weak_part_mean_three_layers",
    source=Source(PAPER, "Appendix C, E[PG PG'] = 0", "for three layers and a linear output"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weak_part_mean_printed", "weak_part_mean_linear", "three_layer_expected_kernel"),
)
