r"""At a minimum where G = 0 depth changes the curvature from H to P H: the non-zero eigenvalues agree.

Assumptions
-----------
Layers with dL/dW = 0 at W_e, L twice differentiable with Hessian H there; J = d vec(W_e)/d(layers), P = J J^T. Any N,
any widths, balanced or not.

Source
------
Beside Arora, Cohen and Hazan (2018), equation (11): what the preconditioner does to the local conditioning.

Idea of the proof
-----------------
Where G = 0 the second derivatives of the product do not count, so the Hessian in the layers is J^T H J. If
J^T H J x = mu x with mu != 0 then y = J x is not 0 and P H y = J (J^T H J x) = mu y.

Deviations from the paper
-------------------------
New. The local condition number of gradient descent on the layers is that of P H.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.deep_linear_words import Letter, show_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import layer_rates, product, unbalanced_layers
from theory.arora2018_implicit_acceleration.notation import PAPER

JACOBIAN, HESSIAN = Letter("J", "kd", "m"), Letter("H", "kd", "kd", symmetric=True)
VECTOR, IMAGE, EIGENVALUE = Letter("x", "m", 1), Letter("y", "kd", 1), Letter("mu", 1, 1, symmetric=True)
SMALL, AGREE = 1e-5, 1e-6


def eigenvalues_are(factor: int) -> Claim:
    """Return the claim that `factor` mu is an eigenvalue of P H for every non-zero eigenvalue mu of J^T H J."""
    return Claim(
        "At a minimum with dL/dW = 0 the non-zero eigenvalues of the Hessian in the layers are those of P H.",
        equate(JACOBIAN * JACOBIAN.T * HESSIAN * IMAGE, factor * IMAGE * EIGENVALUE),
        ("dL/dW = 0 at W_e", "mu is a non-zero eigenvalue of J^T H J, x its eigenvector"),
        {
            JACOBIAN: "d vec(W_e)/d(layers)",
            HESSIAN: "Hessian of L at W_e",
            IMAGE: "J x",
            EIGENVALUE: "eigenvalue, 1 x 1",
        },
    )


CLAIM = eigenvalues_are(1)


def derive(claim: Claim) -> Derivation:
    """Carry an eigenvector through J, in every dimension."""
    return Derivation(
        (
            assume(
                "dL/dW = 0 at W_e; J^T H J x = mu x, mu not 0",
                equate(JACOBIAN.T * HESSIAN * JACOBIAN * VECTOR, VECTOR * EIGENVALUE),
            ),
            infer("second derivative along a path of layers: <J v, H J v> + <G, second derivative of W_e>, and G = 0"),
            define("y = J x, not 0 as J^T H y = mu x is not", equate(IMAGE, JACOBIAN * VECTOR)),
            show_matrices(
                "conversely P H y = mu y makes x = J^T H y, not 0 as J x = mu y is not, an eigenvector of J^T H J",
                equate(JACOBIAN.T * HESSIAN * JACOBIAN * VECTOR, VECTOR * EIGENVALUE),
                {VECTOR: JACOBIAN.T * HESSIAN * IMAGE},
                rules=[(JACOBIAN * JACOBIAN.T * HESSIAN * IMAGE, IMAGE * EIGENVALUE)],
            ),
            show_matrices(
                "so y is an eigenvector of P H",
                claim.formula,
                {IMAGE: JACOBIAN * VECTOR},
                rules=[(JACOBIAN.T * HESSIAN * JACOBIAN * VECTOR, VECTOR * EIGENVALUE)],
            ),
        )
    )


def gap(claim: Claim, widths: tuple[int, ...], seed: int) -> float:
    """Return the largest relative gap of claimed and true eigenvalues, for l_2 regression at its minimum."""
    rng = np.random.default_rng(seed)
    layers = unbalanced_layers(widths, 1.0, rng)
    X, target = rng.standard_normal((widths[0], 8)), product(layers)
    ends = np.cumsum([W.size for W in layers])[:-1]

    def split(flat: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(p.reshape(W.shape) for p, W in zip(np.split(flat, ends), layers, strict=True))

    def slope(flat: np.ndarray) -> np.ndarray:
        return -np.concatenate([r.ravel() for r in layer_rates(split(flat), lambda W: (W - target) @ X @ X.T)])

    at = np.concatenate([W.ravel() for W in layers])
    unit = SMALL * np.eye(at.size)
    curvature = np.array([(slope(at + e) - slope(at - e)) / (2 * SMALL) for e in unit])
    J = np.array([(product(split(at + e)) - product(split(at - e))).ravel() / (2 * SMALL) for e in unit]).T
    H = np.kron(np.eye(widths[-1]), X @ X.T)  # row-first vec
    true = np.sort(np.linalg.eigvals(J @ J.T @ H).real)[::-1]
    found = np.sort(np.linalg.eigvalsh(0.5 * (curvature + curvature.T)))[::-1]
    factor = float((claim.formula.rhs).as_coeff_Mul()[0])
    count = int((true > 1e-6 * true[0]).sum())
    return float(
        np.abs(factor * found[:count] - true[:count]).max() / true[0]
        + max(0.0, found[count:].max(initial=0.0)) / true[0]
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate the layers' gradient at minima of l_2 regression, three unbalanced networks."""
    shapes = ((2, 2, 2), (3, 2, 2), (2, 3, 2, 2))
    gaps = [gap(claim, widths, 10 * seed + i) for i, widths in enumerate(shapes)]
    worst = max(gaps)
    return Evidence.measured(
        claim,
        f"eigenvalues depart from the claim by at most {worst:.2g} of the largest",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (difference quotients)",
        cases=len(shapes),
        seed=seed,
        picture=departures(
            gaps,
            AGREE,
            title="The Hessian at a minimum has the claimed eigenvalues",
            ylabel="largest departure / largest eigenvalue",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Widths and a seed."""
    return st.tuples(st.lists(st.integers(1, 2), min_size=3, max_size=4).map(tuple), st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one network."""
    return gap(claim, *case) <= AGREE


FALSE_TWINS = (FalseTwin("twice the eigenvalues", {"claim": eigenvalues_are(2)}),)

THEOREM = Theorem(
    name="hessian_at_minimum",
    source=Source(PAPER, "(11), local conditioning", "new"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_is_gram",),
)
