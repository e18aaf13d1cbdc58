r"""Theorem 2, sharp: for N > 2 and d >= 2, F has a potential near 0 if and only if the loss is radial there.

Assumptions
-----------
d >= 2; L continuously differentiable on the ball of radius R, |grad L| <= M there; F is the gradient of some Phi off 0.
V is the difference of L between any two points of the sphere of radius R.

Source
------
Sharpens Arora, Cohen and Hazan (2018), Theorem 2 and "the assumptions in the theorem are minimal and also necessary".

Idea of the proof
-----------------
Off 0, along a sphere F acts as |w|^a grad L: so Phi - |w|^a L is constant on spheres. Along a ray F acts as
N |w|^a grad L. For two rays let D(r) be the difference of L: (r^a D)' = N r^a D', that is r D' = (2/N) D, so
V = D(R) = D(r) (R/r)^{2/N} for all r < R. But |D(r)| <= 2 M r: V <= 2 M R (r/R)^{1-2/N}, which tends to 0 with r if N >
2. Conversely, for L = h(|w|) F is the gradient of the integral of N r^a h'.

Deviations from the paper
-------------------------
Its hypothesis grad L(0) != 0 is sufficient, not necessary (`regulariser_assumptions_printed`). For N = 2 the bound does
not tend to 0, and there are exceptions (`two_layer_potentials`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, by, chain, infer, show_equal
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import NORM, OUTER
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import constant_field_circulation as lemma3
from theory.arora2018_implicit_acceleration import single_output_rule
from theory.arora2018_implicit_acceleration.notation import PAPER

VARIATION = sp.Symbol("V", nonnegative=True)
SLOPE = sp.Symbol("M", positive=True)


def at_most(power: sp.Expr) -> Claim:
    """Return the claim that where F has a potential V <= 2 M R (r/R)^power for every r < R."""
    return Claim(
        "If F is a gradient then the loss varies on no sphere: V <= 2 M R (r/R)^(1-2/N) for every r.",
        sp.Le(VARIATION, 2 * SLOPE * OUTER * (NORM / OUTER) ** power, evaluate=False),
        ("d >= 2", "L is continuously differentiable on the ball", "F is the gradient of a function off 0"),
        {
            VARIATION: "difference of L between two points of the sphere of radius R",
            SLOPE: "maximum of |grad L| on the ball",
            NORM: "any radius below R",
            OUTER: "radius of the sphere",
            DEPTH: "number of layers",
        },
    )


CLAIM = at_most(1 - 2 / DEPTH)


def derive(claim: Claim) -> Derivation:
    """Compare two rays."""
    a, r, R = 2 - 2 / DEPTH, NORM, OUTER
    D, h = VARIATION * (r / R) ** (2 / DEPTH), sp.Function("h")(NORM)
    rule = single_output_rule
    claim2 = by("single_output_rule", rule.derive(rule.CLAIM), rule.CLAIM.formula)
    ray = show_equal(
        "two rays: the difference D of L obeys (r^a D)' = N r^a D', solved by D = V (r/R)^{2/N}",
        sp.diff(r**a * D, r),
        DEPTH * r**a * sp.diff(D, r),
    )
    end = show_equal("... with D(R) = V", sp.Subs(D, r, R), VARIATION)
    lipschitz = infer("|D(r)| <= 2 M r: both rays start at 0, and along each |dL/dr| <= |grad L| <= M")
    bound = 2 * SLOPE * r * (R / r) ** (2 / DEPTH)
    solved = infer("V = D(r) (R/r)^{2/N} <= 2 M r (R/r)^{2/N}", sp.Le(VARIATION, bound), from_=[ray, end])
    return Derivation(
        (
            assume("F = grad Phi off 0, d >= 2: spheres are connected"),
            claim2,
            infer("along a sphere <F, v> = r^a <grad L, v>: Phi = r^a L + m(r)", from_=[claim2]),
            infer("along a ray dPhi/dr = N r^a dL/dr; for two rays m drops out", from_=[claim2]),
            ray,
            end,
            infer("a linear equation of first order has no other solution with D(R) = V", from_=[ray, end]),
            lipschitz,
            solved,
            show_equal(
                "conversely L = h(|w|): F is radial, N r^a h', and its integral in r a potential",
                r**a * (sp.diff(h, r) + (DEPTH - 1) * sp.diff(h, r)),
                DEPTH * r**a * sp.diff(h, r),
            ),
            chain("in units of R", claim.formula, bound, from_=[ray, end, solved]),
        )
    )


def example(kind: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return N, V and |circulation| beyond its error bar for a loss in the plane with |grad L| <= 3/2, R = 1.

    kind 0: |w|^2/2, N = 3; 1: <u, w>, N = 2; 2: |w|^2/2 + <u, w>/2, N = 2; 3: <u, w>, N = 3.
    """
    u = rng.standard_normal(2)
    u /= np.linalg.norm(u)
    depth, radial, linear = ((3.0, 1.0, 0.0), (2.0, 0.0, 1.0), (2.0, 1.0, 0.5), (3.0, 0.0, 1.0))[kind]
    turn = lemma3.random_plane(rng, 2, u + 0.3 * np.array([-u[1], u[0]]))
    observed, bar = lemma3.circulation(lambda w: linear * u + radial * w, turn, 0.5, 1.0, depth)
    return depth, 2.0 * linear, max(abs(observed) - 4.0 * bar, 0.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Where the line integral vanishes (radial, or N = 2 and linear) hold V against the bound at small r."""
    rng = np.random.default_rng(seed)
    wrong, said = "", []
    for kind, name in enumerate(("radial, N = 3", "linear, N = 2", "radial + linear, N = 2", "linear, N = 3")):
        depth, variation, integral = example(kind, rng)
        bound = float(claim.bound({SLOPE: 1.5, NORM: 1e-6, OUTER: 1.0, DEPTH: depth}))
        conservative = integral == 0.0
        said.append(f"{name}: V = {variation:.3f}, {'no' if conservative else 'a'} circulation")
        if conservative and variation > bound + 1e-9:
            wrong = wrong or f"{name}: F has a potential but V = {variation:.3f} > {bound:.3g} at r = 1e-6"
    return Evidence.measured(
        claim,
        "; ".join(said),
        contradicted=bool(wrong),
        error_bar="four times the quadrature's own (two numbers of nodes)",
        cases=4,
        seed=seed,
        detail=wrong,
    )


def domain() -> st.SearchStrategy[tuple[int, int]]:
    """One of the losses above and the direction's seed."""
    return st.tuples(st.sampled_from([0, 1, 2, 3]), st.integers(0, 10**6))


def holds(claim: Claim, case: tuple[int, int]) -> bool:
    """Check the bound wherever the closed curve finds no circulation."""
    depth, variation, integral = example(case[0], np.random.default_rng(case[1]))
    bound = float(claim.bound({SLOPE: 1.5, NORM: 1e-6, OUTER: 1.0, DEPTH: depth}))
    return integral > 0.0 or variation <= bound + 1e-9


FALSE_TWINS = (
    FalseTwin("radial for N = 2 as well", {"claim": at_most(1 - 1 / DEPTH)}),
    FalseTwin("radial for every N, at the rate r", {"claim": at_most(sp.Integer(1))}),
)

THEOREM = Theorem(
    name="potential_iff_radial",
    source=Source(PAPER, "Theorem 2", "sharp: if and only if the loss is radial"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("no_regulariser", "regulariser_assumptions_printed", "two_layer_potentials"),
)
