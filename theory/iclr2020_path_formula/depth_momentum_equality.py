r"""Equality in Proposition 6.2: the sine of the angle shrinks by |H u|/|H u + t u|; equality iff H u is parallel to u.

Assumptions
-----------
As in `depth_momentum`, with H(f) positive semidefinite (a kernel); t = |u|^2/mu^2.

Source
------
Path formula paper (ICLR 2020), end of Appendix F: "Equality holds precisely when H(f) u_f is parallel to u_f".

Idea of the proof
-----------------
1 - cos(v + t u, u)^2 = (|v|^2 |u|^2 - <v, u>^2)/(|u|^2 |v + t u|^2): only the norm in the denominator depends on t.
With <H u, u> >= 0 and t > 0 it grows strictly; so the sines agree iff they are 0.

Deviations from the paper
-------------------------
States by how much the angle closes, not only when it does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    define,
    equate,
    infer,
    show_equal,
    show_less,
    show_value,
    show_with,
)
from odeflow.symbolic.inner_products import inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import depth_momentum
from theory.iclr2020_path_formula._students import IntegerStudent, cosine, random_semidefinite
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT
from theory.iclr2020_path_formula.notation import PAPER

SINE_F, SINE_G = sp.symbols("sin_f sin_g", nonnegative=True)
P, T = sp.symbols("p t", nonnegative=True)
Q, S = sp.symbols("q s", positive=True)
"""p = <H u, u>, q = |H u|^2, s = |u|^2."""
DRAWS = 300


def shrinks_by(factor: sp.Expr) -> Claim:
    """Return the claim sin_g^2 = sin_f^2 factor."""
    return Claim(
        "The squared sine of the angle between H u and u shrinks by |H u|^2/|H u + t u|^2 < 1; 0 stays 0.",
        equate(SINE_G**2, SINE_F**2 * factor),
        ("g = mu f, mu != 0", "H(f) >= 0", "u, H(f) u != 0", "t = |u|^2/mu^2"),
        {
            SINE_F: "sine of the angle between H(f) u_f and u_f",
            P: "<H u, u>",
            Q: "|H u|^2",
            S: "|u|^2",
            T: "|u|^2/mu^2",
        },
    )


GROWN = Q + 2 * T * P + T**2 * S
CLAIM = shrinks_by(Q / GROWN)


def derive(claim: Claim) -> Derivation:
    """Put the sines in."""
    pushed = KERNEL @ OUTPUT
    names = {inner(pushed, OUTPUT): P, norm2(pushed): Q, norm2(OUTPUT): S}
    moved = pushed + T * OUTPUT
    sine_f, sine_g = 1 - P**2 / (Q * S), 1 - (P + T * S) ** 2 / (S * GROWN)
    return Derivation(
        (
            assume("H >= 0, so p = <H u, u> >= 0; H(g) u_g is parallel to H u + t u (depth_momentum)"),
            show_value("|H u + t u|^2", norm2(moved).xreplace(names), GROWN),
            show_value("<H u + t u, u>", inner(moved, OUTPUT).xreplace(names), P + T * S),
            define("sin^2 = 1 - cos^2"),
            show_equal("sin_g^2", sine_g, (Q * S - P**2) / (S * GROWN)),
            show_less("the denominator has grown", Q + T**2 * S, GROWN),
            infer("strictly for t > 0: sin_g = sin_f iff both are 0, that is H u parallel to u"),
            show_with("so", claim.formula, {SINE_G: sp.sqrt(sine_g), SINE_F: sp.sqrt(sine_f)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with the angles of random kernels, and with a kernel that has u as eigenvector."""
    rng = np.random.default_rng(seed)
    pairs = []
    for k in range(DRAWS):
        size = int(rng.integers(2, 6))
        H, u, mu = random_semidefinite(rng, size), rng.standard_normal(size), float(np.exp(rng.uniform(-1, 1)))
        if k % 10 == 0:
            u = np.linalg.eigh(H)[1][:, 0]
        pairs.append(_squared_sines(claim, H, mu**2 * H + np.outer(u, u), u, mu))
    worst = max(abs(claimed - seen) for claimed, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest difference of the squared sines {worst:.2g}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=DRAWS,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="squared sine", title="The squared sine shrinks as claimed"
        ),
    )


def _squared_sines(claim: Claim, H: np.ndarray, grown: np.ndarray, u: np.ndarray, mu: float) -> tuple[float, float]:
    pushed = H @ u
    values = {P: pushed @ u, Q: pushed @ pushed, S: u @ u, T: (u @ u) / mu**2}
    claimed = claim.bound({SINE_F: np.sqrt(max(0.0, 1.0 - cosine(pushed, u) ** 2)), **values})
    return float(claimed), 1.0 - cosine(grown @ u, u) ** 2


def domain() -> st.SearchStrategy[Any]:
    """Integer students with H(f) u_f != 0."""
    return depth_momentum.domain()


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compute both angles from exact Jacobians of both networks."""
    u = case.outputs(case.weights).astype(float)
    claimed, seen = _squared_sines(claim, case.kernel, case.scaled_kernel, u, float(case.scale))
    return abs(claimed - seen) < 1e-12


FALSE_TWINS = (
    FalseTwin("the sine itself shrinks by that factor", {"claim": shrinks_by((Q / GROWN) ** 2)}),
    FalseTwin("the sine does not shrink", {"claim": shrinks_by(sp.Integer(1))}),
)

THEOREM = Theorem(
    name="depth_momentum_equality",
    source=Source(PAPER, "Proposition 6.2, equality; (47)", "with the factor by which the angle closes"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum", "depth_cosine_bound"),
)
