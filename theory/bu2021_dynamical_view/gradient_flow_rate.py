r"""Theorem 1, its conditional part: if H(s) >= lambda_0/2 up to time t, then L(t) <= e^{-lambda_0 t} L(0).

Assumptions
-----------
Delta' = -H(t) Delta at almost every time; H(t) is symmetric and measurable with H(t) >= (lambda_0/2) I; no continuity.

Source
------
Bu, Xu and Chen (2021), Theorem 1, second display (after Du, Zhai, Poczos and Singh 2019, Lemma 3.2 there).

Idea of the proof
-----------------
A positive semidefinite H - (lambda_0/2) I is S^2 with S symmetric. Then L' + lambda_0 L = -|S Delta|^2 <= 0 at almost
every time, for every n; L is absolutely continuous, so Gronwall integrates this.

Deviations from the paper
-------------------------
"<=" for the printed "<" (`gradient_flow_rate_printed`). That the hypothesis holds with probability 1 - delta at width
Omega(n^6/(lambda_0^4 delta^3)) is the first part of Theorem 1; it is not claimed here. World N: H may move with the
weights, kinks included, because no derivative of H appears. At H = H_inf the true exponent is 2 lambda_0
(`gradient_flow_sharp_rate`). In the paper's "a_r ~ min{-1, 1}" read unif{-1, 1}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.data_case import DataCase, rate_evidence
from odeflow.experiments import random_network
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.kernels import kernel_spectrum
from odeflow.numeric.modal import frozen_kernel_flow
from odeflow.numeric.relu_flow import relu_flow
from odeflow.panels import by_case
from odeflow.strategies import NetworkCase
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.derivations import Derivation, assume, chain, decay_rate, define, gronwall, show_equal, show_less
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.inner_products import Dynamics, Operator, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import (
    DELTA,
    ERROR,
    INITIAL_LOSS,
    LAMBDA,
    LAMBDA0,
    LOSS,
    LOSS_FORM,
    PAPER,
    SYMBOLS,
    T,
)

FLOOR = LAMBDA0 / 2
ROOT = Operator("S", symmetric=True, varying=True)
SLACK = 1e-9
"""Relative; losses are followed in closed form, piece by piece."""


@dataclass(frozen=True)
class Piece:
    """A stretch of time with a constant H: its spectrum in units of the floor, the turn of its axes, its length."""

    spectrum: tuple[float, float]
    turn: float
    length: float


def decays(rate: sp.Expr, floor: sp.Expr = FLOOR) -> Claim:
    """Return the claim L(t) <= e^{-rate t} L(0) for H(t) >= floor I."""
    return Claim(
        "While H(t) >= lambda_0/2, gradient flow's loss decays at rate lambda_0, however the kernel moves.",
        sp.Le(LOSS, sp.exp(-rate * T) * INITIAL_LOSS, evaluate=False),
        (f"H(s) is symmetric and measurable, H(s) >= ({floor}) I for almost every s in [0, t]", "Delta' = -H Delta"),
        {s: SYMBOLS[s] for s in (LOSS, LAMBDA0)},
    )


CLAIM = decays(LAMBDA0)


def certificate(claim: Claim, floor: sp.Expr = FLOOR) -> DecayCertificate:
    """Certify L' + rate L <= 0 for every H >= floor I: L does not contain H, so at each time H may be another one."""
    return DecayCertificate(gradient_flow(), LOSS_FORM, decay_rate(claim.formula.rhs, T), LAMBDA, {LAMBDA: floor})


def derive(claim: Claim, floor: sp.Expr = FLOOR) -> Derivation:
    """Differentiate L with H(t) = floor I + S(t)^2, and integrate."""
    rate = decay_rate(claim.formula.rhs, T)
    kernel_error = floor * ERROR + ROOT @ (ROOT @ ERROR)
    change = Dynamics({DELTA: (1, -kernel_error)}, T).derivative(LOSS_FORM)
    decay = show_less("so the loss decays", sp.expand(change + rate * LOSS_FORM), sp.Integer(0))
    integrated = gronwall(decay, LOSS, INITIAL_LOSS, rate, T)
    return Derivation(
        (
            assume(f"H(t) is symmetric and measurable with H(t) >= ({floor}) I; Delta' = -H Delta almost everywhere"),
            define("S(t) is the symmetric square root of the positive semidefinite H(t) - floor I"),
            show_equal("L' along the flow", change, -2 * floor * LOSS_FORM - norm2(ROOT @ ERROR), name="L'"),
            decay,
            assume("L is absolutely continuous, as Delta is"),
            integrated,
            chain("the claim", claim.formula, sp.exp(-rate * T) * INITIAL_LOSS, from_=[decay, integrated]),
        )
    )


def follow(pieces: Sequence[Piece], floor: float) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Return times and losses of Delta' = -H(t) Delta from Delta(0) = (1, 0) along the pieces, in closed form."""
    error, time = np.array([1.0, 0.0]), 0.0
    times, losses = [0.0], [0.5]
    for piece in pieces:
        cos, sin = np.cos(piece.turn), np.sin(piece.turn)
        axes = np.array([[cos, -sin], [sin, cos]])
        kernel = floor * (axes * np.array(piece.spectrum)) @ axes.T
        run = frozen_kernel_flow(GradientFlow(), 0.5 * (kernel + kernel.T), error, np.array([piece.length]))
        error, time = run.errors[0], time + piece.length
        times.append(time)
        losses.append(0.5 * float(error @ error))
    return np.array(times), np.array(losses)


