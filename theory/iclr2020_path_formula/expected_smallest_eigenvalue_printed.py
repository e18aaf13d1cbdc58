r"""Proposition 6.1 read as E lambda_min(H_m) = m E lambda_min(H_1). Refuted: 1, 4 - pi/2, 4, ...

Assumptions
-----------
Those of the proposition: two layers, width m, iid weights at the same scale for every m.

Source
------
Path formula paper (ICLR 2020), Proposition 6.1: "the expected convergence rate scales linearly with m", with section 4:
the rate is determined by lambda_min(H).

Idea of the refutation
----------------------
Linear network, two orthonormal inputs: E lambda_min is 1 for m = 1 and 4 - pi/2 = 2.43 for m = 2. One neuron has a
singular first summand, two neurons in general position do not.

Deviations from the paper
-------------------------
"That H is composed of m iid components" is true, "hence" is not. Nor is the law affine: a_3 - 2 a_2 + a_1 = pi - 3. As
a limit ("for sufficiently wide neural networks", section 6.1) it is true: `smallest_eigenvalue_limit`. True at every
width: `smallest_eigenvalue_superadditive`, `smallest_eigenvalue_per_neuron`, `smallest_eigenvalue_at_most_mean`.
"""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, Step, assume, by, equate, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import expected_smallest_eigenvalue
from theory.iclr2020_path_formula._kernel_means import WIDTH, relu, smallest_means
from theory.iclr2020_path_formula.expected_smallest_eigenvalue import LOWEST
from theory.iclr2020_path_formula.notation import PAPER

SINGLE = sp.Symbol("a_1", nonnegative=True)
WHERE = {LOWEST: "E lambda_min(H_m)", SINGLE: "E lambda_min(H_1)", WIDTH: "hidden neurons"}


def compared(formula: sp.Basic) -> Claim:
    """Return a claim about a_m and a_1."""
    return Claim(
        "The expected smallest eigenvalue of the kernel is proportional to the width.",
        formula,
        ("two layers, m hidden neurons", "iid weights, scale independent of m"),
        WHERE,
    )


CLAIM = compared(equate(LOWEST, WIDTH * SINGLE))
CORRECTED = compared(sp.Ge(LOWEST, WIDTH * SINGLE, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Compare widths 1 and 2 in closed form."""
    exact = expected_smallest_eigenvalue
    one, two, three = (sp.gammasimp(exact.closed_form(sp.Integer(m))) for m in (1, 2, 3))
    return Derivation(
        (
            assume("linear network, two orthonormal inputs, unit normal weights"),
            closed_form_proved(),
            show_equal("m = 1", one, sp.S.One, name="mean at m = 1"),
            show_equal("m = 2", two, 4 - sp.pi / 2, name="mean at m = 2"),
            show_equal(
                "second difference: no affine law either", three - 2 * two + one, sp.pi - 3, name="second difference"
            ),
            show_violated("at m = 2", claim.formula, {LOWEST: two, SINGLE: one, WIDTH: sp.Integer(2)}),
        )
    )


@functools.lru_cache(maxsize=1)
def closed_form_proved() -> Step:
    """Return the step that proves the closed form; the control and the false twins rest on the same one."""
    exact = expected_smallest_eigenvalue
    return by("expected_smallest_eigenvalue", exact.derive(exact.CLAIM), exact.CLAIM.formula)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure a_m for a ReLU network on four random inputs."""
    X = np.random.default_rng(seed).standard_normal((4, 6))
    means, errors = smallest_means(X, relu, (1, 8), 600, seed)
    claimed = float(claim.bound({SINGLE: means[0], WIDTH: 8.0}))
    bar = 5.0 * float(np.hypot(errors[1], 8.0 * errors[0]))
    below = means[1] < claimed - bar
    above = means[1] > claimed + bar and isinstance(claim.formula, sp.Equality)
    return Evidence.measured(
        claim,
        f"ReLU, 4 samples: a_1 = {means[0]:.4f}, a_8 = {means[1]:.3f}, 8 a_1 = {8 * means[0]:.3f}",
        contradicted=bool(below or above),
        error_bar=f"{bar:.3f} (5 standard errors)",
        cases=1200,
        seed=seed,
        picture=along(
            (1, 8),
            means,
            (means[0], claimed),
            title="The mean smallest eigenvalue grows faster than m",
            xlabel="width m",
            ylabel="E lambda_min(H_m)",
            interval=(means - 5.0 * errors, means + 5.0 * errors),
        ),
    )


FALSE_TWINS = (
    FalseTwin("at most m a_1", {"claim": compared(sp.Le(LOWEST, WIDTH * SINGLE, evaluate=False))}),
    FalseTwin("proportional to m^2", {"claim": compared(equate(LOWEST, WIDTH**2 * SINGLE))}),
)

THEOREM = Theorem(
    name="expected_smallest_eigenvalue_printed",
    source=Source(PAPER, "Proposition 6.1", "read as a statement on E lambda_min; corrected in four pages"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=(
        "expected_smallest_eigenvalue",
        "smallest_eigenvalue_superadditive",
        "smallest_eigenvalue_per_neuron",
        "smallest_eigenvalue_at_most_mean",
        "smallest_eigenvalue_limit",
    ),
)
