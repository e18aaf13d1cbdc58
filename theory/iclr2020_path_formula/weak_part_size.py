r"""Remark 6.9 in numbers: for three linear layers the root mean square of tr H^W is (sqrt(2)/3) m^{-1/2} of tr E[H].

Assumptions
-----------
Three linear layers, hidden widths m_1, m_2, one output, independent N(0, s^2) weights.

Source
------
Remark 6.9: "the weakly Gram component is insignificant".

Idea of the proof
-----------------
tr H^W = |X|^2 times the sum over first-layer nodes k and pairs r < s of 2 v_r v_s w_rk w_sk. Two different such terms
have a weight to an odd power in their product, so they are uncorrelated; each has the mean square 4 s^8. There are
m_1 m_2 (m_2 - 1)/2 of them. Divide by (tr E[H])^2 = (3 m_1 m_2 s^4 |X|^2)^2.

Deviations from the paper
-------------------------
Insignificant for wide networks at the initialisation, by m^{-1/2} only: 16 % at m = 8, 8 % at m = 32. The remark gives
no size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, by, define, equate, infer, show_equal, show_value, show_with
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import three_layer_expected_kernel
from theory.iclr2020_path_formula._gaussian import drawn_parts, gaussian_mean, linear
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.three_layer_expected_kernel import FIRST, SCALE, SECOND, WHOLE
from theory.iclr2020_path_formula.weak_part_mean_linear import SIGMAS

SHARE = sp.Symbol("E[(tr H^W)^2]/(tr E[H])^2", nonnegative=True)


def share_is(value: sp.Expr) -> Claim:
    """Return the claim E[(tr H^W)^2] / (tr E[H])^2 = value."""
    return Claim(
        "Three linear layers: E[(tr H^W)^2] = 2 (m_2 - 1)/(9 m_1 m_2) (tr E[H])^2.",
        equate(SHARE, value),
        ("fully connected, linear nodes, one output", "independent N(0, s^2) weights"),
        {SHARE: "mean square of tr H^W in units of (tr E[H])^2", FIRST: "first hidden width", SECOND: "second"},
    )


CLAIM = share_is(2 * (SECOND - 1) / (9 * FIRST * SECOND))


def derive(claim: Claim) -> Derivation:
    """Show that the terms are uncorrelated, and count them."""
    v = sp.symbols("v_1:4", real=True)
    w = {(r, k): sp.Symbol(f"w_{r}{k}", real=True) for r in (1, 2, 3) for k in (1, 2)}
    weights = (*v, *w.values())

    def term(r: int, s: int, k: int) -> sp.Expr:
        return 2 * v[r - 1] * v[s - 1] * w[r, k] * w[s, k]

    def covariance(one: sp.Expr, two: sp.Expr) -> sp.Expr:
        return gaussian_mean(one * two, weights, SCALE**2)

    size = covariance(term(1, 2, 1), term(1, 2, 1))
    used = three_layer_expected_kernel.CLAIM
    number = FIRST * SECOND * (SECOND - 1) / 2
    return Derivation(
        (
            define("tr H^W = |X|^2 sum_k sum_{r<s} 2 v_r v_s w_rk w_sk (paths through r and s to the node k)"),
            show_value("mean square of a term", size, 4 * SCALE**8),
            show_equal("the same k, one node r in common", covariance(term(1, 2, 1), term(1, 3, 1)), sp.Integer(0),
                       name="covariance"),
            show_equal("the same r, s and another k", covariance(term(1, 2, 1), term(1, 2, 2)), sp.Integer(0),
                       name="covariance"),
            show_equal("one node r in common, another k", covariance(term(1, 2, 1), term(2, 3, 2)), sp.Integer(0),
                       name="covariance"),
            infer("terms without a common node have a factor E[v] = 0: all are uncorrelated"),
            by("three_layer_expected_kernel: tr E[H] = 3 m_1 m_2 s^4 |X|^2", three_layer_expected_kernel.derive(used),
               used.formula),
            show_with("m_1 m_2 (m_2 - 1)/2 terms", claim.formula, {SHARE: number * size / WHOLE**2}),
        )
    )  # fmt: skip


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average (tr H^W)^2 over Gaussian weights at widths 4 to 16."""
    rng = np.random.default_rng(seed)
    worst, bar, found = 0.0, 0.0, []
    for m in (4, 8, 16):
        X = rng.standard_normal((1, 2))
        _, weak = drawn_parts(X, (m, m), linear, scale=1.0, draws=4000, seed=rng)
        squares = (np.trace(weak, axis1=1, axis2=2) / (3.0 * m * m * np.sum(X**2))) ** 2
        error = float(squares.std(ddof=1) / np.sqrt(squares.size))
        own = float(claim.bound({FIRST: m, SECOND: m}))
        worst, bar = max(worst, abs(float(squares.mean()) - own) / error), max(bar, error / own)
        found.append((own, float(squares.mean()), error))
    claimed, means, errors = np.array(found).T
    seen = np.sqrt(means).round(3).tolist()
    return Evidence.measured(
        claim,
        f"root mean squares {seen} at m = 4, 8, 16; worst {worst:.1f} standard errors",
        contradicted=worst > SIGMAS,
        error_bar=f"{bar:.2g} (largest relative standard error)",
        cases=12_000,
        seed=seed,
        picture=along(
            (4, 8, 16),
            means,
            claimed,
            title="The mean square of tr H^W falls with the width as claimed",
            xlabel="width m",
            ylabel="mean of (tr H^W / E tr H)^2",
            xscale="log",
            yscale="log",
            interval=(means - errors, means + errors),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small widths."""
    return st.tuples(st.integers(1, 2), st.integers(1, 3))


def holds(claim: Claim, case: Any) -> bool:
    """Integrate H and (tr H^W)^2 of a small network exactly."""
    network = layered_network([1, *case, 1])
    split = gram_split(propagate(network, [[1]]))
    weights = network.parameters
    share = gaussian_mean(split.weak[0] ** 2, weights) / gaussian_mean(split.total[0], weights) ** 2
    return bool(share == claim.formula.rhs.xreplace({FIRST: sp.Integer(case[0]), SECOND: sp.Integer(case[1])}))


FALSE_TWINS = (
    FalseTwin("independent of the width", {"claim": share_is(sp.Rational(2, 9))}),
    FalseTwin("twice as large", {"claim": share_is(4 * (SECOND - 1) / (9 * FIRST * SECOND))}),
)

THEOREM = Theorem(
    name="weak_part_size",
    source=Source(PAPER, "Remark 6.9", "exact for three linear layers"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weak_part_mean_linear", "weak_part_mean_three_layers", "three_layer_expected_kernel"),
)