def excess(claim: Claim, times: np.ndarray, losses: np.ndarray, lambda0: float) -> float:
    """Return the largest ratio of the loss to the claimed bound at t > 0."""
    bound = claim.bound({T: times[1:], LAMBDA0: lambda0, INITIAL_LOSS: losses[0]})
    return float((losses[1:] / bound).max())


def simulate(claim: Claim, seed: int, floor: sp.Expr = FLOOR) -> Evidence:
    """Follow kernels that jump, one that stays at the floor, and trained ReLU networks with their own smallest H(s)."""
    rng = np.random.default_rng(seed)
    share = float(floor / LAMBDA0)
    ratios = [excess(claim, *follow([Piece((1.0, 1.0), 0.0, 0.5)] * 8, share), 1.0)]
    for _ in range(40):
        pieces = [Piece((1.0, 1.0 + 4.0 * rng.random()), 3.0 * rng.random(), rng.random()) for _ in range(8)]
        ratios.append(excess(claim, *follow(pieces, share), 1.0))
    for width in (64, 256, 1024):
        times, losses, smallest = trained(random_network(5, 5, width, seed=rng))
        ratios.append(excess(claim, times, losses, smallest / share))
    worst = max(ratios)
    return Evidence.measured(
        claim,
        f"largest loss/bound {worst:.4g}; for trained networks {max(ratios[-3:]):.4g}",
        contradicted=worst > 1.0 + SLACK,
        error_bar=f"{SLACK:.2g} (closed form on every piece; networks exact between flips)",
        cases=len(ratios),
        seed=seed,
        detail=f"largest loss/bound {worst:.4g}",
        picture=by_case(ratios, 1.0, title="No loss exceeds the claimed bound", ylabel="largest loss / bound"),
    )


def trained(case: NetworkCase) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"], float]:
    """Train a network by gradient flow; return times, losses and the smallest eigenvalue that its kernel reached.

    The kernel changes at activation flips only, so its smallest eigenvalue over a run is taken over the stretches
    between them; each is found by stopping a run of its own in the middle of the stretch.
    """
    end = 4.0
    grid = np.linspace(0.0, end, 41)
    run = relu_flow(case.X, case.y, case.W, case.a, GradientFlow(), grid)
    ends = np.concatenate([[0.0], run.events.times, [end]])
    middles = (0.5 * (ends[1:] + ends[:-1]))[np.diff(ends) > 0.0]
    kernels = [relu_flow(case.X, case.y, case.W, case.a, GradientFlow(), [t]).kernel for t in middles]
    return grid, run.losses, min(float(kernel_spectrum(H)[0]) for H in [run.initial_kernel, *kernels])


def on_data(claim: Claim, data: DataCase) -> Evidence:
    """Hold the bound against the user's data, with the certified lower bound on lambda_0."""
    floor = data.certified_lambda0()
    return rate_evidence(
        claim,
        data,
        GradientFlow(),
        horizon=6.0 / floor,
        promised=f"exponent lambda_0 = {floor:.3g}",
        bound=lambda times, loss, pseudo: claim.bound({LAMBDA0: floor, T: times, INITIAL_LOSS: loss}),
    )


def domain() -> st.SearchStrategy[list[Piece]]:
    """Up to six pieces: any axes, eigenvalues between 1 and 100 times the floor, any length up to 3."""
    factor = st.one_of(st.just(1.0), st.floats(1.0, 100.0))
    piece = st.builds(Piece, st.tuples(factor, factor), st.floats(0.0, 3.2), st.floats(0.01, 3.0))
    return st.lists(piece, min_size=1, max_size=6)


def holds(claim: Claim, case: list[Piece], floor: sp.Expr = FLOOR) -> bool:
    """Check the bound at the end of every piece, at lambda_0 = 1."""
    return excess(claim, *follow(case, float(floor / LAMBDA0)), 1.0) <= 1.0 + SLACK


LOWER = LAMBDA0 / 4
FALSE_TWINS = (
    FalseTwin("rate 2 lambda_0", {"claim": decays(2 * LAMBDA0)}),
    FalseTwin(
        "rate 11/10 lambda_0, by the property alone",
        {"claim": decays(LAMBDA0 * sp.Rational(11, 10)), "simulate": None},
    ),
    FalseTwin(
        "kernels down to lambda_0/4",
        {
            "claim": decays(LAMBDA0, LOWER),
            "certificate": partial(certificate, floor=LOWER),
            "derive": partial(derive, floor=LOWER),
            "simulate": partial(simulate, floor=LOWER),
            "holds": partial(holds, floor=LOWER),
        },
    ),
)

THEOREM = Theorem(
    name="gradient_flow_rate",
    source=Source(PAPER, "Theorem 1, conditional part", "'<=' for '<'"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    certificate=certificate,
    simulate=simulate,
    on_data=on_data,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gradient_flow_rate_printed", "gradient_flow_sharp_rate", "gradient_flow_error_dynamics"),
)
