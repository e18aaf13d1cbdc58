r"""What depth can do to a quadratic loss: kappa(Sigma)/N <= kappa(P Sigma) <= N kappa(Sigma).

Assumptions
-----------
k = 1, w != 0, N >= 1; Sigma symmetric positive definite (the Hessian of the l2 loss); P is the preconditioner at w.
kappa is the largest over the smallest eigenvalue; those of P Sigma are positive.

Source
------
Beside Arora, Cohen and Hazan (2018), sections 5.1 and 7: how much a depth-N network can change the conditioning.

Idea of the proof
-----------------
P = |w|^{2-2/N} (I + (N - 1) Pr_w), so x'P^{-1}x = (t + s/N)/|w|^{2-2/N} with s = |Pr_w x|^2, t = |x|^2 - s: it lies
between |x|^2/N and |x|^2 in this unit. The eigenvalues of P Sigma are the critical values of x'Sigma x/x'P^{-1}x. So
the largest and the smallest of P Sigma lie between 1 and N times those of Sigma, in the same unit.

Deviations from the paper
-------------------------
A quantitative form of "acceleration": both ends are attained (`whitened_condition_number` and
`acceleration_needs_large_p_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_less, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

KAPPA, DEEP_KAPPA = sp.symbols("kappa kappa_P", positive=True)


def between(lower: sp.Expr, upper: sp.Expr) -> Claim:
    """Return the claim lower <= kappa(P Sigma) <= upper."""
    return Claim(
        "Depth N changes the condition number of a quadratic loss by a factor of N at most, either way.",
        sp.And(sp.Le(lower, DEEP_KAPPA, evaluate=False), sp.Le(DEEP_KAPPA, upper, evaluate=False), evaluate=False),
        ("one output", "w is not 0", "Sigma is symmetric positive definite"),
        {KAPPA: "condition number of Sigma", DEEP_KAPPA: "condition number of P Sigma", DEPTH: "number of layers"},
    )


CLAIM = between(KAPPA / DEPTH, DEPTH * KAPPA)


def derive(claim: Claim) -> Derivation:
    """Compare the Rayleigh quotients of P Sigma and Sigma, then put the extremes together."""
    s, t = sp.symbols("s t", nonnegative=True)
    b, d = sp.symbols("beta delta", nonnegative=True)
    deep = {DEPTH: sp.Integer(1)}
    largest, smallest = 1 + (DEPTH - 1) / (1 + b), 1 + (DEPTH - 1) / (1 + d)
    above = show_less("x'P^{-1}x <= |x|^2", t + s / DEPTH, t + s, deep)
    below = show_less("|x|^2/N <= x'P^{-1}x", (t + s) / DEPTH, t + s / DEPTH, deep)
    return Derivation(
        (
            assume("N >= 1; s = |Pr_w x|^2, t = |x|^2 - s; units in which |w|^{2-2/N} = 1"),
            define("x'P^{-1}x = t + s/N, as P is N on w and 1 on its complement"),
            above,
            below,
            infer(
                "max and min of x'Sigma x/x'P^{-1}x are 1 to N times max and min of x'Sigma x/|x|^2",
                from_=[above, below],
            ),
            define("the factors are 1 + (N - 1)/(1 + beta) and 1 + (N - 1)/(1 + delta), or their limit 1"),
            show_with("their quotient", claim.formula, {DEEP_KAPPA: KAPPA * largest / smallest}, deep),
        )
    )


def preconditioned_kappa(Sigma: np.ndarray, w: np.ndarray, depth: int) -> float:
    """Return kappa(P Sigma), through the symmetric matrix P^{1/2} Sigma P^{1/2}."""
    unit = w / np.linalg.norm(w)
    root = np.eye(w.size) + (np.sqrt(depth) - 1.0) * np.outer(unit, unit)
    values = np.linalg.eigvalsh(root @ Sigma @ root)
    return float(values[-1] / values[0])


def excess(claim: Claim, Sigma: np.ndarray, w: np.ndarray, depth: int) -> float:
    """Return the largest relative violation of either bound (negative if both hold)."""
    values = np.linalg.eigvalsh(Sigma)
    numbers = {KAPPA: float(values[-1] / values[0]), DEEP_KAPPA: preconditioned_kappa(Sigma, w, depth), DEPTH: depth}
    return max(float((part.lhs / part.rhs).subs(numbers)) - 1.0 for part in claim.formula.args)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Random spectra, directions between an eigenvector and random, N = 1, ..., 8; both ends are approached."""
    rng = np.random.default_rng(seed)
    excesses = list[float]()
    for _ in range(150):
        d, depth = int(rng.integers(2, 5)), int(rng.integers(1, 9))
        Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
        spectrum = np.sort(np.exp(rng.uniform(0.0, 4.0, d)))
        spectrum[:] = 1.0 if rng.random() < 0.1 else spectrum
        w = Q[:, rng.integers(0, 2) - 1] + rng.choice([0.0, 0.1, 1.0]) * rng.standard_normal(d)
        excesses.append(excess(claim, (Q * spectrum) @ Q.T, w, depth))
    worst, cases = max(excesses), len(excesses)
    return Evidence.measured(
        claim,
        f"largest relative excess over a bound {worst:.2g}",
        contradicted=worst > 1e-10,
        error_bar="1e-10 (rounding times condition numbers below 500)",
        cases=cases,
        seed=seed,
        picture=by_case(
            excesses,
            0.0,
            title="kappa of a deep network lies within the claimed bounds",
            ylabel="relative excess over a bound",
            limit_label="claimed: at most",
        ),
    )


def domain() -> st.SearchStrategy[tuple[int, int, int, int]]:
    """The condition number of a spectrum (n, 1), the direction of w in whole numbers, N."""
    return st.tuples(st.integers(1, 100), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))


def holds(claim: Claim, case: tuple[int, int, int, int]) -> bool:
    """Check both bounds in the plane."""
    kappa, along, across, depth = case
    return excess(claim, np.diag([float(kappa), 1.0]), np.array([float(along), float(across)]), depth) < 1e-10


FALSE_TWINS = (
    FalseTwin("depth never hurts", {"claim": between(KAPPA / DEPTH, KAPPA)}),
    FalseTwin("depth never helps, seen by numbers alone", {"claim": between(KAPPA, DEPTH * KAPPA), "derive": None}),
)

THEOREM = Theorem(
    name="depth_condition_number",
    source=Source(PAPER, "Sections 5.1, 7", "how far depth can change a condition number, added"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("whitened_condition_number", "acceleration_needs_large_p_printed"),
)
