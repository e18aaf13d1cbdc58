r"""Section 5.2: with the pseudo-inverse, per-neuron Newton's kernel is at least (m/n) H.

Assumptions
-----------
Two-layer ReLU network, |x_i| <= 1, a_r = +-1, any width, any pattern. P_r = J_r (J_r^T J_r)^+ J_r^T, H = sum_r J_r
J_r^T.

Source
------
Bu, Xu and Chen (2021), section 5.2: Delta' = -sum_r P_r Delta converges with the factor lambda_0 m/n.

Idea of the proof
-----------------
In the singular basis of J_r the matrix J_r J_r^T is diag(sigma^2) and P_r is diag(1{sigma > 0}). Each sigma^2 is at
most the trace, which is at most n/m. So P_r >= (m/n) J_r J_r^T; sum over the neurons. On unit vectors this bounds
lambda_min(sum_r P_r) below by (m/n) lambda_min(H).

Deviations from the paper
-------------------------
The inverse is replaced by the pseudo-inverse (`newton_inverse_printed`); the rate is that of Delta, and of the loss
twice that. The bound is loose by 5 to 20. The factor m/n is a rescaling of time: as an algorithm the step has to be
shortened by a factor of order m (`newton_iteration_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.experiments import random_network
from odeflow.panels import by_case
from odeflow.strategies import NetworkCase, network_cases
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["THEOREM", "kernels"]

KERNEL_FORM = sp.Symbol("<v, H v>", nonnegative=True)
NEWTON_FORM = sp.Symbol("<v, sum_r P_r v>", nonnegative=True)
SAMPLES, WIDTH = sp.symbols("n m", positive=True)


def at_least(factor: sp.Expr) -> Claim:
    """Return the claim factor <v, H v> <= <v, sum_r P_r v>."""
    return Claim(
        "The kernel of per-neuron Newton (with the pseudo-inverse) is at least (m/n) times that of gradient flow.",
        sp.Le(factor * KERNEL_FORM, NEWTON_FORM, evaluate=False),
        ("|x_i| <= 1, a_r = +-1", "P_r is the orthogonal projector onto the range of J_r"),
        {
            KERNEL_FORM: "kernel of gradient flow",
            NEWTON_FORM: "kernel of Newton's flow",
            SAMPLES: "samples",
            WIDTH: "width",
        },
    )


CLAIM = at_least(WIDTH / SAMPLES)


def derive(claim: Claim) -> Derivation:
    """Compare both forms on every singular direction of one neuron."""
    sigma = sp.Symbol("sigma", positive=True)
    rest, slack = sp.symbols("rest slack", nonnegative=True)
    trace = sigma**2 + rest
    lift = sigma * sigma**-2 * sigma  # J (J^T J)^+ J^T on a pair of singular vectors
    return Derivation(
        (
            assume(
                "tr(J_r J_r^T) = sum_i D_ri |x_i|^2/m <= n/m, so n/m = sigma^2 + rest + slack for each singular value"
            ),
            define(
                "J_r = U diag(sigma) V^T; v = sum of c_k u_k over the left singular vectors, those with sigma = 0 too"
            ),
            show_equal("P_r u = u where sigma > 0", lift, sp.Integer(1), name="factor of u in P_r u"),
            infer(
                "where sigma = 0 both forms vanish; both are diagonal in u_k, and sums over k and r keep the inequality"
            ),
            show_with(
                "on each singular direction with sigma > 0",
                claim.formula,
                {KERNEL_FORM: sigma**2, NEWTON_FORM: lift, WIDTH: SAMPLES / (trace + slack)},
            ),
        )
    )


def kernels(case: NetworkCase) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
    """Return H and sum_r P_r of a network."""
    n, m = case.y.size, case.a.size
    H, S = np.zeros((n, n)), np.zeros((n, n))
    for w, sign in zip(case.W, case.a, strict=True):
        J = sign * (case.X @ w > 0)[:, None] * case.X / np.sqrt(m)
        H += J @ J.T
        S += J @ np.linalg.pinv(J, rcond=1e-10)
    return H, S


def excess(claim: Claim, case: NetworkCase) -> float:
    """Return the smallest eigenvalue of sum_r P_r - factor H, over the width."""
    H, S = kernels(case)
    sizes = {SAMPLES: case.y.size, WIDTH: case.a.size}
    factor = float((claim.formula.lhs / KERNEL_FORM).subs(sizes))
    return float(np.linalg.eigvalsh(S - factor * H)[0]) / case.a.size


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the two kernels on three networks, and on one whose samples coincide, where the bound is attained."""
    said, found = [], list[float]()
    for n, p, m in ((10, 3, 200), (10, 3, 1000), (20, 5, 500)):
        case = random_network(n, p, m, seed=np.random.default_rng((seed, n, m)))
        H, S = kernels(case)
        gain = np.linalg.eigvalsh(S)[0] / (m / n * np.linalg.eigvalsh(H)[0])
        found.append(excess(claim, case))
        said.append(f"{gain:.1f}")
    tight = NetworkCase(np.ones((3, 1)), np.zeros(3), np.ones((4, 1)), np.ones(4))
    found.append(excess(claim, tight))
    worst = min(found)
    return Evidence.measured(
        claim,
        f"smallest excess {worst:.2g} (equal samples); true rate over the bound {', '.join(said)}",
        contradicted=worst < -1e-10,
        error_bar="1e-10 (rounding)",
        cases=4,
        seed=seed,
        detail=f"smallest eigenvalue of the excess, over m: {worst:.3g}",
        picture=by_case(
            found,
            0.0,
            title="Newton's kernel is at least the claimed multiple of H",
            ylabel="smallest eigenvalue of the excess / m",
            limit_label="claimed: at least",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small two-layer networks."""
    return network_cases()


def holds(claim: Claim, case: NetworkCase) -> bool:
    """Compare the two kernels of one network."""
    return excess(claim, case) >= -1e-9


FALSE_TWINS = (
    FalseTwin("twice the factor", {"claim": at_least(2 * WIDTH / SAMPLES)}),
    FalseTwin("m instead of m/n", {"claim": at_least(WIDTH)}),
)

THEOREM = Theorem(
    name="newton_rate",
    source=Source(PAPER, "Section 5.2, convergence factor lambda_0 m/n", "with the pseudo-inverse; the rate of Delta"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("newton_hessian", "newton_inverse_printed", "newton_iteration_printed"),
)
