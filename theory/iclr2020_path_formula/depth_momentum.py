r"""Proposition 6.2 as it is proved: cos(H(g) u_g, u_g) >= cos(H(f) u_f, u_f), with H u in the place of u'.

Assumptions
-----------
g = mu f with mu trained and not 0, H(g) = mu^2 H(f) + u_f u_f^T, u_g = mu u_f; u_f and H(f) u_f are not 0, nor is
H(g) u_g. Every dimension. H(f) need only be symmetric.

Source
------
Path formula paper (ICLR 2020), Proposition 6.2, (17), as its proof in Appendix F shows it; (41)-(44).

Idea of the proof
-----------------
H(g) u_g is mu^3 times H u + t u with t = |u|^2/mu^2 >= 0, and t -> cos(H u + t u, u) never decreases: its derivative is
|u| (|v_t|^2 - <v_t, u/|u|>^2)/|v_t|^3 with v_t = H u + t u, by Cauchy and Schwarz.

Deviations from the paper
-------------------------
The proposition speaks of u', the proof of H u. They are parallel only if the targets are: for the flow
u' = eta H (y - u) the proposition is false (`depth_momentum_flow_printed`) and its true form is `depth_momentum_sign`.
The paper's own chain (44)-(47) needs H >= 0 (`depth_cosine_bound`); this proof does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, Step, assume, by, infer, show_equal, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import appended_scalar_kernel
from theory.iclr2020_path_formula._students import IntegerStudent, cosine, integer_students, random_semidefinite
from theory.iclr2020_path_formula._students import satisfied as satisfied_at
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT, SCALE
from theory.iclr2020_path_formula.appended_scalar_product import applied_to
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "COS_F", "COS_G", "THEOREM", "cosine_rises", "exceeds"]

COS_F, COS_G = sp.symbols("cos_f cos_g", real=True)
GAIN = sp.Symbol("gain", nonnegative=True)
DRAWS = 400


def exceeds(least: sp.Expr) -> Claim:
    """Return the claim that cos(H(g) u_g, u_g) is at least `least`."""
    return Claim(
        "With a trained scalar on top, H u points more into the direction of u: the cosine does not decrease.",
        sp.Ge(COS_G, least, evaluate=False),
        ("g = mu f, mu trained, mu != 0", "u_f, H(f) u_f and H(g) u_g are not 0"),
        {COS_G: "cos(H(g) u_g, u_g)", COS_F: "cos(H(f) u_f, u_f)"},
    )


CLAIM = exceeds(COS_F)


def cosine_rises(start: Vector, direction: Vector) -> tuple[Step, ...]:
    """Compute that t -> cos(start + t direction, direction) never decreases, t any real number; start may be 0."""
    p, t, zero = sp.symbols("p t t_0", real=True)
    q, s = sp.Symbol("q", nonnegative=True), sp.Symbol("s", positive=True)
    square = q + 2 * t * p + t**2 * s
    symbols = {inner(start, direction): p, norm2(start): q, norm2(direction): s}
    moved = start + t * direction
    P, Q, S = symbols
    return (
        show_equal(
            "<v + t u, u> = p + t s with p = <v, u>, s = |u|^2",
            inner(moved, direction).xreplace(symbols),
            p + t * s,
            name="<v + t u, u>",
        ),
        show_equal(
            "|v + t u|^2 = q + 2 t p + t^2 s with q = |v|^2", norm2(moved).xreplace(symbols), square, name="|v + t u|^2"
        ),
        show_equal(
            "d/dt cos(v + t u, u) = (q s - p^2)/(|u| |v + t u|^3)",
            sp.diff((p + t * s) / sp.sqrt(s * square), t),
            (q * s - p**2) / (sp.sqrt(s) * square ** sp.Rational(3, 2)),
        ),
        show_equal("and s (q s - p^2) = |s v - p u|^2 >= 0", S * (Q * S - P**2), norm2(S * start - P * direction)),
        show_equal(
            "if v + t_0 u = 0 for some t_0, v + t u = (t - t_0) u: the cosine rises there too, from -1 to 1",
            inner((t - zero) * direction, direction),
            (t - zero) * S,
        ),
    )


def derive(claim: Claim) -> Derivation:
    """Write H(g) u_g as mu^3 (H u + t u), t >= 0, and let t grow from 0."""
    kernel = appended_scalar_kernel
    steps = [
        by("appended_scalar_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
        assume("u_g = mu u, mu != 0; u, H u and H(g) u_g are not 0"),
        show_equal_vectors(
            "H(g) u_g = mu^3 (H u + (|u|^2/mu^2) u)",
            applied_to(SCALE * OUTPUT),
            SCALE**3 * ((KERNEL @ OUTPUT) + (norm2(OUTPUT) / SCALE**2) * OUTPUT),
            name="H(g) u_g",
        ),
        infer("and u_g = mu u: the cosine is that of H u + t u and u, as mu^3 mu > 0, at t = |u|^2/mu^2 > 0"),
        *cosine_rises(KERNEL @ OUTPUT, OUTPUT),
    ]
    grown = infer("integrated from 0 to t: cos_g = cos_f + gain with gain >= 0", from_=steps)
    return Derivation((*steps, grown, show_with("so", claim.formula, {COS_G: COS_F + GAIN})))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw kernels, outputs and scales; the smallest excess over the claim must not be negative."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(DRAWS):
        size = int(rng.integers(2, 6))
        H, u = random_semidefinite(rng, size), rng.standard_normal(size) * np.exp(rng.uniform(-2.0, 2.0))
        mu = float(rng.choice([-1.0, 1.0]) * np.exp(rng.uniform(-1.5, 1.5)))
        raised = cosine((mu**2 * H + np.outer(u, u)) @ (mu * u), mu * u)
        pairs.append((float(claim.bound({COS_F: cosine(H @ u, u)})), raised))
    worst = min(raised - bound for bound, raised in pairs)
    return Evidence.measured(
        claim,
        f"smallest excess over the claim {worst:.3g} in {DRAWS} draws",
        contradicted=worst < -1e-12,
        error_bar="1e-12 (rounding of a cosine)",
        cases=DRAWS,
        seed=seed,
        picture=against_claim(*zip(*pairs, strict=True), what="cosine", title="No cosine is below the claim"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer students with H(f) u_f != 0."""
    return integer_students().filter(lambda s: bool((s.kernel @ s.outputs(s.weights)).any()))


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compute both cosines from exact Jacobians of both networks."""
    u = case.outputs(case.weights).astype(float)
    grown = case.scale * u
    values = {COS_F: cosine(case.kernel @ u, u), COS_G: cosine(case.scaled_kernel @ grown, grown)}
    return satisfied_at(claim.formula, values)


FALSE_TWINS = (
    FalseTwin("always a hundredth of the way to 1", {"claim": exceeds(COS_F + (1 - COS_F) / 100)}),
    FalseTwin("at least 1/2", {"claim": exceeds(sp.Rational(1, 2))}),
)

THEOREM = Theorem(
    name="depth_momentum",
    source=Source(PAPER, "Proposition 6.2, (17), (41)-(44)", "as proved: H u in the place of u'"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum_flow_printed", "depth_momentum_sign", "depth_momentum_equality", "depth_cosine_bound"),
)
