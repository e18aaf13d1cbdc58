r"""Section 8, vanishing gradients: leaving 0 from layers of size eps takes the time (eps^{2-N} - s^{2-N})/((N - 2) g).

Assumptions
-----------
One coordinate, N > 2 balanced layers of size eps, end-to-end weight eps^N; the loss has the slope -g, g > 0, on the
way; the layers grow to size s >= eps; t is flow time, eta times the number of steps.

Source
------
Arora, Cohen and Hazan (2018), section 8: "the end-to-end matrix is extremely close to zero, severely attenuating
gradients" and Figure 5-left (depth 4 waits about 65,000 iterations, depth 8 is stuck).

Idea of the proof
-----------------
w = s^N turns w' = N g w^{2-2/N} into s' = g s^{N-1}; so (s^{2-N})' = -(N - 2) g.

Deviations from the paper
-------------------------
Puts a number to the remark: with eps = 0.01 the wait is 10^4/(2g) for N = 4 and 10^12/(6g) for N = 8.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer, show_equal, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import depth_effective_rate as effective
from theory.arora2018_implicit_acceleration.notation import PAPER

WAIT = sp.Symbol("t", nonnegative=True)
SMALL, SIZE, SLOPE = sp.symbols("eps s g", positive=True)


def wait_is(value: sp.Expr) -> Claim:
    """Return the claim that the layers need the time `value` from size eps to size s."""
    return Claim(
        "From layers of size eps a depth-N network waits a time of order eps^(2-N) before it moves.",
        equate(WAIT, value),
        ("N > 2, balanced layers", "constant slope g on the way"),
        {
            WAIT: "flow time from layers of size eps to layers of size s",
            SMALL: "initial size of a layer",
            SIZE: "size of a layer",
            SLOPE: "slope of the loss",
            DEPTH: "number of layers",
        },
    )


CLAIM = wait_is((SMALL ** (2 - DEPTH) - SIZE ** (2 - DEPTH)) / ((DEPTH - 2) * SLOPE))


def derive(claim: Claim) -> Derivation:
    """Separate the variables in the size of a layer."""
    s = SIZE
    rate = s ** (DEPTH - 1) * SLOPE
    axis = by("depth_effective_rate", effective.derive(effective.CLAIM), effective.CLAIM.formula)
    layer = show_equal(
        "w = s^N, s' = g s^{N-1} gives w' = N g w^{2-2/N}",
        sp.diff(s**DEPTH, s) * rate,
        DEPTH * SLOPE * s ** (2 * DEPTH - 2),
    )
    grows = show_equal("(s^{2-N})' = -(N - 2) g", sp.diff(s ** (2 - DEPTH), s) * rate, -(DEPTH - 2) * SLOPE)
    linear = infer("s^{2-N} = eps^{2-N} - (N - 2) g t", from_=[layer, grows])
    solved = (SMALL ** (2 - DEPTH) - s ** (2 - DEPTH)) / ((DEPTH - 2) * SLOPE)
    return Derivation(
        (
            assume("N > 2; w > 0 and the slope -g is constant: w' = N g w^{2-2/N}"),
            axis,
            layer,
            grows,
            linear,
            show_with("solve for t", claim.formula, {WAIT: solved}),
        )
    )  # fmt: skip


def departure(claim: Claim, eps: float, size: float, slope: float, depth: int) -> float:
    """Return |t - claimed|/claimed, t by Gauss's rule on dt = dw/(N g w^{2-2/N}), in ln w."""
    x, weight = np.polynomial.legendre.leggauss(80)
    low, high = depth * np.log(eps), depth * np.log(size)
    w = np.exp(0.5 * (low + high) + 0.5 * (high - low) * x)
    time = float(0.5 * (high - low) * np.sum(weight * w / (depth * slope * w ** (2.0 - 2.0 / depth))))
    claimed = float(claim.bound({SMALL: eps, SIZE: size, SLOPE: slope, DEPTH: float(depth)}))
    return abs(time / claimed - 1.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate dt along the end-to-end weight, N = 3, 4, 5, 8; and count gradient descent's steps, N = 4."""
    rng = np.random.default_rng(seed)
    gaps = [
        departure(claim, float(e), float(e * rng.uniform(1.5, 9.0)), float(rng.uniform(0.2, 3.0)), n)
        for n in (3, 4, 5, 8)
        for e in rng.uniform(0.01, 0.3, 3)
    ]
    worst = max(gaps)
    eta, layers, steps = 0.01, np.full(4, 0.05), 0
    while layers[0] < 0.4:
        layers, steps = layers + eta * layers.prod() / layers, steps + 1
    claimed = float(claim.bound({SMALL: 0.05, SIZE: 0.4, SLOPE: 1.0, DEPTH: 4.0})) / eta
    return Evidence.measured(
        claim,
        f"largest relative departure of the time {worst:.2g}; a depth-4 network: {steps} steps, claimed {claimed:.0f}",
        contradicted=worst > 1e-9 or abs(steps / claimed - 1.0) > 0.01,
        error_bar="1e-9 (Gauss's rule); 1 % (steps of size 0.01)",
        cases=13,
        seed=seed,
        picture=departures(
            gaps, 1e-9, title="The escape takes the claimed time", ylabel="relative departure of the time"
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, float, int]]:
    """eps, s/eps, g, N."""
    return st.tuples(st.floats(0.01, 0.5), st.floats(1.1, 8.0), st.floats(0.1, 5.0), st.integers(3, 9))


def holds(claim: Claim, case: tuple[float, float, float, int]) -> bool:
    """Check one wait."""
    eps, factor, slope, depth = case
    return departure(claim, eps, factor * eps, slope, depth) < 1e-9


FALSE_TWINS = (
    FalseTwin("eps^{1-N}", {"claim": wait_is((SMALL ** (1 - DEPTH) - SIZE ** (1 - DEPTH)) / ((DEPTH - 1) * SLOPE))}),
    FalseTwin("a factor N", {"claim": wait_is(CLAIM.formula.rhs * DEPTH), "derive": None}),
)

THEOREM = Theorem(
    name="escape_time",
    source=Source(PAPER, "Section 8, vanishing gradient problem; Figure 5", "with its time"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_effective_rate",),
)
