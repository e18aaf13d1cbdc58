"""A proof as a list of steps, each checked by a named exact method.

Building a step runs its check; the step keeps the outcome. A derivation proves its last step's formula, and nothing
else, if every step holds. Steps that are not computed are marked for what they are: hypotheses, definitions, standard
inference rules, and cited lemmas; whatever rests on a cited lemma is proved only modulo that lemma.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import sympy as sp

from odeflow.markup import mathml
from odeflow.prose import prose
from odeflow.symbolic.decisions import (
    Decision,
    Status,
    decide_nonnegative,
    decide_positive_semidefinite,
    decide_zero,
    is_admissible,
)
from odeflow.symbolic.inner_products import Vector
from odeflow.symbolic.instances import violation
from odeflow.symbolic.plain_words import assignments
from odeflow.symbolic.quantities import Quantity, named, worked_out

__all__ = [
    "Derivation",
    "Kind",
    "Step",
    "assume",
    "by",
    "chain",
    "cite",
    "decay_rate",
    "define",
    "equate",
    "gronwall",
    "infer",
    "negation",
    "semidefinite",
    "show_equal",
    "show_equal_vectors",
    "show_less",
    "show_value",
    "show_violated",
    "show_with",
]


class Kind(enum.Enum):
    """What a step is."""

    HYPOTHESIS = "hypothesis"
    DEFINITION = "definition"
    COMPUTED = "computed"
    RULE = "inference rule"
    CITED = "cited lemma"


@dataclass(frozen=True)
class Step:
    """One line of a proof: what it says, how it was checked, what came out.

    Attributes
    ----------
    title : the line in words
    formula : the line as a SymPy relation (None if it is only words)
    kind : hypothesis, definition, computed, rule, cited
    decision : the outcome and the exact method behind it
    premises : titles of the steps that an inference rule was applied to
    lemmas : cited lemmas that the step rests on (through another theorem's proof)
    rate : the rate that a decay step was computed for
    """

    title: str
    formula: sp.Basic | None
    kind: Kind
    decision: Decision
    premises: tuple[str, ...] = ()
    lemmas: tuple[str, ...] = ()
    rate: sp.Expr | None = None

    @property
    def how(self) -> str:
        """What kind of line it is and by which method it was checked; a hypothesis and a citation are not.

        Examples
        --------
        >>> assume("V' + r V <= 0").how
        'hypothesis, not checked'
        """
        if not self.decision.holds or self.decision.method not in ("given", "cited", "rule"):
            return f"{self.kind.value} by {self.decision.method}"
        unchecked = self.kind in (Kind.HYPOTHESIS, Kind.CITED)
        return f"{self.kind.value}, not checked" if unchecked else self.kind.value


@dataclass(frozen=True)
class Derivation:
    """A list of steps; the last one is the conclusion."""

    steps: tuple[Step, ...]

    @property
    def conclusion(self) -> sp.Basic | None:
        """The formula of the last step: what is proved if every step holds."""
        return self.steps[-1].formula if self.steps else None

    @property
    def lemmas(self) -> tuple[str, ...]:
        """Names of the cited lemmas that the proof rests on."""
        found = (name for s in self.steps for name in ((s.title,) if s.kind is Kind.CITED else s.lemmas))
        return tuple(dict.fromkeys(found))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The hypotheses, in words."""
        return tuple(s.title for s in self.steps if s.kind is Kind.HYPOTHESIS)

    def _repr_html_(self) -> str:
        lines = []
        for step in self.steps:
            formula = "" if step.formula is None else mathml(sp.latex(step.formula), block=True)
            given = step.decision.holds and step.kind is not Kind.COMPUTED
            outcome = step.how if given else f"{step.kind.value}: {step.decision.status.value}"
            lines.append(f"<li>{escape(prose(step.title))} <small>({escape(outcome)})</small>{formula}</li>")
        return f"<ol>{''.join(lines)}</ol>"

    @property
    def computed(self) -> int:
        """How many steps were checked by computation."""
        return sum(s.kind is Kind.COMPUTED for s in self.steps)

    @property
    def broken(self) -> Step | None:
        """The first step that does not hold."""
        return next((s for s in self.steps if not s.decision.holds), None)

    def judge(self, formula: sp.Basic) -> Decision:
        """Say what this derivation does for `formula`.

        HOLDS if every step holds, at least one was computed, and the last one is `formula`, itself computed or inferred
        from named steps: what is only assumed, defined or cited is not proved here. FAILS if the step that
        states `formula` itself was computed and failed. Otherwise UNDECIDED: a proof that breaks elsewhere refutes
        nothing, one with a float in any line is none, and a name that a step gave to what it computed (`name=`) is no
        quantity of a claim: two steps may give it to different things.
        """
        if formula.atoms(Quantity):
            names = ", ".join(sorted(map(str, formula.atoms(Quantity))))
            detail = f"{names}: a step's name for what it computed; state the claim with a symbol"
            return Decision(Status.UNDECIDED, "conclusion", detail)
        inexact = next((s for s in self.steps if s.formula is not None and s.formula.has(sp.Float)), None)
        if inexact is not None:
            return Decision(Status.UNDECIDED, "exactness", f"{inexact.title}: a float stands in {inexact.formula}")
        broken = self.broken
        if broken is not None:
            status = Status.FAILS if broken.formula == formula and broken.decision.status is Status.FAILS else None
            return Decision(
                status or Status.UNDECIDED,
                broken.decision.method,
                f"{broken.title}: {broken.decision.detail}",
                broken.decision.witness,
            )
        if self.conclusion != formula:
            return Decision(Status.UNDECIDED, "conclusion", f"the derivation concludes {self.conclusion}")
        last = self.steps[-1]
        if last.kind not in (Kind.COMPUTED, Kind.RULE) or (last.kind is Kind.RULE and not last.premises):
            detail = f"the conclusion is a {last.kind.value} that names no step it follows from"
            return Decision(Status.UNDECIDED, "conclusion", detail)
        if self.computed == 0:
            return Decision(Status.UNDECIDED, "conclusion", "no step of the derivation was computed")
        return Decision(Status.HOLDS, "derivation", f"{self.computed} of {len(self.steps)} steps computed")


_GIVEN = Decision(Status.HOLDS, "given")


def assume(words: str, formula: sp.Basic | None = None) -> Step:
    """State a hypothesis."""
    return Step(words, formula, Kind.HYPOTHESIS, _GIVEN)


def define(words: str, formula: sp.Basic | None = None) -> Step:
    """State a definition."""
    return Step(words, formula, Kind.DEFINITION, _GIVEN)


def cite(lemma: str, formula: sp.Basic | None = None) -> Step:
    """Rest on a lemma of the literature, by name: what follows is proved modulo this lemma."""
    return Step(lemma, formula, Kind.CITED, Decision(Status.HOLDS, "cited"))


def infer(rule: str, formula: sp.Basic | None = None, *, from_: Sequence[Step] = ()) -> Step:
    """Apply a standard inference rule, named in words, to earlier steps; holds only if they all do."""
    failed = next((s for s in from_ if not s.decision.holds), None)
    decision = Decision(Status.HOLDS, "rule") if failed is None else _undecided(failed)
    return Step(rule, formula, Kind.RULE, decision, premises=tuple(s.title for s in from_))


def by(theorem: str, proof: Derivation, formula: sp.Basic) -> Step:
    """Use another theorem of the catalogue: holds if its derivation, run again here, proves `formula`."""
    return Step(f"by {theorem}", formula, Kind.COMPUTED, proof.judge(formula), lemmas=proof.lemmas)


def equate(left: sp.Expr, right: sp.Expr) -> sp.Equality:
    """Return the unevaluated equation left = right."""
    return sp.Eq(left, right, evaluate=False)


def show_equal(title: str, left: sp.Expr, right: sp.Expr, *, name: str = "") -> Step:
    """Compute that two scalar expressions are identical.

    Parameters
    ----------
    left, right : a limit, a substitution, a determinant or a derivative may be left unevaluated, to be shown as asked
    name : what `left` is, where SymPy has evaluated it already; the step then states name = right

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> show_equal("the slope", sp.Derivative(x**2, x), 2 * x).formula
    Eq(Derivative(x**2, x), 2*x)
    >>> show_equal("two roots", sp.Integer(len(sp.solve(x**2 - 1))), sp.Integer(2), name="number of roots").formula
    Eq(number of roots, 2)
    """
    decision = decide_zero(worked_out(left) - worked_out(right))
    return Step(title, equate(named(name, left), right), Kind.COMPUTED, decision)


def show_value(name: str, computed: sp.Expr, value: sp.Expr) -> Step:
    """Compute that a quantity has a value; its name is the step's title, and the step states name = value."""
    return show_equal(name, computed, value, name=name)


def show_equal_vectors(title: str, left: Vector, right: Vector, *, name: str = "") -> Step:
    """Compute that two vectors of symbolic dimension are identical, coefficient by coefficient.

    `name` is what `left` is; the step then states name = right.
    """
    difference = left - right
    if difference.is_zero:
        decision = Decision(Status.HOLDS, "linear algebra in symbolic dimension", "every coefficient cancels")
    else:
        decision = Decision(Status.FAILS, "linear algebra in symbolic dimension", f"left over: {difference}")
    formula = equate(named(name, left.as_expr()), right.as_expr())
    return Step(title, formula, Kind.COMPUTED, decision)


def show_less(
    title: str,
    smaller: sp.Expr,
    larger: sp.Expr,
    lower: Mapping[sp.Symbol, sp.Expr] | None = None,
    *,
    name: str = "",
) -> Step:
    """Compute that smaller <= larger on the domain of `decide_nonnegative`.

    `name` is what `smaller` is; the step then states name <= larger.
    """
    formula = sp.Le(named(name, smaller), larger, evaluate=False)
    return Step(title, formula, Kind.COMPUTED, decide_nonnegative(larger - smaller, lower))


def show_with(
    title: str,
    formula: sp.Basic,
    definitions: Mapping[sp.Basic, sp.Expr],
    lower: Mapping[sp.Symbol, sp.Expr] | None = None,
) -> Step:
    """Compute that a relation (=, <= or >=), or a conjunction, holds once definitions replace its symbols.

    The step states `formula` as it is written. Inequalities are decided on the domain of `decide_nonnegative`.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y, u = sp.symbols("x y u", positive=True)
    >>> show_with("u is the square", sp.Eq(u, (x + y) ** 2), {u: x**2 + 2 * x * y + y**2}).decision.status
    <Status.HOLDS: 'holds'>
    >>> show_with("u is the square", sp.Le(u, x**2), {u: x**2 + 1}).decision.status
    <Status.FAILS: 'fails'>
    """
    return Step(title, formula, Kind.COMPUTED, _decide_with(formula, definitions, lower))


def semidefinite(
    title: str, matrix: sp.Matrix, lower: Mapping[sp.Symbol, sp.Expr] | None = None, *, name: str = ""
) -> Step:
    """Compute that a symmetric matrix of rational functions is positive semidefinite on a domain.

    `name` is the form that the matrix stands for; the step then states name >= 0.
    """
    z = sp.MatrixSymbol("z", matrix.rows, 1)
    form = (z.T * sp.ImmutableMatrix(matrix) * z)[0, 0].doit()
    formula = sp.Ge(named(name, form), 0, evaluate=False)
    return Step(title, formula, Kind.COMPUTED, decide_positive_semidefinite(matrix, lower))


def negation(formula: sp.Basic) -> sp.Basic:
    """Return the unevaluated negation of a formula: what a counterexample concludes."""
    return sp.Not(formula, evaluate=False)


def show_violated(title: str, formula: sp.Basic, instance: Mapping[sp.Basic, sp.Expr]) -> Step:
    """Compute, exactly, that a formula is false at an instance; the step states the formula's negation.

    Parameters
    ----------
    formula : a relation (<=, <, >=, >, =), a conjunction (one part is false) or an implication (its premise is true
        and its conclusion false)
    instance : exact values for its symbols and applied functions

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x", real=True)
    >>> show_violated("at x = 1/2", sp.Lt(x, sp.Rational(1, 2)), {x: sp.Rational(1, 2)}).decision.status
    <Status.HOLDS: 'holds'>
    """
    at = assignments(instance)
    false, detail = violation(formula, instance)
    outside = next((f"{k} = {v}" for k, v in instance.items() if not is_admissible(k, v)), None)
    if outside is not None:
        false, detail = False, f"{outside} is not known to meet the symbol's assumptions"
    return Step(
        title,
        negation(formula),
        Kind.COMPUTED,
        Decision(Status.HOLDS if false else Status.UNDECIDED, "exact evaluation", f"{detail} at {at}", dict(instance)),
    )


def decay_rate(bound: sp.Expr, time: sp.Symbol) -> sp.Expr:
    """Return -d/dt log(bound): the rate that an exponential bound claims.

    Examples
    --------
    >>> import sympy as sp
    >>> r, t = sp.symbols("r t", positive=True)
    >>> decay_rate(4 * sp.exp(-2 * r * t), t)
    2*r
    """
    return sp.cancel(-sp.diff(bound, time) / bound)


def gronwall(decay: Step, energy: sp.Expr, initial: sp.Expr, rate: sp.Expr, time: sp.Symbol) -> Step:
    """From the step `V' + rate V <= 0` conclude `V(t) <= exp(-rate t) V(0)`; `rate` must not depend on time."""
    if rate.has(time):
        return Step(
            "Gronwall's inequality",
            None,
            Kind.RULE,
            Decision(Status.UNDECIDED, "rule", f"the rate {rate} depends on {time}"),
        )
    if decay.rate is not None and not decide_zero(decay.rate - rate).holds:
        detail = f"the decay was computed for the rate {decay.rate}, not {rate}"
        return Step("Gronwall's inequality", None, Kind.RULE, Decision(Status.UNDECIDED, "rule", detail))
    formula = sp.Le(energy, sp.exp(-rate * time) * initial, evaluate=False)
    return infer("Gronwall's inequality integrates the decay", formula, from_=[decay])


def chain(
    title: str,
    formula: sp.Basic,
    derived: sp.Expr,
    *,
    from_: Sequence[Step],
    lower: Mapping[sp.Symbol, sp.Expr] | None = None,
) -> Step:
    """Conclude `formula`, an inequality lhs <= rhs, from the bound lhs <= derived that earlier steps established.

    Computes that derived <= rhs. Exponentials and powers that both sides share are divided out first; what is left
    must be a rational function. Unless the two bounds are equal, rhs must be known to be non-negative. lhs must be the
    left-hand side of the step that states the bound derived; if that step is in words, a single name.
    """
    failed = next((s for s in from_ if not s.decision.holds), None)
    if failed is not None:
        return Step(title, formula, Kind.COMPUTED, _undecided(failed))
    if not isinstance(formula, sp.LessThan):
        detail = f"a chain of bounds proves lhs <= rhs, not {formula}"
        return Step(title, formula, Kind.COMPUTED, Decision(Status.UNDECIDED, "chain of bounds", detail))
    stated = [s.formula.lhs for s in from_ if isinstance(s.formula, sp.LessThan) and s.formula.rhs == derived]
    if not (formula.lhs in stated if stated else _is_name(formula.lhs)):
        detail = f"{formula.lhs} is not the quantity that the earlier steps bound, by its name"
        return Step(title, formula, Kind.COMPUTED, Decision(Status.UNDECIDED, "chain of bounds", detail))
    ratio = sp.powsimp(sp.cancel(sp.together(derived / formula.rhs)))
    if ratio != 1 and not _is_nonnegative(formula.rhs, lower):  # where rhs < 0, derived / rhs <= 1 says derived >= rhs
        detail = f"the right-hand side is not known to be non-negative: {formula.rhs}"
        return Step(title, formula, Kind.COMPUTED, Decision(Status.UNDECIDED, "chain of bounds", detail))
    decision = decide_nonnegative(1 - ratio, lower)
    if decision.status is Status.FAILS:  # the bound is weaker than the claim: that proves nothing either way
        decision = Decision(Status.UNDECIDED, decision.method, f"the bound derived is weaker: {derived}")
    return Step(title, formula, Kind.COMPUTED, decision)


def _undecided(failed: Step) -> Decision:
    return Decision(Status.UNDECIDED, "rule", f"rests on a step that does not hold: {failed.title}")


def _is_name(expression: sp.Expr) -> bool:
    """Return whether an expression is one named quantity: no multiple, power or sum of what was bounded."""
    return isinstance(expression, (sp.Symbol, sp.core.function.AppliedUndef, sp.Derivative))


def _is_nonnegative(expression: sp.Expr, lower: Mapping[sp.Symbol, sp.Expr] | None) -> bool:
    """Return whether an expression is known to be non-negative, factor by factor."""
    factors = sp.Mul.make_args(sp.factor_terms(sp.together(expression)))
    return all(factor.is_nonnegative or decide_nonnegative(factor, lower).holds for factor in factors)


def _decide_with(
    formula: sp.Basic, definitions: Mapping[sp.Basic, sp.Expr], lower: Mapping[sp.Symbol, sp.Expr] | None = None
) -> Decision:
    """Decide a formula with expressions put in for its symbols; a conjunction is as good as its worst part."""
    if isinstance(formula, sp.And):
        parts = [_decide_with(part, definitions, lower) for part in sorted(formula.args, key=sp.default_sort_key)]
        return min(parts, key=lambda part: (Status.FAILS, Status.UNDECIDED, Status.HOLDS).index(part.status))
    if not isinstance(formula, (sp.Equality, sp.LessThan, sp.GreaterThan)):
        detail = f"only =, <= and >= can be computed from definitions, not {formula}"
        return Decision(Status.UNDECIDED, "definitions", detail)
    gap = (formula.rhs - formula.lhs).xreplace(dict(definitions))
    if isinstance(formula, sp.Equality):
        return decide_zero(gap)
    return decide_nonnegative(gap if isinstance(formula, sp.LessThan) else -gap, lower)
