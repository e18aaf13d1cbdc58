r"""E lambda_min(H_m)/m never decreases in m.

Assumptions
-----------
H_m a sum of m iid symmetric matrices with E |Z| finite.

Source
------
Corrects the path formula paper (ICLR 2020), Proposition 6.1.

Idea of the proof
-----------------
Leave one summand out: H_{m+1} is 1/m times the sum of the m + 1 matrices H_{m+1} - Z_k, each of which has the law of
H_m. Superadditivity gives lambda_min(H_{m+1}) >= (1/m) sum_k lambda_min(H_{m+1} - Z_k); take expectations.

Deviations from the paper
-------------------------
Proportionality would be constancy of this quotient.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import smallest_eigenvalue_superadditive
from theory.iclr2020_path_formula._kernel_means import WIDTH, relu, smallest_means
from theory.iclr2020_path_formula._students import satisfied
from theory.iclr2020_path_formula.expected_smallest_eigenvalue import LOWEST, closed_form
from theory.iclr2020_path_formula.notation import PAPER

NEXT = sp.Symbol("a_{m+1}", nonnegative=True)
WIDTHS = (1, 2, 3, 4, 6, 8)


def grows(formula: sp.Basic) -> Claim:
    """Return a claim about successive widths."""
    return Claim(
        "The expected smallest eigenvalue per neuron does not decrease with the width.",
        formula,
        ("H_m = sum of m iid symmetric matrices",),
        {LOWEST: "E lambda_min(H_m)", NEXT: "E lambda_min(H_{m+1})", WIDTH: "number of neurons"},
    )


CLAIM = grows(sp.Ge(NEXT / (WIDTH + 1), LOWEST / WIDTH, evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Leave one neuron out, in turn."""
    known = smallest_eigenvalue_superadditive
    left_out = sp.Symbol("l", positive=True, integer=True)
    total, single = sp.symbols("h z", real=True)
    gap = sp.Symbol("gap", nonnegative=True)
    return Derivation(
        (
            assume("H = Z_1 + ... + Z_{m+1}, iid"),
            show_equal(
                "sum_l (H - Z_l) = (m + 1) H - H = m H (entry by entry; the mean of the Z_l is H/(m+1))",
                sp.Sum(total - single, (left_out, 1, WIDTH + 1)).doit().subs(single, total / (WIDTH + 1)),
                WIDTH * total,
            ),
            by("smallest_eigenvalue_superadditive", known.derive(known.CLAIM), known.CLAIM.formula),
            infer("m lambda_min(H) >= sum_l lambda_min(H - Z_l), each summand with the law of lambda_min(H_m)"),
            infer("expectations: m a_{m+1} >= (m + 1) a_m; write m a_{m+1} = (m + 1) a_m + gap"),
            show_with("divide by m (m + 1)", claim.formula, {NEXT: ((WIDTH + 1) * LOWEST + gap) / WIDTH}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Leave neurons out of ReLU networks on four samples, and quote the measured a_m/m."""
    X = np.random.default_rng(seed).standard_normal((4, 6))
    means, errors = smallest_means(X, relu, WIDTHS, 1500, seed)
    quotients, bars = means / WIDTHS, errors / WIDTHS
    wrong = 0
    for i, m in enumerate(WIDTHS[:-1]):
        if WIDTHS[i + 1] != m + 1:
            continue
        slack = 5.0 * float(np.hypot(errors[i] * (m + 1) / m, errors[i + 1]))
        values = {LOWEST: float(means[i]), NEXT: float(means[i + 1]), WIDTH: float(m)}
        wrong += not satisfied(claim.formula, values, slack=slack)
    return Evidence.measured(
        claim,
        f"a_m/m = {', '.join(f'{q:.3f}' for q in quotients)} for m = {', '.join(map(str, WIDTHS))} (ReLU, 4 samples)",
        contradicted=wrong > 0,
        error_bar=f"standard errors up to {float(bars.max()):.3f}",
        cases=1500 * len(WIDTHS),
        seed=seed,
        picture=along(
            WIDTHS,
            quotients,
            {"at least that of the width before": [np.nan, *quotients[:-1]]},
            title="E lambda_min(H_m)/m does not fall with m",
            xlabel="width m",
            ylabel="E lambda_min(H_m)/m",
            interval=(quotients - bars, quotients + bars),
        ),
    )


def domain() -> st.SearchStrategy[int]:
    """Widths."""
    return st.integers(1, 60)


def holds(claim: Claim, case: int) -> bool:
    """Check the closed form of the linear network with two orthonormal inputs."""
    low, high = (float(closed_form(sp.Integer(m)).evalf()) for m in (case, case + 1))
    return satisfied(claim.formula, {LOWEST: low, NEXT: high, WIDTH: float(case)})


FALSE_TWINS = (
    FalseTwin("it does not increase", {"claim": grows(sp.Le(NEXT / (WIDTH + 1), LOWEST / WIDTH, evaluate=False))}),
    FalseTwin(
        "a_m/m^2 does not decrease", {"claim": grows(sp.Ge(NEXT / (WIDTH + 1) ** 2, LOWEST / WIDTH**2, evaluate=False))}
    ),
)

THEOREM = Theorem(
    name="smallest_eigenvalue_per_neuron",
    source=Source(PAPER, "Proposition 6.1, a_m/m", "what is true of E lambda_min"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("expected_smallest_eigenvalue_printed", "smallest_eigenvalue_superadditive", "smallest_eigenvalue_limit"),
)
