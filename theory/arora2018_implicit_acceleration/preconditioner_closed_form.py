r"""The preconditioner's eigenvalues in closed form: (sigma_r^2 - sigma_q^2)/(sigma_r^{2/N} - sigma_q^{2/N}).

Assumptions
-----------
As in Claim 1, sigma_r != sigma_q; for sigma_r = sigma_q = sigma > 0 the eigenvalue is N sigma^{2-2/N}.

Source
------
Beside Arora, Cohen and Hazan (2018), Claim 1: the sum of a geometric sequence.

Idea of the proof
-----------------
With a = sigma_r^{2/N}, b = sigma_q^{2/N} the sum S_N = sum_j a^{N-j} b^{j-1} obeys S_1 = 1, S_{M+1} = b S_M + a^M. So
(a - b) S_M = a^M - b^M by induction, for every depth M.

Deviations from the paper
-------------------------
The paper leaves the sum as it is.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import assume as reject
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.symbolic.preconditioners import DEPTH, LEFT, RIGHT, eigenvalue, eigenvalue_sum
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER
from theory.arora2018_implicit_acceleration.preconditioner_eigenvalues import VALUE, float_preconditioner


def closed_form_is(value: sp.Expr) -> Claim:
    """Return the claim that the eigenvalue at vec(u_r v_q') is `value`."""
    return Claim(
        "Where sigma_r and sigma_q differ the eigenvalue is a divided difference of s -> s^N.",
        equate(VALUE, value),
        ("W_e is any k x d matrix", "N >= 1", "sigma_r is not sigma_q"),
        {
            VALUE: "eigenvalue of the preconditioner at vec(u_r v_q')",
            LEFT: "singular value of the left vector u_r",
            RIGHT: "singular value of the right vector v_q",
            DEPTH: "number of layers",
        },
    )


CLAIM = closed_form_is(eigenvalue())


def derive(claim: Claim) -> Derivation:
    """Sum the geometric sequence by induction over the depth."""
    a, b = sp.symbols("a b", nonnegative=True)
    M = sp.Symbol("M", integer=True, positive=True)
    so_far = (a**M - b**M) / (a - b)
    roots = {a: LEFT ** (2 / DEPTH), b: RIGHT ** (2 / DEPTH)}
    total = ((a**DEPTH - b**DEPTH) / (a - b)).xreplace(roots)
    base = show_equal("M = 1: one term", (a - b) * 1, (a**M - b**M).subs(M, 1), name="a - b times the sum")
    step = show_equal(
        "from M to M + 1: (a - b)(b S_M + a^M) = a^{M+1} - b^{M+1}",
        sp.expand((a - b) * a**M) + b * (a - b) * so_far,
        a ** (M + 1) - b ** (M + 1),
    )
    return Derivation(
        (
            assume("a = sigma_r^{2/N} and b = sigma_q^{2/N} differ; one of them may be 0"),
            define("S_1 = 1, S_{M+1} = b S_M + a^M: the sum of Claim 1 over M layers"),
            base,
            step,
            infer("by induction (a - b) S_N = a^N - b^N, for every N", from_=[base, step]),
            show_with("with a^N = sigma_r^2, b^N = sigma_q^2", claim.formula, {VALUE: total}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with the eigenvalues of P in floats for 2 x 2 matrices with prescribed singular values."""
    rng = np.random.default_rng(seed)
    gaps = list[float]()
    for depth in (1, 2, 3, 4, 7, 16):
        for _ in range(4):
            s = np.sort(rng.uniform(0.0, 2.0, 2))[::-1] + np.array([0.5, 0.0])
            U, V = (np.linalg.qr(rng.standard_normal((2, 2)))[0] for _ in range(2))
            P = float_preconditioner((U * s) @ V.T, depth)
            direction = np.outer(U[:, 0], V[:, 1]).ravel(order="F")
            value = float(claim.bound({LEFT: s[0], RIGHT: s[1], DEPTH: float(depth)}))
            gaps.append(float(np.abs(P @ direction - value * direction).max()) / s[0] ** (2 - 2 / depth))
    worst, cases = max(gaps), len(gaps)
    return Evidence.measured(
        claim,
        f"largest |P vec(u v') - lambda vec(u v')| {worst:.2g} of sigma_1^(2-2/N)",
        contradicted=worst > 1e-11,
        error_bar="1e-11 (rounding; the difference of the N-th roots costs a digit)",
        cases=cases,
        seed=seed,
        picture=departures(
            gaps,
            1e-11,
            title="P has the claimed eigenvalues",
            ylabel="departure / sigma_1^(2-2/N)",
            of="rounding",
        ),
    )


def domain() -> st.SearchStrategy[tuple[sp.Expr, sp.Expr, int]]:
    """Two N-th roots of singular values and N = 1, ..., 6."""
    root = st.fractions(0, 5, max_denominator=7).map(lambda f: sp.Rational(f.numerator, f.denominator))
    return st.tuples(root, root, st.integers(1, 6))


def holds(claim: Claim, case: tuple[sp.Expr, sp.Expr, int]) -> bool:
    """Compare with the sum over the layers, exactly."""
    a, b, depth = case
    reject(a != b)
    at = {LEFT: a**depth, RIGHT: b**depth}
    total = eigenvalue_sum(depth=sp.Integer(depth)).doit().subs(at)
    return bool(claim.formula.rhs.subs(DEPTH, depth).subs(at) == total)


FALSE_TWINS = (
    FalseTwin(
        "first powers in the numerator",
        {"claim": closed_form_is((LEFT - RIGHT) / (LEFT ** (1 / DEPTH) - RIGHT ** (1 / DEPTH)))},
    ),
    FalseTwin(
        "roots of order N + 1, seen by numbers alone",
        {"claim": closed_form_is((LEFT**2 - RIGHT**2) / (LEFT ** (2 / (DEPTH + 1)) - RIGHT ** (2 / (DEPTH + 1)))),
         "derive": None},
    ),
)  # fmt: skip

THEOREM = Theorem(
    name="preconditioner_closed_form",
    source=Source(PAPER, "Claim 1", "the sum in closed form"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_eigenvalues", "preconditioner_log_mean"),
)
