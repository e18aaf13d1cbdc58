r"""After Theorem 2, corrected: lambda_0 <= 1/2 on inputs of unit norm, hence sqrt(lambda_0/2) >= lambda_0.

Assumptions
-----------
Every input has norm 1; any number of them, in any dimension.

Source
------
Bu, Xu and Chen (2021), the remark after Theorem 2: "lambda_0 < 1/2 as tr(H_inf) = n/2 = sum_i lambda_i > n lambda_0".

Idea of the proof
-----------------
A unit input has H_ii = 1/2, so the trace is n/2 and the mean eigenvalue is 1/2; the smallest is at most the mean.

Deviations from the paper
-------------------------
"<=" for "<": all eigenvalues can be equal, as for orthonormal inputs (`smallest_eigenvalue_strict`). Unit norm, which
the paper assumes in Theorem 1 only, is needed: inputs of norm s give s^2/2 (first twin). The rates compared by the
paper, lambda_0 for gradient flow and sqrt(lambda_0/2) for heavy ball, are those of its bounds, in flow time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.numeric.kernels import relu_ntk_limit, relu_ntk_limit_entry_error, smallest_eigenvalue
from odeflow.panels import by_case
from odeflow.strategies import unit_vectors
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, assume, by, chain, infer, show_equal, show_less, show_violated
from odeflow.symbolic.limit_kernels import derive_limit_entry, limit_entry, limit_kernel, show_spectrum
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Stage, Theorem, Verdict, World
from theory.bu2021_dynamical_view import kernel_limit
from theory.bu2021_dynamical_view.notation import PAPER

if TYPE_CHECKING:
    from odeflow.data_case import DataCase

HALF, ONE = sp.Rational(1, 2), sp.Integer(1)
SMALLEST = sp.Symbol("lambda_0", nonnegative=True)
UNIT = "every input has norm 1"
NORM_ROUNDING = 1e-14
"""Unit norms in floats are off by an ulp or two, and the trace with them."""
DATA_NORMS = 2e-9
"""A user's inputs count as of norm 1 within 1e-9, hence their squares within twice that."""


def at_most(value: sp.Expr, assumption: str = UNIT) -> Claim:
    """Return the claim lambda_0 <= value."""
    return Claim(
        "On inputs of unit norm the smallest eigenvalue of H_inf is at most 1/2, so sqrt(lambda_0/2) >= lambda_0.",
        sp.Le(SMALLEST, value, evaluate=False),
        (assumption,),
        {SMALLEST: "smallest eigenvalue of H_inf"},
    )


CLAIM = at_most(HALF)


def derive(claim: Claim, norm: sp.Expr = ONE) -> Derivation:
    """Compute the trace for n inputs of the given norm; the smallest eigenvalue is at most the mean."""
    n, i = sp.Symbol("n", positive=True, integer=True), sp.Symbol("i", integer=True)
    spread = sp.Symbol("s", nonnegative=True)
    entry = by("kernel_limit", derive_limit_entry(kernel_limit.CLAIM.formula), kernel_limit.CLAIM.formula)
    diagonal = limit_entry(norm**2, sp.Integer(0))
    on_diagonal = show_equal("H_ii, at the angle 0", diagonal, norm**2 / 2, name="H_ii")
    total = sp.Sum(diagonal, (i, 1, n)).doit()
    trace = show_equal("the trace, which is the sum of the eigenvalues", total, n * norm**2 / 2, name="trace of H_inf")
    mean = infer(
        "the mean exceeds the smallest by s >= 0, the mean of all lambda_i - lambda_0",
        sp.Le(SMALLEST, norm**2 / 2, evaluate=False),
        from_=[entry, on_diagonal, trace],
    )
    steps = (
        assume(f"every input has norm {norm}"),
        entry,
        on_diagonal,
        trace,
        mean,
        show_less("with s >= 0", SMALLEST**2, SMALLEST * (SMALLEST + spread)),
        show_equal(
            "which at norm 1, where s = 1/2 - lambda_0, says lambda_0^2 <= lambda_0/2: sqrt(lambda_0/2) >= lambda_0",
            SMALLEST * sp.Subs(SMALLEST + spread, spread, HALF - SMALLEST),
            SMALLEST / 2,
        ),
        chain("so the smallest eigenvalue is at most the mean", claim.formula, norm**2 / 2, from_=[mean]),
    )
    return Derivation(steps)


