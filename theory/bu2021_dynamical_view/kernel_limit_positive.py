r"""Fact 2.2, second half: if no two inputs are parallel, the infinite-width kernel is positive definite.

Assumptions
-----------
No two inputs are parallel, where opposite inputs count as parallel: the lines through them enclose positive angles.

Source
------
Bu, Xu and Chen (2021), Fact 2.2, second half, quoted from Du, Zhai, Poczos and Singh (2019), Theorem 3.1.

Idea of the proof
-----------------
<v, H_inf v> = E |sum_i v_i x_i 1{w.x_i >= 0}|^2 >= 0. If it vanishes, so does the sum at almost every w; across the
hyperplane of x_k, away from all others, it jumps by v_k x_k, so v_k = 0. The last step is the cited theorem.

Deviations from the paper
-------------------------
"Parallel" must include opposite inputs: the regular hexagon has three opposite pairs, no two of its points agree, and
lambda_0 = 0 exactly (first twin). The condition is sufficient, not necessary: x and -x alone have lambda_0 = |x|^2/2
(second twin).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.numeric.kernels import pairwise_angles, relu_ntk_limit, relu_ntk_limit_entry_error, smallest_eigenvalue
from odeflow.panels import along
from odeflow.strategies import unit_vectors
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, assume, by, cite, equate, infer, show_equal, show_violated
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.symbolic.limit_kernels import circle_kernel, derive_limit_entry, limit_kernel, show_spectrum
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Stage, Theorem, Verdict, World
from theory.bu2021_dynamical_view import kernel_limit
from theory.bu2021_dynamical_view.notation import PAPER

if TYPE_CHECKING:
    from odeflow.data_case import DataCase

SMALLEST = sp.Symbol("lambda_0", real=True)
LINES = sp.Symbol("theta_lines", nonnegative=True)
VECTORS = sp.Symbol("theta_vectors", nonnegative=True)
LEMMA = "Du, Zhai, Poczos and Singh (2019), Theorem 3.1: lambda_0 > 0 if no two inputs are parallel"


def if_then(premise: sp.Basic, conclusion: sp.Basic) -> Claim:
    """Return the claim that `premise` about angles implies `conclusion` about lambda_0."""
    return Claim(
        "If no two inputs are parallel (or opposite), the smallest eigenvalue of H_inf is positive.",
        sp.Implies(premise, conclusion, evaluate=False),
        ("no input is zero",),
        {
            SMALLEST: "smallest eigenvalue of H_inf",
            LINES: "smallest angle between the lines through two inputs, in [0, pi/2]",
            VECTORS: "smallest angle between two inputs, in [0, pi]",
        },
    )


POSITIVE = sp.Gt(SMALLEST, 0, evaluate=False)
FORMULA = sp.Implies(sp.Gt(LINES, 0, evaluate=False), POSITIVE, evaluate=False)
CLAIM = if_then(*FORMULA.args)


def derive(claim: Claim) -> Derivation:
    """Write the quadratic form as an expected square, and rest on the cited theorem for its positivity."""
    v_i, v_j = sp.symbols("v_i v_j", real=True)
    gates = sp.symbols("D_i D_j", nonnegative=True)
    x_i, x_j = Vector.base("x_i"), Vector.base("x_j")
    terms = ((v_i, gates[0], x_i), (v_j, gates[1], x_j))
    square = norm2(v_i * gates[0] * x_i + v_j * gates[1] * x_j)
    entry = by("kernel_limit", derive_limit_entry(kernel_limit.CLAIM.formula), kernel_limit.CLAIM.formula)
    expands = show_equal(
        "|v_i D_i x_i + v_j D_j x_j|^2 has the coefficients D_i D_j x_i.x_j, whose means are the entries of H_inf",
        square,
        sum((a * b * c * d * inner(x, y) for a, c, x in terms for b, d, y in terms), sp.Integer(0)),
        name="|v_i D_i x_i + v_j D_j x_j|^2",
    )
    form = infer("so <v, H_inf v> = E |sum_k v_k D_k x_k|^2 >= 0", from_=[entry, expands])
    lemma = cite(LEMMA, FORMULA)
    return Derivation(
        (
            assume("no input is zero; D_k = 1{w.x_k >= 0}, so D_k^2 = D_k"),
            entry,
            expands,
            form,
            lemma,
            infer("the matrix of the cited theorem is this one", FORMULA, from_=[form, lemma]),
        )
    )


def hexagon(claim: Claim) -> Derivation:
    """Take the regular hexagon: neighbours enclose pi/3, opposite points lie on one line, and lambda_0 = 0."""
    eigenvalues = tuple(sp.Rational(*q) for q in ((2, 3), (3, 4), (3, 4), (5, 12), (5, 12), (0, 1)))
    return Derivation(
        (
            assume("six equispaced points of the unit circle"),
            show_spectrum("the spectrum of H_inf", circle_kernel(6), eigenvalues),
            show_violated(
                "lambda_0 = 0", claim.formula, {VECTORS: sp.pi / 3, LINES: sp.Integer(0), SMALLEST: min(eigenvalues)}
            ),
        )
    )


def opposite_pair(claim: Claim) -> Derivation:
    """Take x and -x: they lie on one line, and H_inf = I/2."""
    half = sp.Rational(1, 2)
    return Derivation(
        (
            assume("x = (1, 0) and -x"),
            show_spectrum("the spectrum of H_inf", limit_kernel(sp.Matrix([[1, 0], [-1, 0]])), (half, half)),
            show_violated("lambda_0 = 1/2", claim.formula, {VECTORS: sp.pi, LINES: sp.Integer(0), SMALLEST: half}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Certify lambda_0 > 0 on random data of up to 100 samples."""
    rng = np.random.default_rng(seed)
    sizes = (2, 5, 10, 20, 50, 100)
    certified = []
    for n in sizes:
        X = rng.standard_normal((n, 5))
        certified.append(certified_lower(X / np.linalg.norm(X, axis=1, keepdims=True)))
    return Evidence.measured(
        claim,
        f"lambda_0 > {min(certified):.2g} for n up to {sizes[-1]} random inputs in dimension 5",
        contradicted=False if min(certified) > 0.0 else None,
        error_bar="certified lower bounds, rounding included",
        cases=len(sizes),
        seed=seed,
        picture=along(
            sizes,
            {"certified lower bound": certified},
            {"claimed: above": 0.0},
            title="lambda_0 is positive",
            xlabel="samples n",
            ylabel="lambda_0",
            xscale="log",
        ),
    )


