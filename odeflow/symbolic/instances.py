"""What a formula says at one exact instance: false, true, or nothing because it speaks of other quantities."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from odeflow.symbolic.decisions import Decision, Status, decide_nonnegative, decide_zero, is_admissible, is_exact
from odeflow.symbolic.plain_words import in_words

__all__ = ["decide_at", "violation"]

_METHOD = "exact evaluation"
_RELATIONS = (sp.LessThan, sp.StrictLessThan, sp.GreaterThan, sp.StrictGreaterThan, sp.Equality)


def violation(formula: sp.Basic, instance: Mapping[sp.Basic, sp.Expr]) -> tuple[bool, str]:
    """Return whether a formula is false at an instance, decided exactly, and why.

    Parameters
    ----------
    formula : a relation, a conjunction (one part is false) or an implication (premise true, conclusion false)
    instance : exact values for its symbols and applied functions
    """
    if isinstance(formula, sp.And):
        parts = [violation(part, instance) for part in _parts(formula)]
        return next((p for p in parts if p[0]), parts[0])
    if isinstance(formula, sp.Implies):
        premise, conclusion = formula.args
        if premise.xreplace(dict(instance)) != sp.true:
            return False, f"the premise {in_words(premise)} is not met"
        return violation(conclusion, instance)
    if not isinstance(formula, _RELATIONS):
        return False, f"only relations can be violated at an instance, not {in_words(formula)}"
    value = _excess(formula, instance)
    if not is_exact(value) or not all(is_exact(v) for v in instance.values()):
        return False, f"the sides differ by {in_words(value)}, which is not an exact number"
    if isinstance(formula, sp.Equality):
        false = value.is_zero is False
    elif isinstance(formula, (sp.StrictLessThan, sp.StrictGreaterThan)):
        false = value.is_nonnegative is True
    else:
        false = value.is_positive is True
    return false, _apart(value)


def decide_at(formula: sp.Basic, instance: Mapping[sp.Basic, sp.Expr]) -> Decision:
    """Decide a formula at an instance.

    HOLDS if it is true there, or if its premise is false there; FAILS if it is false there; UNDECIDED if it speaks of
    quantities for which the instance has no value, or of none that it has.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y", real=True)
    >>> at = {x: sp.Integer(1)}
    >>> [decide_at(f, at).status.name for f in (x <= 1, x < 1, y >= 0, sp.Implies(x > 1, y < 0))]
    ['HOLDS', 'FAILS', 'UNDECIDED', 'HOLDS']
    """
    outside = next((f"{k} = {v}" for k, v in instance.items() if not is_admissible(k, v)), None)
    if outside is not None:
        return Decision(Status.UNDECIDED, _METHOD, f"{outside} is not known to meet the symbol's assumptions")
    if isinstance(formula, sp.And):
        parts = [decide_at(part, instance) for part in _parts(formula)]
        return min(parts, key=lambda part: (Status.FAILS, Status.UNDECIDED, Status.HOLDS).index(part.status))
    if isinstance(formula, sp.Implies):
        premise, conclusion = formula.args
        if premise.xreplace(dict(instance)) == sp.false:
            return Decision(Status.HOLDS, _METHOD, f"its premise {in_words(premise)} excludes the instance")
        found = decide_at(premise, instance)
        return decide_at(conclusion, instance) if found.holds else found
    if not isinstance(formula, _RELATIONS):
        return Decision(
            Status.UNDECIDED, _METHOD, f"only relations can be decided at an instance, not {in_words(formula)}"
        )
    if not any(formula.has(quantity) for quantity in instance):
        return _other_quantities(formula)
    return _sign_of(formula, _excess(formula, instance))


def _sign_of(formula: sp.Basic, excess: sp.Expr) -> Decision:
    """Decide a relation from the excess of its smaller side."""
    strict = isinstance(formula, (sp.StrictLessThan, sp.StrictGreaterThan))
    if _unknowns(excess):
        decided = decide_zero(excess) if isinstance(formula, sp.Equality) else decide_nonnegative(-excess)
        if decided.holds and not strict:
            return Decision(Status.HOLDS, decided.method, _apart(excess))
        return _other_quantities(excess)
    if not is_exact(excess):
        return Decision(
            Status.UNDECIDED, _METHOD, f"the sides differ by {in_words(excess)}, which is not an exact number"
        )
    if isinstance(formula, sp.Equality):
        true = excess.is_zero
    else:
        true = excess.is_negative if strict else excess.is_nonpositive
    status = {True: Status.HOLDS, False: Status.FAILS, None: Status.UNDECIDED}[true]
    return Decision(status, _METHOD, _apart(excess))


def _apart(excess: sp.Expr) -> str:
    return "the sides are equal" if excess == 0 else f"the sides differ by {in_words(excess)}"


def _unknowns(expression: sp.Basic) -> set[sp.Basic]:
    """Return the undefined functions of an expression, and the symbols outside of them."""
    functions = expression.atoms(sp.core.function.AppliedUndef)
    outside = expression.xreplace({f: sp.Integer(1) for f in functions}).free_symbols
    return {*functions, *outside}


def _other_quantities(expression: sp.Basic) -> Decision:
    names = ", ".join(map(str, sorted(_unknowns(expression), key=sp.default_sort_key)))
    return Decision(Status.UNDECIDED, _METHOD, f"speaks of other quantities than the instance: {names or 'none'}")


def _excess(formula: sp.Basic, instance: Mapping[sp.Basic, sp.Expr]) -> sp.Expr:
    excess = formula.lhs - formula.rhs
    if isinstance(formula, (sp.GreaterThan, sp.StrictGreaterThan)):
        excess = -excess
    return sp.expand(excess.xreplace(dict(instance)))


def _parts(formula: sp.Basic) -> list[sp.Basic]:
    return sorted(formula.args, key=sp.default_sort_key)
