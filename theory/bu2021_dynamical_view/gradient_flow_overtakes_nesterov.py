r"""Section 4: again and again gradient flow is far below Nesterov's flow, whatever gamma and the spectrum.

Assumptions
-----------
H constant, symmetric, positive definite, smallest eigenvalue mu; both flows from the same Delta(0), not zero, with
Delta'(0) = 0; flow times compared as they are.

Source
------
Bu, Xu and Chen (2021), section 4: "in the long run when t is sufficiently large, NAG may be outperformed by GD".

Idea of the proof
-----------------
t^gamma L stays away from 0 infinitely often under Nesterov's flow (`nesterov_true_power`); under gradient flow it is
at most t^gamma e^{-2 mu t} L(0), which is below (gamma/(e mu))^gamma e^{-mu t} L(0) and tends to 0.

Deviations from the paper
-------------------------
"May" is "will" at the maxima of Nesterov's loss; at its zeros (one mode alone has them for ever) it is below any
exponential, so the lower limit is what is claimed. The two times differ (eta k and sqrt(eta) k), and the methods are
both linear: per step gradient descent overtakes because (1 - eta mu)^2 < 1 - eta mu (`nesterov_discrete_linear`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.numeric.flows import Nesterov
from odeflow.numeric.modal import mode_response
from odeflow.numeric.rates import envelope
from odeflow.numeric.training import GradientDescent, NesterovMethod, iterate_modes
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import nesterov_true_power
from theory.bu2021_dynamical_view.notation import GAMMA, MU, PAPER, SYMBOLS, T

RATIO = sp.Symbol("liminf_L_GF/L_NAG", nonnegative=True)


def tends_to(value: sp.Expr) -> Claim:
    """Return the claim about the lower limit of gradient flow's loss over that of Nesterov's flow."""
    return Claim(
        "Again and again, as t grows, gradient flow's loss is negligible beside that of Nesterov's flow.",
        equate(RATIO, value),
        (
            "H is constant, symmetric, positive definite",
            "same Delta(0), not zero; Delta'(0) = 0",
            "flow times as they are",
        ),
        {RATIO: "lower limit of L under gradient flow / L under Nesterov's flow, t -> infinity", GAMMA: SYMBOLS[GAMMA]},
    )


CLAIM = tends_to(sp.Integer(0))


def derive(claim: Claim) -> Derivation:
    """Compare the exponential with the power that Nesterov's flow reaches infinitely often."""
    law = nesterov_true_power
    peak = GAMMA / MU
    product = T**GAMMA * sp.exp(-MU * T)
    slope = sp.diff(sp.log(product), T)
    return Derivation(
        (
            assume("H is constant with H >= mu I, mu > 0"),
            *law.derive(law.CLAIM).steps,
            infer("so t^gamma L >= a infinitely often under Nesterov's flow, for some a > 0"),
            show_equal(
                "t^gamma e^{-mu t} has its only maximum at t = gamma/mu",
                sp.expand(slope),
                GAMMA / T - MU,
                name="slope of log(t^gamma e^{-mu t})",
            ),
            show_equal(
                "the maximum is (gamma/(e mu))^gamma",
                sp.log(product.subs(T, peak)),
                GAMMA * (sp.log(GAMMA) - sp.log(MU) - 1),
            ),
            infer(
                "so under gradient flow t^gamma L <= t^gamma e^{-2 mu t} L(0) <= (gamma/(e mu))^gamma e^{-mu t} L(0)"
            ),
            show_with("which tends to 0", claim.formula, {RATIO: sp.limit(sp.exp(-MU * T), T, sp.oo)}),
        )
    )


def last_behind(
    times: Float[np.ndarray, " t"], descent: Float[np.ndarray, " t"], nesterov: Float[np.ndarray, " t"]
) -> float:
    """Return the last maximum of Nesterov's loss at which gradient descent (or flow) is still above it, 0 if none."""
    at, height = envelope(times, nesterov)
    behind = at[np.interp(at, times, descent) > height]
    return float(behind[-1]) if behind.size else 0.0


def late_ratio(gamma: float, mu: float, time: float) -> float:
    """Return gradient flow's loss at `time` over the largest loss of Nesterov's flow in the period behind it."""
    t = time + np.linspace(0.0, np.pi / np.sqrt(mu), 65)
    nesterov = mode_response(Nesterov(gamma), np.array([mu]), t)[0] ** 2
    return float(np.exp(-2.0 * mu * time)) / float(nesterov.max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Find the last maximum of Nesterov's loss below gradient flow or descent, and the ratio far behind it."""
    mu, eta, said, ratios, curves = 0.04, 0.5, [], [], {}
    t, k = np.linspace(0.0, 600.0, 60001), np.arange(1201.0)
    for gamma in (3.0, 7.0):
        label = f"Nesterov, gamma = {gamma:g}"
        curves[label] = mode_response(Nesterov(gamma), np.array([mu]), t)[0] ** 2
        flows = last_behind(t, np.exp(-2.0 * mu * t), curves[label])
        methods = last_behind(
            k,
            iterate_modes(GradientDescent(eta), [2 * mu], 1200)[0] ** 2,
            iterate_modes(NesterovMethod(eta, gamma), [2 * mu], 1200)[0] ** 2,
        )
        ratios.append(late_ratio(gamma, mu, 2000.0))
        said.append(f"from t = {flows:.0f} and from step {methods:.0f} at gamma = {gamma:g}")
    limit, claimed = max(ratios), float(claim.formula.rhs)
    return Evidence.measured(
        claim,
        f"ahead for good {', '.join(said)} (mu = 0.04; eta mu = 0.04); ratio at t = 2000 below {limit:.2g}",
        contradicted=abs(limit - claimed) > 1e-6,
        error_bar="one maximum, pi/sqrt(mu) = 15.7 in t",
        cases=4,
        detail=f"ratio of the losses {limit:.2g} at t = 2000, claimed limit {claimed:g}",
        picture=along(
            t[:20001],
            {label: values[:20001] for label, values in curves.items()},
            {"gradient flow": np.exp(-2.0 * mu * t[:20001])},
            title="Gradient flow overtakes Nesterov's flow for good",
            xlabel="flow time t",
            ylabel="L(t) / L(0)",
            yscale="log",
            line=True,
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float]]:
    """gamma in [0.5, 9] and mu in [0.05, 5]."""
    return st.tuples(st.floats(0.5, 9.0), st.floats(0.05, 5.0))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Compare the ratio of the losses, far behind the crossing, with the claimed limit."""
    gamma, mu = case
    late = (60.0 + 4.0 * gamma) * max(1.0, 1.0 / mu)
    return abs(late_ratio(gamma, mu, late) - float(claim.formula.rhs)) < 1e-6


FALSE_TWINS = (FalseTwin("they stay comparable", {"claim": tends_to(sp.Rational(1, 100))}),)

THEOREM = Theorem(
    name="gradient_flow_overtakes_nesterov",
    source=Source(PAPER, "Section 4, after Theorem 3"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_true_power", "nesterov_discrete_linear"),
)
