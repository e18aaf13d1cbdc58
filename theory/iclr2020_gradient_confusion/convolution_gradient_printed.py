r"""Section 4: the results "automatically hold for convolutional nets". Refuted for a layer's gradient.

Assumptions
-----------
A circular convolution with a filter of k entries, as a matrix of operator norm at most 1; |x| <= 1.

Source
------
"Gradient Confusion" (2020), end of section 4 (a): "a convolution operation on x can be represented as a matrix
multiplication Ux for an appropriate Toeplitz matrix U".

Idea of the refutation
----------------------
n inputs all 1/sqrt(n), output the mean times sqrt(n), filter (1/3, 1/3, 1/3): every filter entry meets every input, so
each derivative is 1 and the gradient by the filter is sqrt 3, where a matrix layer has at most 1.

Deviations from the paper
-------------------------
The matrix' entries are tied. With a factor sqrt(k) a layer the results carry over: `output_gradient`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

FILTER = sp.Symbol("|grad_filter g|", nonnegative=True)
TAPS = sp.Symbol("k", positive=True, integer=True)


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim |grad_filter g| <= bound."""
    return Claim(
        "The gradient by a convolution's filter is at most 1 when the convolution's operator norm is.",
        sp.Le(FILTER, bound, evaluate=False),
        ("circular convolution of operator norm <= 1", "|x| <= 1, identity activation"),
        {FILTER: "gradient of the output by the filter's entries", TAPS: "entries of the filter"},
    )


CLAIM = at_most(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Convolve a constant input of length 5."""
    size, taps = 5, sp.symbols("u_0:3", real=True)
    x = [1 / sp.sqrt(size)] * size
    outputs = [sum(u * x[(i + j) % size] for j, u in enumerate(taps)) for i in range(size)]
    g = sum(y / sp.sqrt(size) for y in outputs)
    gradient = sp.sqrt(sum(sp.diff(g, u) ** 2 for u in taps))
    return Derivation(
        (
            define("n = 5, x_i = 1/sqrt 5, y = u * x circularly, k = 3, u = (1, 1, 1)/3, g = sum y_i/sqrt 5"),
            show_equal("|x| = 1 (and so is the last layer's norm)", sum(v**2 for v in x), sp.Integer(1), name="|x|^2"),
            infer("the convolution is a mean of three shifts, so its operator norm is at most 1"),
            *(show_value(f"dg/du_{j}", sp.diff(g, u), sp.Integer(1)) for j, u in enumerate(taps)),
            show_violated("the gradient is sqrt 3", claim.formula, {FILTER: gradient, TAPS: sp.Integer(len(taps))}),
        )
    )


FALSE_TWINS = (FalseTwin("3/2", {"claim": at_most(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="convolution_gradient_printed",
    source=Source(PAPER, "Section 4 (a), convolutional nets", "shared filters have larger gradients"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=at_most(sp.sqrt(TAPS)),
    twins=FALSE_TWINS,
    related=("output_gradient",),
)
