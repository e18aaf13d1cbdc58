r"""Lemma 3.2 as printed: weights near N(0, I) initial ones have lambda_min(H) > lambda_0/2. Refuted without a width.

Assumptions
-----------
n = 3 equispaced unit vectors in the plane, lambda_0 = 1/3, m = 1, any w: the lemma names no width.

Source
------
Bu, Xu and Chen (2021), Lemma 3.2: "... with probability at least 1 - delta we have |H(t) - H(0)| < lambda_0/4 and
lambda_min(H(t)) > lambda_0/2".

Idea of the refutation
----------------------
With one neuron H = G o d d^T has rank at most p = 2 < n: lambda_min(H) = 0 with probability one, for every pattern d.

Deviations from the paper
-------------------------
What is true is Weyl's lambda_min(H) >= lambda_0 - |H(0) - H_inf| - |H - H(0)| (the control): the second conclusion
needs the event, hence the width, of Lemma 3.1 (`kernel_concentration`) next to that of `kernel_stability`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import random_network
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit, two_layer_initialisation
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, semidefinite, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.kernel_concentration import interval
from theory.bu2021_dynamical_view.notation import LAMBDA0, PAPER, SYMBOLS

__all__ = ["THEOREM"]

SMALLEST = sp.Symbol("lambda_min(H(W))", real=True)
START, DRIFT = sp.symbols("|H(0)-H_inf| |H(W)-H(0)|", nonnegative=True)


def states(formula: sp.Basic) -> Claim:
    """Return a claim about the smallest eigenvalue near the initial weights."""
    return Claim(
        "Near Gaussian initial weights the kernel has lambda_min(H) > lambda_0/2.",
        formula,
        ("unit-norm data, no two inputs parallel", "w_r(0) ~ N(0, I)", "|w_r - w_r(0)| <= R"),
        {SMALLEST: "smallest eigenvalue of the kernel", LAMBDA0: SYMBOLS[LAMBDA0]},
    )


CLAIM = states(sp.Gt(SMALLEST, LAMBDA0 / 2, evaluate=False))
CORRECTED = states(sp.Ge(SMALLEST, LAMBDA0 - START - DRIFT, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """One neuron, three samples in the plane; the instance is the pattern that sees only x_1, at W = W(0)."""
    half = sp.Rational(1, 2)
    samples = sp.Matrix([[1, 0], [-half, sp.sqrt(3) / 2], [-half, -sp.sqrt(3) / 2]])
    gram = samples * samples.T
    limit = sp.Matrix(3, 3, lambda i, j: gram[i, j] * (half - sp.acos(gram[i, j]) / (2 * sp.pi)))
    gates = sp.Matrix(sp.symbols("d_1:4", real=True))
    seen = sp.diag(1, 0, 0)  # G o d d^T for d = (1, 0, 0)
    distance = sp.Rational(7, 12)
    instance = {SMALLEST: sp.Integer(0), LAMBDA0: sp.Rational(1, 3), START: distance, DRIFT: sp.Integer(0)}
    one = sp.eye(3)
    return Derivation(
        (
            assume("n = 3 equispaced unit vectors in the plane, m = 1"),
            semidefinite("H_inf >= 1/3", limit - one / 3),
            show_equal(
                "and 1/3 is an eigenvalue: lambda_0 = 1/3",
                (limit - one / 3).det(),
                sp.Integer(0),
                name="det(H_inf - I/3)",
            ),
            show_equal(
                "det(G o d d^T) = 0 for every pattern d",
                gram.multiply_elementwise(gates * gates.T).det(),
                sp.Integer(0),
                name="det(G o d d^T)",
            ),
            infer("H >= 0 is singular: lambda_min(H) = 0, whatever the weights"),
            semidefinite("|H(0) - H_inf| for d = (1, 0, 0): at most 7/12 above", distance * one - (seen - limit)),
            semidefinite("and below", distance * one + (seen - limit)),
            show_equal(
                "attained", (distance * one + (seen - limit)).det(), sp.Integer(0), name="det(distance I + H - H_inf)"
            ),
            show_violated("0 > 1/6 is false", claim.formula, instance),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw kernels of n = 4, p = 3 at widths from 1 to 1000 and count how often the conclusion holds at W(0)."""
    rng = np.random.default_rng(seed)
    case = random_network(4, 3, 1, seed=rng)
    lambda0 = float(np.linalg.eigvalsh(relu_ntk_limit(case.X))[0])
    said, failed, lows = [], 0, list[int]()
    for width in (1, 10, 100, 1000):
        low = 0
        for _ in range(100):
            H = relu_ntk(case.X, two_layer_initialisation(3, width, seed=rng)[0])
            low += bool(np.linalg.eigvalsh(H)[0] <= lambda0 / 2)
        said.append(f"m = {width}: {low} of 100")
        failed += low
        lows.append(low)
    printed = isinstance(claim.formula, sp.StrictGreaterThan)
    return Evidence.measured(
        claim,
        f"lambda_min(H(0)) <= lambda_0/2 in {', '.join(said)} (n = 4, p = 3, lambda_0 = {lambda0:.3f})",
        contradicted=bool(printed and failed),
        error_bar="5 % (binomial, one standard deviation at most)",
        cases=400,
        seed=seed,
        detail=f"fails in {', '.join(said)}",
        picture=along(
            (1, 10, 100, 1000),
            np.array(lows) / 100,
            0.0,
            title="Narrow networks have lambda_min(H(0)) <= lambda_0/2",
            xlabel="width m",
            ylabel="share of networks below",
            xscale="log",
            interval=np.array([interval(low, 100) for low in lows]).T,
        ),
    )


FALSE_TWINS = (FalseTwin("a tenth of lambda_0", {"claim": states(sp.Ge(SMALLEST, LAMBDA0 / 10, evaluate=False))}),)

THEOREM = Theorem(
    name="kernel_stability_printed",
    source=Source(
        PAPER, "Lemma 3.2 (second part)", "as printed; corrected in kernel_stability with kernel_concentration"
    ),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("kernel_stability", "kernel_concentration"),
)
