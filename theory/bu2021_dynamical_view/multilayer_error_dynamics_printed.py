r"""Section 5.3 as printed: several layers trained by heavy ball still obey Delta'' + b Delta' + H Delta = 0. Refuted.

Assumptions
-----------
The smallest network with two trained layers, f = a w on the sample x = 1; no kink anywhere, so flips play no part.

Source
------
Bu, Xu and Chen (2021), section 5.3: "Similar to (2.2)-(2.4), we again have the HB and NAG limiting ODEs".

Idea of the refutation
----------------------
f'' = a'' w + a w'' + 2 a' w': the mixed second derivative of f in two layers is not zero. Exactly Delta'' + b Delta' +
(a^2 + w^2) Delta = 2 a' w'. From rest the residual starts like 2 Delta(0)^2 a(0) w(0) t^2, so its second derivative at
t = 0 is 4 Delta(0)^2 a(0) w(0); with Nesterov's damping gamma/t it is that over (1 + gamma)^2.

Deviations from the paper
-------------------------
For gradient flow the statement is exact (`multilayer_gradient_flow`). The cross term dies out with the width
(`multilayer_cross_term`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.codegen import compile_field
from odeflow.numeric.integrate import integrate
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER, T

__all__ = ["THEOREM"]

BEND = sp.Symbol("rho''(0)", real=True)
ERROR_0, OUTER_0, INNER_0 = sp.symbols("Delta(0) a(0) w(0)", real=True)
WHERE = {
    BEND: "second derivative at t = 0 of rho = Delta'' + b Delta' + H Delta, from rest",
    OUTER_0: "second layer at t = 0",
    INNER_0: "first layer at t = 0",
}


def bends_by(value: sp.Expr) -> Claim:
    """Return the claim about the residual of the printed error dynamics."""
    return Claim(
        "With several layers trained by heavy ball the residual of the error dynamics vanishes identically.",
        equate(BEND, value),
        ("all layers trained from rest", "smooth network, square loss"),
        WHERE,
    )


CLAIM = bends_by(sp.Integer(0))
TRUE_BEND = 4 * ERROR_0**2 * OUTER_0 * INNER_0
CORRECTED = bends_by(TRUE_BEND)


def counterexample(claim: Claim) -> Derivation:
    """f = a w with a(0) = w(0) = 1, y = 0."""
    a, w, b = (sp.Function(name)(T) for name in ("a", "w", "b"))
    y = sp.Symbol("y", real=True)
    first = {function: sp.Symbol(f"{function.func.__name__}1") for function in (a, w)}
    error = a * w - y
    forces = {sp.diff(a, T, 2): -b * sp.diff(a, T) - error * w, sp.diff(w, T, 2): -b * sp.diff(w, T) - error * a}
    residual = sp.expand((sp.diff(error, T, 2) + b * sp.diff(error, T) + (a**2 + w**2) * error).xreplace(forces))
    cross = 2 * sp.diff(a, T) * sp.diff(w, T)
    speeds = {sp.diff(f, T): first[f] for f in first}
    start = {sp.diff(a, T, 2): -error * w, sp.diff(w, T, 2): -error * a}  # accelerations at rest, constant damping
    bend = sp.diff(cross, T, 2).xreplace(start).xreplace(speeds).xreplace({s: sp.Integer(0) for s in first.values()})
    values = {a: sp.Integer(1), w: sp.Integer(1), y: sp.Integer(0)}
    instance = {
        BEND: sp.expand(bend.xreplace(values)),
        ERROR_0: sp.Integer(1),
        OUTER_0: sp.Integer(1),
        INNER_0: sp.Integer(1),
    }
    slow = sp.Symbol("gamma", positive=True)
    return Derivation(
        (
            assume("f = a w, a'' + b(t) a' + Delta w = 0, w'' + b(t) w' + Delta a = 0"),
            show_equal(
                "H = (df/da)^2 + (df/dw)^2",
                sp.diff(error, a) ** 2 + sp.diff(error, w) ** 2,
                a**2 + w**2,
                name="(df/da)^2 + (df/dw)^2",
            ),
            show_equal("the residual is 2 a' w', for any damping b(t)", residual, cross, name="residual"),
            show_equal(
                "heavy ball, from rest: its second derivative at t = 0 is 4 Delta^2 a w", bend, 4 * error**2 * a * w
            ),
            infer("Nesterov: x'' (1 + gamma) = -force at t = 0, so both accelerations carry 1/(1 + gamma)"),
            show_equal(
                "and the second derivative is 4 Delta^2 a w/(1 + gamma)^2, not zero either",
                2 * 2 * (-error * w / (1 + slow)) * (-error * a / (1 + slow)),
                4 * error**2 * a * w / (1 + slow) ** 2,
            ),
            show_violated("a(0) = w(0) = 1, y = 0", claim.formula, instance),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate f = a w with b = 1 and estimate the residual's second derivative at t = 0."""
    a, w, da, dw = sp.symbols("a w da dw", real=True)
    field = compile_field([da, dw, -da - a * w * w, -dw - a * w * a], [a, w, da, dw], time=T, parameters=[])
    times = np.array([0.0, 0.01, 0.02, 0.04])
    states = integrate(field, np.array([1.0, 1.0, 0.0, 0.0]), times, rtol=1e-11, atol=1e-13).states
    rough = 2 * (2 * states[1:, 2] * states[1:, 3]) / times[1:] ** 2  # rho = t^2 bend/2 + O(t^3)
    bend, coarse = float(2 * rough[0] - rough[1]), float(2 * rough[1] - rough[2])
    claimed = float(claim.formula.rhs.subs({ERROR_0: 1, OUTER_0: 1, INNER_0: 1}))
    bar = abs(bend - coarse)
    return Evidence.measured(
        claim,
        f"rho''(0) = {bend:.4f}",
        contradicted=abs(bend - claimed) > bar,
        error_bar=f"{bar:.2g} (extrapolation from two pairs of times)",
        detail=f"rho''(0) = {bend:.3f}, claimed {claimed:.3f}",
    )


FALSE_TWINS = (
    FalseTwin("half the cross term", {"claim": bends_by(TRUE_BEND / 2)}),
    FalseTwin("the cross term with the wrong sign", {"claim": bends_by(-TRUE_BEND)}),
)

THEOREM = Theorem(
    name="multilayer_error_dynamics_printed",
    source=Source(PAPER, "Section 5.3, HB and NAG limiting ODEs", "as printed; the cross term is missing"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("multilayer_gradient_flow", "multilayer_cross_term", "activation_flips_printed"),
)
