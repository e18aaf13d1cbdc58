r"""Section 6: "the Gronwall inequality does not work on second order ODE". It does, in the right norm.

Assumptions
-----------
H constant, symmetric, H >= r^2 I, r > 0; Delta'' + 2r Delta' + H Delta = 0, any Delta(0), Delta'(0).

Source
------
Bu, Xu and Chen (2021), section 6: "instead of using the Gronwall inequality, as in the case of GD [20], we use the
Lyapunov functions ... In fact, the Gronwall inequality does not work on second order ODE."

Idea of the proof
-----------------
A second-order ODE is a first-order system for z = (Delta, Delta'). V is the square of a norm of z, V' <= -r V, and
Gronwall's inequality integrates it; this is the step that the paper itself takes, for the scalar V.

Deviations from the paper
-------------------------
Taken literally the sentence is contradicted. What is true, and shown here too: in the Euclidean norm of z Gronwall's
inequality gives no decay, because the symmetric part of the system has a non-negative eigenvalue on every mode.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.modal import mode_response, mode_velocity
from odeflow.panels import along
from odeflow.strategies import FrozenCase, mode_cases
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.derivations import Derivation, assume, decay_rate, define, equate, gronwall, show_equal, show_less
from odeflow.symbolic.lyapunov import mode_matrix
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_rate import AT_LEAST, FLOW, V
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER, RATE, SYMBOLS, T

NORM = sp.Function("V", nonnegative=True)


def falls_at(rate: sp.Expr) -> Claim:
    """Return the claim V(t) <= e^{-rate t} V(0)."""
    return Claim(
        "Gronwall's inequality works on heavy ball's second-order ODE: in a norm of (Delta, Delta') it decays.",
        sp.Le(NORM(T), sp.exp(-rate * T) * NORM(0), evaluate=False),
        ("H is constant and symmetric with H >= r^2 I", "b = 2r", "any Delta(0) and Delta'(0)"),
        {NORM(T): "V, the square of a norm of (Delta, Delta')", RATE: SYMBOLS[RATE]},
    )


CLAIM = falls_at(RATE)


def certificate(claim: Claim) -> DecayCertificate:
    """Read the rate off the claim; V is the paper's."""
    return DecayCertificate(FLOW, V, decay_rate(claim.formula.rhs, T), LAMBDA, AT_LEAST)


def derive(claim: Claim) -> Derivation:
    """Show that V is the square of a norm and integrate its decay."""
    cert = certificate(claim)
    form = mode_matrix(V, FLOW, LAMBDA)
    system = sp.Matrix([[0, 1], [-LAMBDA, -2 * RATE]])
    symmetric = (system + system.T) / 2
    decay = cert.decay()
    return Derivation(
        (
            assume("H is constant and symmetric with H >= r^2 I, r > 0"),
            define("z = (Delta, Delta'), z' = A z: a first-order system", equate(sp.Symbol("V"), V)),
            show_equal(
                "on a mode V has the determinant lambda/4 > 0, so it is the square of a norm",
                form.det(),
                LAMBDA / 4,
                name="det V",
            ),
            show_less("(its trace is positive too)", sp.Integer(0), form.trace()),
            show_equal(
                "in the Euclidean norm no decay: the symmetric part of A has this determinant, so an eigenvalue >= 0",
                symmetric.det(),
                -((1 - LAMBDA) ** 2) / 4,
            ),
            cert.positivity(),
            decay,
            gronwall(decay, NORM(T), NORM(0), cert.rate, T),
        )
    )


def energies(rate: float, case: FrozenCase) -> np.ndarray:
    """Return V(t)/V(0) of a frozen problem from rest."""
    flow, spectrum, start = HeavyBall(2.0 * rate), np.asarray(case.eigenvalues), np.asarray(case.coefficients)
    times = np.concatenate([[0.0], case.times])
    x = mode_response(flow, spectrum, times) * start[:, None]
    v = mode_velocity(flow, spectrum, times) * start[:, None]
    energy = 0.5 * (spectrum[:, None] * x**2 + (rate * x + v) ** 2).sum(axis=0)
    ratio: np.ndarray = energy[1:] / energy[0]
    return ratio


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow V on 30 spectra at r = 1 and compare with the claimed bound."""
    rng = np.random.default_rng(seed)
    times, found = tuple(np.linspace(0.02, 10.0, 300).tolist()), []
    bound = claim.bound({RATE: 1.0, T: np.asarray(times), NORM(0): 1.0})
    for k in range(30):
        spectrum = (1.0, *(np.exp(rng.uniform(0.0, 4.0, 3)).tolist() if k else ()))
        coefficients = tuple(rng.standard_normal(len(spectrum)).tolist())
        found.append(energies(1.0, FrozenCase(spectrum, coefficients, times)))
    worst = float((np.max(found, axis=0) / bound).max())
    return Evidence.measured(
        claim,
        f"largest V / bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-9,
        error_bar="1e-9 (closed form)",
        cases=30,
        seed=seed,
        detail=f"largest V / bound {worst:.4g}",
        picture=along(
            times,
            {"largest of 30 spectra": np.max(found, axis=0)},
            {"claimed bound": bound},
            title="V stays below the claimed bound",
            xlabel="r t",
            ylabel="V(t) / V(0)",
            yscale="log",
            line=True,
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, FrozenCase]]:
    """Any r in [0.1, 3] with a spectrum in [r^2, 100 r^2]."""
    return st.floats(0.1, 3.0).flatmap(lambda r: st.tuples(st.just(r), mode_cases(lower=r * r, longest=20.0)))


def holds(claim: Claim, case: tuple[float, FrozenCase]) -> bool:
    """Check the bound on one frozen kernel."""
    rate, frozen = case
    bound = claim.bound({RATE: rate, T: np.asarray(frozen.times), NORM(0): 1.0})
    return bool((energies(rate, frozen) <= bound * (1 + 1e-9) + 1e-22).all())


FALSE_TWINS = (FalseTwin("rate 2r", {"claim": falls_at(2 * RATE)}),)

THEOREM = Theorem(
    name="gronwall_second_order",
    source=Source(PAPER, "Section 6", "the literal sentence is contradicted by the paper's own use"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    certificate=certificate,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_rate", "heavy_ball_lyapunov"),
)
