r"""Where the weights are, exactly: w_r(t) - w_r(0) = J_r^T H^{-1} (Delta(t) - Delta(0)) for a frozen kernel.

Assumptions
-----------
f is linear in the weights (J constant), H = J J^T nonsingular. Any optimiser that moves the weights inside
W(0) + range(J^T): every flow and every method of the paper, started at rest, continuous or discrete.

Source
------
Not in Bu, Xu and Chen (2021); it replaces the integrals of their Lemmas 3.3 and 4.1 (second parts) in world K.

Idea of the proof
-----------------
Weights moved by J^T c move the errors by J J^T c = H c. So c = H^{-1} (Delta(t) - Delta(0)), whatever the path was.

Deviations from the paper
-------------------------
The paper bounds |w_r(t) - w_r(0)| by integrating |w_r'|, hence needs an integrable loss, hence gamma > 6 for Nesterov.
Here no integral appears: the distance is known as soon as the error is (`weight_oracle_distance`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.strategies import integer_matrices
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Derivation, Kind, Step, assume, define, equate, infer, show_equal_vectors
from odeflow.symbolic.inner_products import Base, Operator, Vector, evaluate_at, linear_in_words
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

JACOBIAN = Operator("J")
INVERSE = Operator("H^{-1}", symmetric=True)
MOVED = Vector.base("theta_moved")
ERROR_MOVED = Vector.base("Delta_moved")
COEFFICIENT = Vector.base("c")


def moves_by(vector: Vector) -> Claim:
    """Return the claim that the weights move by `vector`."""
    return Claim(
        "With a frozen kernel the weights have moved by J^T H^{-1} (Delta(t) - Delta(0)), whatever the optimiser.",
        equate(MOVED.as_expr(), vector.as_expr()),
        ("J is constant and H = J J^T nonsingular", "the weights stay in W(0) + range(J^T)"),
        {
            MOVED.as_expr(): "all weights at t minus all weights at 0; block r is w_r(t) - w_r(0)",
            ERROR_MOVED.as_expr(): "Delta(t) - Delta(0)",
        },
    )


CLAIM = moves_by(JACOBIAN.T @ (INVERSE @ ERROR_MOVED))


def substituted(expression: sp.Expr, moved: Vector) -> Vector:
    """Put theta_moved = `moved` and Delta_moved = J `moved` into an expression in words and cancel H^{-1} J J^T."""
    values = {Base("theta_moved"): moved, Base("Delta_moved"): JACOBIAN @ moved}
    total = Vector()
    for atom, coefficient in linear_in_words(expression).items():
        image = values[atom.base]
        for operator in reversed(atom.word):
            image = operator @ image
        total = total + coefficient * image
    terms = Vector()
    for (word, base), coefficient in total.terms.items():
        terms = terms + Vector({(_cancelled(word), base): coefficient})
    return terms


def _cancelled(word: tuple[Operator, ...]) -> tuple[Operator, ...]:
    """Remove H^{-1} J J^T, the identity, from a word."""
    identity = (INVERSE, JACOBIAN, JACOBIAN.T)
    for start in range(len(word) - 2):
        if word[start : start + 3] == identity:
            return _cancelled(word[:start] + word[start + 3 :])
    return word


def derive(claim: Claim) -> Derivation:
    """Write the movement as J^T c and cancel H^{-1} J J^T, in symbolic dimension."""
    gap = substituted(claim.formula.lhs - claim.formula.rhs, JACOBIAN.T @ COEFFICIENT)
    found = Decision(
        Status.HOLDS if gap.is_zero else Status.FAILS,
        "linear algebra in symbolic dimension",
        "both sides are J^T c" if gap.is_zero else f"left over: {gap}",
    )
    return Derivation(
        (
            assume("J is constant, H = J J^T nonsingular"),
            infer("forces J^T Delta, velocities and momenta from rest stay in range(J^T), so theta_moved = J^T c"),
            define("f is linear in the weights, so Delta_moved = J theta_moved"),
            show_equal_vectors(
                "hence c = H^{-1} Delta_moved",
                substituted((INVERSE @ ERROR_MOVED).as_expr(), JACOBIAN.T @ COEFFICIENT),
                COEFFICIENT,
                name="H^{-1} Delta_moved",
            ),
            Step("put J^T c into the claim", claim.formula, Kind.COMPUTED, found),
        )
    )


def followed(J: Any, start: Any, target: Any, method: str, steps: int) -> tuple[Any, Any]:
    """Run a discrete method on the weights of f = J theta; return the weights' path and the errors' path."""
    learning_rate, path, previous = 0.5 / float(np.linalg.norm(J, 2)) ** 2, [start], start
    for k in range(1, steps + 1):
        now = path[-1]
        momentum = {"gradient descent": 0.0, "heavy ball": 0.8, "Nesterov": (k - 1) / (k + 2)}[method]
        point = now + momentum * (now - previous) if method == "Nesterov" else now
        path.append(now + momentum * (now - previous) - learning_rate * J.T @ (J @ point - target))
        previous = now
    weights = np.array(path)
    return weights, weights @ J.T - target


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run three discrete methods on linear networks and compare the weights with the claim, at every step."""
    rng = np.random.default_rng(seed)
    worst, cases, conditioning, moved, claimed = 0.0, 0, 0.0, {}, {}
    for method in ("gradient descent", "heavy ball", "Nesterov"):
        J, target, start = rng.standard_normal((4, 12)), rng.standard_normal(4), rng.standard_normal(12)
        weights, errors = followed(J, start, target, method, 60)
        predicted = _evaluated(claim, J, (errors - errors[0]).T).T
        worst = max(worst, float(np.abs(weights - start - predicted).max()))
        moved[method] = np.linalg.norm(weights - start, axis=1)
        claimed[method] = np.broadcast_to(np.linalg.norm(predicted, axis=-1), moved[method].shape)
        conditioning = max(conditioning, float(np.linalg.cond(J @ J.T)))
        cases += weights.shape[0]
    bar = 1e-14 * conditioning
    return Evidence.measured(
        claim,
        f"weights of three discrete methods differ from the claim by {worst:.2g}",
        contradicted=worst > 10 * bar,
        error_bar=f"{bar:.2g} (1e-14 x condition number of H)",
        cases=cases,
        seed=seed,
        detail=f"largest difference {worst:.3g}",
        picture=along(
            np.arange(61.0),
            moved,
            claimed,
            title="The errors tell how far the weights have moved",
            xlabel="steps",
            ylabel="|theta - theta(0)|",
        ),
    )


