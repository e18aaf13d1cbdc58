r"""Equations (13)-(16), (32), with the right indices: H_ij = sum_l [s_li s_lj + v_l^2 s'_li s'_lj <x_i, x_j>].

Assumptions
-----------
u(x) = sum_{l=1}^m v_l sigma(<w_l, x>), w_l row l of W, all weights trained; sigma differentiable at the pre-activations
z_li = <w_l, x_i>; s_li = sigma(z_li), s'_li = sigma'(z_li). Linear: s = z, s' = 1. Any m, any input dimension.

Source
------
Path formula paper (ICLR 2020), section 6.1, (13) to (16); Appendix B, (32).

Idea of the proof
-----------------
du/dv_l = sigma(z_l) and du/dw_l = v_l sigma'(z_l) x; each parameter belongs to one neuron.

Deviations from the paper
-------------------------
The paper writes W(:, l) for row l of the m x d matrix W, and v_0^2 where v_l^2 is meant in (15), (16). With these it is
(32); (31), for m = 1, contradicts it (`first_layer_kernel_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_value, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "ENTRY", "GRAM", "THEOREM", "WIDTH", "entry_is", "neuron"]

ENTRY = sp.Symbol("H_ij", real=True)
WIDTH = sp.Symbol("m", positive=True, integer=True)
INDEX = sp.Symbol("l", positive=True, integer=True)
VALUE_I, VALUE_J, SLOPE_I, SLOPE_J, SECOND = (
    sp.Function(name, real=True) for name in ("s_i", "s_j", "s'_i", "s'_j", "v")
)
GRAM = inner(Vector.base("x_i"), Vector.base("x_j"))


def entry_is(summand: sp.Expr) -> Claim:
    """Return the claim that H_ij is the sum over neurons of `summand`."""
    return Claim(
        "The kernel of a two-layer network is a sum over its neurons.",
        equate(ENTRY, sp.Sum(summand, (INDEX, 1, WIDTH))),
        ("u(x) = sum_l v_l sigma(<w_l, x>)", "all weights trained", "sigma differentiable where it is used"),
        {
            ENTRY: "sum over all weights of du_i/dw du_j/dw",
            VALUE_I(INDEX): "sigma(<w_l, x_i>)",
            SLOPE_I(INDEX): "sigma'(<w_l, x_i>)",
            SECOND(INDEX): "second layer",
            GRAM: "inner product of two inputs",
        },
    )


def neuron(index: sp.Expr) -> sp.Expr:
    """Return the share of one neuron in H_ij."""
    values = VALUE_I(index) * VALUE_J(index)
    return values + SECOND(index) ** 2 * SLOPE_I(index) * SLOPE_J(index) * GRAM


CLAIM = entry_is(neuron(INDEX))


def derive(claim: Claim) -> Derivation:
    """Differentiate one neuron by its weights and take the inner products of the two gradients."""
    v, z, step, entry = sp.symbols("v z epsilon x_k", real=True)
    sigma = sp.Function("sigma")
    moved = sp.diff(v * sigma(z + step * entry), step).doit().subs(step, 0).doit()
    x_i, x_j = Vector.base("x_i"), Vector.base("x_j")
    first = inner(
        (SECOND(INDEX) * SLOPE_I(INDEX)) * x_i,
        (SECOND(INDEX) * SLOPE_J(INDEX)) * x_j,
    )
    share = VALUE_I(INDEX) * VALUE_J(INDEX) + first
    return Derivation(
        (
            assume("u(x) = sum_l v_l sigma(z_l), z_l = <w_l, x>"),
            show_equal("du/dv_l = sigma(z_l)", sp.diff(v * sigma(z), v), sigma(z), name="du/dv_l"),
            show_equal(
                "du/dw_lk = v_l sigma'(z_l) x_k: moving w_lk by epsilon moves z_l by epsilon x_k",
                moved,
                v * sp.diff(sigma(z), z) * entry,
                name="du/dw_lk",
            ),
            infer("no weight of neuron l is in another summand"),
            show_value(
                "<v s'_i x_i, v s'_j x_j> in every input dimension",
                first,
                SECOND(INDEX) ** 2 * SLOPE_I(INDEX) * SLOPE_J(INDEX) * GRAM,
            ),
            show_with("sum over neurons", claim.formula, {ENTRY: sp.Sum(sp.expand(share), (INDEX, 1, WIDTH))}),
        )
    )


def domain() -> st.SearchStrategy[Any]:
    """Sizes, a seed, and whether the activation is linear (z) or quadratic (z^2)."""
    return st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**16), st.booleans())


def holds(claim: Claim, case: tuple[int, int, int, bool]) -> bool:
    """Compare, in integers, with central differences: the outputs are at most quadratic in each weight."""
    m, d, seed, quadratic = case
    rng = np.random.default_rng(seed)
    X, W, v = (rng.integers(-3, 4, shape) for shape in ((2, d), (m, d), m))

    def outputs(weights: np.ndarray) -> np.ndarray:
        z = X @ weights[: m * d].reshape(m, d).T
        return np.asarray((z**2 if quadratic else z) @ weights[m * d :])

    weights = np.concatenate([W.ravel(), v])
    J = np.stack([(outputs(weights + e) - outputs(weights - e)) // 2 for e in np.eye(weights.size, dtype=np.int64)])
    z = X @ W.T
    values, slopes = (z**2, 2 * z) if quadratic else (z, np.ones_like(z))
    total = claim.formula.rhs.xreplace({WIDTH: sp.Integer(m)}).doit()
    at: dict[sp.Basic, sp.Basic] = {GRAM: sp.Integer(int(X[0] @ X[1]))}
    for k in range(m):
        at |= {VALUE_I(k + 1): sp.Integer(int(values[0, k])), VALUE_J(k + 1): sp.Integer(int(values[1, k]))}
        at |= {SLOPE_I(k + 1): sp.Integer(int(slopes[0, k])), SLOPE_J(k + 1): sp.Integer(int(slopes[1, k]))}
        at |= {SECOND(k + 1): sp.Integer(int(v[k]))}
    return bool(total.xreplace(at) == int(J[:, 0] @ J[:, 1]))


FIRST_NEURON = VALUE_I(INDEX) * VALUE_J(INDEX) + SECOND(1) ** 2 * SLOPE_I(INDEX) * SLOPE_J(INDEX) * GRAM
FALSE_TWINS = (
    FalseTwin("one v for all neurons, the index that is printed", {"claim": entry_is(FIRST_NEURON)}),
    FalseTwin(
        "v_l for v_l^2",
        {"claim": entry_is(VALUE_I(INDEX) * VALUE_J(INDEX) + SECOND(INDEX) * SLOPE_I(INDEX) * SLOPE_J(INDEX) * GRAM)},
    ),
)

THEOREM = Theorem(
    name="two_layer_kernel",
    source=Source(PAPER, "(13)-(16), (32)", "W(l, :) for W(:, l), v_l^2 for v_0^2"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("first_layer_kernel_printed", "expected_kernel"),
)
