r"""Sections 4 and 7 together, N > d: the rate of linear students, lambda_min(H_m), grows with m? Refuted: it is 0.

Assumptions
-----------
Two-layer linear network, more samples than inputs, as in the paper's own experiment if it has more than 50 samples.

Source
------
Path formula paper (ICLR 2020), section 7 ("convergence rate (lambda) grows linearly with width", linear students) and
Proposition 6.1, with section 4 ("xi will be determined by the minimum eigenvalue of H").

Idea of the refutation
----------------------
d = 1, inputs 1 and 2: H = (w^2 + v^2) [[1, 2], [2, 4]] is singular for all weights. Literally the proposition then says
0 = m 0: true and void. The residual decays all the same if the targets are realisable.

Deviations from the paper
-------------------------
The paper does not give N; with N <= d the objection falls away. What is true is `linear_student_many_samples`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, Step, assume, equate, show_equal, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.linear_student_many_samples import LEAST
from theory.iclr2020_path_formula.notation import PAPER

WIDER = sp.Symbol("lambda_min'", nonnegative=True)


def compared(formula: sp.Basic) -> Claim:
    """Return a claim about lambda_min(H) at two widths."""
    return Claim(
        "The convergence rate of linear students, determined by lambda_min(H), grows with the width.",
        formula,
        ("two-layer linear networks", "N > d"),
        {LEAST: "lambda_min(H) of a student", WIDER: "lambda_min(H) of a student of twice the width"},
    )


CLAIM = compared(sp.Gt(WIDER, LEAST, evaluate=False))
CORRECTED = compared(sp.And(equate(LEAST, sp.S.Zero), equate(WIDER, sp.S.Zero), evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Take one input dimension and the samples 1 and 2, one neuron and two."""
    z = sp.Matrix([2, -1])
    forms: list[sp.Expr] = []
    steps: list[Step] = []
    for width in (1, 2):
        w, v = sp.symbols(f"w_:{width}", real=True), sp.symbols(f"v_:{width}", real=True)
        u = sp.Matrix([sum(a * b * x for a, b in zip(v, w, strict=True)) for x in (1, 2)])
        J = u.jacobian([*w, *v])
        H = J * J.T
        forms.append(sp.expand((z.T * H * z)[0, 0]))
        steps += [
            show_equal(f"m = {width}: det H, for all weights", H.det(), sp.S.Zero, name="det H"),
            show_value("<z, H z> at z = (2, -1)", forms[-1], sp.S.Zero),
        ]
    return Derivation(
        (
            assume("u = sum_l v_l w_l x on x = 1, 2; m = 1 and m = 2"),
            *steps,
            show_violated("so lambda_min(H) = 0 for both", claim.formula, {LEAST: forms[0], WIDER: forms[1]}),
        )
    )


FALSE_TWINS = (FalseTwin("larger by 1 at least", {"claim": compared(sp.Ge(WIDER, LEAST + 1, evaluate=False))}),)

THEOREM = Theorem(
    name="linear_student_many_samples_printed",
    source=Source(PAPER, "Proposition 6.1, N > d", "with sections 4 and 7; corrected in linear_student_many_samples"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("linear_student_many_samples",),
)
