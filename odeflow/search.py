"""Which rate can be proved for this flow and this class? A numerical search that proposes, exact checks that decide.

At a fixed rate a Lyapunov function V = a (f - f*) + a quadratic form and its multipliers are a point of a semidefinite
program. It is solved in floating point on the subspace that the equalities leave (exact, in rationals), rounded from
coarse to fine denominators, and handed to two exact checks that share no code: `RateCertificate.check` and
`odeflow.checker`. Only what both accept is PROVED. On the boundary the program has no interior: faces are found from
zero
diagonals and from null vectors of the solution, rounded to rationals, until it has.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from odeflow.conic_solver import SolverFailure
from odeflow.energy_witnesses import EnergyWitness, find_energy_witness
from odeflow.errors import InvalidArgumentError
from odeflow.flows import ConcreteFlow, FlowSpec, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.semidefinite import RateProgram, is_verified, solve_exactly
from odeflow.symbolic.mode_rates import (
    ModeWitness,
    decide_mode_rate,
    find_modal_certificate,
    rate_on_quadratics,
)
from odeflow.symbolic.rate_certificates import ModalCertificate, RateCertificate
from odeflow.theorem import Verdict
from odeflow.time_changes import power_time_hint
from odeflow.witnesses import PowerWitness, find_power_witness

__all__ = [
    "LARGEST_ORDER",
    "RateOutcome",
    "best_rate",
    "best_rate_of_energy",
    "decide_energy",
    "decide_rate",
    "natural_kind",
    "simplest_between",
]

FOR_ALL_STRONGLY_CONVEX = "searched and proved for all strongly convex functions; quadratics alone may decay faster."
LARGEST_ORDER = 6
"""Highest order of a flow that is searched unless more is asked for: a few seconds up to here, most of a minute at 10.

