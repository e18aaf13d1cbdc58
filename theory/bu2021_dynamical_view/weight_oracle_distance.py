r"""How far a weight can be: |w_r(t) - w_r(0)| <= sqrt(n/m) |Delta(t) - Delta(0)| / lambda_min(H), for any optimiser.

Assumptions
-----------
H = J J^T constant with H >= mu I, mu > 0; unit-norm inputs, a_r = +-1, f = m^{-1/2} sum_r a_r relu(w_r.x); weights in
W(0) + range(J^T), as for every flow and method of the paper from rest.

Source
------
Not in Bu, Xu and Chen (2021); in world K it replaces the second parts of their Lemmas 3.3 and 4.1.

Idea of the proof
-----------------
w_r(t) - w_r(0) = J_r^T c with c = H^{-1} (Delta(t) - Delta(0)) (`weight_oracle`); every row of J_r has norm at most
1/sqrt(m), and |H^{-1} v| <= |v|/mu on every eigenmode. Equality for one sample and one neuron.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.datasets import sphere
from odeflow.numeric.flows import GradientFlow, HeavyBall, Nesterov
from odeflow.numeric.kernels import relu_ntk, two_layer_initialisation
from odeflow.numeric.modal import frozen_kernel_flow
from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, by, chain, infer, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import weight_oracle
from theory.bu2021_dynamical_view.notation import LAMBDA, MU, PAPER, SYMBOLS
from theory.bu2021_dynamical_view.weight_distance import DISTANCE, SAMPLES, WIDTH

CHANGE = sp.Symbol("|Delta(t)-Delta(0)|", positive=True)


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim |w_r(t) - w_r(0)| <= bound."""
    return Claim(
        "With a frozen kernel no weight moves further than sqrt(n/m) |Delta(t) - Delta(0)| / lambda_min(H).",
        sp.Le(DISTANCE, bound, evaluate=False),
        ("H is constant with H >= mu I", "unit-norm inputs, a_r = +-1", "weights stay in W(0) + range(J^T)"),
        {
            DISTANCE: "|w_r(t) - w_r(0)|",
            CHANGE: "change of the error vector since the start",
            SAMPLES: "number of samples",
            WIDTH: "number of hidden neurons",
            MU: SYMBOLS[MU],
        },
    )


BOUND = sp.sqrt(SAMPLES / WIDTH) * CHANGE / MU
CLAIM = at_most(BOUND)


def derive(claim: Claim) -> Derivation:
    """Bound the exact movement."""
    steps = [
        assume("H is constant with H >= mu I; unit-norm inputs, a_r = +-1, so row i of J_r has norm at most 1/sqrt(m)"),
        by("weight_oracle", weight_oracle.derive(weight_oracle.CLAIM), weight_oracle.CLAIM.formula),
        infer("|J_r^T c| <= m^{-1/2} sum_i |c_i| <= sqrt(n/m) |c| (triangle, Cauchy-Schwarz)"),
        show_less("on a mode with lambda >= mu: 1/lambda^2 <= 1/mu^2", 1 / LAMBDA**2, 1 / MU**2, {LAMBDA: MU}),
        infer("so |c| = |H^{-1} (Delta(t) - Delta(0))| <= |Delta(t) - Delta(0)|/mu (orthogonal modes)"),
    ]
    return Derivation((*steps, chain("put together", claim.formula, BOUND, from_=steps)))


def frozen_run(case: Any) -> tuple[float, Any, Any] | None:
    """Follow one frozen network for 60 times; None if its kernel is (nearly) singular.

    Returns
    -------
    lambda_min, the errors (initial one first), and the distance of the furthest neuron at every time
    """
    n, d, m, kind, seed = case
    rng = np.random.default_rng(seed)
    X = sphere(n, d, seed=rng)
    W, a = two_layer_initialisation(d, m, seed=rng)
    kernel = relu_ntk(X, W)
    lowest = float(np.linalg.eigvalsh(kernel)[0])
    if lowest < 1e-3:
        return None
    start, end = rng.standard_normal(n), 20.0 / np.sqrt(lowest)
    flow = (GradientFlow(), HeavyBall(2.0 * float(np.sqrt(lowest))), Nesterov(3.0))[kind]
    errors = frozen_kernel_flow(flow, kernel, start, np.linspace(0.0, end, 61)).errors
    coefficients = np.linalg.solve(kernel, (errors - start).T)
    gates = (X @ W.T > 0.0) * a / np.sqrt(m)
    moved = np.max([np.linalg.norm((coefficients * gates[:, [r]]).T @ X, axis=1) for r in range(m)], axis=0)
    return lowest, errors, moved


def ratios(claim: Claim, case: Any) -> list[float]:
    """Return distance / bound of the furthest neuron at each of 60 times, for one frozen network."""
    run = frozen_run(case)
    if run is None:
        return []
    lowest, errors, moved = run
    sizes = np.linalg.norm(errors - errors[0], axis=1)[1:]
    bounds = claim.bound({SAMPLES: float(case[0]), WIDTH: float(case[2]), CHANGE: sizes, MU: lowest})
    return [float(q) for q in moved[1:] / bounds]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure distance / bound on 45 frozen networks under three flows; one sample and one neuron attain it."""
    found = [0.0]
    cases = [(n, 3, 24, kind, 1000 * seed + 3 * j + kind) for n in (1, 2, 3) for kind in range(3) for j in range(5)]
    for case in [*cases, *((1, 2, 1, kind, 1000 * seed + k) for kind in range(3) for k in range(4))]:
        found += ratios(claim, case)
    worst = max(found)
    return Evidence.measured(
        claim,
        f"largest distance / bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-9,
        error_bar="1e-9 (closed form)",
        cases=len(found) - 1,
        seed=seed,
        picture=by_case(
            found[1:],
            1.0,
            title="No weight moves further than the bound",
            ylabel="distance / bound, all times",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Sizes, flow and seed of frozen networks."""
    return st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(1, 20), st.integers(0, 2), st.integers(0, 2**31))


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one frozen network; a (nearly) singular kernel violates the hypothesis."""
    return all(q <= 1.0 + 1e-9 for q in ratios(claim, case))


FALSE_TWINS = (
    FalseTwin("nine tenths of the bound", {"claim": at_most(BOUND * sp.Rational(9, 10))}),
    FalseTwin("1/mu replaced by 1", {"claim": at_most(BOUND * MU)}),
)

THEOREM = Theorem(
    name="weight_oracle_distance",
    source=Source(PAPER, "Lemmas 3.3 and 4.1 (second parts)", "without an integral of the loss"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weight_oracle", "weight_distance"),
)
