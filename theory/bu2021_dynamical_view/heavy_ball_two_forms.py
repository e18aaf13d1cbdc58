r"""Equations (3.1) and (3.2): the two forms of heavy ball are the same method.

Assumptions
-----------
w(1) = w(0) - eta grad L(w(0)), that is v(-1) = 0 in (3.2) and w(-1) = w(0) in (3.1); any loss, any dimension.

Source
------
Bu, Xu and Chen (2021), (3.1), (3.2).

Idea of the proof
-----------------
w(k) - w(k-1) = eta v(k-1), so beta v(k-1) = beta (w(k) - w(k-1))/eta.
"""

from __future__ import annotations

from fractions import Fraction

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Derivation, Kind, Step, assume, define, equate
from odeflow.symbolic.inner_products import Base, Vector, Word, linear_in_words
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_discrete_linear import LEARNING_RATE
from theory.bu2021_dynamical_view.notation import PAPER

MOMENTUM = sp.Symbol("beta", nonnegative=True)
NEXT, NOW, BEFORE, EARLIER = (Vector.base(f"w({k})") for k in ("k+1", "k", "k-1", "k-2"))
GRADIENT = Vector.base("grad L(w(k))")
KICK, LAST_KICK = Vector.base("v(k)"), Vector.base("v(k-1)")


def steps_by(movement: Vector) -> Claim:
    """Return the claim that (3.2) steps from w(k) by `movement`."""
    return Claim(
        "The two forms of heavy ball, (3.1) and (3.2), are the same method.",
        equate(NEXT.as_expr(), (NOW + movement).as_expr()),
        ("any loss, any dimension", "v(-1) = 0, w(-1) = w(0)"),
        {LEARNING_RATE: "learning rate", MOMENTUM: "momentum"},
    )


CLAIM = steps_by(MOMENTUM * (NOW - BEFORE) - LEARNING_RATE * GRADIENT)


def derive(claim: Claim) -> Derivation:
    """Eliminate v from (3.2), in symbolic dimension; w(k) and w(k-2) come from the same relation."""
    kick = MOMENTUM * LAST_KICK - GRADIENT
    known = {"w(k+1)": NOW + LEARNING_RATE * kick, "w(k-1)": NOW - LEARNING_RATE * LAST_KICK}
    gap = Vector()
    for atom, coefficient in linear_in_words(claim.formula.lhs - claim.formula.rhs).items():
        gap = gap + coefficient * known.get(atom.base.name, Vector({((), Base(atom.base.name)): sp.Integer(1)}))
    found = Decision(
        Status.HOLDS if gap.is_zero else Status.FAILS,
        "linear algebra in symbolic dimension",
        "every coefficient cancels" if gap.is_zero else f"left over: {gap}",
    )
    return Derivation(
        (
            assume("(3.2): w(k+1) = w(k) + eta v(k) and v(k) = -grad L(w(k)) + beta v(k-1)"),
            define("the same relation one step earlier: w(k-1) = w(k) - eta v(k-1)"),
            Step("eliminate v(k) and w(k-1)", claim.formula, Kind.COMPUTED, found),
        )
    )


def domain() -> st.SearchStrategy[tuple[Fraction, Fraction, Fraction]]:
    """A learning rate, a momentum and a start, rational."""
    return st.tuples(
        st.fractions(Fraction(1, 50), 1, max_denominator=50),
        st.fractions(0, 1, max_denominator=20),
        st.fractions(-3, 3, max_denominator=10),
    )


def holds(claim: Claim, case: tuple[Fraction, Fraction, Fraction]) -> bool:
    """Run (3.2) on L(w) = w^3/3 + w^2/2 for four steps and hold the claim to the last step, exactly."""
    eta, beta, start = (sp.Rational(q.numerator, q.denominator) for q in case)
    path, kick = [start], sp.Integer(0)
    for _ in range(4):
        kick = beta * kick - (path[-1] ** 2 + path[-1])
        path.append(path[-1] + eta * kick)
    values = {
        "w(k+1)": path[4],
        "w(k)": path[3],
        "w(k-1)": path[2],
        "w(k-2)": path[1],
        "grad L(w(k))": path[3] ** 2 + path[3],
    }
    expression = claim.formula.lhs - claim.formula.rhs
    at = {atom: values[atom.base.name] for atom in expression.atoms(Word)}
    return bool(expression.xreplace({**at, LEARNING_RATE: eta, MOMENTUM: beta}) == 0)


FALSE_TWINS = (
    FalseTwin(
        "beta on the movement before the last",
        {"claim": steps_by(MOMENTUM * (BEFORE - EARLIER) - LEARNING_RATE * GRADIENT)},
    ),
    FalseTwin(
        "momentum times the learning rate",
        {"claim": steps_by(LEARNING_RATE * MOMENTUM * (NOW - BEFORE) - LEARNING_RATE * GRADIENT)},
    ),
)

THEOREM = Theorem(
    name="heavy_ball_two_forms",
    source=Source(PAPER, "(3.1), (3.2)"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_limit",),
)
