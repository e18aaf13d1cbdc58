r"""Equation (35) as printed: <H(g) u_g, u_g> = <(mu H(f) + u_f u_f^T) u_g, u_g>. Refuted unless mu is 0 or 1.

Assumptions
-----------
g = mu f, u_g = mu u_f.

Source
------
Path formula paper (ICLR 2020), Appendix F, equation (35).

Idea of the refutation
----------------------
One sample, H(f) = 1, u_f = 1, mu = 2: H(g) = 4 + 1 and u_g = 2 give 20; the printed matrix 2 + 1 gives 12. The next
line of the paper, (36), has mu^2: a slip of the pen. The two differ by mu^3 (mu - 1) <H(f) u_f, u_f>.

Deviations from the paper
-------------------------
The text we hold has lost the transpose of this line, too ("u_f . u_f" where (36) has u_f . u_f^T): the exponent may
have been lost with it, in the text and not in the paper.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_violated
from odeflow.symbolic.inner_products import inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import appended_scalar_product
from theory.iclr2020_path_formula._students import IntegerStudent
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT, SCALE
from theory.iclr2020_path_formula.appended_scalar_product import FORM, GROWN_FORM, SQUARE, product_is
from theory.iclr2020_path_formula.notation import PAPER

PRINTED = sp.expand(inner(SCALE * (KERNEL @ (SCALE * OUTPUT)) + SCALE * SQUARE * OUTPUT, SCALE * OUTPUT))
CLAIM = product_is(PRINTED)


def counterexample(claim: Claim) -> Derivation:
    """Take f = w x with w = 1 on the sample x = 1, and mu = 2."""
    w, mu = sp.symbols("w mu_", real=True)
    g = mu * w
    at = {w: 1, mu: 2}
    kernel = (sp.diff(g, w) ** 2 + sp.diff(g, mu) ** 2).xreplace(at)
    product = kernel * g.xreplace(at) ** 2
    return Derivation(
        (
            assume("f = w x with w = 1 on one sample x = 1: H(f) = 1, u_f = 1; mu = 2"),
            show_equal("H(g) = (dg/dw)^2 + (dg/dmu)^2", kernel, sp.Integer(5), name="H(g)"),
            show_equal("<H(g) u_g, u_g> with u_g = 2", product, sp.Integer(20), name="<H(g) u_g, u_g>"),
            show_equal(
                "in general (35) is off by mu^3 (mu - 1) <H u, u>",
                appended_scalar_product.CLAIM.formula.rhs - PRINTED,
                SCALE**3 * (SCALE - 1) * FORM,
            ),
            show_violated(
                "there", claim.formula, {GROWN_FORM: product, FORM: sp.S.One, SQUARE: sp.S.One, SCALE: sp.Integer(2)}
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count, over integer students, how often the claimed product is the true one."""
    rng = np.random.default_rng(seed)
    wrong, count, pairs = 0, 60, []
    for _ in range(count):
        X, W, v, y = (rng.integers(-3, 4, shape) for shape in ((3, 2), (2, 2), 2, 3))
        student = IntegerStudent(X, W, v, int(rng.choice([-2, 2, 3])), y)
        u = student.outputs(student.weights)
        true = student.scale**2 * int(u @ student.scaled_kernel @ u)
        claimed = claim.bound({FORM: u @ student.kernel @ u, SQUARE: u @ u, SCALE: student.scale})
        wrong += round(float(claimed)) != true
        pairs.append((float(claimed), true))
    return Evidence.measured(
        claim,
        f"wrong for {wrong} of {count} integer networks",
        contradicted=wrong > 0,
        error_bar="exact integers",
        cases=count,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="<H(g) g, g>", title="The printed product is another one", log=True
        ),
    )


FALSE_TWINS = (FalseTwin("mu^3 in both summands", {"claim": product_is(SCALE**3 * (FORM + SQUARE**2))}),)

THEOREM = Theorem(
    name="appended_scalar_product_printed",
    source=Source(PAPER, "(35)", "as printed; corrected in appended_scalar_product"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=appended_scalar_product.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("appended_scalar_product",),
)
