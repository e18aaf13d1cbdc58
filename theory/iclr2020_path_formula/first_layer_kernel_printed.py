r"""Equation (31) as printed: du/dw_k = v w_k x_k, so that H_ij = <w, x_i><w, x_j> + v^2 sum_k w_k^2 x_ik x_jk. Refuted.

Assumptions
-----------
One hidden neuron, linear, u = v <w, x>; here with one input.

Source
------
Path formula paper (ICLR 2020), Appendix B, (31).

Idea of the refutation
----------------------
w = 2, v = 1, x_i = x_j = 1: du/dv = 2 and du/dw = 1, H = 5. Printed: 4 + 4 = 8. The factor w_k has no business there;
(32), two lines below in the paper, has it right.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

ENTRY, FIRST, SECOND, X_I, X_J = sp.symbols("H_ij w v x_i x_j", real=True)


def entry_is(value: sp.Expr) -> Claim:
    """Return the claim that H_ij of u = v w x is `value`."""
    return Claim(
        "One linear hidden neuron on one input: H_ij in terms of its two weights.",
        equate(ENTRY, value),
        ("u = v w x, both weights trained",),
        {ENTRY: "entry of the kernel", FIRST: "first weight", SECOND: "second weight"},
    )


CLAIM = entry_is(FIRST**2 * X_I * X_J + SECOND**2 * FIRST**2 * X_I * X_J)
CORRECTED = entry_is((FIRST**2 + SECOND**2) * X_I * X_J)


def counterexample(claim: Claim) -> Derivation:
    """Differentiate v w x at w = 2, v = 1, x = 1."""
    gradients = [sp.Matrix([sp.diff(SECOND * FIRST * x, weight) for weight in (FIRST, SECOND)]) for x in (X_I, X_J)]
    entry = gradients[0].dot(gradients[1])
    at = {FIRST: sp.Integer(2), SECOND: sp.S.One, X_I: sp.S.One, X_J: sp.S.One}
    return Derivation(
        (
            assume("u = v w x; w = 2, v = 1, x_i = x_j = 1"),
            show_equal("H_ij", entry, (FIRST**2 + SECOND**2) * X_I * X_J),
            show_violated("there", claim.formula, {ENTRY: entry.xreplace(at), **at}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with difference quotients of u at random weights; u is linear in each of them."""
    rng = np.random.default_rng(seed)
    count, pairs = 100, []
    for _ in range(count):
        w, v, a, b = rng.uniform(-2.0, 2.0, 4)
        entry = ((v * (w + 1) - v * w) * a) * ((v * (w + 1) - v * w) * b) + (w * a) * (w * b)
        claimed = float(claim.bound({FIRST: w, SECOND: v, X_I: a, X_J: b}))
        pairs.append((claimed, entry))
    wrong = sum(abs(claimed - entry) > 1e-12 for claimed, entry in pairs)
    return Evidence.measured(
        claim,
        f"wrong for {wrong} of {count} random weights",
        contradicted=wrong > 0,
        error_bar="1e-12 (rounding)",
        cases=count,
        seed=seed,
        picture=against_claim(*zip(*pairs, strict=True), what="H_ij", title="The printed entry is another one"),
    )


FALSE_TWINS = (FalseTwin("w^2 v^2", {"claim": entry_is(FIRST**2 * SECOND**2 * X_I * X_J)}),)

THEOREM = Theorem(
    name="first_layer_kernel_printed",
    source=Source(PAPER, "(31)", "as printed; corrected in two_layer_kernel, which is (32)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("two_layer_kernel",),
)
