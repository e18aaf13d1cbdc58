r"""The mean gradient kernel at initialisation (linear net): E S = <x, x'> (kappa^{-beta} + beta kappa^{1-beta} l/d).

Assumptions
-----------
sigma = identity, all hidden widths l, Strategy 4.1: W_0 entries N(0, 1/d), the others N(0, 1/(kappa l)); S is the inner
product of the two output gradients.

Source
------
Corrects "Gradient Confusion" (2020), (19)-(21), which claim E S <= 1.

Idea of the proof
-----------------
S = sum_p <H_{p-1}, H_{p-1}'> |g_p|^2, the two factors of a term depend on different matrices, and E[W^T W] is a
multiple of the identity.

Deviations from the paper
-------------------------
The paper takes E[W^T W] for zero ("W_beta has mean 0"). With l = d, kappa = 1 the mean is (beta + 1) <x, x'>.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import IDENTITY, passed
from theory.iclr2020_gradient_confusion._spheres import DIMENSION
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA, WIDTH

MEAN = sp.Symbol("E S", real=True)
PRODUCT = sp.Symbol("<x, x'>", real=True)
DEPTH = sp.Symbol("beta", positive=True, integer=True)


def mean_is(value: sp.Expr) -> Claim:
    """Return the claim E S = value."""
    return Claim(
        "At initialisation the mean inner product of two output gradients of a linear net is known in closed form.",
        equate(MEAN, value),
        ("identity activation, hidden widths l", "Strategy 4.1"),
        {
            MEAN: "mean over the weights of <grad_W g(x), grad_W g(x')>",
            PRODUCT: "inner product of the inputs",
            WIDTH: "hidden width",
            DIMENSION: "input dimension",
            KAPPA: "the initialisation's kappa",
            DEPTH: "depth, at least 1",
        },
    )


CLAIM = mean_is(PRODUCT * (KAPPA ** (-DEPTH) + DEPTH * KAPPA ** (1 - DEPTH) * WIDTH / DIMENSION))


def derive(claim: Claim) -> Derivation:
    """Take means matrix by matrix."""
    p = sp.Symbol("p", positive=True, integer=True)
    forward = PRODUCT * (WIDTH / DIMENSION) * KAPPA ** (1 - p)
    backward = KAPPA ** (p - DEPTH)
    total = PRODUCT * KAPPA ** (-DEPTH) + DEPTH * sp.powsimp(forward * backward)
    return Derivation(
        (
            assume("independent entries of mean 0: N(0, 1/d) in W_0, N(0, 1/(kappa l)) in W_1, ..., W_beta (one row)"),
            infer(
                "E[W^T W] = r v I for r rows of variance v: each entry off the diagonal is a sum of products of mean 0"
            ),
            infer("so E[W_0^T W_0] = (l/d) I, and E[W_p^T W_p] = I/kappa for the square ones"),
            infer("E<H_{p-1}, H_{p-1}'> = <x, x'> (l/d) kappa^{1-p} for p >= 1, <x, x'> for p = 0"),
            infer("E|g_p|^2 = kappa^{p-beta}: |W_beta|^2 has mean 1/kappa, E[W W^T] = I/kappa for the square ones"),
            show_equal(
                "each of the beta terms p >= 1 is the same",
                sp.powsimp(forward * backward),
                PRODUCT * WIDTH / DIMENSION * KAPPA ** (1 - DEPTH),
                name="term p",
            ),
            show_with("sum over p = 0, ..., beta", claim.formula, {MEAN: total}),
        )
    )


def draws(
    rng: np.random.Generator, *, depth: int, width: int, features: int, kappa: float, points: np.ndarray, count: int
) -> np.ndarray:
    """Return `count` draws of S for the two rows of `points`."""
    found = []
    for _ in range(count):
        weights = [rng.standard_normal((width, features)) / np.sqrt(features)]
        weights += [rng.standard_normal((width, width)) / np.sqrt(kappa * width) for _ in range(depth - 1)]
        weights.append(rng.standard_normal((1, width)) / np.sqrt(kappa * width))
        found.append(passed(weights, points, IDENTITY).kernel()[0, 1])
    return np.array(found)


def sampled(
    claim: Claim, seed: int, depth: int, width: int, features: int, kappa: float, count: int
) -> tuple[float, float, float]:
    """Return the claimed mean, the sample's and its standard error."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((2, features)) + 1.0
    sample = draws(rng, depth=depth, width=width, features=features, kappa=kappa, points=points, count=count)
    values = {
        PRODUCT: float(points[0] @ points[1]),
        WIDTH: float(width),
        DIMENSION: float(features),
        KAPPA: kappa,
        DEPTH: float(depth),
    }
    return float(claim.bound(values)), float(sample.mean()), float(sample.std() / np.sqrt(count))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 1500 networks in each of four shapes."""
    shapes = ((1, 5, 3, 1.0), (2, 8, 8, 1.0), (3, 10, 4, 2.0), (4, 12, 6, 0.5))
    claimed, seen, errors = np.array([sampled(claim, 10 * seed + k, *shape, 1500) for k, shape in enumerate(shapes)]).T
    found = np.abs(seen - claimed) / errors
    return Evidence.measured(
        claim,
        f"distances from the sample means {', '.join(f'{f:.2f}' for f in found)} standard errors",
        contradicted=max(found) > 6.0,
        error_bar="6 standard errors",
        cases=6000,
        seed=seed,
        picture=against_claim(
            claimed,
            seen,
            what="E[S]",
            title="Sample means of four shapes are the claimed ones",
            interval=(seen - errors, seen + errors),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed, depth, width, features, kappa."""
    return st.tuples(
        st.integers(0, 2**31),
        st.integers(1, 3),
        st.integers(4, 10),
        st.integers(2, 6),
        st.sampled_from([0.5, 1.0, 2.0]),
    )


def holds(claim: Claim, case: tuple[int, int, int, int, float]) -> bool:
    """Compare with the mean of 150 draws, at 9 standard errors (the law has heavy tails)."""
    claimed, seen, error = sampled(claim, *case, 150)
    return abs(seen - claimed) / error < 9.0


FALSE_TWINS = (
    FalseTwin("the first term only", {"claim": mean_is(PRODUCT * KAPPA ** (-DEPTH))}),
    FalseTwin(
        "one layer less",
        {"claim": mean_is(PRODUCT * DEPTH * KAPPA ** (1 - DEPTH) * WIDTH / DIMENSION)},
    ),
)

THEOREM = Theorem(
    name="initial_kernel_mean",
    source=Source(PAPER, "(19)-(21)", "corrected: the exact mean for linear nets"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("initial_kernel_mean_printed", "initial_kernel_fluctuation"),
)
