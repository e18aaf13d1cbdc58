"""Steps that several pages of this paper share: a bound that was derived, held against the bound that is claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp
from scipy.special import betaincinv

from odeflow.symbolic.decisions import Decision, Status, decide_nonnegative
from odeflow.symbolic.derivations import Kind, Step, infer

__all__ = ["clopper_pearson", "conclude", "conclude_each"]


def conclude(
    title: str,
    formula: sp.Basic,
    name: sp.Basic,
    derived: sp.Expr,
    *,
    from_: Sequence[Step],
    at: Mapping[sp.Basic, sp.Expr] | None = None,
    lower: Mapping[sp.Symbol, sp.Expr] | None = None,
) -> Step:
    """Conclude `formula`, name <= rhs, from name <= derived: compute that rhs - derived >= 0.

    Parameters
    ----------
    name : the quantity that the earlier steps bound by `derived`; the formula must be about it
    at : a parametrisation of the symbols that turns their joint domain into a product of half-lines
    lower : see `decide_nonnegative`; powers with a symbolic exponent count as independent positive numbers

    A claimed bound below the derived one is not refuted by that: the step is then undecided.
    """
    ready = infer("premises", from_=from_)
    if not ready.decision.holds:
        return Step(title, formula, Kind.COMPUTED, ready.decision)
    if not isinstance(formula, sp.LessThan) or formula.lhs != name:
        detail = f"the steps bound {name} from above; they say nothing about {formula}"
        return Step(title, formula, Kind.COMPUTED, Decision(Status.UNDECIDED, "derived bound", detail))
    gap = (formula.rhs - derived).xreplace(dict(at or {}))
    powers = sorted((p for p in gap.atoms(sp.Pow, sp.exp) if p.exp.free_symbols), key=sp.default_sort_key)
    gap = gap.xreplace({p: sp.Dummy("power", positive=True) for p in powers})
    decision = decide_nonnegative(gap, lower)
    if decision.status is Status.FAILS:
        decision = Decision(Status.UNDECIDED, decision.method, f"the bound derived is weaker: {derived}")
    return Step(title, formula, Kind.COMPUTED, decision)


def clopper_pearson(hits: int, trials: int, *, confidence: float = 0.999) -> tuple[float, float]:
    """Return the two-sided Clopper-Pearson interval of a probability from `hits` of `trials`.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 100)
    >>> low, 0.07 < high < 0.08
    (0.0, True)
    """
    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1.0 - tail)) if hits < trials else 1.0
    return low, high


def conclude_each(
    title: str,
    formula: sp.Basic,
    bounds: Mapping[sp.Basic, sp.Expr],
    *,
    from_: Sequence[Step],
    lower: Mapping[sp.Symbol, sp.Expr] | None = None,
) -> Step:
    """Conclude a conjunction of bounds name <= rhs, each from name <= bounds[name]; see `conclude`."""
    parts = sorted(formula.args, key=sp.default_sort_key) if isinstance(formula, sp.And) else [formula]
    steps = [
        conclude(title, part, part.lhs, bounds[part.lhs], from_=from_, lower=lower)
        if isinstance(part, sp.LessThan) and part.lhs in bounds
        else conclude(title, part, formula, sp.Integer(0), from_=from_)
        for part in parts
    ]
    worst = next((step for step in steps if not step.decision.holds), steps[-1])
    return Step(title, formula, Kind.COMPUTED, worst.decision)
