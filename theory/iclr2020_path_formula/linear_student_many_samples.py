r"""Linear network, more samples than inputs: lambda_min(H) = 0 at every width; the d-th eigenvalue has the linear law.

Assumptions
-----------
Two-layer linear network, inputs X of full column rank with N > d; unit normal weights for the second statement.

Source
------
Corrects the path formula paper (ICLR 2020), Proposition 6.1 and Figure 3 (N samples in 50 dimensions).

Idea of the proof
-----------------
H = X A X^T with A = W^T W + |v|^2 I. Any z with X^T z = 0 has H z = 0. The non-zero eigenvalues of H are those of the
d x d matrix G^{1/2} A G^{1/2}, G = X^T X, a sum of m iid matrices of mean 2 G: `smallest_eigenvalue_at_most_mean` and
`smallest_eigenvalue_limit` apply to it.

Deviations from the paper
-------------------------
lambda_min(H(t)) does not determine the rate here; the smallest eigenvalue on the span of the residual does.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    by,
    equate,
    infer,
    show_equal,
    show_equal_vectors,
    show_with,
)
from odeflow.symbolic.inner_products import Operator, Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import smallest_eigenvalue_at_most_mean
from theory.iclr2020_path_formula._kernel_means import WIDTH
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "INPUTS_LEAST", "LEAST", "NONZERO", "THEOREM", "spectrum_is"]

LEAST, NONZERO = sp.symbols("lambda_min lambda_d", nonnegative=True)
INPUTS_LEAST = sp.Symbol("g_1", positive=True)
NETWORKS = 200
WIDTHS = (4, 16, 64)


def spectrum_is(least: sp.Basic, nonzero: sp.Basic) -> Claim:
    """Return a claim about lambda_min(H_m) and the mean of the d-th largest eigenvalue."""
    return Claim(
        "With N > d the linear network has lambda_min(H) = 0; E lambda_d(H_m) <= 2 m lambda_min(X^T X).",
        sp.And(least, nonzero, evaluate=False),
        ("two-layer linear network", "N > d, X of full column rank", "unit normal weights"),
        {
            LEAST: "smallest eigenvalue of H",
            NONZERO: "E of the d-th largest",
            INPUTS_LEAST: "lambda_min(X^T X)",
            WIDTH: "number of neurons",
        },
    )


ZERO = equate(LEAST, sp.S.Zero)
BOUND = sp.Le(NONZERO, 2 * WIDTH * INPUTS_LEAST, evaluate=False)
CLAIM = spectrum_is(ZERO, BOUND)


def derive(claim: Claim) -> Derivation:
    """Test with z orthogonal to all columns of X; reduce to d x d matrices."""
    known = smallest_eigenvalue_at_most_mean
    A, Xt = Operator("A", symmetric=True), Operator("X").T
    z, reduced = Vector.base("z"), Vector()
    gap = sp.Symbol("gap", nonnegative=True)
    value = inner(reduced, A @ reduced)
    y, eigenvalue = Vector.base("y"), sp.Symbol("lambda", positive=True)
    steps = [
        assume("H = X A X^T, A = W^T W + |v|^2 I; N > d, so some z != 0 has X^T z = 0"),
        show_equal(
            "<z, H z> = <X^T z, A X^T z>", inner(z, Xt.T @ (A @ (Xt @ z))), inner(Xt @ z, A @ (Xt @ z)), name="<z, H z>"
        ),
        show_equal("which is 0 when X^T z = 0", value, sp.S.Zero, name="<z, H z>"),
        infer("H >= 0, so lambda_min(H) = 0"),
        show_equal_vectors(
            "H z = lambda z gives G A y = X^T H z = lambda y for y = X^T z, which is not 0 if lambda is not",
            Xt @ (eigenvalue * z),
            eigenvalue * (Xt @ z),
            name="G A y",
        ),
        show_equal_vectors(
            "G A y = lambda y gives H z = X A (G A y) = lambda z for z = X A y",
            Xt.T @ (A @ (eigenvalue * y)),
            eigenvalue * (Xt.T @ (A @ y)),
            name="H z",
        ),
        infer("so H and G A have the same non-zero eigenvalues, and G A is similar to G^{1/2} A G^{1/2}"),
        by("smallest_eigenvalue_at_most_mean", known.derive(known.CLAIM), known.CLAIM.formula),
        infer("for the d x d matrices G^{1/2} (w w^T + v^2 I) G^{1/2}, of mean 2 G: E lambda_d <= 2 m g_1"),
    ]
    parts = [
        show_with("the smallest", part, {LEAST: value})
        if part.has(LEAST)
        else show_with("the d-th", part, {NONZERO: 2 * WIDTH * INPUTS_LEAST - gap})
        for part in claim.formula.args
    ]
    return Derivation((*steps, *parts, infer("both", claim.formula, from_=[*steps, *parts])))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute the spectra of linear networks with 6 samples of 3 inputs."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((6, 3))
    least, found, wrong = 0.0, [], 0
    bottom = float(np.linalg.eigvalsh(X.T @ X)[0])
    for width in WIDTHS:
        W, v = rng.standard_normal((NETWORKS, width, 3)), rng.standard_normal((NETWORKS, width))
        A = np.swapaxes(W, 1, 2) @ W + (v**2).sum(axis=1)[:, None, None] * np.eye(3)
        spectra = np.linalg.eigvalsh(X @ A @ X.T)
        least = max(least, float((np.abs(spectra[:, 0]) / spectra[:, -1]).max()))
        mean, error = float(spectra[:, 3].mean()), float(spectra[:, 3].std(ddof=1)) / np.sqrt(NETWORKS)
        found.append((mean, error))
        values = {WIDTH: sp.Integer(width), INPUTS_LEAST: sp.Float(bottom), LEAST: sp.Float(least)}
        for part in claim.formula.args:
            if part.has(NONZERO):
                wrong += mean > float(part.rhs.xreplace(values)) + 5.0 * error
            else:
                wrong += not (least < 1e-12) if isinstance(part, sp.Equality) else least < 1e-12
    means, errors = np.array(found).T
    claimed = 2.0 * bottom * np.array(WIDTHS)
    ratios = means / claimed
    return Evidence.measured(
        claim,
        f"lambda_min/lambda_max <= {least:.2g}; E lambda_d/(2 m g_1) = {', '.join(f'{r:.3f}' for r in ratios)} "
        f"for m = {', '.join(map(str, WIDTHS))}",
        contradicted=wrong > 0,
        error_bar="1e-12 (eigenvalues), 5 standard errors over 200 networks",
        cases=NETWORKS * len(WIDTHS),
        seed=seed,
        picture=along(
            WIDTHS,
            means,
            {"bound 2 m g_1": claimed},
            title="The smallest non-zero eigenvalue stays below its bound",
            xlabel="width m",
            ylabel="E lambda_d",
            xscale="log",
            yscale="log",
            interval=(means - errors, means + errors),
        ),
    )


FALSE_TWINS = (
    FalseTwin("half the slope", {"claim": spectrum_is(ZERO, sp.Le(NONZERO, WIDTH * INPUTS_LEAST, evaluate=False))}),
    FalseTwin("lambda_min is positive", {"claim": spectrum_is(sp.Gt(LEAST, 0, evaluate=False), BOUND)}),
)

THEOREM = Theorem(
    name="linear_student_many_samples",
    source=Source(PAPER, "Proposition 6.1, N > d", "the d-th eigenvalue in the place of the last"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("linear_student_many_samples_printed", "smallest_eigenvalue_at_most_mean"),
)
