r"""Section 5: for N >= 2 a larger sigma_r means a larger eigenvalue, by at least the gain of sigma_r^{2-2/N}.

Assumptions
-----------
N >= 1; sigma_q >= 0 fixed, sigma_r raised to tau >= sigma_r >= 0.

Source
------
Arora, Cohen and Hazan (2018), section 5: "When N >= 2, an increase in sigma_r or sigma_r' leads to an increase in the
eigenvalue".

Idea of the proof
-----------------
With a = sigma_r^{2/N} <= c = tau^{2/N} and b = sigma_q^{2/N}, the sum S_M(a) = sum_j a^{M-j} b^{j-1} obeys
S_{M+1} = b S_M + a^M. So D_M = S_M(c) - S_M(a) obeys D_{M+1} = b D_M + (c^M - a^M) >= c^M - a^M, by induction; at
M + 1 = N this is the claim. The eigenvalue is symmetric, so the same holds for sigma_q.

Deviations from the paper
-------------------------
Says by how much. For N = 1 the gain is 0: all eigenvalues are 1.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, by, chain, define, infer, show_equal, show_less
from odeflow.symbolic.preconditioners import DEPTH, LEFT, RIGHT, eigenvalue_sum
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import preconditioner_eigenvalues as eigenvalues
from theory.arora2018_implicit_acceleration.notation import PAPER

RAISED = sp.Symbol("tau", nonnegative=True)
LOSS = sp.Symbol("decrease", real=True)


def gain_at_least(gain: sp.Expr) -> Claim:
    """Return the claim that lambda(sigma_r, sigma_q) - lambda(tau, sigma_q) <= -gain."""
    return Claim(
        "When N >= 2, an increase in a singular value increases every eigenvalue that it enters.",
        sp.Le(LOSS, -gain, evaluate=False),
        ("N >= 1", "tau >= sigma_r >= 0", "sigma_q >= 0"),
        {
            LOSS: "lambda(sigma_r, sigma_q) - lambda(tau, sigma_q), what raising sigma_r to tau takes away",
            LEFT: "a singular value",
            RAISED: "the same singular value, raised",
            DEPTH: "number of layers",
        },
    )


CLAIM = gain_at_least(RAISED ** (2 - 2 / DEPTH) - LEFT ** (2 - 2 / DEPTH))


def derive(claim: Claim) -> Derivation:
    """Induct over the depth."""
    a, b, c, S, D = sp.symbols("a b c S D", nonnegative=True)
    M = sp.Symbol("M", integer=True, positive=True)
    at_a, at_c = sp.symbols("p_a p_c", nonnegative=True)  # a^M <= c^M
    moved = show_equal("D_{M+1} = b D_M + c^M - a^M", b * (S + D) + at_c - (b * S + at_a), b * D + at_c - at_a)
    power = show_less("a^M <= c^M gives a^{M+1} <= c^{M+1}", a * at_a, c * at_c, {c: a, at_c: at_a})
    kept = show_less("D_M >= 0 gives D_{M+1} >= c^M - a^M", at_c - at_a, b * D + at_c - at_a)
    positive = show_less("... which is >= 0", sp.Integer(0), at_c - at_a, {at_c: at_a})
    start = show_equal("D_1 = 0", a**0 - c**0, sp.Integer(0), name="a^0 - c^0")
    del M
    steps = [
        assume("tau >= sigma_r; a = sigma_r^{2/N} <= c = tau^{2/N}, b = sigma_q^{2/N}"),
        by("preconditioner_eigenvalues", eigenvalues.derive(eigenvalues.CLAIM), eigenvalues.CLAIM.formula),
        define("S_{M+1}(a) = b S_M(a) + a^M, S_1 = 1; D_M = S_M(c) - S_M(a)"),
        start,
        power,
        moved,
        kept,
        positive,
        infer("by induction D_N >= c^{N-1} - a^{N-1}, for every N >= 1", from_=[start, power, moved, kept, positive]),
    ]
    bound = (LEFT ** (2 / DEPTH)) ** (DEPTH - 1) - (RAISED ** (2 / DEPTH)) ** (DEPTH - 1)
    return Derivation((*steps, chain("in singular values", claim.formula, sp.powdenest(bound), from_=steps)))


def slack(claim: Claim, low: float, high: float, other: float, depth: int) -> float:
    """Return (claimed decrease - decrease)/lambda(tau, sigma_q): negative where the claim fails."""
    total = sp.lambdify((LEFT, RIGHT), eigenvalue_sum(depth=sp.Integer(depth)).doit(), "math")
    decrease = total(low, other) - total(high, other)
    claimed = float(claim.bound({LEFT: low, RAISED: high, DEPTH: float(depth), RIGHT: other}))
    return float((claimed - decrease) / max(total(high, other), 1e-300))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Raise singular values at random, N = 1, ..., 6; sigma_q = 0 and N = 2 make the claim an equality."""
    rng = np.random.default_rng(seed)
    draws = [(*np.sort(rng.exponential(size=2)), rng.exponential() * (k % 3 > 0), 1 + k % 6) for k in range(120)]
    slacks = [slack(claim, float(a), float(c), float(b), n) for a, c, b, n in draws]
    worst = min(slacks)
    return Evidence.measured(
        claim,
        f"smallest (gain - claimed gain)/lambda {worst:.2g}",
        contradicted=worst < -1e-12,
        error_bar="1e-12 (rounding)",
        cases=len(draws),
        seed=seed,
        picture=by_case(
            slacks,
            0.0,
            title="Raising sigma_r raises the eigenvalue at least as claimed",
            ylabel="(gain - claimed gain) / lambda",
            limit_label="claimed: at least",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, float, int]]:
    """sigma_r <= tau, sigma_q and N."""
    value = st.floats(0.0, 10.0)
    pair = st.tuples(value, value).map(sorted)
    return st.tuples(pair, value, st.integers(1, 8)).map(lambda c: (c[0][0], c[0][1], c[1], c[2]))


def holds(claim: Claim, case: tuple[float, float, float, int]) -> bool:
    """Check one increase."""
    return slack(claim, *case) > -1e-12


FALSE_TWINS = (
    FalseTwin("twice the gain", {"claim": gain_at_least(-2 * CLAIM.formula.rhs)}),
    FalseTwin("the gain of the whole N-layer power", {"claim": gain_at_least(RAISED**2 - LEFT**2)}),
)

THEOREM = Theorem(
    name="preconditioner_monotone",
    source=Source(PAPER, "Section 5, increase of the eigenvalues", "with the size of the increase"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_eigenvalues",),
)
