r"""Proposition 6.1 for linear networks with N > d: lambda_min(H_m) > 0 if wide? Refuted: it is 0.

Assumptions
-----------
Two-layer linear network, more samples than inputs, as in the paper's own experiment if it has more than 50 samples.

Source
------
Path formula paper (ICLR 2020), Proposition 6.1 with section 4 ("xi will be determined by the minimum eigenvalue of H").

Idea of the refutation
----------------------
d = 1, inputs 1 and 2: H = (w^2 + v^2) [[1, 2], [2, 4]] is singular for all weights. Literally the proposition then says
0 = m 0: true and void. The residual decays all the same if the targets are realisable.

Deviations from the paper
-------------------------
None; what is true is `linear_student_many_samples`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.linear_student_many_samples import LEAST
from theory.iclr2020_path_formula.notation import PAPER


def least_is(formula: sp.Basic) -> Claim:
    """Return a claim about lambda_min(H_m)."""
    return Claim(
        "A wide linear network has lambda_min(H) > 0, so that a rate proportional to the width means something.",
        formula,
        ("two-layer linear network of width m", "N > d"),
        {LEAST: "lambda_min(H_m)"},
    )


CLAIM = least_is(sp.Gt(LEAST, 0, evaluate=False))
CORRECTED = least_is(sp.Eq(LEAST, 0, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Take one input dimension and the samples 1 and 2."""
    w, v = sp.symbols("w v", real=True)
    J = sp.Matrix([[sp.diff(v * w * x, v), sp.diff(v * w * x, w)] for x in (1, 2)])
    H = J * J.T
    z = sp.Matrix([2, -1])
    form = (z.T * H * z)[0, 0]
    return Derivation(
        (
            assume("u = v w x on x = 1, 2; m neurons add m such matrices, with the same null vector (2, -1)"),
            show_equal("det H", H.det(), sp.S.Zero),
            show_equal("<z, H z> at z = (2, -1)", form, sp.S.Zero),
            show_violated("so lambda_min(H) = 0", claim.formula, {LEAST: sp.expand(form)}),
        )
    )


FALSE_TWINS = (FalseTwin("at least 1", {"claim": least_is(sp.Ge(LEAST, 1, evaluate=False))}),)

THEOREM = Theorem(
    name="linear_student_many_samples_printed",
    source=Source(PAPER, "Proposition 6.1, N > d", "void as printed; corrected in linear_student_many_samples"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("linear_student_many_samples",),
)
