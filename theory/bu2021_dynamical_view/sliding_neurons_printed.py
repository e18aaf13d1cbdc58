r"""Lemma 3.3 on the network: lambda_min(H(s)) >= lambda_0/2 for all s does not give the bound on the loss. Refuted.

Assumptions
-----------
n = p = m = 4, unit inputs with x_i.x_j = rho = -139/500, a_r = 1; neuron r sees x_r (w_r.x_r = 20) and lies on the
boundaries of the other three inputs; Delta(0) = (1, 1, 1, 1); heavy ball, b = sqrt(2 lambda_0), from rest.

Source
------
Bu, Xu and Chen (2021), Lemma 3.3, first part: "Assume 0 <= s <= t and lambda_min(H(s)) >= lambda_0/2. Then L(t) <=
(4/lambda_0) e^{-sqrt(lambda_0/2) t} Lhat(0)".

Idea of the refutation
----------------------
On both sides of each boundary the force points at it: the neuron stays there (Filippov), with a gate theta in [0, 1].
Then w_r can only move orthogonally to the other inputs, and the kernel that acts is diag(dist^2)/4, where dist is the
distance of x_r from their span. That is below lambda_0/2, although the kernel H of every pattern of gates is above it,
all 4096 of them. The error is over-damped, at a rate below the claimed one, so the bound fails from some time on.

Deviations from the paper
-------------------------
This is stronger than the failure of the proof (`lyapunov_on_networks_printed`). Who reads H(s) with Filippov's gates
theta, H = J_theta J_theta^T, finds the hypothesis violated in the exact instance. That does not save the lemma:
nearby networks bounce off the boundaries thousands of times, have gates 0 or 1 only, meet the hypothesis at every
moment, and break the bound as well (the simulation). J_theta J_theta^T is not a convex mix of the patterns' kernels:
its diagonal is theta^2. The example needs neurons next to boundaries of several inputs, so it does not refute Theorem
2, which is about wide networks and random weights (`heavy_ball_network`, `repaired_heavy_ball_network`). The energy
bound L(t) <= L(0) stands (the control).
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import sympy as sp

from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.relu_flow import relu_flow, relu_predictions
from odeflow.panels import along
from odeflow.strategies import NetworkCase
from odeflow.symbolic.derivations import (
    Derivation,
    Step,
    assume,
    infer,
    semidefinite,
    show_equal,
    show_less,
    show_value,
    show_violated,
)
from odeflow.symbolic.exact import is_positive_semidefinite
from odeflow.symbolic.modes import FREQUENCY, heavy_ball_modes
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_network import positive_until
from theory.bu2021_dynamical_view.notation import INITIAL_LOSS, INITIAL_PSEUDO_LOSS, LOSS, PAPER, RATE, SYMBOLS, T

__all__ = ["THEOREM", "bouncing_network"]

SIZE = 4
RHO = sp.Rational(-139, 500)
LIMIT = RHO * (sp.Rational(1, 2) - sp.acos(RHO) / (2 * sp.pi))  # off-diagonal entry of H_inf
LAMBDA0 = sp.Rational(1, 2) + 3 * LIMIT
ABOVE = sp.Rational(1645, 10000)  # a rational above r^2 = lambda_0/2 = 0.16445...
THETA = -RHO / (1 + 2 * RHO)
EFFECTIVE = (1 + 3 * THETA * RHO) / SIZE  # dist^2/4
PERIODS = 20  # the time of the instance, in units of 1/r


def bounded_by(bound: sp.Expr) -> Claim:
    """Return the claim L(t) <= bound for networks whose kernel stays above lambda_0/2."""
    return Claim(
        "On a network, lambda_min(H(s)) >= lambda_0/2 for all s <= t bounds the loss at time t.",
        sp.Le(LOSS, bound, evaluate=False),
        ("two-layer ReLU network, first layer trained from rest", "b = 2r", "H(s) >= r^2 I for all s <= t"),
        {s: SYMBOLS[s] for s in (LOSS, INITIAL_PSEUDO_LOSS, RATE)},
    )


BOUND = 2 / RATE**2 * sp.exp(-RATE * T) * INITIAL_PSEUDO_LOSS
CLAIM = bounded_by(BOUND)
CORRECTED = bounded_by(INITIAL_LOSS)


def patterns() -> list[list[tuple[int, ...]]]:
    """Return, for each neuron, its 8 patterns: the gate of its own input is on, the other three are free."""
    free = list(itertools.product((0, 1), repeat=SIZE - 1))
    return [[(*gates[:r], 1, *gates[r:]) for gates in free] for r in range(SIZE)]


def failing_patterns(floor: sp.Rational) -> int:
    """Count the patterns of all four neurons, of 8^4, whose kernel is not >= floor, in exact arithmetic."""
    rho, low = Fraction(int(RHO.p), int(RHO.q)), Fraction(int(floor.p), int(floor.q))
    gram = [[Fraction(1) if i == j else rho for j in range(SIZE)] for i in range(SIZE)]
    failing = 0
    for gates in itertools.product(*patterns()):
        kernel = [
            [gram[i][j] * sum(d[i] * d[j] for d in gates) / SIZE - (low if i == j else 0) for j in range(SIZE)]
            for i in range(SIZE)
        ]
        failing += not is_positive_semidefinite(kernel)
    return failing


def boundary_steps() -> list[Step]:
    """Return the steps that hold every neuron on its three boundaries while Delta = (delta, ..., delta), delta > 0."""
    steps = []
    for others in range(SIZE):  # gates that are on among the three, with the one looked at if it is on
        if others:
            on = -(1 + RHO * others)
            steps.append(
                show_less(f"{others} gates on: a neuron on the positive side is pushed back", on, sp.Rational(-1, 10))
            )
        if others < SIZE - 1:
            off = -RHO * (1 + others)
            steps.append(
                show_less(f"{others} gates on: a neuron on the negative side is pushed back", sp.Rational(1, 10), off)
            )
    return [
        *steps,
        infer("at rest there the neuron stays on its boundaries: a solution in Filippov's sense"),
        show_equal(
            "the gate theta keeps x_r + theta sum_j x_j orthogonal to the other inputs",
            RHO + THETA * (1 + 2 * RHO),
            sp.Integer(0),
            name="inner product with another input",
        ),
        show_less("theta >= 0", sp.Integer(0), THETA),
        show_less("theta <= 1", THETA, sp.Integer(1)),
    ]


def counterexample(claim: Claim) -> Derivation:
    """Four neurons, each on three boundaries, at t = 20/r."""
    gram = (1 - RHO) * sp.eye(SIZE) + RHO * sp.ones(SIZE, SIZE)
    limit = (sp.Rational(1, 2) - LIMIT) * sp.eye(SIZE) + LIMIT * sp.ones(SIZE, SIZE)
    ones = sp.ones(SIZE, 1)
    square = LAMBDA0 / 2
    mode = heavy_ball_modes(RATE)[2]
    kappa = sp.sqrt(1 - EFFECTIVE / square)  # omega/r
    response = mode.response.subs(T, PERIODS / RATE).subs(FREQUENCY, kappa * RATE)
    loss = SIZE * response**2 / 2
    lower = sp.Rational(sp.floor(10**12 * loss), 10**12)
    instance = {
        LOSS: lower,
        INITIAL_LOSS: sp.Rational(SIZE, 2),
        INITIAL_PSEUDO_LOSS: sp.Rational(1, 2),
        RATE: sp.sqrt(square),
        T: PERIODS / sp.sqrt(square),
    }
    return Derivation(
        (
            assume("n = p = m = 4, a_r = 1, w_r.x_r = 20, w_r.x_j = 0 for j != r, Delta(0) = (1, 1, 1, 1)"),
            semidefinite("such unit vectors exist", gram),
            show_equal(
                "the vector of ones: H_inf 1 = (1/2 + 3h) 1", (limit * ones)[0], LAMBDA0, name="first entry of H_inf 1"
            ),
            show_less("h < 0, and the other eigenvalues are 1/2 - h: lambda_0 = 1/2 + 3h", LIMIT, sp.Integer(0)),
            show_less("r^2 = lambda_0/2 < 1645/10000", square, ABOVE),
            show_equal(
                "patterns, of 4096, whose kernel is not >= 1645/10000",
                sp.Integer(failing_patterns(ABOVE)),
                sp.Integer(0),
                name="number of patterns",
            ),
            *boundary_steps(),
            show_value(
                "distance^2 of x_r from the span of the others, over 4", (1 / (gram.inv()[0, 0])) / SIZE, EFFECTIVE
            ),
            infer("s = w_r.x_r: s'' + 2r s' = -(dist^2/2) delta, so delta'' + 2r delta' + (dist^2/4) delta = 0"),
            show_less(
                "dist^2/4 < r^2: over-damped, although every H is above r^2", EFFECTIVE, square - sp.Rational(1, 25)
            ),
            show_equal(
                "its closed form solves the mode",
                mode.flow.mode_residual(mode.response, mode.eigenvalue),
                sp.Integer(0),
            ),
            show_less(
                "every neuron keeps seeing its input: s = 18 + 2 delta, delta > 0", sp.Integer(1), sp.Integer(18)
            ),
            show_less(f"at t = {PERIODS}/r the loss is at least", lower, loss),
            infer("Lhat(0) is 1/2 with gates 1{w.x > 0}, less with 1{w.x >= 0}; the larger one is used"),
            show_violated("already this is above the bound", claim.formula, instance),
        )
    )


def bouncing_network(distance: float, *, seed: int) -> NetworkCase:
    """Return the network with its neurons at up to `distance` on the positive side of their boundaries."""
    gram = (1 - float(RHO)) * np.eye(SIZE) + float(RHO) * np.ones((SIZE, SIZE))
    X = np.linalg.cholesky(gram)
    position = distance * np.random.default_rng(seed).uniform(0.5, 1.0, (SIZE, SIZE))
    np.fill_diagonal(position, 20.0)
    W, a = np.linalg.solve(X, position.T).T, np.ones(SIZE)
    return NetworkCase(X, relu_predictions(X, W, a) - 1.0, W, a)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow a network next to the boundaries through its bounces, and check the hypothesis after every one of them."""
    rate = float(sp.sqrt(LAMBDA0 / 2))
    case = bouncing_network(0.05, seed=seed)
    run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), np.linspace(0.0, 10.0, 41) / rate)
    until = positive_until(case, run, float(LAMBDA0 / 2))
    start = run.errors[0]
    pseudo = 0.5 * float(start @ run.initial_kernel @ start)
    values = {T: run.times, RATE: rate, INITIAL_PSEUDO_LOSS: pseudo, INITIAL_LOSS: float(run.losses[0])}
    bounds = claim.bound({k: v for k, v in values.items() if claim.formula.rhs.has(k)})
    ratios = (run.losses / bounds)[run.times < until]
    return Evidence.measured(
        claim,
        f"loss over bound {ratios[-1]:.3f} at t = {run.times[ratios.size - 1] * rate:.3g}/r, "
        f"{run.event_count} flips, {run.captures} neurons held; lambda_min(H) >= lambda_0/2 "
        f"{f'until t = {until:.3g}' if np.isfinite(until) else 'throughout'}",
        contradicted=ratios.max() > 1.0 + 1e-6,
        error_bar=f"{max(run.consistency, 1e-10):.2g} (predictions from the weights)",
        cases=ratios.size,
        seed=seed,
        detail=f"largest ratio to the bound {ratios.max():.4g} while lambda_min(H) >= lambda_0/2",
        picture=along(
            run.times[: ratios.size] * rate,
            run.losses[: ratios.size],
            {"claimed bound": np.broadcast_to(bounds, run.times.shape)[: ratios.size]},
            title="Flips lift the loss above the bound, lambda_min(H) >= lambda_0/2",
            xlabel="r t",
            ylabel="L",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("one and a half times the constant", {"claim": bounded_by(sp.Rational(3, 2) * BOUND)}),
    FalseTwin("twice the rate", {"claim": bounded_by(BOUND * sp.exp(-RATE * T))}),
)

THEOREM = Theorem(
    name="sliding_neurons_printed",
    source=Source(PAPER, "Lemma 3.3 (first part)", "as printed, on the network: the bound on the loss itself"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("lyapunov_on_networks_printed", "heavy_ball_network", "heavy_ball_energy", "switching_kernel_heavy_ball"),
)