def _evaluated(claim: Claim, J: Any, error_moved: Any) -> Any:
    """Evaluate the claimed movement in floats, column by column."""
    operators = {"J": J, "H^{-1}": np.linalg.inv(J @ J.T)}
    total: Any = 0.0
    for atom, coefficient in linear_in_words(claim.formula.rhs).items():
        image = error_moved
        for operator in reversed(atom.word):
            image = (operators[operator.name].T if operator.transposed else operators[operator.name]) @ image
        total = total + float(coefficient) * image
    return total


def domain() -> st.SearchStrategy[Any]:
    """Integer J (2 x 4) and an integer c: the weights move by J^T c."""
    return st.tuples(integer_matrices(2, 4), integer_matrices(2, 1)).map(lambda case: (case[0], case[0].T @ case[1]))


def outside_domain() -> st.SearchStrategy[Any]:
    """Integer J and any integer movement of the weights: an initial velocity outside range(J^T)."""
    return st.tuples(integer_matrices(2, 4), integer_matrices(4, 1))


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate the claim on integers and exact inverses; a singular kernel violates the hypothesis."""
    J, moved = (sp.Matrix(part.tolist()) for part in case)
    kernel = J * J.T
    if kernel.det() == 0:
        return True
    bases = {Base("theta_moved"): moved, Base("Delta_moved"): J * moved}
    gap = evaluate_at(claim.formula.lhs - claim.formula.rhs, bases, {"J": J, "H^{-1}": kernel.inv()})
    return bool(gap == sp.zeros(*gap.shape))


FALSE_TWINS = (
    FalseTwin("half of the movement", {"claim": moves_by(JACOBIAN.T @ (INVERSE @ ERROR_MOVED) / 2)}),
    FalseTwin("H^{-1} twice", {"claim": moves_by(JACOBIAN.T @ (INVERSE @ (INVERSE @ ERROR_MOVED)))}),
    FalseTwin("an initial velocity outside range(J^T)", {"derive": None, "simulate": None, "domain": outside_domain}),
)

THEOREM = Theorem(
    name="weight_oracle",
    source=Source(PAPER, "Lemmas 3.3 and 4.1 (second parts)", "an exact formula in place of their integrals"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weight_oracle_distance", "weight_distance", "weight_distance_printed_constant"),
)
