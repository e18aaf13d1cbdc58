r"""Section 5.2: the Hessian of the loss in the weights of one neuron is J_r^T J_r, off the boundaries w_r.x_i = 0.

Assumptions
-----------
Two-layer ReLU network, square loss, w_r.x_i != 0 for every sample (true for almost every W).

Source
------
Bu, Xu and Chen (2021), section 5.2: d^2 L/dw_r^2 = J_r^T J_r "a.s.".

Idea of the proof
-----------------
Near such a W the predictions are affine in w_r: Delta moves by s J_r u along w_r + s u, with J_r constant. The second
derivative of |Delta|^2/2 is |J_r u|^2, for every number of samples and of features.

Deviations from the paper
-------------------------
True as a statement about one W. Along a trajectory flips occur (`activation_flip_jump`), and the inverse that the paper
forms need not exist (`newton_inverse_printed`). It is the diagonal block of the Hessian, not the Hessian.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_with
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import ERROR, PAPER

__all__ = ["THEOREM"]

ALONG = sp.Symbol("s", real=True)
BLOCK = Operator("J_r")
DIRECTION = Vector.base("u")
SECOND = sp.Symbol("D^2 L[u, u]", real=True)


def equals(form: sp.Expr) -> Claim:
    """Return the claim that the second derivative along u is `form`."""
    return Claim(
        "Away from activation boundaries the Hessian of the loss in one neuron's weights is J_r^T J_r.",
        equate(SECOND, form),
        ("square loss", "w_r.x_i != 0 for every sample"),
        {SECOND: "second derivative of the loss along w_r + s u", sp.Symbol("J_r"): "Jacobian in w_r"},
    )


CLAIM = equals(norm2(BLOCK @ DIRECTION))


def derive(claim: Claim) -> Derivation:
    """Differentiate the loss twice along a line, in symbolic dimension."""
    line = Dynamics({"Delta": (1, BLOCK @ DIRECTION), "u": (1, Vector())}, ALONG)
    slope = line.derivative(norm2(ERROR) / 2)
    return Derivation(
        (
            assume("w_r.x_i != 0: the pattern, and so J_r, is constant near W"),
            define("along w_r + s u the error moves at dDelta/ds = J_r u"),
            show_equal(
                "first derivative: <J_r^T Delta, u>", slope, inner(BLOCK.T @ ERROR, DIRECTION), name="<grad L, u>"
            ),
            show_with("second derivative", claim.formula, {SECOND: line.derivative(slope)}),
        )
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer data (3 samples, 2 features), labels and weights of 4 neurons with no w.x = 0, a direction; a_r = +-1."""
    weights = st.tuples(integer_matrices(3, 2), integer_matrices(4, 2))
    generic = weights.filter(lambda c: bool((c[1] @ c[0].T != 0).all()))
    signs = st.tuples(*[st.sampled_from((-1, 1))] * 4)
    return st.tuples(generic, integer_matrices(3, 1), integer_matrices(2, 1), signs)


def loss(X: Any, W: list[list[Fraction]], y: Any, a: tuple[int, ...]) -> Fraction:
    """Return the loss of a network of 4 neurons, 1/sqrt(m) = 1/2, exactly."""
    total = Fraction(0)
    for x, label in zip(X, y, strict=True):
        active = sum(
            (
                sign * max(sum((w * int(k) for w, k in zip(row, x, strict=True)), Fraction(0)), Fraction(0))
                for sign, row in zip(a, W, strict=True)
            ),
            Fraction(0),
        )
        total += (active / 2 - int(label[0])) ** 2 / 2
    return total


def holds(claim: Claim, case: Any) -> bool:
    """Compare the claim with the second difference of the loss, exactly: within a cell the loss is quadratic."""
    (X, W), y, u, a = case
    h = Fraction(1, 100)  # |h u.x| <= 8 * 4 / 100 < 1 <= |w.x|: no gate changes
    rows = [[Fraction(int(v)) for v in row] for row in W]

    def moved(s: Fraction) -> list[list[Fraction]]:
        return [[w + s * int(k) for w, k in zip(rows[0], u.ravel(), strict=True)], *rows[1:]]

    second = (loss(X, moved(h), y, a) - 2 * loss(X, rows, y, a) + loss(X, moved(-h), y, a)) / h**2
    J = sp.Matrix([[sp.Rational(a[0], 2) * int(k) * int(x @ W[0] > 0) for k in x] for x in X])
    image = J * sp.Matrix(u.tolist())
    square = norm2(BLOCK @ DIRECTION)
    claimed = sp.cancel(claim.formula.rhs / square) * (image.T * image)[0, 0]
    return bool(claimed == sp.Rational(second))


FALSE_TWINS = (
    FalseTwin("twice the block", {"claim": equals(2 * norm2(BLOCK @ DIRECTION))}),
    FalseTwin("no curvature", {"claim": equals(sp.Integer(0) * norm2(BLOCK @ DIRECTION))}),
)

THEOREM = Theorem(
    name="newton_hessian",
    source=Source(PAPER, "Section 5.2, d^2 L/dw_r^2"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("newton_inverse_printed", "newton_rate", "newton_iteration_printed"),
)