def certified_lower(X: Float[np.ndarray, "n d"]) -> float:
    """Return a rigorous lower bound on lambda_0."""
    return smallest_eigenvalue(relu_ntk_limit(X), entry_error=relu_ntk_limit_entry_error(X)).lower


def domain() -> st.SearchStrategy[Float[np.ndarray, "n d"]]:
    """Two to five unit vectors in the plane or in space whose lines are at least 1e-2 apart."""
    sizes = st.tuples(st.integers(2, 5), st.integers(2, 3))
    return sizes.flatmap(lambda s: unit_vectors(s[0], s[1], separation=1e-2))


def holds(claim: Claim, case: Float[np.ndarray, "n d"]) -> bool:
    """Evaluate the claim with a certified lower bound on lambda_0."""
    angles = pairwise_angles(case)[np.triu_indices(len(case), 1)]
    lines = float(np.minimum(angles, np.pi - angles).min())
    values = {LINES: lines, VECTORS: float(angles.min()), SMALLEST: certified_lower(case)}
    return bool(claim.formula.xreplace({name: sp.Float(value) for name, value in values.items()}))


def on_data(claim: Claim, data: DataCase) -> Evidence:
    """Say whether lambda_0 > 0 is certified on the user's inputs, or which of them are parallel."""
    bound, pair = data.lambda0, data.parallel_pair
    enclosed = f"lambda_0 in [{bound.lower:.6g}, {bound.upper:.6g}]"
    if pair is not None:
        status = Status.UNDECIDED
        observed = f"hypothesis violated: inputs {pair[0]} and {pair[1]} are parallel; {enclosed}"
    elif bound.lower > 0.0:
        status, observed = Status.HOLDS, enclosed
    else:
        status, observed = Status.UNDECIDED, f"too small to be told from 0 in double precision: {enclosed}"
    return Evidence(
        Stage.DATA,
        status,
        claimed="lambda_0 > 0",
        observed=observed,
        error_bar="certified enclosure, rounding included",
        cases=len(data.X),
        detail=observed,
    )


FALSE_TWINS = (
    FalseTwin(
        "opposite pairs may be kept",
        {"claim": if_then(sp.Gt(VECTORS, 0, evaluate=False), POSITIVE), "counterexample": hexagon},
    ),
    FalseTwin(
        "parallel inputs make lambda_0 zero",
        {
            "claim": if_then(equate(LINES, sp.Integer(0)), equate(SMALLEST, sp.Integer(0))),
            "counterexample": opposite_pair,
        },
    ),
)

THEOREM = Theorem(
    name="kernel_limit_positive",
    source=Source(PAPER, "Fact 2.2, second half", "opposite inputs count as parallel"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    on_data=on_data,
    twins=FALSE_TWINS,
    related=("kernel_limit", "circle_spectra"),
)
