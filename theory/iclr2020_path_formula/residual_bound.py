r"""What lambda_min does: |y - u|^2 decays at least like e^{-2 eta lambda t} while lambda_min(H(t)) >= lambda.

Assumptions
-----------
r' = -eta H(t) r with symmetric H(t) >= lambda I for all t; eta > 0, lambda >= 0. H may move.

Source
------
Corrects section 4: "xi will be determined by the minimum eigenvalue of H(t)".

Idea of the proof
-----------------
d|r|^2/dt = -2 eta <r, H r> <= -2 eta lambda |r|^2, and Gronwall.

Deviations from the paper
-------------------------
The smallest eigenvalue bounds the residual from above, so the rate from below; it is not the rate, see
`residual_rate_printed`. |r| decays at half of this exponent: the rates of residual and loss differ by a factor 2.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.strategies import FrozenCase, mode_cases
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    chain,
    decay_rate,
    gronwall,
    show_less,
    show_value,
)
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.prediction_dynamics import ETA

LOWEST = sp.Symbol("lambda", nonnegative=True)
TIME = sp.Symbol("t", positive=True)
SQUARE, START = sp.Function("R")(TIME), sp.Symbol("R_0", nonnegative=True)


def decays_like(bound: sp.Expr) -> Claim:
    """Return the claim |r(t)|^2 <= bound."""
    return Claim(
        "|y - u(t)|^2 <= e^{-2 eta lambda t} |y - u(0)|^2 if lambda_min(H(s)) >= lambda for all s <= t.",
        sp.Le(SQUARE, bound, evaluate=False),
        ("d(y - u)/dt = -eta H(t) (y - u)", "H(t) symmetric, H(t) >= lambda I"),
        {SQUARE: "|y - u(t)|^2", START: "|y - u(0)|^2", LOWEST: "lower bound on lambda_min(H)", ETA: "learning rate"},
    )


CLAIM = decays_like(sp.exp(-2 * ETA * LOWEST * TIME) * START)


def derive(claim: Claim) -> Derivation:
    """Differentiate |r|^2, bound the form from below, integrate."""
    kernel, residual = Operator("H", symmetric=True), Vector.base("r")
    form, square = inner(residual, kernel @ residual), norm2(residual)
    flow = Dynamics({"r": (1, -ETA * (kernel @ residual))}, sp.Symbol("s", real=True))
    norm, excess = sp.Symbol("|r|^2", nonnegative=True), sp.Symbol("<r, H r> - lambda |r|^2", nonnegative=True)
    slope = show_value("d|r|^2/dt", flow.derivative(square), -2 * ETA * form)
    decay = show_less(
        "with <r, H r> = lambda |r|^2 + excess, excess >= 0",
        -2 * ETA * (LOWEST * norm + excess) + 2 * ETA * LOWEST * norm,
        sp.Integer(0),
    )
    rate = 2 * ETA * LOWEST
    integrated = gronwall(decay, SQUARE, START, rate, TIME)
    assert decay_rate(sp.exp(-rate * TIME), TIME) == rate
    return Derivation(
        (
            assume("r' = -eta H(t) r, H(t) symmetric, H(t) >= lambda I: <r, H r> >= lambda |r|^2"),
            slope,
            decay,
            integrated,
            chain("the claim is no stronger", claim.formula, sp.exp(-rate * TIME) * START, from_=[slope, integrated]),
        )
    )


def squares(case: FrozenCase, drift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return |r(t)|^2 and times for H(t) = H (1 + drift t), by its closed form."""
    eigenvalues, start, times = (np.array(part) for part in (case.eigenvalues, case.coefficients, case.times))
    clock = times + drift * times**2 / 2
    return np.sum((start[:, None] * np.exp(-np.outer(eigenvalues, clock))) ** 2, axis=0), times


def sides(claim: Claim, case: FrozenCase, drift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, |r(t)|^2 and the bound of a case, with eta = 1."""
    found, times = squares(case, drift)
    start = float(np.sum(np.array(case.coefficients) ** 2))
    return times, found, claim.bound({TIME: times, LOWEST: min(case.eigenvalues), ETA: 1.0, START: start})


def ratio(claim: Claim, case: FrozenCase, drift: float) -> float:
    """Return the largest |r(t)|^2 / bound of a case."""
    _, found, bound = sides(claim, case, drift)
    return float(np.max(found / np.maximum(bound, 1e-300)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow residuals with kernels that move by their closed form, eigenvalue by eigenvalue."""
    rng = np.random.default_rng(seed)
    times = tuple(np.linspace(0.1, 8.0, 30).tolist())
    found: list[tuple[float, int, FrozenCase, float]] = []
    for drift in (0.0, 0.2, 1.0):
        for _ in range(10):
            spectrum = np.sort(rng.uniform(0.2, 3.0, 4))
            case = FrozenCase(tuple(spectrum.tolist()), tuple(rng.standard_normal(4).tolist()), times)
            found.append((ratio(claim, case, drift), len(found), case, drift))
    worst, _, closest, drift = max(found)
    when, seen, bound = sides(claim, closest, drift)
    return Evidence.measured(
        claim,
        f"largest |r|^2 / bound {worst:.4g}",
        contradicted=worst > 1 + 1e-9,
        error_bar="1e-9 (closed form)",
        cases=30,
        seed=seed,
        picture=along(
            when,
            {"closest of 30 cases": seen},
            {"claimed bound": bound},
            title="|r|^2 stays below its bound",
            xlabel="time t",
            ylabel="|r(t)|^2",
            yscale="log",
            line=True,
        ),
    )


def domain() -> st.SearchStrategy[FrozenCase]:
    """Spectra in [1/4, 4], the smallest often exactly 1/4; short times, so that nothing underflows."""
    return mode_cases(lower=0.25, spread=16.0, longest=8.0)


def holds(claim: Claim, case: FrozenCase) -> bool:
    """Check the bound with a frozen and with a growing kernel."""
    return all(ratio(claim, case, drift) <= 1 + 1e-9 for drift in (0.0, 0.1))


FALSE_TWINS = (
    FalseTwin("twice the exponent", {"claim": decays_like(sp.exp(-4 * ETA * LOWEST * TIME) * START)}),
    FalseTwin("a smaller start", {"claim": decays_like(sp.exp(-2 * ETA * LOWEST * TIME) * START / 2)}),
)

THEOREM = Theorem(
    name="residual_bound",
    source=Source(PAPER, "Section 4, lambda_min", "an upper bound on the residual, for H that moves"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("residual_rate_printed", "residual_dynamics", "exponential_decay_factor"),
)
