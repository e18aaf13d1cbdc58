r"""Proposition 6.1 at the best stable step size of each width: is the rate proportional to m? Refuted; it is bounded.

Assumptions
-----------
Gradient descent with the kernel at initialisation; rate 1 - rho^2, the share of the loss that a step removes; the step
size is the best one for each width.

Source
------
Path formula paper (ICLR 2020), Proposition 6.1; the introduction and section 6.1 state it without naming a step size.

Idea of the refutation
----------------------
One sample: the best step removes the whole loss at every width. In general the rate is a function of l_n/l_1, at most
1, and tends to that of E Z.

Deviations from the paper
-------------------------
The law that remains is about a fixed step size with weights whose scale does not depend on m.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, equate, show_value, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import best_step_rate
from theory.iclr2020_path_formula._kernel_means import WIDTH, drawn_neurons, relu
from theory.iclr2020_path_formula.best_step_rate import LARGEST, LEAST
from theory.iclr2020_path_formula.notation import PAPER

RATE, SINGLE = sp.symbols("r_m r_1", nonnegative=True)
WIDTHS = (64, 256, 1024)


def compared(formula: sp.Basic) -> Claim:
    """Return a claim about the best rates at two widths."""
    return Claim(
        "With the best step size for each width the convergence rate is proportional to the width.",
        formula,
        ("gradient descent, kernel at initialisation", "best step size for each width"),
        {
            RATE: "share of the loss removed per step at width m",
            SINGLE: "at the width of comparison",
            WIDTH: "ratio of widths",
        },
    )


CLAIM = compared(equate(RATE, WIDTH * SINGLE))
CORRECTED = compared(sp.Le(RATE, 1, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Take one sample, for which any width has one eigenvalue."""
    best = best_step_rate
    rate = (1 - best.CLAIM.formula.rhs**2).xreplace({LEAST: LARGEST})
    return Derivation(
        (
            assume("one sample: H is a number, l_1 = l_n > 0, at every width"),
            by("best_step_rate", best.derive(best.CLAIM), best.CLAIM.formula),
            show_value("the best rate", rate, sp.S.One),
            show_violated("widths 1 and 2", claim.formula, {RATE: rate, SINGLE: rate, WIDTH: sp.Integer(2)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the best rates of ReLU networks on five samples at widths 64, 256 and 1024."""
    X = np.random.default_rng(seed).standard_normal((5, 4))
    rates = []
    for width in WIDTHS:
        kernels = drawn_neurons(X, relu, 20 * width, (1.0, 1.0), seed).reshape(20, width, 5, 5).sum(axis=1)
        spectra = np.linalg.eigvalsh(kernels)
        values = {LEAST: spectra[:, 0], LARGEST: spectra[:, -1]}
        rates.append(1.0 - best_step_rate.CLAIM.bound(values) ** 2)
    means = [float(r.mean()) for r in rates]
    bar = 5.0 * float(max(r.std(ddof=1) for r in rates)) / np.sqrt(20)
    claimed = float(claim.bound({SINGLE: means[0], WIDTH: WIDTHS[-1] / WIDTHS[0]}))
    above = means[-1] > claimed + bar
    wrong = above if isinstance(claim.formula, sp.LessThan) else above or means[-1] < claimed - bar
    return Evidence.measured(
        claim,
        f"best rates {', '.join(f'{m:.3f}' for m in means)} at widths {', '.join(map(str, WIDTHS))}",
        contradicted=bool(wrong),
        error_bar=f"{bar:.3f} (5 standard errors over 20 networks)",
        cases=20 * len(WIDTHS),
        seed=seed,
        picture=along(
            WIDTHS,
            means,
            [float(claim.bound({SINGLE: means[0], WIDTH: width / WIDTHS[0]})) for width in WIDTHS],
            title="The best rate does not grow with the width",
            xlabel="width",
            ylabel="best rate per step",
            xscale="log",
            yscale="log",
            interval=(np.array(means) - bar, np.array(means) + bar),
        ),
    )


FALSE_TWINS = (FalseTwin("proportional to sqrt(m)", {"claim": compared(equate(RATE, sp.sqrt(WIDTH) * SINGLE))}),)

THEOREM = Theorem(
    name="best_step_rate_printed",
    source=Source(PAPER, "Proposition 6.1, step size", "read with the best step for each width"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("best_step_rate",),
)