Exact arithmetic on the mode's Hurwitz minors, whose degree and coefficients grow with the order, takes most of it.
Flows in text have order 4 at most.
"""
TOLERANCE = 1e-6
"""Relative width to which the best rate is enclosed by bisection."""


@dataclass(frozen=True)
class RateOutcome:
    """What is known of a rate of f(y) - f*.

    Attributes
    ----------
    verdict : PROVED (certificate), REFUTED (witness) or UNDECIDED (reason)
    kind : exponential or power
    rate : the claimed rate, or the best one that was proved
    certificate : of `rate`, if proved
    witness : against `rate`, if refuted
    reason : why nothing was decided
    unproved_above : the smallest rate tried at which the search found no proof, if it searched for the best
    quadratic_rate : exact enclosure of the true rate on the quadratics of the class (exponential only)
    seconds : time taken
    """

    verdict: Verdict
    kind: Kind
    rate: Fraction | None = None
    certificate: RateCertificate | ModalCertificate | None = None
    witness: ModeWitness | PowerWitness | EnergyWitness | None = None
    reason: str = ""
    unproved_above: Fraction | None = None
    quadratic_rate: tuple[Fraction, Fraction] | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        assert self.verdict is not Verdict.PROVED or self.certificate is not None
        assert self.verdict is not Verdict.REFUTED or self.witness is not None


def natural_kind(flow: ConcreteFlow | FlowSpec, function_class: FunctionClass) -> Kind:
    """Return whether f - f* is expected to decay like e^{-rate t} or like t^{-rate}.

    Raises
    ------
    InvalidArgumentError
        The flow is autonomous neither in t nor in ln t.
    """
    flow = _with_numbers(flow)
    in_log_time = flow.log_time_weight() is not None
    if flow.is_autonomous and not (in_log_time and function_class.name is ClassName.CONVEX):
        return Kind.EXPONENTIAL
    if in_log_time:
        return Kind.POWER
    raise InvalidArgumentError(
        "Expected constant coefficients, or damping r/t with a power of t at the gradient (and Hessian damping that "
        "scales with it), but this flow is autonomous neither in t nor in ln t. "
        + (power_time_hint(flow) or "No certificates are implemented for it.")
    )


def decide_rate(
    flow: ConcreteFlow | FlowSpec,
    function_class: FunctionClass,
    rate: Fraction,
    *,
    kind: Kind | None = None,
    largest_order: int = LARGEST_ORDER,
) -> RateOutcome:
    """Decide whether f(y) - f* decays at a claimed rate for every f of a class.

    A flow of an order beyond `largest_order` is UNDECIDED at once.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> flow = parse_flow("x'' + 2*x' + grad(x)").at()
    >>> strongly_convex = FunctionClass(ClassName.STRONGLY_CONVEX, mu=Fraction(1))
    >>> decide_rate(flow, strongly_convex, Fraction(4, 3)).verdict
    <Verdict.PROVED: 'PROVED'>
    >>> decide_rate(flow, strongly_convex, Fraction(2)).verdict
    <Verdict.REFUTED: 'REFUTED'>
    """
    begin = time.perf_counter()
    if rate <= 0:
        raise InvalidArgumentError(f"Expected a rate > 0 but got {rate}.")
    flow = _with_numbers(flow)
    kind = kind or natural_kind(flow, function_class)
    if (beyond := _beyond(flow, kind, largest_order)) is not None:
        return beyond
    witness = _refute(flow, function_class, rate, kind)
    if witness is not None:
        outcome = RateOutcome(Verdict.REFUTED, kind, rate, witness=witness)
    else:
        certificate, reason = _prove(flow, function_class, rate, kind)
        if certificate is None and function_class.name is not ClassName.QUADRATIC:
            # a certificate of a higher rate proves this one, and a search may find it where the solver fails here
            higher = best_rate(flow, function_class, kind=kind, largest_order=largest_order).certificate
            if isinstance(higher, RateCertificate) and higher.rate >= rate:
                lowered = higher.at_lower_rate(rate)
                certificate = lowered if lowered.check().holds and is_verified(lowered) else None
        if certificate is None:
            outcome = RateOutcome(Verdict.UNDECIDED, kind, rate, reason=reason)
        else:
            outcome = RateOutcome(Verdict.PROVED, kind, rate, certificate=certificate)
    return replace(outcome, seconds=time.perf_counter() - begin)


def best_rate(
    flow: ConcreteFlow | FlowSpec,
    function_class: FunctionClass,
    *,
    kind: Kind | None = None,
    largest_order: int = LARGEST_ORDER,
) -> RateOutcome:
    """Find the best rate of f(y) - f* that can be proved for every f of a class.

    A flow of an order beyond `largest_order` is UNDECIDED at once.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> outcome = best_rate(parse_flow("x'' + 3/t*x' + grad(x)").at(), FunctionClass(ClassName.CONVEX))
    >>> outcome.verdict, outcome.kind, outcome.rate
    (<Verdict.PROVED: 'PROVED'>, <Kind.POWER: 'power'>, Fraction(2, 1))
    """
    begin = time.perf_counter()
    flow = _with_numbers(flow)
    kind = kind or natural_kind(flow, function_class)
    if (beyond := _beyond(flow, kind, largest_order)) is not None:
        return beyond
    find = _best_exponential if kind is Kind.EXPONENTIAL else _best_power
    outcome = find(flow, function_class)
    return replace(outcome, seconds=time.perf_counter() - begin)


def decide_energy(
    flow: ConcreteFlow | FlowSpec,
    function_class: FunctionClass,
    rate: Fraction,
    *,
    energy_f: Fraction,
    energy_matrix: Sequence[Sequence[Fraction]],
    kind: Kind | None = None,
    start: Fraction | None = None,
) -> RateOutcome:
    """Decide whether a given V proves a rate: V' + rate V <= 0 and V >= c (f - f*), c > 0, from the class alone.

    Parameters
    ----------
    energy_f, energy_matrix : V = energy_f (f - f*) + a form in (x - x*, x', ..., grad f(y)); for Kind.POWER in the
        scaled states t^j x^(j) and t^w (f - f*)
    start : for Kind.POWER and mu > 0, from when on
    """
    begin = time.perf_counter()
    flow = _with_numbers(flow)
    kind = kind or natural_kind(flow, function_class)
    if function_class.name is ClassName.QUADRATIC:
        raise InvalidArgumentError(
            "Expected a class given by inequalities; for quadratics V depends on the eigenvalue."
        )
    certificate, reason = None, "no multipliers were found for this energy"
    for t1 in _starts(function_class, kind) if start is None else [start]:
        program = RateProgram.build(flow, function_class, kind, t1, with_gradient=any(energy_matrix[-1]))
        program = program.restricted_to(energy_f, energy_matrix)
        certificate, reason = solve_exactly(program, rate)
        if certificate is not None:
            break
    if certificate is not None:
        outcome = RateOutcome(Verdict.PROVED, kind, rate, certificate)
    else:
        witness = find_energy_witness(flow, function_class, kind, rate, energy_f=energy_f, energy_matrix=energy_matrix)
        verdict = Verdict.UNDECIDED if witness is None else Verdict.REFUTED
        outcome = RateOutcome(verdict, kind, rate, witness=witness, reason="" if witness else reason)
    return replace(outcome, seconds=time.perf_counter() - begin)


def best_rate_of_energy(
    flow: ConcreteFlow | FlowSpec,
    function_class: FunctionClass,
    *,
    energy_f: Fraction,
    energy_matrix: Sequence[Sequence[Fraction]],
    kind: Kind | None = None,
) -> RateOutcome:
    """Find the best rate that a given V proves; parameters as in `decide_energy`."""
    begin = time.perf_counter()
    flow = _with_numbers(flow)
    kind = kind or natural_kind(flow, function_class)
    if function_class.name is ClassName.QUADRATIC:
        raise InvalidArgumentError(
            "Expected a class given by inequalities; for quadratics V depends on the eigenvalue."
        )
    start = _starts(function_class, kind)[-1]
    program = RateProgram.build(flow, function_class, kind, start, with_gradient=any(energy_matrix[-1]))
    enclosure = rate_on_quadratics(flow, function_class) if kind is Kind.EXPONENTIAL else None
    outcome = _bisect(program.restricted_to(energy_f, energy_matrix), enclosure[1] if enclosure else Fraction(64))
    return replace(outcome, quadratic_rate=enclosure, seconds=time.perf_counter() - begin)


def _with_numbers(flow: ConcreteFlow | FlowSpec) -> ConcreteFlow:
    """Return a flow as it is, or a parsed one that has no parameters left."""
    return flow if isinstance(flow, ConcreteFlow) else flow.at()


def _beyond(flow: ConcreteFlow, kind: Kind, largest: int) -> RateOutcome | None:
    if largest < 1:
        raise InvalidArgumentError(f"Expected largest_order >= 1 but got {largest}.")
    if flow.order <= largest:
        return None
    reason = (
        f"beyond the search's size: the flow has order {flow.order}, and {largest} is the highest that is searched; "
        f"pass largest_order={flow.order} to search it"
    )
    return RateOutcome(Verdict.UNDECIDED, kind, reason=reason)


# --- strategy -------------------------------------------------------------------------------------------------------


def _refute(
    flow: ConcreteFlow, function_class: FunctionClass, rate: Fraction, kind: Kind
) -> ModeWitness | PowerWitness | None:
    if kind is Kind.POWER:
        return find_power_witness(flow, function_class, rate)
    outcome = decide_mode_rate(flow, function_class, rate)
    return outcome if isinstance(outcome, ModeWitness) else None


def _prove(
    flow: ConcreteFlow, function_class: FunctionClass, rate: Fraction, kind: Kind
) -> tuple[RateCertificate | ModalCertificate | None, str]:
    if function_class.name is ClassName.QUADRATIC:
        if kind is not Kind.EXPONENTIAL:
            certificate, reason = _prove(flow, _larger_class(function_class), rate, kind)
            return certificate, f"among energies for all strongly convex functions: {reason}" if reason else ""
        modal = find_modal_certificate(flow, function_class, rate)
        if modal is not None and is_verified(modal):
            return modal, ""
        return None, "the rate is on the boundary of what holds, and the Hermite energy is not definite there"
    reason = ""
    for start in _starts(function_class, kind):
        for with_gradient in _choices(flow, function_class, kind):
            program = RateProgram.build(flow, function_class, kind, start, with_gradient=with_gradient)
            certificate, reason = solve_exactly(program, rate)
            if certificate is not None:
                return certificate, ""
    return None, reason


def _best_exponential(flow: ConcreteFlow, function_class: FunctionClass) -> RateOutcome:
    """Bisect between nothing and the true rate on quadratics, which belong to every class."""
    if function_class.mu == 0:
        reason = "no exponential rate holds for all convex functions, and power-law certificates need damping r/t"
        return _no_rate(flow, function_class, reason)
    enclosure = rate_on_quadratics(flow, function_class)
    if enclosure is None:
        each = decide_mode_rate(flow, function_class, Fraction(0)) is True
        reason = (
            "every quadratic of the class decays, but at no common rate"
            if each
            else "some quadratic of the class does not decay"
        )
        return _no_rate(flow, function_class, reason)
    if function_class.name is ClassName.QUADRATIC:
        low, high = enclosure
        below = simplest_between(low * (1 - Fraction(1, 10**6)), low)
        for rate in (low if low == high else below, low * (1 - Fraction(1, 10**5))):
            certificate, reason = _prove(flow, function_class, rate, Kind.EXPONENTIAL)
            if certificate is not None:
                return RateOutcome(
                    Verdict.PROVED, Kind.EXPONENTIAL, rate, certificate, unproved_above=high, quadratic_rate=enclosure
                )
        return RateOutcome(Verdict.UNDECIDED, Kind.EXPONENTIAL, reason=reason, quadratic_rate=enclosure)
    best: RateOutcome | None = None
    for with_gradient in _choices(flow, function_class, Kind.EXPONENTIAL):
        program = RateProgram.build(flow, function_class, Kind.EXPONENTIAL, Fraction(0), with_gradient=with_gradient)
        outcome = _bisect(program, enclosure[1])
        if best is None or (outcome.rate or 0) > (best.rate or 0) * Fraction(1_000_001, 10**6):
            best = outcome
    assert best is not None
    return replace(best, quadratic_rate=enclosure)


def _no_rate(flow: ConcreteFlow, function_class: FunctionClass, reason: str) -> RateOutcome:
    """Return that not even a tiny rate holds, with the witness; without one nothing is decided."""
    tiny = Fraction(1, 10**6)
    witness = _refute(flow, function_class, tiny, Kind.EXPONENTIAL)
    if witness is None:
        return RateOutcome(Verdict.UNDECIDED, Kind.EXPONENTIAL, reason="no rate and no witness were found")
    return RateOutcome(Verdict.REFUTED, Kind.EXPONENTIAL, tiny, witness=witness, reason=reason)


def _best_power(flow: ConcreteFlow, function_class: FunctionClass) -> RateOutcome:
    if function_class.name is ClassName.QUADRATIC:
        outcome = _best_power(flow, _larger_class(function_class))
        return replace(outcome, reason=f"{FOR_ALL_STRONGLY_CONVEX} {outcome.reason}".rstrip())
    if function_class.name is ClassName.PL:
        reason = "power-law rates are implemented for convex classes, not for pl"
        return RateOutcome(Verdict.UNDECIDED, Kind.POWER, reason=reason)
    start = Fraction(0)
    if function_class.mu > 0:
        start = next(
            t
            for t in _starts(function_class, Kind.POWER)
            if t == 4096 or (t >= 16 and t * t * function_class.mu >= 256)
        )
    program = RateProgram.build(flow, function_class, Kind.POWER, start, with_gradient=bool(flow.hessian))
    outcome = _bisect(program, Fraction(64))
    if outcome.certificate is None or outcome.rate is None:
        return outcome
    for earlier in _starts(function_class, Kind.POWER):
        program = RateProgram.build(flow, function_class, Kind.POWER, earlier, with_gradient=bool(flow.hessian))
        certificate, _ = solve_exactly(program, outcome.rate)
        if certificate is not None:
            return replace(outcome, certificate=certificate)
    return outcome


def _larger_class(quadratics: FunctionClass) -> FunctionClass:
    """Return the strongly convex functions, among which these quadratics are: what is proved for all holds for them."""
    return FunctionClass(ClassName.STRONGLY_CONVEX, quadratics.mu)


def _bisect(program: RateProgram, ceiling: Fraction) -> RateOutcome:
    """Enclose the best rate in floating point, then prove the simplest rational that it can be."""
    kind = program.kind
    low, high = 0.0, float(ceiling)
    failure = ""
    if kind is Kind.POWER:
        high = 1.0
        while high < ceiling and program.feasible(Fraction(high)):
            low, high = high, 2 * high
    while high - low > TOLERANCE * max(low, 1e-3):
        middle = (low + high) / 2
        try:
            works = program.feasible(Fraction(middle))
        except SolverFailure as error:
            works, failure = False, str(error)
        low, high = (middle, high) if works else (low, middle)
    capped = kind is Kind.POWER and high > float(ceiling) * (1 - TOLERANCE)
    tried: list[Fraction] = []
    above = Fraction(high) * (1 + Fraction(1, 10**5))
    reason = failure or "no Lyapunov function of this form was found at any rate"
    for rate in _candidates(Fraction(low), min(above, ceiling)):
        if rate <= 0 or rate in tried:
            continue
        tried.append(rate)
        certificate, reason = solve_exactly(program, rate)
        if certificate is not None:
            if capped:
                beyond = f"no rate beyond {ceiling} was tried. {power_time_hint(program.flow)}".rstrip()
                return RateOutcome(Verdict.PROVED, kind, rate, certificate, reason=beyond)
            unproved = max(above, rate * (1 + Fraction(1, 10**5)))
            return RateOutcome(Verdict.PROVED, kind, rate, certificate, unproved_above=unproved)
    return RateOutcome(Verdict.UNDECIDED, kind, reason=reason, unproved_above=Fraction(high))


def _candidates(low: Fraction, high: Fraction) -> Iterator[Fraction]:
    """Yield rates to prove: the simplest that the best one can be, then decimals further and further below."""
    if low > 0:
        yield simplest_between(low * (1 - Fraction(1, 10**5)), high)
        for n in (5, 4, 3, 2):
            yield Fraction(int(low * (1 - Fraction(1, 10**n)) * 10**n), 10**n)


def _starts(function_class: FunctionClass, kind: Kind) -> list[Fraction]:
    if kind is Kind.POWER and function_class.mu > 0:
        return [Fraction(n) for n in (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256, 1024, 4096)]
    return [Fraction(0)]


def _choices(flow: ConcreteFlow, function_class: FunctionClass, kind: Kind) -> list[bool]:
    """Return whether V may contain the gradient: it must with Hessian damping, and it can help when f is smooth."""
    if flow.hessian:
        return [True]
    return [False, True] if function_class.smooth is not None and kind is Kind.EXPONENTIAL else [False]


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction with the least denominator in [low, high], low > 0 (Stern and Brocot).

    Examples
    --------
    >>> simplest_between(Fraction(13, 10), Fraction(134, 100))
    Fraction(4, 3)
    """
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    below = low.numerator // low.denominator
    return below + 1 / simplest_between(1 / (high - below), 1 / (low - below))
