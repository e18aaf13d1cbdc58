r"""What replaces "weakly Gram": -H^S <= H^W <= (K - 1) H^S, with K the largest number of paths that share a weight.

Assumptions
-----------
Those of `path_formula`; weights may be tied, then K counts the paths of a parameter.

Source
------
Corrects section 6.3 (strongly and weakly Gram); the bounds are not in the paper.

Idea of the proof
-----------------
For one weight w with k paths let a_p = <v, contribution of p>, a vector of R^k, and e = (1, ..., 1). The part of w in
<v, H^S v> is |a|^2, that in <v, H v> is <e, a>^2. The distance D = |a - (<e, a>/k) e|^2 >= 0 is |a|^2 - <e, a>^2/k.
Both bounds are linear in D and <e, a>^2 with non-negative coefficients; then add over the weights.

Deviations from the paper
-------------------------
Consequences: 0 <= H <= K H^S; the kernel of H^S lies in that of H; rank H <= rank H^S <= q.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.decisions import decide_positive_semidefinite
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.symbolic.paths import gram_split, path_vectors
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._path_algebra import DIFFERENTIABLE, SCALAR_OUTPUT, float_pass
from theory.iclr2020_path_formula.notation import PAPER

STRONG_FORM = sp.Symbol("S_v", nonnegative=True)
WEAK_FORM = sp.Symbol("W_v", real=True)
LARGEST = sp.Symbol("K", positive=True, integer=True)


def between(upper: sp.Expr, lower: sp.Expr = -STRONG_FORM) -> Claim:
    """Return the claim lower <= <v, H^W v> <= upper."""
    return Claim(
        "For every v: -<v, H^S v> <= <v, H^W v> <= (K - 1) <v, H^S v>.",
        sp.And(sp.Le(lower, WEAK_FORM, evaluate=False), sp.Le(WEAK_FORM, upper, evaluate=False), evaluate=False),
        (SCALAR_OUTPUT, DIFFERENTIABLE),
        {
            STRONG_FORM: "<v, H^S v>",
            WEAK_FORM: "<v, H^W v>",
            LARGEST: "largest number of paths that end in edges of one weight",
        },
    )


CLAIM = between((LARGEST - 1) * STRONG_FORM)


def derive(claim: Claim) -> Derivation:
    """Bound the part of one weight with k <= K paths, for symbolic k, and add over the weights."""
    share, ones = Vector.base("a"), Vector.base("e")
    few, more = sp.Symbol("k", positive=True, integer=True), sp.Symbol("K - k", nonnegative=True, integer=True)
    distance, square = sp.symbols("D Q", nonnegative=True)
    sum_of = inner(ones, share)
    spread = norm2(share - sum_of / few * ones).xreplace({norm2(ones): few})
    identity = show_equal(
        "D = |a - (<e, a>/k) e|^2 = |a|^2 - <e, a>^2/k, because |e|^2 = k",
        spread,
        norm2(share) - sum_of**2 / few,
        name="D",
    )
    strong = distance + square / few
    of_weight = show_with(
        "so |a|^2 = D + Q/k and <e, a>^2 - |a|^2 = Q - D - Q/k with D, Q = <e, a>^2 >= 0, k <= K",
        claim.formula,
        {STRONG_FORM: strong, WEAK_FORM: square - strong, LARGEST: few + more},
    )
    return Derivation(
        (
            define("a_p = <v, contribution of path p> for the k <= K paths of one weight, e = (1, ..., 1)"),
            define("the weight's part of <v, H^S v> is |a|^2, of <v, H v> = <v, H^S v> + <v, H^W v> it is <e, a>^2"),
            identity,
            of_weight,
            infer("both bounds are linear in the two forms: add over the weights", claim.formula,
                  from_=[identity, of_weight]),
        )
    )  # fmt: skip


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow both bounds on tanh networks of rising width, for random directions v, in floats."""
    rng = np.random.default_rng(seed)
    found = []
    for widths in ([2, 2, 2, 1], [2, 4, 4, 1], [3, 3, 3, 3, 1]):
        network = layered_network(widths, hidden=Node.SMOOTH)
        theta = rng.standard_normal(len(network.parameters))
        paths = path_vectors(float_pass(network, rng.standard_normal((3, widths[0])), theta))
        g, E = (np.array(m.tolist(), dtype=float) for m in (paths.contributions, paths.incidence))
        strong, total = g @ g.T, (g @ E.T) @ (g @ E.T).T
        for v in [*rng.standard_normal((20, 3)), *np.linalg.eigh(total - strong)[1].T]:
            s, w = float(v @ strong @ v), float(v @ (total - strong) @ v)
            found.append((w / s, *(float(slack) / s for slack in slacks(claim, s, w, network.counts().largest))))
    forms, below, above = np.array(found).T
    lowest = float(min(below.min(), above.min()))
    return Evidence.measured(
        claim,
        f"smallest distance to a bound {lowest:.3g} of <v, H^S v>",
        contradicted=lowest < -1e-10,
        error_bar="1e-10 (rounding)",
        cases=len(found),
        seed=seed,
        picture=along(
            np.arange(1, len(found) + 1),
            forms,
            {"lower bound": forms - below, "upper bound": forms + above},
            title="<v, H^W v> stays between the two bounds",
            xlabel="direction v, network after network",
            ylabel="<v, H^W v> / <v, H^S v>",
        ),
    )


def slacks(claim: Claim, strong: Any, weak: Any, largest: int) -> list[Any]:
    """Return rhs - lhs of both inequalities at given forms."""
    values = {
        STRONG_FORM: sp.sympify(strong, strict=True),
        WEAK_FORM: sp.sympify(weak, strict=True),
        LARGEST: sp.Integer(largest),
    }
    return [(part.rhs - part.lhs).xreplace(values) for part in claim.formula.args]


def domain() -> st.SearchStrategy[Any]:
    """Small networks in rationals; weights may be tied."""
    return networks_on_samples(tied=True, parallel=True)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Decide both matrix inequalities exactly, by principal minors."""
    split, largest = gram_split(case.run()), case.network.counts().largest
    size = split.total.rows
    for part in claim.formula.args:
        gap = sp.expand(part.rhs - part.lhs).xreplace({LARGEST: sp.Integer(largest)})
        matrix = gap.coeff(STRONG_FORM) * split.strong + gap.coeff(WEAK_FORM) * split.weak
        assert matrix.shape == (size, size)
        if not decide_positive_semidefinite(matrix).holds:
            return False
    return True


TIGHTER = between((LARGEST - 1) * STRONG_FORM / 2)
FALSE_TWINS = (
    FalseTwin("half of the upper bound", {"claim": TIGHTER}),
    FalseTwin("a lower bound of half the size", {"claim": between((LARGEST - 1) * STRONG_FORM, -STRONG_FORM / 2)}),
    FalseTwin("K - 2 in place of K - 1", {"claim": between((LARGEST - 2) * STRONG_FORM)}),
)

THEOREM = Theorem(
    name="gram_split_bounds",
    source=Source(PAPER, "Section 6.3, weakly Gram", "exact bounds in place of a name"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weakly_gram_printed", "gram_split", "paths_at_least_samples"),
)
