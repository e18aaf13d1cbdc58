r"""What replaces (8) without (7): the exact law of W_e for N = 2, one output and one hidden neuron.

Assumptions
-----------
W_e = w_2 w_1 with a scalar w_2 and a row w_1, W_e not 0; gradient flow without weight decay; any start.

Source
------
Corrects Arora, Cohen and Hazan (2018), Theorem 1 and section 5 for weights that do not satisfy (7).

Idea of the proof
-----------------
delta = w_2^2 - |w_1|^2 is conserved and |W_e|^2 = w_2^2 |w_1|^2, so w_2^2 and |w_1|^2 are functions of |W_e|:
(+-delta + sqrt(delta^2 + 4 |W_e|^2))/2. The product rule gives W_e' = -eta (w_2^2 G + |w_1|^2 Pr_W G).

Deviations from the paper
-------------------------
New. For delta = 0 it is (12) with N = 2. The coefficients differ from those of (12) by delta/2 + O(delta^2): as long as
|W_e| is not larger than delta, that is near zero, the two rules are different ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.deep_linear import STEP
from odeflow.symbolic.derivations import Derivation, Kind, Step, assume, define, equate, show_equal
from odeflow.symbolic.inner_products import Base, Vector, Word, inner, linear_in_words, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import field_path, layer_path, power_loss_gradient, product
from theory.arora2018_implicit_acceleration.notation import PAPER

SECOND = sp.Symbol("w_2", real=True, nonzero=True)
DELTA = sp.Symbol("delta", real=True)
W, G, FIRST = Vector.base("W"), Vector.base("G"), Vector.base("w_1")
MOVED = Word((), Base("W", 1))
ROOT = sp.sqrt(DELTA**2 + 4 * norm2(W))


def moves_with(free: sp.Expr, radial: sp.Expr) -> Claim:
    """Return the claim W' = -eta (free G + radial Pr_W G)."""
    right = -STEP * (free * G + radial * inner(W, G) / norm2(W) * W).as_expr()
    return Claim(
        "Without balance W_e' = -eta ((delta + s)/2 G + (s - delta)/2 Pr_W G), s = sqrt(delta^2 + 4 |W_e|^2).",
        equate(MOVED, right),
        ("N = 2, one output, one hidden neuron", "lambda = 0", "W_e not 0"),
        {DELTA: "w_2^2 - |w_1|^2, conserved", STEP: "learning rate"},
    )


CLAIM = moves_with((DELTA + ROOT) / 2, (ROOT - DELTA) / 2)


def derive(claim: Claim) -> Derivation:
    """Eliminate the layers, in every dimension."""
    size = norm2(FIRST)
    first_rate, second_rate = -STEP * SECOND * G, -STEP * inner(G, FIRST)
    conserved = 2 * SECOND * second_rate - 2 * inner(FIRST, first_rate)
    moved = second_rate * FIRST + SECOND * first_rate
    return Derivation(
        (
            assume("W_e = w_2 w_1, w_1' = -eta w_2 G, w_2' = -eta <G, w_1>"),
            show_equal("delta = w_2^2 - |w_1|^2 is conserved", conserved, sp.Integer(0), name="(w_2^2 - |w_1|^2)'"),
            define("|W_e|^2 = w_2^2 |w_1|^2", equate(norm2(W), SECOND**2 * size)),
            show_equal(
                "so w_2^2 + |w_1|^2, which is positive, has the square delta^2 + 4 |W_e|^2",
                (SECOND**2 + size) ** 2,
                (SECOND**2 - size) ** 2 + 4 * SECOND**2 * size,
            ),
            concluded(claim, moved),
        )
    )


def concluded(claim: Claim, moved: Vector) -> Step:
    """Put the layers into the claim and compare coefficients of G and w_1."""
    size = norm2(FIRST)
    known = {
        ROOT: SECOND**2 + size,
        DELTA: SECOND**2 - size,
        norm2(W): SECOND**2 * size,
        inner(W, G): SECOND * inner(FIRST, G),
        Word((), Base("W")): SECOND * Word((), Base("w_1")),
    }
    right = claim.formula.rhs.xreplace({ROOT: known.pop(ROOT)}).xreplace(known)
    rest = linear_in_words(sp.expand(right - moved.as_expr()))
    left_over = {word: sp.factor(c) for word, c in rest.items() if sp.cancel(sp.together(c)) != 0}
    status = Status.UNDECIDED if left_over else Status.HOLDS
    decision = Decision(status, "linear algebra in symbolic dimension", f"left over: {left_over}" if left_over else "")
    return Step("product rule, the layers eliminated", claim.formula, Kind.COMPUTED, decision)


