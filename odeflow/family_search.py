"""Is there one formula for a whole interval of a parameter? Certificates at sample values, fitted by polynomials.

A fit proposes; `RateFamily.check` decides for the whole interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from odeflow.errors import InvalidArgumentError
from odeflow.flows import FlowSpec, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import best_rate, natural_kind, simplest_between
from odeflow.semidefinite import largest_floor
from odeflow.symbolic.rate_certificates import RateCertificate, rate_system
from odeflow.symbolic.rate_families import Polynomial, RateFamily, interpolate

__all__ = ["find_family"]

SAMPLES = 7
REACH = 6
"""An unbounded interval [low, oo) is sampled on [low, low + REACH]."""
FLOORS = tuple(Fraction(1, n) for n in (2, 4, 10, 40))
"""Constant floors to try where no polynomial fits the largest ones."""


def find_family(
    flow: FlowSpec, function_class: FunctionClass, parameter: str, low: Fraction, high: Fraction | None
) -> tuple[RateFamily | None, str]:
    """Search rate, V and multipliers as polynomials in a parameter, proved for all its values in an interval.

    Parameters
    ----------
    parameter : the only one that has no value
    low, high : the closed interval; high = None is [low, oo)

    Returns
    -------
    The family and "", or None and why none was found

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> strongly_convex = FunctionClass(ClassName.STRONGLY_CONVEX, mu=Fraction(1))
    >>> family, _ = find_family(parse_flow("x'' + b*x' + grad(x)"), strongly_convex, "b", Fraction(1, 10), Fraction(2))
    >>> [str(c) for c in family.rate]
    ['0', '2/3']
    """
    if flow.parameters != {parameter}:
        named = ", ".join(sorted(flow.parameters)) or "none"
        raise InvalidArgumentError(f"Expected a flow with the one parameter {parameter} but it has {named}.")
    if function_class.name is ClassName.QUADRATIC:
        raise InvalidArgumentError("Expected a class given by inequalities. For quadratics use --grid.")
    if high is not None and high <= low:
        raise InvalidArgumentError(f"Expected an interval but got [{low}, {high}].")
    last = low + REACH if high is None else high
    step = (last - low) / SAMPLES
    # simple values, so that the best rates there are simple too
    points = [simplest_between(low + i * step, low + i * step + step * Fraction(3, 4)) for i in range(SAMPLES)]
    certificates: list[RateCertificate] = []
    kind = natural_kind(flow.at({parameter: points[0]}), function_class)
    start = Fraction(0)
    for point in points:
        outcome = best_rate(flow.at({parameter: point}), function_class, kind=kind)
        if not isinstance(outcome.certificate, RateCertificate):
            return None, f"no rate was proved at {parameter} = {point}"
        certificates.append(outcome.certificate)
        start = max(start, outcome.certificate.valid_from)
    rate = _fitted(points, [c.rate for c in certificates])
    if rate is None:
        return None, "the best rates at sample values lie on no polynomial of low degree"
    size = flow.order + 1
    matrix: list[tuple[Polynomial, ...]] = []
    for i in range(size):
        row = []
        for j in range(size):
            entry = _fitted(points, [c.energy_matrix[i][j] / c.energy_f for c in certificates])
            if entry is None:
                return None, "the energies at sample values lie on no polynomial of low degree"
            row.append(entry)
        matrix.append(tuple(row))
    decay = _fitted_tables(points, [{n: m / c.energy_f for n, m in c.decay.items()} for c in certificates])
    if decay is None:
        return None, "the multipliers at sample values lie on no polynomial of low degree"
    family = RateFamily(
        flow, function_class, kind, parameter, low, high, rate, tuple(matrix), (), decay, {}, start
    )
    reason = "no floor was found for the whole interval"
    for candidate in _with_floors(family, points, certificates):
        decision = candidate.check()
        if decision.holds:
            return candidate, ""
        reason = f"{decision.detail}: take a shorter interval"
    return None, reason


def _with_floors(
    family: RateFamily, points: Sequence[Fraction], certificates: Sequence[RateCertificate]
) -> Iterator[RateFamily]:
    """Yield the family with floors to try: fitted to the largest ones, then constants, from later starts on."""
    function_class = family.function_class
    in_log_time = family.kind is Kind.POWER and function_class.mu > 0
    floors, tables = [], []
    for certificate in certificates:
        system = rate_system(certificate.flow, function_class, family.kind, start=family.valid_from)
        scaled = [[x / certificate.energy_f for x in row] for row in certificate.energy_matrix]
        found = None if in_log_time else largest_floor(system, Fraction(1), scaled)
        if found is None:
            break
        floors.append(found[0])
        tables.append(found[1])
    else:
        floor, positivity = _fitted(points, floors), _fitted_tables(points, tables)
        if floor is not None and positivity is not None:
            yield replace(family, floor=floor, positivity=positivity)
    # V = F + ... >= c F + (1 - c) F + ...: with mu t^w growing this holds from some start on
    for start in [family.valid_from * 2**n for n in range(5)] if in_log_time else [family.valid_from]:
        for c in FLOORS:
            yield replace(family, valid_from=start, floor=(c,), positivity={"value": (1 - c,)})


def _fitted(points: Sequence[Fraction], values: Sequence[Fraction]) -> Polynomial | None:
    """Return the polynomial through all values if at least two of them are redundant."""
    polynomial = interpolate(points, values)
    return polynomial if len(polynomial) <= len(points) - 2 else None


def _fitted_tables(
    points: Sequence[Fraction], tables: Sequence[Mapping[str, Fraction]]
) -> dict[str, Polynomial] | None:
    fitted = {}
    for name in {name for table in tables for name in table}:
        polynomial = _fitted(points, [table.get(name, Fraction(0)) for table in tables])
        if polynomial is None:
            return None
        if polynomial:
            fitted[name] = polynomial
    return dict(sorted(fitted.items()))
