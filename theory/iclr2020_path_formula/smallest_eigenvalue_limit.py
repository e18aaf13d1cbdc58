r"""E lambda_min(H_m)/m tends to lambda_min(E Z), with the error at most sqrt(V/m), V = E |Z - E Z|_F^2.

Assumptions
-----------
H_m a sum of m independent symmetric matrices of the same law, with V finite.

Source
------
Corrects the path formula paper (ICLR 2020), Proposition 6.1: the linear law in the limit of large width.

Idea of the proof
-----------------
Weyl: lambda_min(H_m/m) >= lambda_min(E Z) - |H_m/m - E Z|, and E |H_m/m - E Z|_F^2 = V/m.

Deviations from the paper
-------------------------
The upper bound is `smallest_eigenvalue_at_most_mean`. No law of large numbers is cited: the error is explicit.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import WIDTH, drawn_neurons, relu
from theory.iclr2020_path_formula._students import satisfied
from theory.iclr2020_path_formula.expected_smallest_eigenvalue import LOWEST, closed_form
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.smallest_eigenvalue_at_most_mean import OF_MEAN

VARIANCE = sp.Symbol("V", positive=True)
WIDTHS = (4, 16, 64, 256)


def at_least(value: sp.Expr) -> Claim:
    """Return the claim E lambda_min(H_m)/m >= value."""
    return Claim(
        "The expected smallest eigenvalue per neuron is within sqrt(V/m) of that of the mean kernel.",
        sp.Ge(LOWEST / WIDTH, value, evaluate=False),
        ("H_m = sum of m iid symmetric matrices Z", "V = E |Z - E Z|_F^2 finite"),
        {
            LOWEST: "E lambda_min(H_m)",
            OF_MEAN: "lambda_min(E Z)",
            VARIANCE: "E |Z - E Z|_F^2",
            WIDTH: "number of neurons",
        },
    )


CLAIM = at_least(OF_MEAN - sp.sqrt(VARIANCE / WIDTH))


def derive(claim: Claim) -> Derivation:
    """Bound the fluctuation in mean square."""
    index = sp.Symbol("l", positive=True, integer=True)
    gap, slack = sp.symbols("gap slack", nonnegative=True)
    spread = sp.sqrt(VARIANCE / WIDTH) - slack
    return Derivation(
        (
            assume("Z_1, ..., Z_m iid, V = E |Z - E Z|_F^2"),
            show_equal(
                "E |H_m/m - E Z|_F^2: independent summands, their variances add",
                sp.Sum(VARIANCE, (index, 1, WIDTH)).doit() / WIDTH**2,
                VARIANCE / WIDTH,
                name="E |H_m/m - E Z|_F^2",
            ),
            infer("E |H_m/m - E Z| <= E |.|_F <= sqrt(V/m) by Jensen; write it sqrt(V/m) - slack"),
            infer("Weyl: lambda_min(H_m/m) >= lambda_Z - |H_m/m - E Z|; expectations: a_m/m = lambda_Z - E |.| + gap"),
            show_with("so", claim.formula, {LOWEST: WIDTH * (OF_MEAN - spread + gap)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the gap for ReLU networks on four samples, with V and E Z from many neurons."""
    X = np.random.default_rng(seed).standard_normal((4, 6))
    neurons = drawn_neurons(X, relu, 200 * WIDTHS[-1], (1.0, 1.0), seed)
    mean = neurons.mean(axis=0)
    variance = float(((neurons - mean) ** 2).sum(axis=(1, 2)).mean())
    lowest = float(np.linalg.eigvalsh(mean)[0])
    wrong, found = 0, []
    for width in WIDTHS:
        kernels = neurons[: 200 * width].reshape(200, width, 4, 4).sum(axis=1)
        drawn = np.linalg.eigvalsh(kernels)[:, 0]
        bar = 5.0 * float(drawn.std(ddof=1)) / np.sqrt(200) / width
        values = {WIDTH: float(width), OF_MEAN: lowest, VARIANCE: variance}
        found.append((drawn.mean() / width, float(claim.bound(values)), bar))
        wrong += found[-1][0] < found[-1][1] - bar
    means, bounds, bars = np.array(found).T
    ratios = means / lowest
    return Evidence.measured(
        claim,
        f"a_m/(m lambda_Z) = {', '.join(f'{r:.3f}' for r in ratios)} for m = {', '.join(map(str, WIDTHS))}; "
        f"{wrong} widths below the bound",
        contradicted=wrong > 0,
        error_bar="5 standard errors over 200 networks a width",
        cases=200 * len(WIDTHS),
        seed=seed,
        picture=along(
            WIDTHS,
            means,
            {"claimed lower bound": bounds, "lambda_Z": lowest},
            title="E lambda_min(H_m)/m approaches lambda_Z from below",
            xlabel="width m",
            ylabel="E lambda_min(H_m)/m",
            xscale="log",
            interval=(means - bars, means + bars),
        ),
    )


def domain() -> st.SearchStrategy[int]:
    """Widths."""
    return st.integers(1, 400)


def holds(claim: Claim, case: int) -> bool:
    """Check the closed form of the linear network: E Z = 2 I and V = 10 exactly."""
    values = {LOWEST: float(closed_form(sp.Integer(case)).evalf()), WIDTH: float(case), OF_MEAN: 2.0, VARIANCE: 10.0}
    return satisfied(claim.formula, values)


FALSE_TWINS = (
    FalseTwin("error of order 1/m", {"claim": at_least(OF_MEAN - sp.sqrt(VARIANCE) / WIDTH)}),
    FalseTwin("no error", {"claim": at_least(OF_MEAN)}),
)

THEOREM = Theorem(
    name="smallest_eigenvalue_limit",
    source=Source(PAPER, "Proposition 6.1, large width", "what is true of E lambda_min"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=(
        "expected_smallest_eigenvalue_printed",
        "smallest_eigenvalue_at_most_mean",
        "smallest_eigenvalue_per_neuron",
    ),
)