def claimed_field(claim: Claim, gradient: Any, delta: float) -> Any:
    """Return the claimed W' as a function of W, eta = 1."""
    coefficients = linear_in_words(claim.formula.rhs.xreplace({STEP: sp.Integer(1)}))
    names = sp.symbols("x y", real=True)
    atoms = {norm2(W): names[0], inner(W, G): names[1], DELTA: sp.Float(delta)}
    free, radial = (
        sp.lambdify(names, coefficients.get(Word((), Base(b)), sp.Integer(0)).xreplace(atoms), "math") for b in "GW"
    )

    def field(row: np.ndarray) -> np.ndarray:
        slope = gradient(row)
        x, y = float((row**2).sum()), float((row * slope).sum())
        return np.asarray(free(x, y) * slope + radial(x, y) * row)

    return field


def gap(claim: Claim, d: int, power: int, scale: float, seed: int) -> float:
    """Return the distance of network and claimed law at t = 1, relative to the way they went."""
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((d, 6)), rng.standard_normal((1, 6))
    gradient = power_loss_gradient(X, Y, power)
    layers = (0.5 * scale * rng.standard_normal((1, d)), np.array([[0.8 * scale]]))
    start, times = product(layers), (0.0, 1.0)
    delta = float((layers[1] ** 2).sum() - (layers[0] ** 2).sum())
    network = product(layer_path(layers, gradient, times)[-1])
    law = field_path(claimed_field(claim, gradient, delta), start, times)[-1]
    return float(np.linalg.norm(network - law) / np.linalg.norm(network - start))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Move unbalanced layers and, apart from them, the claimed law."""
    cases = ((1, 2, 1.0), (3, 2, 0.1), (3, 4, 1.0), (5, 4, 0.3))
    found = [gap(claim, d, power, scale, 10 * seed + i) for i, (d, power, scale) in enumerate(cases)]
    return Evidence.measured(
        claim,
        f"network and law part by at most {max(found):.2g} of the way",
        contradicted=max(found) > 1e-6,
        error_bar="1e-6 (two integrations at 1e-10)",
        cases=len(cases),
        seed=seed,
        picture=departures(found, 1e-6, title="Unbalanced layers move as claimed", ylabel="distance / way"),
    )


def domain() -> st.SearchStrategy[Any]:
    """w_1, w_2 and G, small integers."""
    row = st.lists(st.integers(-4, 4), min_size=2, max_size=2).filter(any)
    return st.tuples(row, st.integers(1, 4), st.lists(st.integers(-4, 4), min_size=2, max_size=2))


def holds(claim: Claim, case: Any) -> bool:
    """Compare the claimed W' with the product rule, exactly: the root is the integer w_2^2 + |w_1|^2."""
    first, second, slope = (sp.Matrix([v]) if isinstance(v, list) else sp.Integer(v) for v in case)
    row, size = second * first, (first * first.T)[0]
    values = {
        ROOT: second**2 + size, DELTA: second**2 - size, norm2(W): (row * row.T)[0], inner(W, G): (row * slope.T)[0],
        STEP: sp.Integer(1),
    }  # fmt: skip
    words = linear_in_words(claim.formula.rhs.xreplace({ROOT: values.pop(ROOT)}).xreplace(values))
    at = {Word((), Base("G")): slope, Word((), Base("W")): row}
    guess = sum((c * at[word] for word, c in words.items()), sp.zeros(1, first.cols))
    return bool(guess == -(slope * first.T)[0] * first - second**2 * slope)


BALANCED = sp.sqrt(norm2(W))
FALSE_TWINS = (
    FalseTwin(
        "(12) in spite of the imbalance", {"claim": moves_with(BALANCED, BALANCED), "domain": None, "holds": None}
    ),
    FalseTwin("delta with the other sign", {"claim": moves_with((ROOT - DELTA) / 2, (DELTA + ROOT) / 2)}),
)

THEOREM = Theorem(
    name="unbalanced_dynamics",
    source=Source(PAPER, "Theorem 1 without (7)", "exact for N = 2, k = 1"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("near_zero_printed", "unbalanced_time_shift", "end_to_end_dynamics"),
)