def orthonormal(claim: Claim, norm: sp.Expr = ONE) -> Derivation:
    """Take `norm` times the unit vectors of the plane: H_inf = norm^2/2 I."""
    value = norm**2 / 2
    return Derivation(
        (
            assume(f"two orthogonal inputs of norm {norm}"),
            show_spectrum("the spectrum of H_inf", limit_kernel(norm * sp.eye(2)), (value, value)),
            show_violated("lambda_0 is the double eigenvalue", claim.formula, {SMALLEST: value}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Certify lower bounds on lambda_0 for orthonormal and for random inputs; the largest must not exceed the claim."""
    rng = np.random.default_rng(seed)
    cases = [np.eye(3), np.eye(1)]
    cases += [rng.standard_normal((n, d)) for n in (2, 3, 8, 30) for d in (2, 10, 200)]
    lowers, widest = list[float](), 0.0
    for X in cases:
        units = X / np.linalg.norm(X, axis=1, keepdims=True)
        bound = smallest_eigenvalue(relu_ntk_limit(units), entry_error=relu_ntk_limit_entry_error(units))
        lowers.append(bound.lower)
        widest = max(widest, bound.upper - bound.lower)
    largest = max(lowers)
    return Evidence.measured(
        claim,
        f"largest certified lambda_0 is {largest:.6f}",
        contradicted=largest > float(claim.formula.rhs) + NORM_ROUNDING,
        error_bar=f"{widest:.2g} (widest enclosure)",
        cases=len(cases),
        seed=seed,
        detail=f"lambda_0 reaches {largest:.6g}",
        picture=by_case(
            lowers,
            float(claim.formula.rhs),
            title="lambda_0 exceeds the claimed bound on no data",
            ylabel="certified lower bound of lambda_0",
        ),
    )


def domain() -> st.SearchStrategy[Float[np.ndarray, "n d"]]:
    """One to four unit vectors in the plane or in space."""
    return st.tuples(st.integers(1, 4), st.integers(2, 3)).flatmap(lambda s: unit_vectors(s[0], s[1], separation=0.0))


def holds(claim: Claim, case: Float[np.ndarray, "n d"]) -> bool:
    """Compare the smallest Rayleigh quotient found with the claim."""
    return bool(np.linalg.eigvalsh(relu_ntk_limit(case))[0] <= float(claim.formula.rhs) + NORM_ROUNDING)


def on_data(claim: Claim, data: DataCase) -> Evidence:
    """Hold the claim against lambda_0 of the user's inputs, if they have unit norm."""
    bound, value = data.lambda0, float(claim.formula.rhs)
    strict = isinstance(claim.formula, sp.StrictLessThan)
    observed = f"lambda_0 in [{bound.lower:.10g}, {bound.upper:.10g}]"
    if not data.unit_norm:
        status, observed = Status.UNDECIDED, f"hypothesis violated: the inputs do not all have norm 1; {observed}"
    elif bound.upper < value or (not strict and bound.upper <= value):
        status = Status.HOLDS
    elif bound.lower > value + DATA_NORMS:
        status = Status.FAILS
    else:
        status, observed = Status.UNDECIDED, f"not to be told from {value:g} in double precision; {observed}"
    return Evidence(
        Stage.DATA,
        status,
        claimed=str(claim.formula),
        observed=observed,
        error_bar="certified enclosure, rounding included",
        cases=len(data.X),
        detail=observed,
    )


FALSE_TWINS = (
    FalseTwin(
        "inputs of norm 10",
        {
            "claim": at_most(HALF, "every input has norm 10"),
            "derive": partial(derive, norm=sp.Integer(10)),
            "counterexample": partial(orthonormal, norm=sp.Integer(10)),
            "simulate": None,
            "domain": None,
            "holds": None,
        },
    ),
    FalseTwin("at most 1/4", {"claim": at_most(HALF / 2)}),
    FalseTwin(
        "at most 1/4, by exact algebra alone",
        {"claim": at_most(HALF / 2), "counterexample": orthonormal, "simulate": None, "domain": None, "holds": None},
    ),
)

THEOREM = Theorem(
    name="smallest_eigenvalue_at_most_half",
    source=Source(PAPER, "Section 3, after Theorem 2", "'<=' for '<', and unit norm"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    on_data=on_data,
    twins=FALSE_TWINS,
    related=("smallest_eigenvalue_strict", "circle_spectra"),
)
